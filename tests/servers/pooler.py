"""A pooler before PostgreSQL, as PgBouncer is with ``pool_mode = transaction``: each transaction goes to the next session.

Whatever a client leaves behind in a session, another one finds there. It speaks the protocol of PostgreSQL, version 3.
"""

from __future__ import annotations

import contextlib
import queue
import select
import socket
import struct
import threading
from types import TracebackType
from typing import Self

from sqlalchemy import URL

SESSIONS = 2
VERSION_3 = 196_608
KEY = b"K" + struct.pack("!III", 12, 1, 1)  # the pooler's own number for a client, which is no server process's


class GoneError(Exception):
    """Whoever was at the other end has closed the connection."""


class Pooler:
    """Before one database, for one user. ``port`` is on the loopback."""

    def __init__(self, database: URL) -> None:
        self._user, self._name = str(database.username), str(database.database)
        self._socket = f"{database.query['host']}/.s.PGSQL.5432"
        self._idle: queue.Queue[socket.socket] = queue.Queue()
        self._all: list[socket.socket] = []

    def __enter__(self) -> Self:
        for _ in range(SESSIONS):
            self._idle.put(self._session())
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for one in (self._listener, *self._all):
            one.close()

    @property
    def url(self) -> str:
        """The database's address, through the pooler."""
        return f"postgresql://{self._user}@127.0.0.1:{self.port}/{self._name}"

    def _session(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.connect(self._socket)
        self._all.append(made)
        words = b"".join(word.encode() + b"\0" for word in ("user", self._user, "database", self._name, ""))
        made.sendall(struct.pack("!II", 8 + len(words), VERSION_3) + words)
        self._greeting = b""
        while (message := _message(made))[:1] != b"Z":
            self._greeting += b"" if message[:1] == b"K" else message
        self._greeting += KEY + message
        return made

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                while struct.unpack("!I", _exactly(client, _length(client))[:4])[0] != VERSION_3:
                    client.sendall(b"N")  # neither TLS nor GSSAPI
                client.sendall(self._greeting)
                while (message := _message(client))[:1] != b"X":
                    self._transaction(client, message)
            except (GoneError, OSError):
                return

    def _transaction(self, client: socket.socket, message: bytes) -> None:
        session = self._idle.get()
        try:
            session.sendall(message)
            while not (message[:1] == b"Z" and message.endswith(b"I")):
                for one in select.select([session, client], [], [])[0]:
                    message = _message(one)
                    (session if one is client else client).sendall(message)
        except (GoneError, OSError):  # in the middle of it
            session.close()
            session = self._session()
            raise
        finally:
            self._idle.put(session)


def _message(peer: socket.socket) -> bytes:
    kind = _exactly(peer, 1)
    length = _length(peer)
    return kind + struct.pack("!I", length + 4) + _exactly(peer, length)


def _length(peer: socket.socket) -> int:
    (length,) = struct.unpack("!I", _exactly(peer, 4))
    return int(length) - 4


def _exactly(peer: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        some = peer.recv(count - len(found))
        if not some:
            raise GoneError
        found += some
    return found
