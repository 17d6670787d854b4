"""A deadline that ends a step whatever the server does, and the way to a host that keeps to it.

A socket's own timeout counts from one ``recv`` to the next, so a server that drips one byte a second outlives it.
Here a timer shuts the connection down from outside, and the reader wakes up with an end of file.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

Made = TypeVar("Made")


class Deadline:
    """Cuts the guarded connection when a step takes longer than ``seconds``; ``expired`` then says so.

    It holds a second descriptor of the connection: the first changes hands when TLS wraps the socket, and
    closing the first while somebody reads would not wake the reader.

    One thread watches for as long as a connection is guarded. A step only writes down when it is due, which costs
    microseconds; the thread wakes when the earliest time that it knows of has come, and looks again.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.expired = False
        self._twin: socket.socket | None = None
        self._due: float | None = None
        self._wakes: float | None = None  # when the watching thread looks next; None: not before it is told to
        self._watching = False
        self._changed = threading.Condition()

    def guard(self, connection: socket.socket) -> None:
        """Watch this connection in place of the last one; if the step's time is already up, cut it at once."""
        with self._changed:
            self._release()
            self._twin = connection.dup()
            if self.expired:
                self._shut()

    def forget(self) -> None:
        """Let go of the connection."""
        with self._changed:
            self._release()
            self._changed.notify()

    @contextlib.contextmanager
    def step(self, seconds: float | None = None) -> Iterator[None]:
        """Time what happens inside, ``seconds`` instead of the usual if given.

        Starts with ``expired`` false. A step within a step is due with the outer one at the latest.
        """
        due = time.monotonic() + (self.seconds if seconds is None else seconds)
        with self._changed:
            outer = self._due
            if outer is None:
                self.expired = False
            self._arm(due if outer is None else min(due, outer))
        try:
            yield
        finally:
            with self._changed:
                self._due = outer
                if self._twin is None:
                    self._changed.notify()

    def _arm(self, due: float) -> None:
        self._due = due
        if not self._watching:
            self._watching, self._wakes = True, due
            threading.Thread(target=self._watch, name="deadline", daemon=True).start()
        elif self._wakes is None or due < self._wakes:
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while self._due is not None or self._twin is not None:
                if self._due is not None and self._due <= time.monotonic():
                    self.expired, self._due = True, None
                    self._shut()
                self._wakes = self._due
                self._changed.wait(None if self._due is None else max(self._due - time.monotonic(), 0.0))
            self._watching = False

    def _shut(self) -> None:
        if self._twin is not None:
            with contextlib.suppress(OSError):  # the other side was faster
                self._twin.shutdown(socket.SHUT_RDWR)

    def _release(self) -> None:
        if self._twin is not None:
            self._twin.close()
            self._twin = None


def dial(host: str, port: int, seconds: float) -> socket.socket:
    """Connect by TCP within ``seconds`` in all, however many addresses the host has. Raises OSError, ValueError.

    Commands are small and wait for their answers, so Nagle's delay is switched off.
    """
    end = time.monotonic() + seconds
    addresses = _look_up(host, port, seconds)
    failure: OSError = OSError("the name has no address")
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        share = (end - time.monotonic()) / (len(addresses) - number)
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(max(share, 0.001))
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            connection.close()
            failure = error
        else:
            connection.settimeout(seconds)
            return connection
    raise failure


_AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]


def _look_up(host: str, port: int, seconds: float) -> Sequence[_AddressInfo]:
    """``getaddrinfo`` can't be interrupted, so it runs beside, and is left to itself when its time is up."""
    answers: queue.SimpleQueue[Sequence[_AddressInfo] | OSError | ValueError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:  # ValueError: a name that IDNA refuses
            answers.put(error)

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError("the resolver does not answer") from None
    if isinstance(answer, (OSError, ValueError)):
        raise answer
    return answer


def within(seconds: float, work: Callable[[], Made]) -> Made:
    """What ``work`` gives or raises; TimeoutError when that takes longer. Then it is left to itself.

    A library's own timeout counts from one piece of an answer to the next.
    """
    answers: queue.SimpleQueue[tuple[Made | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((work(), None))
        except Exception as error:  # noqa: BLE001 - it is raised again, in the thread that asked
            answers.put((None, error))

    threading.Thread(target=run, name="ask", daemon=True).start()
    try:
        answer, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError("no answer in time") from None
    if error is not None:
        raise error
    return cast("Made", answer)
