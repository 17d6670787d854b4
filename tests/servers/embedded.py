"""pymap in the process: in memory, ready in milliseconds, without NAMESPACE, SPECIAL-USE and CONDSTORE."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from argparse import Namespace
from pathlib import Path
from typing import Any, Self

from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import Config, DictBackend, Login
from pymap.imap import IMAPServer
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext

from intake.demo.servers import keeping

from .base import ImapServer, tls_server_context, write_certificate

ARGUMENTS = Namespace(
    host="127.0.0.1", port=0, debug=False, cert=None, key=None, tls=False, passlib_cfg=None, proxy_protocol=None,
    demo_data=False, demo_user="nobody", demo_password="", inherited_sockets=None,
)  # fmt: skip


class QuietConfig(Config):
    """pymap's greeting asks the resolver for the machine's name; ours does not."""

    @property
    def greeting(self) -> bytes:
        """The words after ``* OK``."""
        return b"Server ready"


class Pymap(ImapServer):
    """pymap on three ports: plain, plain with STARTTLS (and no log-in before it), TLS."""

    def start(self) -> Self:
        """Start the server in a thread of its own."""
        self._directory = Path(tempfile.mkdtemp(prefix="pm"))
        self.ca_file, chain, key = write_certificate(self._directory, "localhost", "127.0.0.1")
        self._context = tls_server_context(chain, key)
        self._loop = asyncio.new_event_loop()
        self._loop.set_task_factory(keeping())
        self._thread = threading.Thread(target=self._loop.run_forever, name="pymap", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(20)
        return self

    async def _listen(self) -> None:
        self._backend, config = await DictBackend.init(
            ARGUMENTS, hash_context=Cleartext(), ssl_context=self._context, invalid_user_sleep=0.0
        )
        self._servers: list[asyncio.Server] = []
        self.imap_port = await self._serve(self._backend.login, self._config(tls=False))
        self.starttls_port = await self._serve(self._backend.login, self._config(tls=True))
        self.imaps_port = await self._serve(self._backend.login, self._config(tls=False), ssl=self._context)
        config.apply_context()

    def _config(self, *, tls: bool) -> QuietConfig:
        arguments = Namespace(**{**vars(ARGUMENTS), "tls": tls})
        return QuietConfig.from_args(
            arguments, hash_context=Cleartext(), ssl_context=self._context, invalid_user_sleep=0.0
        )

    async def _serve(self, login: Login, config: QuietConfig, **how: Any) -> int:
        callback = ProxyProtocolReader(config.proxy_protocol).get_callback(IMAPServer(login, config))
        server = await asyncio.start_server(callback, host="127.0.0.1", port=0, **how)
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def stop(self) -> None:
        """Stop listening, drop every connection, end the thread."""
        asyncio.run_coroutine_threadsafe(self._drop(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    async def _drop(self) -> None:
        for server in self._servers:
            server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def user(self) -> str:
        """A new user, known to pymap."""
        name = super().user()
        login = self._backend.login
        login.users_dict[name] = UserMetadata(login.config, name, password=self.password)
        return name

    def deliver(self, user: str, raw: bytes, sender: str = "a@b.example") -> None:
        """pymap takes no mail in: append it, with the line that a delivery adds."""
        self.append(user, "INBOX", b"Return-Path: <" + sender.encode() + b">\r\n" + raw)
