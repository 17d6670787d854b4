"""A way out that takes everything over TLS, and keeps of each message only who got it and what it was.

For tens of thousands of messages: what ``smtp`` keeps, every byte, would be gigabytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from .base import tls_server_context, write_certificate

NAMES = {b"message-id": 0, b"x-intake-kind": 1, b"x-intake-case": 2}
ANSWERS = {
    b"EHLO": b"250-sink.test.example\r\n250-8BITMIME\r\n250 PIPELINING\r\n", b"MAIL": b"250 Ok\r\n",
    b"RCPT": b"250 Ok\r\n", b"DATA": b"354 Go on\r\n", b"RSET": b"250 Ok\r\n", b"NOOP": b"250 Ok\r\n",
    b"QUIT": b"221 Bye\r\n",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Taken:
    """One message that was answered with 250."""

    recipient: str
    message_id: str
    kind: str
    case: str


class CountingSink:
    """Listens on an address, with a certificate for it; ``taken`` grows."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.address = address
        self.taken: list[Taken] = []
        self.connections = self.most = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._folder = Path(tempfile.mkdtemp(prefix="sk"))

    def __enter__(self) -> Self:
        self.ca_file, chain, key = write_certificate(self._folder, self.address)
        context = tls_server_context(chain, key)
        self._thread.start()
        starting = asyncio.start_server(self._serve, self.address, 0, ssl=context, limit=1 << 22)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.most = max(self.most, self.connections)
        with contextlib.suppress(OSError, EOFError, asyncio.LimitOverrunError):
            await self._talk(reader, writer)
        self.connections -= 1
        writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipient = ""
        writer.write(b"220 sink.test.example ESMTP\r\n")
        while line := await reader.readline():
            word = line[:4].upper().strip()
            if word == b"RCPT":
                recipient = line.partition(b"<")[2].partition(b">")[0].decode()
            writer.write(ANSWERS.get(word, b"500 What?\r\n"))
            if word == b"DATA":
                message = await reader.readuntil(b"\r\n.\r\n")
                self.taken.append(_noted(recipient, message))
                writer.write(b"250 2.0.0 Ok\r\n")
            await writer.drain()
            if word == b"QUIT":
                return


def _noted(recipient: str, message: bytes) -> Taken:
    found = ["", "", ""]
    head = message.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if (place := NAMES.get(name.lower())) is not None:
            found[place] = value.strip().decode()
    return Taken(recipient, *found)
