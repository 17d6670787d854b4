"""A gate between one machine and a server, which can be shut: as when a network is cut."""

from __future__ import annotations

import contextlib
import socket
import threading


class Gate:
    """Forwards ``port`` on the loopback to a port there, or to a Unix socket, until it is shut."""

    def __init__(self, target: int | str) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.most = 0  # connections at one time, so far
        self._shut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def shut(self) -> None:
        """Cut what is open; take and drop what comes."""
        with self._lock:
            self._shut = True
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def open(self) -> None:
        """Let everything through again."""
        with self._lock:
            self._shut = False

    def close(self) -> None:
        """For good."""
        self.shut()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _dial(self) -> socket.socket:
        if isinstance(self._target, int):
            return socket.create_connection(("127.0.0.1", self._target))
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._target)
        return server

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = self._dial()
                except OSError:  # the server is being started again
                    client.close()
                    continue
                with self._lock:
                    if self._shut:
                        client.close()
                        server.close()
                        continue
                    self._open |= {client, server}
                    self.most = max(self.most, len(self._open) // 2)
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while read := source.recv(65536):
                sink.sendall(read)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        with self._lock:
            gone = {source} & self._open
            self._open -= {source}
        for one in gone:
            one.close()
