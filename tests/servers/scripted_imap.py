"""An IMAP peer that says exactly what a test wants, however wrong: line by line, on the loopback."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

GREETING = b"* OK [CAPABILITY IMAP4rev1 UIDPLUS MOVE] ready\r\n"
CAPABILITIES = b"IMAP4rev1 UIDPLUS MOVE"


class Peer:
    """What a script can do on one connection."""

    def __init__(self, connection: socket.socket, stopping: threading.Event) -> None:
        self.connection = connection
        self._file = connection.makefile("rb")
        self._stopping = stopping

    def line(self) -> bytes:
        """The next command, without its line end; empty when the client is gone."""
        return self._file.readline().rstrip(b"\r\n")

    def say(self, *lines: bytes) -> None:
        """Send lines; each gets its CR LF."""
        self.connection.sendall(b"".join(line + b"\r\n" for line in lines))

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.connection.sendall(data)

    def hang(self) -> None:
        """Say nothing more until the test ends."""
        self._stopping.wait(60)

    def drip(self, data: bytes, every_s: float = 0.02) -> None:
        """Send bytes one at a time, for ever: often enough that no recv of the client times out."""
        while not self._stopping.is_set():
            for byte in data:
                self.connection.sendall(bytes([byte]))
                if self._stopping.wait(every_s):
                    return

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Wrap the connection."""
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self._file = self.connection.makefile("rb")


Script = Callable[[Peer], None]
Answer = bytes | Callable[[Peer, bytes], None]


def polite(answers: dict[str, Answer], greeting: bytes = GREETING, capabilities: bytes = CAPABILITIES) -> Script:
    """A server that behaves, but for the commands in ``answers``.

    A key is a regular expression on the command without its tag. Bytes are sent before ``OK`` (``TAG`` in them
    stands for the tag, and then no ``OK`` is added); a function gets the peer and the tag and says all itself.
    """
    usual: dict[str, Answer] = {
        "CAPABILITY": b"* CAPABILITY " + capabilities + b"\r\n",
        "(EXAMINE|SELECT) ": b"* FLAGS ()\r\n* 3 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 4] x\r\n",
        "UID SEARCH": b"* SEARCH 1 2 3\r\n",
        "UID FETCH .*RFC822.SIZE": b"".join(
            b'* %d FETCH (UID %d RFC822.SIZE 9 INTERNALDATE " 1-Jan-2024 00:00:00 +0000")\r\n' % (uid, uid)
            for uid in (1, 2, 3)
        ),
        'LIST "" ""': b'* LIST (\\Noselect) "/" ""\r\n',
        "STATUS": b'* STATUS "x" (UIDVALIDITY 7)\r\n',
        "LOGOUT": b"* BYE\r\n",
    }

    def script(peer: Peer) -> None:
        peer.raw(greeting)
        while line := peer.line():
            tag, _, command = line.partition(b" ")
            text = command.decode("latin-1")
            found = next((say for key, say in [*answers.items(), *usual.items()] if re.match(key, text)), b"")
            if callable(found):
                found(peer, tag)
            elif b"TAG" in found:
                peer.raw(found.replace(b"TAG", tag))
            else:
                peer.raw(found)
                peer.say(tag + b" OK done")

    return script


class ScriptedImap:
    """Serves connections by scripts, one after the other; the last script serves all that follow."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> None:
        self._address = address
        self._scripts = scripts
        self._tls = tls
        self._stopping = threading.Event()
        self._peers: list[socket.socket] = []
        self.connections = 0
        self.heard: list[bytes] = []

    def __enter__(self) -> Self:
        self._listener = socket.create_server((self._address, 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._peers:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        end = time.monotonic() + 10
        for thread in self._threads:
            thread.join(max(end - time.monotonic(), 0.1))
        for peer in self._peers:
            peer.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._stopping.is_set():
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                script = self._scripts[min(self.connections, len(self._scripts) - 1)]
                self.connections += 1
                self._peers.append(connection)
                thread = threading.Thread(target=self._serve, args=(connection, script), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket, script: Script) -> None:
        with contextlib.suppress(OSError, ValueError):
            peer = Peer(connection, self._stopping)
            if self._tls is not None:
                peer.start_tls(self._tls)
            self._peers.append(peer.connection)
            listen = peer.line

            def overheard() -> bytes:
                line = listen()
                self.heard.append(line)
                return line

            peer.line = overheard  # type: ignore[method-assign]  # so that a test sees what the client said
            script(peer)
            with contextlib.suppress(OSError):
                peer.connection.shutdown(socket.SHUT_RDWR)
