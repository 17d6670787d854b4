"""An authority that says when it may be asked again (Retry-After; RFC 9110, 10.2.3) is left alone until then."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from intake.oauth import answers

if TYPE_CHECKING:
    from intake.credentials import CredentialError, Section

LONGEST_S = 3600.0  # nobody is waited for longer, whatever they say
BUSY = ("the authority has too much to do, and says when to ask again", "it is tried again then")


def seconds(said: str, now: float) -> float:
    """How long ``Retry-After`` is at ``now`` (since 1970): at most ``LONGEST_S``, 0 for nonsense and what is past."""
    said = said.strip()
    if said.isascii() and said.isdecimal():
        return min(float(said), LONGEST_S)
    try:
        date = parsedate_to_datetime(said)
    except (ValueError, TypeError, LookupError, OverflowError):
        return 0.0
    left = date.replace(tzinfo=date.tzinfo or UTC) - datetime.fromtimestamp(now, UTC)
    return min(max(left.total_seconds(), 0.0), LONGEST_S)


class Patience:
    """When the authority of one login may be asked.

    ``waits`` tells whether another process has been asked to wait; ``wait`` leaves word of so many seconds.
    """

    def __init__(
        self,
        settings: Section,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        waits: Callable[[], bool] = lambda: False,
        wait: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._settings, self._monotonic, self._wall = settings, monotonic, wall
        self._waits, self._leave = waits, wait
        self._until: float | None = None

    def demand(self) -> None:
        """Raises CredentialError while it is too early."""
        if (self._until is not None and self._monotonic() < self._until) or self._waits():
            raise self._busy()

    def session(self) -> Any:
        """A ``requests.Session`` that raises CredentialError for an answer that says when to ask again.

        It is raised out of the libraries, before they ask again by themselves.
        """
        import requests  # noqa: PLC0415 - it comes with what asks, and is as slow to load
        from urllib3.util import Retry  # noqa: PLC0415

        session = requests.Session()
        session.hooks["response"].append(self._look)
        # A connection that fails is tried once more, as by msal. By a mere number urllib3 would sleep for Retry-After.
        once = requests.adapters.HTTPAdapter(max_retries=Retry(1, respect_retry_after_header=False))
        session.mount("http://", once)
        session.mount("https://", once)
        session.request = partial(session.request, timeout=answers.SECONDS)  # type: ignore[method-assign]
        return session

    def _look(self, response: Any, **_: object) -> None:
        if response.status_code not in {429, 503}:
            return
        left = seconds(response.headers.get("Retry-After", ""), self._wall())
        if left:
            response.close()
            self._until = self._monotonic() + left
            self._leave(left)
            raise self._busy()

    def _busy(self) -> CredentialError:
        return answers.failed(self._settings, *BUSY)
