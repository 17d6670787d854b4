"""A real IMAP server (pymap) and a real SMTP server (aiosmtpd), on the loopback, in threads of this process."""

from __future__ import annotations

import asyncio
import imaplib
import threading
from argparse import Namespace
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import Config, DictBackend
from pymap.imap import IMAPServer
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext

HOST = "127.0.0.1"
_PYMAP = Namespace(
    host=HOST, port=0, debug=False, cert=None, key=None, tls=False, passlib_cfg=None, proxy_protocol=None,
    demo_data=False, demo_user="nobody", demo_password="", inherited_sockets=None,
)  # fmt: skip
_PATIENCE_S = 20


class _Quiet(Config):
    """pymap's greeting asks the resolver for the machine's name; ours does not."""

    @property
    def greeting(self) -> bytes:
        return b"Ready"


class ImapServer:
    """One mailbox over IMAP, in memory; ``port`` is free for it to choose."""

    def __init__(self, user: str, password: str) -> None:
        self.user, self.password = user, password
        self.port = 0

    def __enter__(self) -> Self:
        """Start."""
        self._loop = asyncio.new_event_loop()
        self._loop.set_task_factory(keeping())
        self._thread = threading.Thread(target=self._loop.run_forever, name="demo-imap", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(_PATIENCE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and forget the mail."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(_PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_S)
        self._loop.close()

    def deliver(self, folder: str, raw: bytes, at: datetime) -> None:
        """Put a mail into a folder, as a mail server would; creates the folder."""
        client = imaplib.IMAP4(HOST, self.port)
        try:
            client.login(self.user, self.password)
            client.create(folder)  # that it is there already is fine
            client.append(folder, "", imaplib.Time2Internaldate(at), raw)
        finally:
            client.logout()

    def count(self, folder: str) -> int:
        """How many mails stand in a folder."""
        client = imaplib.IMAP4(HOST, self.port)
        try:
            client.login(self.user, self.password)
            status, told = client.select(folder, readonly=True)
            return int(told[0] or 0) if status == "OK" else 0
        finally:
            client.logout()

    async def _listen(self) -> None:
        how: dict[str, Any] = {"hash_context": Cleartext(), "invalid_user_sleep": 0.0}
        backend, config = await DictBackend.init(_PYMAP, **how)
        backend.login.users_dict[self.user] = UserMetadata(config, self.user, password=self.password)
        imap = IMAPServer(backend.login, _Quiet.from_args(_PYMAP, **how))
        callback = ProxyProtocolReader(config.proxy_protocol).get_callback(imap)
        self._server = await asyncio.start_server(callback, host=HOST, port=0)
        self.port = self._server.sockets[0].getsockname()[1]
        config.apply_context()

    async def _stop(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def keeping() -> Callable[..., asyncio.Task[Any]]:
    """A task factory that holds on to each task until it is done.

    A loop does not, and pymap begins one for each connection that nobody holds: the collector may end it.
    """
    tasks: set[asyncio.Task[Any]] = set()

    def begin(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **how: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coroutine, loop=loop, **how)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    return begin


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail that the SMTP server took: ``sender`` is the envelope's, empty for the null sender."""

    sender: str
    recipient: str
    raw: bytes


class SmtpServer:
    """Takes all mail and keeps it in ``taken``."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self._controller = _Controller(self)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._controller.port

    def __enter__(self) -> Self:
        """Start."""
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._controller.stop()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        """Take a message (aiosmtpd calls this)."""
        sender = (envelope.mail_from or "").strip("<>")
        for recipient in envelope.rcpt_tos:
            self.taken.append(Taken(sender, recipient, envelope.original_content or b""))
        return "250 2.0.0 Ok: taken by the demo"


class _Controller(Controller):
    """aiosmtpd's, which would connect to port 0 to see whether it is up."""

    def __init__(self, handler: SmtpServer) -> None:
        super().__init__(handler, hostname=HOST, port=0)

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)  # noqa: S101 - it was just started
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # the library's
