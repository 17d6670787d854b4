"""Hands messages to a few connections at once; everything but the sending itself stays in the caller's thread.

A connection gets a message when the caller has taken the result of its last one, and so has had the chance to write it
down. Where a server takes messages faster than a commit is written, a few follow at once (``AT_HEELS``).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Self

from intake.model import Delivery, Outgoing, Result

if TYPE_CHECKING:
    from intake.ports import Transport

LINGER = 0.003  # seconds; a commit takes longer
AT_HEELS = 4  # messages that a quick connection has in hand, the one that it sends included
QUICK = 0.02  # seconds for a message: about what a commit takes on a slow disk
PATIENCE = 5.0  # seconds that a message waits for those before it; then who must not have it has to be asked anew
LARGE = 1 << 20  # bytes; such a message takes a while, and none follows it

_Done = tuple["_Line", Delivery, Result | BaseException | None, float]


class _Line:
    """One connection and what it has in hand. ``threaded``: it sends in a thread of its own."""

    def __init__(self, transport: Transport, done: SimpleQueue[_Done], *, threaded: bool) -> None:
        self.transport, self._done = transport, done
        self._given: SimpleQueue[tuple[Delivery, Outgoing, float] | None] = SimpleQueue()
        self._in_hand = 0
        self._most = 1
        self._large = False  # something in hand takes a while
        self._thread = threading.Thread(target=self._serve, name="sender", daemon=True) if threaded else None
        if self._thread:
            self._thread.start()

    @property
    def idle(self) -> bool:
        return not self._in_hand

    @property
    def room(self) -> int:
        """How many more messages it takes now."""
        return 0 if self._large else max(self._most - self._in_hand, 0)

    def give(self, delivery: Delivery, outgoing: Outgoing) -> None:
        if self._thread:
            self._given.put((delivery, outgoing, time.monotonic()))
        else:
            self._done.put((self, delivery, self.transport.send(outgoing), QUICK))
        self._in_hand += 1
        self._large = self._large or bool(outgoing.rest) or len(outgoing.beginning) > LARGE

    def took(self, seconds: float) -> None:
        """A result was taken; ``seconds`` is what its message took."""
        self._in_hand -= 1
        self._most = AT_HEELS if seconds < QUICK else 1
        self._large = self._large and self._in_hand > 0

    def end(self) -> None:
        if self._thread:
            self._given.put(None)
            self._thread.join()
        self.transport.close()

    def _serve(self) -> None:
        while given := self._given.get():
            delivery, outgoing, since = given
            began = time.monotonic()
            result: Result | BaseException | None = None
            try:
                if began - since < PATIENCE:
                    result = self.transport.send(outgoing)
            except BaseException as error:  # noqa: BLE001 - it is raised again, in the thread that asked
                result = error
            self._done.put((self, delivery, result, time.monotonic() - (began if result else since)))


class Senders:
    """``most`` connections, each made when it is first needed. With one, it sends in the caller's own thread."""

    def __init__(self, make: Callable[[], Transport], most: int) -> None:
        self._make, self._most = make, most
        self._lines: list[_Line] = []  # the one that was used last comes last: a connection that rests goes stale
        self._done: SimpleQueue[_Done] = SimpleQueue()
        self.busy = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in self._lines:  # each ends what it has in hand
            line.end()

    @property
    def free(self) -> int:
        """How many messages can be handed over now."""
        return self._most - len(self._lines) + sum(line.room for line in self._lines)

    def may_send(self, ahead: int = 0) -> float:
        """Seconds until one more may go, those on their way counted and ``ahead`` others; one must be free."""
        return self._line().transport.may_send(self.busy + ahead)

    def send(self, delivery: Delivery, outgoing: Outgoing) -> None:
        """Hand a message over; ``free`` must hold."""
        self._line().give(delivery, outgoing)
        self.busy += 1

    def finished(self, *, wait: bool) -> Iterator[tuple[Delivery, Result | None]]:
        """What has been sent, or was not; None for what was not tried, because those before it took too long.

        With ``wait`` at least one, if any is on its way, and those that follow at its heels, until each connection has
        only one left to send: what comes back together is written down together, and the fewer commits the better.
        """
        patience = None if wait else 0.0
        enough = max(self._most, self.busy - self._most) if wait else self.busy
        while self.busy and enough:
            try:
                line, delivery, result, seconds = self._done.get(timeout=patience)
            except Empty:
                return
            patience = LINGER if wait else 0.0
            enough -= 1
            self.busy -= 1
            line.took(seconds)
            self._lines.remove(line)
            self._lines.append(line)
            if isinstance(result, BaseException):
                raise result
            yield delivery, result

    def _line(self) -> _Line:
        """An idle one, or a new one, or the one with the most room."""
        for line in reversed(self._lines):
            if line.idle:
                return line
        if len(self._lines) < self._most:
            self._lines.append(_Line(self._make(), self._done, threaded=self._most > 1))
            return self._lines[-1]
        return max(self._lines, key=lambda line: line.room)
