"""Stand between the command and a server, line by line: one ends the command's process at a line of one's choice."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading


class Between:
    """Forwards to a port of the loopback, line by line."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                for one in (client, server):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, from_server: bool) -> None:
        with contextlib.suppress(OSError, ValueError), source.makefile("rb") as lines:
            for line in lines:
                if not self.hand_on(line, sink, from_server=from_server):
                    break
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def hand_on(self, line: bytes, sink: socket.socket, *, from_server: bool) -> bool:
        """Do with a line what is to be done; False when the connection ends with it."""
        raise NotImplementedError


class Proxy(Between):
    """``die_at`` counts lines in both directions, from 1; 0 for never.

    With ``replies_only`` it counts what the server says, and not the lines of messages.

    ``forward``: whether the line at which the process ends still reaches its other side.
    """

    def __init__(self, target: int, *, replies_only: bool = False) -> None:
        self.replies_only = replies_only
        self.arm(0)
        super().__init__(target)

    def arm(self, die_at: int, *, forward: bool = True) -> None:
        """Before a run."""
        self.die_at, self.forward, self.lines = die_at, forward, 0
        self.pid = threading.Event()
        self.victim = 0
        self._lock = threading.Lock()

    def started(self, pid: int) -> None:
        """Who is to be ended."""
        self.victim = pid
        self.pid.set()

    def hand_on(self, line: bytes, sink: socket.socket, *, from_server: bool) -> bool:
        """At the last line, end the process."""
        last = (from_server or not self.replies_only) and not self._count()
        if self.forward or not last:
            sink.sendall(line)
        if last:
            os.kill(self.victim, signal.SIGKILL)
        return not last

    def _count(self) -> bool:
        with self._lock:
            self.lines += 1
            last = self.lines == self.die_at
        if last:
            self.pid.wait(10)
        return not last
