"""One login's tokens: kept until shortly before they end, asked for anew when a server refuses one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from intake.credentials import CredentialError, Token
from intake.tokens import MARGIN_S

LONGEST_S = 86400.0  # nothing is kept for longer, whatever an authority says of it
LAST_S = 30.0  # what ends so soon may be over before a log-in is


@dataclass(frozen=True, slots=True)
class Issued:
    """A token as it came; ``seconds`` is how long it holds, 0 where nobody knows."""

    text: str = field(repr=False)
    seconds: float = 0.0


class Source:
    """The tokens of one login; ``ask`` fetches one. Safe to use in several threads.

    ``kept`` gives a token that another process has left, with what is left of its time; ``keep`` leaves one.
    """

    def __init__(
        self,
        ask: Callable[[], Issued],
        monotonic: Callable[[], float] = time.monotonic,
        kept: Callable[[], tuple[str, float] | None] = lambda: None,
        keep: Callable[[str, float], None] = lambda _text, _seconds: None,
    ) -> None:
        self._ask, self._monotonic = ask, monotonic
        self._found, self._leave = kept, keep
        self._lock = threading.Lock()
        self._kept = ""
        self._until = 0.0

    def token(self) -> Token:
        """A token that holds for some minutes yet; while none can be had, the last one to its very end."""
        with self._lock:
            if not self._is_fresh():
                text, left = self._found() or ("", 0.0)
                if text:
                    self._kept, self._until = text, self._monotonic() + left
            if self._is_fresh():
                return self._used()
            try:
                return self._fetch()
            except CredentialError:
                if not self._kept or self._monotonic() >= self._until + MARGIN_S - LAST_S:
                    raise
                return self._used()

    def _is_fresh(self) -> bool:
        return bool(self._kept) and self._monotonic() < self._until

    def _used(self) -> Token:
        return Token(self._kept, renew=partial(self._renewed, self._kept))

    def _renewed(self, refused: str) -> Token:
        with self._lock:
            if self._kept and self._kept != refused:
                return Token(self._kept)  # another thread was faster
            self._kept = ""
            return self._fetch()

    def _fetch(self) -> Token:
        issued = self._ask()
        seconds = min(issued.seconds, LONGEST_S)
        self._kept = ""
        if seconds > MARGIN_S:
            self._kept, self._until = issued.text, self._monotonic() + seconds - MARGIN_S
            self._leave(issued.text, seconds)
        return Token(issued.text)
