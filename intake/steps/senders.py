"""Hands messages to a few connections at once; everything but the sending itself stays in the caller's thread.

A connection gets its next message only when the caller has taken the result of the last one, and so has had the
chance to write it down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Self

from intake.model import Delivery, Outgoing, Result

if TYPE_CHECKING:
    from intake.ports import Transport

LINGER = 0.003  # seconds; a commit takes longer


class Senders:
    """``most`` connections, each made when it is first needed. With one, it sends in the caller's own thread."""

    def __init__(self, make: Callable[[], Transport], most: int) -> None:
        self._make, self._most = make, most
        self._all: list[Transport] = []
        self._idle: list[Transport] = []
        self._done: SimpleQueue[tuple[Delivery, Transport, Future[Result]]] = SimpleQueue()
        self.busy = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._most > 1 and self._all:
            self._threads.shutdown()  # waits for what is on its way
        for transport in self._all:
            transport.close()

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._most, thread_name_prefix="sender")

    @property
    def free(self) -> int:
        """How many messages can be handed over now."""
        return self._most - self.busy

    def may_send(self, ahead: int = 0) -> float:
        """Seconds until one more may go, those on their way counted and ``ahead`` others; one must be free."""
        return self._transport().may_send(self.busy + ahead)

    def send(self, delivery: Delivery, outgoing: Outgoing) -> None:
        """Hand a message over; ``free`` must hold."""
        transport = self._transport()
        future: Future[Result]
        if self._most == 1:
            future = Future()
            future.set_result(transport.send(outgoing))
        else:
            future = self._threads.submit(transport.send, outgoing)
        self._idle.remove(transport)
        self.busy += 1
        future.add_done_callback(lambda done: self._done.put((delivery, transport, done)))

    def finished(self, *, wait: bool) -> Iterator[tuple[Delivery, Result]]:
        """What has been sent, or was not.

        With ``wait`` at least one, if any is on its way, and those that follow at its heels: what comes back together
        is written down together.
        """
        patience = None if wait else 0.0
        while self.busy:
            try:
                delivery, transport, future = self._done.get(timeout=patience)
            except Empty:
                return
            patience = LINGER if wait else 0.0
            self.busy -= 1
            self._idle.append(transport)
            yield delivery, future.result()

    def _transport(self) -> Transport:
        """The one that was used last: a connection that rests goes stale."""
        if not self._idle:
            transport = self._make()
            self._all.append(transport)
            self._idle.append(transport)
        return self._idle[-1]
