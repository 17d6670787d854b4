"""ImapMailbox on a server of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from intake.receive.imap import ImapMailbox

from .base import ImapServer


@dataclass(frozen=True)
class Settings:
    """What ImapMailbox reads of a ``[[mailbox]]``."""

    port: int
    user: str = "desk@test.example"
    name: str = "help"
    host: str = "localhost"
    security: str = "tls"
    auth: str = "password"
    ca_file: Path | None = None
    max_size: int = 40 << 20


@dataclass(frozen=True)
class Secret:
    """A password of the tests."""

    text: str


def mailbox_on(
    server: ImapServer,
    user: str,
    *,
    security: str = "tls",
    password: str | None = None,
    max_size: int = 40 << 20,
    deadline_s: float = 20.0,
) -> ImapMailbox:
    """A mailbox of ``user`` that is not open yet."""
    port = {"tls": server.imaps_port, "starttls": server.starttls_port, "none": server.imap_port}[security]
    settings = Settings(port, user, security=security, ca_file=server.ca_file, max_size=max_size)
    secret = Secret(server.password if password is None else password)
    return ImapMailbox(settings, lambda: secret, deadline_s=deadline_s)


@contextmanager
def opened(mailbox: ImapMailbox, folder: str = "") -> Iterator[ImapMailbox]:
    """Open a mailbox (and select a folder), and close it."""
    mailbox.open()
    try:
        if folder:
            mailbox.select(folder)
        yield mailbox
    finally:
        mailbox.close()
