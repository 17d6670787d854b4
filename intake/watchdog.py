"""What the service tells systemd (sd_notify(3)), and how it knows that its steps go on."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping


class Progress:
    """When each running step last showed that it goes on. A step is a thread's; it ``beat``s between its parts."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._running: dict[int, float] = {}
        self._last = monotonic()

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """Around a step."""
        me = threading.get_ident()
        with self._lock:
            self._running[me] = self._monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._last = self._monotonic()
                del self._running[me]

    def beat(self) -> None:
        """The calling thread goes on."""
        me = threading.get_ident()
        with self._lock:
            if me in self._running:
                self._running[me] = self._monotonic()

    def stands(self, seconds: float) -> bool:
        """Whether a step hangs, or none has been run, for so long."""
        now = self._monotonic()
        with self._lock:
            oldest = min(self._running.values(), default=self._last)
        return now - oldest > seconds


def notify(state: str, environ: Mapping[str, str]) -> None:
    """Tell systemd, if it listens; a datagram to ``$NOTIFY_SOCKET`` as sd_notify(3) says."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.settimeout(1.0)  # a manager that does not read must not hold us up
        try:
            channel.connect("\0" + address[1:] if address.startswith("@") else address)
            channel.sendall(state.encode())
        except OSError:
            return  # systemd is gone, or never was there: the service itself does not depend on it
