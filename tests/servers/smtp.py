"""What every way out of the tests offers, and aiosmtpd in the process as one that can be told to misbehave."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from .base import tls_server_context, wait_for, write_certificate

USER, PASSWORD = "help@test.example", "secret"
DOMAIN = "test.example"
LARGEST = 2_000_000


class SmtpServer:
    """A running SMTP server on the loopback: ``port`` without log-in, ``tls_port`` and ``starttls_port`` with one.

    It misbehaves by recipient: ``refuse@`` 550, ``full@`` 552, ``defer@`` 451, ``drop@`` 421; and after the last
    dot by envelope sender: ``eod451@``, ``eod550@``, ``eod421@``.
    """

    host = "localhost"
    user, password = USER, PASSWORD
    port: int
    tls_port: int
    starttls_port: int
    ca_file: Path

    def start(self) -> Self:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def arrived(self, recipient: str) -> list[bytes]:
        """What has arrived for a recipient; once ``send`` has said so, it is there or on its way."""
        raise NotImplementedError

    def wait_for(self, recipient: str, count: int = 1) -> list[bytes]:
        """Wait until so many have arrived."""
        wait_for(lambda: len(self.arrived(recipient)) >= count, f"{count} mails")
        return self.arrived(recipient)


class Faults:
    """Takes mail, and misbehaves by address."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, bytes]] = []  # sender, recipient, content
        self.connections = 0
        self.most_per_connection = 0
        self.refused: set[str] = set()  # whole addresses that are refused too
        self.hook: Callable[[str, bytes], None] = lambda _recipient, _content: None

    async def handle_EHLO(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusals = {
            "refuse": "550 5.1.1 <refuse@test.example>: no such user refuse here",
            "full": "552 5.2.2 mailbox full",
            "defer": "451 4.7.1 greylisted, try again later",
            "drop": "421 4.3.2 going away",
            "relay": "554 5.7.1 <relay@elsewhere.example>: Relay access denied",
        }
        refused = refusals.get("refuse" if address in self.refused else address.partition("@")[0])
        if refused:
            return refused
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        sender = envelope.mail_from or ""
        fault = sender.partition("@")[0]
        if fault == "eod421":
            asyncio.get_running_loop().call_later(0.01, _transport(server).close)
            return "421 4.3.2 shutting down"
        if fault in {"eod451", "eod550"}:
            return {"eod451": "451 4.3.0 content check is down", "eod550": "550 5.7.1 content refused"}[fault]
        count = session.__dict__["count"] = session.__dict__.get("count", 0) + 1
        if self.most_per_connection and count > self.most_per_connection:
            return "452 4.5.3 too many messages on this connection"
        content = envelope.original_content or b""
        for recipient in envelope.rcpt_tos:
            self.taken.append((sender, recipient, content))
            self.hook(recipient, content)
        if fault == "lostack":
            _transport(server).abort()
        return "250 2.0.0 Ok: queued as ABC123"


def _transport(server: SMTP) -> asyncio.WriteTransport:
    assert isinstance(server.transport, asyncio.WriteTransport)
    return server.transport


class _Controller(Controller):
    """aiosmtpd's, which would connect to port 0 to see whether it is up."""

    def __init__(self, handler: Faults, **how: Any) -> None:
        super().__init__(handler, hostname="127.0.0.1", port=0, **how)

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # the library's


class Aiosmtpd(SmtpServer):
    """aiosmtpd in threads of this process. ``faults`` holds what it took."""

    def start(self) -> Self:
        """Start three listeners with one handler."""
        self._directory = Path(tempfile.mkdtemp(prefix="as"))
        self.ca_file, chain, key = write_certificate(self._directory, "localhost", "127.0.0.1")
        self.faults = Faults()
        context = tls_server_context(chain, key)
        with_login: dict[str, Any] = {
            "auth_required": True, "authenticator": self._authenticate, "require_starttls": False,
            "data_size_limit": LARGEST, "enable_SMTPUTF8": True,
        }  # fmt: skip
        self._controllers = [
            _Controller(self.faults, data_size_limit=LARGEST, enable_SMTPUTF8=True),
            _Controller(self.faults, tls_context=context, **{**with_login, "require_starttls": True}),
            _Controller(self.faults, ssl_context=context, auth_require_tls=False, **with_login),
        ]
        for controller in self._controllers:
            with warnings.catch_warnings(action="ignore", category=UserWarning):  # the port is TLS from its first byte
                controller.start()
        self.port, self.starttls_port, self.tls_port = (controller.port for controller in self._controllers)
        return self

    def stop(self) -> None:
        """Stop the listeners."""
        for controller in self._controllers:
            controller.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def arrived(self, recipient: str) -> list[bytes]:
        """What was taken for a recipient."""
        return [content for _, to, content in self.faults.taken if to == recipient]

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)


def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
