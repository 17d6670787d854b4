"""The rate limit: so many messages in any minute, at once as long as there is room."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

MINUTE_S = 60.0


class Pace:
    """At most ``most`` messages in any 60 seconds.

    A window and not a fixed gap: the first ``most`` messages go at once, so that a normal day never waits. It is
    kept in this process alone; runs that follow each other closely each begin with an empty window. Several
    connections may share it.
    """

    def __init__(self, most: int, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._sent: deque[float] = deque(maxlen=most)

    def wait(self, ahead: int = 0) -> float:
        """Seconds until one more may go, when ``ahead`` others go before it; 0 when it may go now."""
        most = self._sent.maxlen or 1
        if len(self._sent) + ahead < most:
            return 0.0
        sent = tuple(self._sent)  # in one piece: other connections may count meanwhile
        over = len(sent) + ahead - most
        if over >= len(sent):
            return MINUTE_S
        return max(0.0, sent[over] + MINUTE_S - self._monotonic())

    def count(self) -> None:
        """One has gone."""
        self._sent.append(self._monotonic())
