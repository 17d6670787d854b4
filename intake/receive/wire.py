"""imapclient on connections of ours: dialled under a deadline, TLS without compromise, no trace of mail in any log."""

from __future__ import annotations

import contextlib
import imaplib
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any, Protocol

import imapclient
from imapclient.exceptions import LoginError, ProtocolError
from imapclient.imapclient import _parse_untagged_response as parse_untagged

from intake import tls
from intake.deadline import Deadline, dial
from intake.greeting import expect_words
from intake.receive.trouble import RefusedError, response_code
from intake.tls import Endpoint

__all__ = ["Client", "LoginError", "Settings", "connect", "is_answer"]

LITERAL_SLACK = 1 << 20  # what a literal may exceed the largest expected mail by, before it counts as nonsense


class Settings(Endpoint, Protocol):
    """What a connection needs to know of a ``[[mailbox]]``."""

    @property
    def name(self) -> str:
        """As people call the mailbox."""

    @property
    def max_size(self) -> int:
        """Bytes of the largest mail that is fetched whole."""


def connect(settings: Settings, deadline: Deadline) -> Client:
    """Connect and secure the connection; the caller times it. Nothing is sent in the clear but STARTTLS itself.

    Raises UnsafeError and, where the server's offer is not enough, RefusedError; otherwise what the libraries raise.
    """
    # imapclient logs commands and answers at DEBUG and what it can't decode at WARNING: mail, that is.
    logging.getLogger("imapclient").setLevel(logging.ERROR)
    context = tls.context(settings)
    client = Client(lambda: _Imap(settings, context, deadline), settings, deadline.seconds)
    try:
        client.expect_no_login()
        if settings.security == "starttls":
            _start_tls(client, context)
    except BaseException:
        with contextlib.suppress(OSError):  # a handshake that failed has closed it already
            client.shutdown()
        raise
    return client


def is_answer(error: BaseException) -> bool:
    """Whether this is the server's NO or BAD, after which the two sides still understand each other."""
    if isinstance(error, imaplib.IMAP4.readonly):
        return True
    if not isinstance(error, imaplib.IMAP4.error) or isinstance(error, imaplib.IMAP4.abort | ProtocolError):
        return False
    return "got more than" not in str(error)  # imaplib's own limit: the rest of that line is still to come


class _Imap(imaplib.IMAP4):
    """imaplib, with a connection that is ours, and a memory that is not."""

    def __init__(self, settings: Settings, context: ssl.SSLContext | None, deadline: Deadline) -> None:
        self._settings, self._context, self._deadline = settings, context, deadline
        super().__init__(settings.host, settings.port)

    def _create_socket(self, timeout: float | None) -> socket.socket:  # noqa: ARG002 - the deadline is the timeout
        connection = dial(self._settings.host, self._settings.port, self._deadline.seconds)
        try:
            self._deadline.guard(connection)
            if self._settings.security == "none":
                tls.expect_loopback(connection)
            if self._settings.security == "tls" and self._context is not None:
                return self._context.wrap_socket(connection, server_hostname=self._settings.host)
            expect_words(connection, self._settings)
        except BaseException:
            connection.close()
            raise
        return connection

    def read(self, size: int) -> bytes:
        """Read a literal, unless it is beyond anything that was asked for: Python would reserve its size at once."""
        if size > self._settings.max_size + LITERAL_SLACK:
            raise self.abort("unexpected size of a literal")
        return super().read(size)

    def _log(self, line: str) -> None:
        """Keep nothing: imaplib would hold the last lines for its debug output, the log-in among them."""


class Client(imapclient.IMAPClient):  # type: ignore[misc]  # the library has no types
    """imapclient with aware times."""

    def __init__(self, make: Callable[[], imaplib.IMAP4], settings: Settings, seconds: float) -> None:
        self._make = make
        super().__init__(settings.host, settings.port, ssl=settings.security == "tls", timeout=seconds)
        self._imap.debug = 0  # imapclient sets 5, which formats every mail for a log, wanted or not
        self.normalise_times = False

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802 - the library's name
        return self._make()

    def expect_no_login(self) -> None:
        """Turn away from a greeting of PREAUTH: log-in, and so STARTTLS, would not be possible any more."""
        if self._imap.state != "NONAUTH":
            raise RefusedError("the server says that we are logged in before we are: check host and port")

    def idle_check(self, timeout: float | None = None) -> list[Any]:
        """What the server tells while it idles, in whole lines; nothing when it has closed the connection.

        The library's own gives up the connection where a line comes in two pieces.
        """
        told: list[Any] = []
        if not self._has_more() and not self._poll_socket(self.socket(), timeout):
            return told
        while True:
            try:
                line = self._imap._get_line()  # noqa: SLF001 - as the library's own does
            except imaplib.IMAP4.abort as error:
                if "EOF" in str(error):
                    return told
                raise
            told.append(parse_untagged(line))
            if not self._has_more():
                return told

    def _has_more(self) -> bool:
        """Whether more has arrived already."""
        connection = self.socket()
        connection.settimeout(0.0)
        try:
            return bool(self._imap.file.peek(1))
        except OSError:  # there is less than one TLS record
            return False
        finally:
            self._set_read_timeout()

    def take(self, code: str) -> list[bytes]:
        """The data of a response code such as COPYUID since it was last taken."""
        _, found = self._imap.response(code)
        return [one for one in found if isinstance(one, bytes)]

    def copy_and_tell(self, uids: str, folder: str) -> list[bytes]:
        """COPY, and the COPYUIDs (RFC 4315, 3) that the server answered with."""
        self.take("COPYUID")
        self.copy(uids, folder)
        return self.take("COPYUID")

    def levels(self) -> Any:
        """What LIST tells when no name is asked for: the separator of levels (RFC 9051, 6.3.9), or None."""
        told = self.list_folders("", "")
        return told[0][1] if told else None


def _start_tls(client: Client, context: ssl.SSLContext | None) -> None:
    if not client.has_capability("STARTTLS"):
        raise RefusedError('the server does not offer STARTTLS: use security = "tls", or find out who strips it')
    try:
        client.starttls(context)
    except imaplib.IMAP4.error as error:
        if not is_answer(error):
            raise
        raise RefusedError('the server refuses STARTTLS: use security = "tls"', response_code(error)) from error
