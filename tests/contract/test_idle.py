"""Announced mail on real servers: heard at once, and a connection that is dead is found out."""

from __future__ import annotations

import imaplib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from servers import Dovecot, ImapServer
from servers.base import wait_for

from intake.credentials import Password
from intake.errors import MailboxError
from intake.idle import Watch
from intake.receive.imap import ImapMailbox
from intake.receive.login import why_not

MAIL = b"From: a@b.example\r\nSubject: A\r\n\r\nx\r\n"


@dataclass(frozen=True)
class Settings:
    user: str
    port: int
    host: str = "127.0.0.1"
    name: str = "help"
    security: str = "none"
    auth: str = "password"
    ca_file: Path | None = None
    max_size: int = 1 << 20


def opened(server: ImapServer, user: str, *, port: int = 0, deadline_s: float = 20.0) -> ImapMailbox:
    settings = Settings(user, port or server.imap_port)
    mailbox = ImapMailbox(settings, lambda: Password(server.password), deadline_s=deadline_s)
    mailbox.open()
    mailbox.select("INBOX")
    return mailbox


def never() -> bool:
    return False


@pytest.fixture(params=["pymap_server", "dovecot", "courier"])  # Cyrus tells once a minute unless its idled runs
def server(request: pytest.FixtureRequest) -> ImapServer:
    found: ImapServer = request.getfixturevalue(request.param)
    return found


def test_mail_is_heard_and_silence_is_not(server: ImapServer) -> None:
    user = server.user()
    server.append(user, "INBOX", MAIL)
    mailbox = opened(server, user)
    if not mailbox._session.can("IDLE"):
        with pytest.raises(MailboxError, match="the server offers no IDLE: set idle = false"):
            mailbox.wait(1, never)
        mailbox.close()
        return
    assert mailbox.wait(0.3, never) is False
    late = threading.Timer(0.2, server.append, (user, "INBOX", MAIL))

    def listening() -> bool:  # asked once IDLE has begun
        if late.ident is None:
            late.start()
        return False

    began = time.monotonic()
    assert mailbox.wait(60, listening) is True
    assert time.monotonic() - began < 50
    late.join()
    assert mailbox.select("INBOX").exists == 2  # the connection is of use afterwards
    assert mailbox.wait(60, lambda: True) is False
    mailbox.close()


def test_a_connection_that_is_cut_is_noticed_at_once(dovecot: Dovecot) -> None:
    user = dovecot.user()
    mailbox = opened(dovecot, user)
    cut = threading.Timer(0.3, dovecot.doveadm, ("kick", user))
    cut.start()
    with pytest.raises(MailboxError, match="closed the connection"):
        mailbox.wait(60, never)
    cut.join()
    mailbox.close()


class Swallowing:
    """A way to a server that at some moment carries nothing any more, and says nothing about it."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._server_port = port
        self.dead = threading.Event()
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._server_port))
            self._sockets += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                if not self.dead.is_set():
                    other.sendall(data)
        except OSError:
            return

    def close(self) -> None:
        for one in [self._listener, *self._sockets]:
            one.close()


@pytest.fixture
def swallowing(dovecot: Dovecot) -> Iterator[Swallowing]:
    made = Swallowing(dovecot.imap_port)
    yield made
    made.close()


def test_a_connection_that_dies_without_a_word_ends_with_the_renewal(dovecot: Dovecot, swallowing: Swallowing) -> None:
    mailbox = opened(dovecot, dovecot.user(), port=swallowing.port, deadline_s=1.0)
    swallowing.dead.set()
    with pytest.raises(MailboxError, match=r"within 1 s"):
        mailbox.wait(0.5, never)
    mailbox.close()


def test_a_watch_connects_again_and_tells_of_each_trouble_once(dovecot: Dovecot) -> None:
    user = dovecot.user()
    woken: list[float] = []
    said: list[str] = []
    over = threading.Event()
    attempts = 0

    def make() -> Any:
        nonlocal attempts
        attempts += 1
        return ImapMailbox(Settings(user, dovecot.imap_port), lambda: Password(dovecot.password))

    watch = Watch(make, "INBOX", lambda: woken.append(time.monotonic()), over, said.append, renew_seconds=0.3)
    watch.start()
    until(lambda: len(woken) == 1)  # what came while nobody listened
    dovecot.deliver(user, MAIL)
    until(lambda: len(woken) == 2)
    dovecot.doveadm("kick", user)
    until(lambda: len(woken) == 3)
    dovecot.deliver(user, MAIL)
    until(lambda: len(woken) == 4)
    over.set()
    watch.join(20)
    assert not watch.is_alive()
    assert attempts == 2
    assert len(said) == 1
    assert said[0].endswith("meanwhile new mail is found by polling")


def until(ready: Callable[[], bool]) -> None:
    wait_for(ready, "the watch")


def test_exchange_lets_in_and_opens_nothing() -> None:
    error = imaplib.IMAP4.error("EXAMINE command error: BAD [b'User is authenticated but not connected.']")
    assert why_not(error).startswith("the application may not open this mailbox: check New-ServicePrincipal")
    assert why_not(imaplib.IMAP4.error("no")) == "the server refuses"
