"""Access tokens between two passes of cron: in a file beside the ledger, sealed with the ledger's key.

A token is good for about an hour, and a pass lasts a second: without this, each pass would load a slow library and
ask the authority, which throttles whoever asks each minute. Whatever is wrong with the file, there is no token in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from intake.credentials import Token
from intake.errors import IntakeError, LedgerError

if TYPE_CHECKING:
    from typing import Protocol

    class Key(Protocol):
        """What seals."""

        def seal(self, content: bytes, context: bytes) -> bytes:
            """Encrypt and authenticate."""

        def open(self, sealed: bytes, context: bytes) -> bytes:
            """The content again. Raises LedgerError."""


MARGIN_S = 300.0  # a token with less left than this is not used any more
CLOCKS_DIFFER_S = 60.0
_CONTEXT = b"tokens 1"
_WAIT = "wait\0"  # before the name of a login: no name begins like this


class TokenFile:
    """Tokens by the name of their login. Times are seconds of ``wall``, since 1970. Safe in several threads."""

    def __init__(self, path: Path, key: Callable[[], Key], wall: Callable[[], float] = time.time) -> None:
        self._path, self._key, self._wall = path, key, wall
        self._lock = threading.Lock()

    def get(self, name: str) -> tuple[str, float] | None:
        """A token with the seconds that it may still be used; None when there is none whose time can be believed."""
        text, left = self._left(name)
        return (text, left) if text else None

    def put(self, name: str, text: str, seconds: float) -> None:
        """Keep a token that is good for so long. Where nothing can be written, nothing is kept."""
        if seconds > MARGIN_S:
            self._keep(name, text, seconds - MARGIN_S)

    def waits(self, name: str) -> bool:
        """Whether the authority of a login has asked to be left alone, and is to be yet."""
        return self._left(_WAIT + name)[1] > 0

    def wait(self, name: str, seconds: float) -> None:
        """The authority of a login is not to be asked for so long."""
        self._keep(_WAIT + name, "", seconds)

    def _left(self, name: str) -> tuple[str, float]:
        text, since, until = self._read().get(name, ("", 0.0, 0.0))
        now = self._wall()
        return (text, until - now) if since - CLOCKS_DIFFER_S <= now < until else ("", 0.0)

    def _keep(self, name: str, text: str, seconds: float) -> None:
        now = self._wall()
        with self._lock:
            kept = {one: value for one, value in self._read().items() if now < value[2]}
            kept[name] = (text, now, now + seconds)
            with contextlib.suppress(OSError):
                self._write(self._key().seal(json.dumps(kept).encode(), _CONTEXT))

    def _read(self) -> dict[str, tuple[str, float, float]]:
        try:
            found = json.loads(self._key().open(self._path.read_bytes(), _CONTEXT))
            return {str(name): (str(text), float(since), float(until)) for name, (text, since, until) in found.items()}
        except (OSError, LedgerError, ValueError, TypeError, AttributeError):
            return {}

    def _write(self, sealed: bytes) -> None:
        draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(sealed)
            draft.replace(self._path)
        finally:
            draft.unlink(missing_ok=True)


class KeptOnly:
    """Log-ins by tokens that are kept, and by nothing else: for a pass without news."""

    def __init__(self, kept: TokenFile, name: str) -> None:
        self._kept, self._name = kept, name

    def credential(self, _settings: object) -> Token:
        """The token. Raises IntakeError when a new one must be asked for."""
        found = self._kept.get(self._name)
        if found is None:
            raise IntakeError("no token is kept")
        return Token(found[0])
