"""One SMTP connection: dialled under a deadline, TLS without compromise, log-in, commands and their replies."""

from __future__ import annotations

import base64
import contextlib
import smtplib
import socket
import ssl
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from intake import tls
from intake.deadline import Deadline, dial
from intake.deliver.replies import Reply, described, parse
from intake.greeting import expect_words
from intake.tls import Endpoint, UnsafeError

LONGEST_GOODBYE_S = 5.0
MOST_LINES = 128  # of one reply; a server that sends more is not talking to us


class Secret(Protocol):
    """A password or a token."""

    @property
    def text(self) -> str:
        """The secret."""


class LostError(Exception):
    """The connection broke, ran out of time or turned to nonsense; the text says so, and what to do."""


class RefusedError(Exception):
    """The server can't be used as configured; the text says what to change. ``permanent``: later won't help.

    ``login`` says that user and secret were refused, and nothing else.
    """

    def __init__(self, what: str, *, permanent: bool, login: bool = False) -> None:
        super().__init__(what)
        self.permanent, self.login = permanent, login


class _Smtp(smtplib.SMTP):
    """smtplib, on a socket of ours, with replies as they came and no more of them than is sane."""

    def read_reply(self) -> Reply:
        """One reply. Raises OSError (SMTPException is one) when the connection ends within it."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        if self.file is None:
            self.file = self.sock.makefile("rb")
        lines: list[bytes] = []
        while True:
            line = self.file.readline(2049)  # RFC 5321, 4.5.3.1.5: 512; some servers say more
            if not line.endswith(b"\n"):
                raise smtplib.SMTPServerDisconnected("end of file")
            lines.append(line.rstrip(b"\r\n"))
            if line[3:4] != b"-":
                return parse(lines)
            if len(lines) > MOST_LINES:
                return Reply(0, ())

    def write(self, octets: bytes) -> None:
        """All of it. Raises OSError when not all of it could be handed to this machine's network."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        self.sock.sendall(octets)

    def getreply(self) -> tuple[int, bytes]:
        """As smtplib has it, from ``read_reply``; used by its own EHLO and STARTTLS."""
        reply = self.read_reply()
        if not reply.code:
            raise smtplib.SMTPServerDisconnected("nonsense")
        return reply.code, "\n".join(reply.lines).encode("utf-8", "replace")


class Session:
    """A connection that can be opened again. One thread at a time. ``sent`` counts its messages."""

    def __init__(self, settings: Endpoint, helo: str, seconds: float) -> None:
        self._settings, self._helo = settings, helo
        self._deadline = Deadline(seconds)
        self._smtp: _Smtp | None = None
        self.sent = self.refused = 0

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as one can know."""
        return self._smtp is not None

    def offers(self, extension: str) -> bool:
        """Whether the server's EHLO named this extension (lower case)."""
        return self._smtp is not None and self._smtp.has_extn(extension)

    @property
    def largest(self) -> int:
        """Octets of the largest message the server takes (RFC 1870); 0 when it does not say."""
        said = self._smtp.esmtp_features.get("size", "") if self._smtp else ""
        return int(said) if said.isdigit() else 0

    def open(self, secret: Secret | None) -> None:
        """Connect, secure the connection, log in: within the deadline in all. Raises RefusedError, LostError."""
        self.drop()
        with self._deadline.step():
            try:
                self._connect()
                if secret is not None:
                    self._log_in(secret)
            except (OSError, ValueError) as error:  # SMTPException is an OSError; UnicodeError a ValueError
                self.drop()
                if self._deadline.expired or isinstance(error, TimeoutError):
                    raise LostError(self._too_slow(self._deadline.seconds)) from error
                raise _explained(error, self._settings) from error
            except UnsafeError as error:
                self.drop()
                raise RefusedError(str(error), permanent=True) from error
            except RefusedError:
                self.drop()
                raise
        self.sent = self.refused = 0

    def ask(self, *commands: str, utf8: bool = False) -> list[Reply]:
        """Send commands in one write (RFC 2920, if more than one) and read the reply to each. Raises LostError.

        The replies end with a 421, after which the server hangs up.
        """
        with self._doing(self._deadline.seconds) as smtp:
            smtp.write("".join(f"{command}\r\n" for command in commands).encode("utf-8" if utf8 else "ascii"))
            replies: list[Reply] = []
            while len(replies) < len(commands) and not (replies and replies[-1].closing):
                replies.append(self._sane(smtp.read_reply()))
            return replies

    def pour(self, content: Iterable[bytes], seconds: float) -> Reply | None:
        """Send the content of DATA. A reply means that the server would not wait for the end of it."""
        with self._doing(seconds) as smtp:
            try:
                for piece in content:
                    smtp.write(piece)
            except OSError:
                if self._deadline.expired:
                    raise
                return self._sane(smtp.read_reply())  # what it said before it hung up
        return None

    def dot(self) -> None:
        """End the content. Raises LostError if the dot can't have left this machine."""
        with self._doing(self._deadline.seconds) as smtp:
            smtp.write(b".\r\n")

    def verdict(self, seconds: float) -> Reply:
        """The reply to the whole message. After LostError nobody knows what became of it."""
        with self._doing(seconds) as smtp:
            return self._sane(smtp.read_reply())

    def close(self) -> None:
        """QUIT if that is quick, else drop the connection. Never raises."""
        if self._smtp is not None:
            with contextlib.suppress(LostError), self._doing(LONGEST_GOODBYE_S) as smtp:
                smtp.write(b"QUIT\r\n")
                smtp.read_reply()
        self.drop()

    def drop(self) -> None:
        """Close the connection without a word. Never raises."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            with contextlib.suppress(OSError):
                smtp.close()
        self._deadline.forget()

    @contextlib.contextmanager
    def _doing(self, seconds: float) -> Iterator[_Smtp]:
        """Something on the connection, ``seconds`` long at most; it is dropped when that fails."""
        if self._smtp is None:
            raise LostError("not connected")
        with self._deadline.step(seconds):
            try:
                yield self._smtp
            except OSError as error:
                self.drop()
                cut = self._deadline.expired or isinstance(error, TimeoutError)
                what = self._too_slow(seconds) if cut else "the server closed the connection: it is tried again"
                raise LostError(what) from error

    def _sane(self, reply: Reply) -> Reply:
        if not reply.code:
            raise smtplib.SMTPServerDisconnected("nonsense")
        return reply

    def _too_slow(self, seconds: float) -> str:
        return f"the server did not finish within {seconds:g} s: check host, port, firewall and the server's health"

    def _connect(self) -> None:
        settings = self._settings
        context = tls.context(settings)
        connection: socket.socket = dial(settings.host, settings.port, self._deadline.seconds)
        smtp = self._smtp = _Smtp(local_hostname=self._helo, timeout=self._deadline.seconds)
        smtp._host = settings.host  # type: ignore[attr-defined]  # noqa: SLF001 - the name that STARTTLS verifies
        smtp.sock = connection
        self._deadline.guard(connection)
        if settings.security == "none":
            tls.expect_loopback(connection)
        if settings.security == "tls" and context is not None:
            smtp.sock = context.wrap_socket(connection, server_hostname=settings.host)
        else:
            expect_words(connection, settings)
        greeting = smtp.read_reply()
        if greeting.code != 220:
            raise RefusedError(_turned_away("it greets us with", greeting), permanent=False)
        self._hello(smtp)
        if settings.security == "starttls":
            self._start_tls(smtp, context)
            self._hello(smtp)

    def _hello(self, smtp: _Smtp) -> None:
        code, _ = smtp.ehlo()
        if not 200 <= code < 300:
            smtp.esmtp_features = {}
            code, said = smtp.helo()
            if not 200 <= code < 300:
                raise RefusedError(
                    _turned_away("it answers HELO with", parse([b"%03d " % code + said])), permanent=False
                )

    def _start_tls(self, smtp: _Smtp, context: ssl.SSLContext | None) -> None:
        if not smtp.has_extn("starttls"):
            raise RefusedError(
                'the server does not offer STARTTLS: use security = "tls", or find out who strips it', permanent=True
            )
        try:
            smtp.starttls(context=context)
        except smtplib.SMTPResponseException as error:
            raise RefusedError(
                f'the server refuses STARTTLS ({error.smtp_code}): use security = "tls"',
                permanent=error.smtp_code >= 500,
            ) from error

    def _log_in(self, secret: Secret) -> None:
        smtp, settings = self._smtp, self._settings
        if smtp is None:
            raise LostError("not connected")
        offered = smtp.esmtp_features.get("auth", "").upper().replace("=", " ").split()
        if not offered:
            raise RefusedError(
                'the server offers no log-in here: check port and security, or set auth = "none"', permanent=True
            )
        for mechanism, answers in _mechanisms(settings.user, secret.text, token=settings.auth != "password"):
            if mechanism in offered:
                reply = self._authenticate(smtp, mechanism, answers)
                break
        else:
            raise RefusedError(
                f"the server offers no log-in that we know (it has {', '.join(offered[:8])})", permanent=True
            )
        if not reply.ok:
            hint = _what_to_do(reply, token=settings.auth != "password")
            what = f"the log-in is refused ({described(reply, settings.user)}): {hint}"
            raise RefusedError(what, permanent=reply.permanent, login=reply.permanent)

    def _authenticate(self, smtp: _Smtp, mechanism: str, answers: Sequence[bytes]) -> Reply:
        """RFC 4954, 4: the first answer goes with the command where the mechanism begins with the client."""
        waiting = [base64.b64encode(answer).decode("ascii") for answer in answers]
        command = f"AUTH {mechanism}"
        if mechanism != "LOGIN":
            command = f"{command} {waiting.pop(0)}"
        if len(command) > 500 and mechanism != "LOGIN":  # RFC 4954, 4: a long one waits for the server's word
            command, first = command.rsplit(" ", 1)
            waiting.insert(0, first)
        reply = self._say(smtp, command)
        while reply.code == 334:
            # With nothing left to say this is an error that the server spells out (XOAUTH2): an empty line ends it.
            reply = self._say(smtp, waiting.pop(0) if waiting else "")
        return reply

    def _say(self, smtp: _Smtp, line: str) -> Reply:
        smtp.write(line.encode("ascii") + b"\r\n")
        return self._sane(smtp.read_reply())


def _what_to_do(reply: Reply, *, token: bool) -> str:
    """About a log-in that was refused."""
    if "SmtpClientAuthentication is disabled" in reply.text:
        return 'allow SMTP AUTH for this mailbox, or set transport = "graph"'
    if reply.temporary:
        return "it is tried again"
    if token:
        return "the server does not accept the token: check user, and the rights that the token carries"
    if "basic authentication" in reply.text.lower():
        return 'the server takes no passwords any more: use auth = "microsoft"'
    return "check user and password; some providers want an app password"


def _mechanisms(user: str, secret: str, *, token: bool) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    """Ways to log in with what the client says, best first: RFC 4616, RFC 7628, and two that never became one."""
    name, word = user.encode("utf-8"), secret.encode("utf-8")
    if token:
        yield "XOAUTH2", (b"user=" + name + b"\x01auth=Bearer " + word + b"\x01\x01",)
        escaped = name.replace(b"=", b"=3D").replace(b",", b"=2C")
        yield "OAUTHBEARER", (b"n,a=" + escaped + b",\x01auth=Bearer " + word + b"\x01\x01",)
    else:
        yield "PLAIN", (b"\0" + name + b"\0" + word,)
        yield "LOGIN", (name, word)


def _turned_away(how: str, reply: Reply) -> str:
    return f"the server turns us away, {how} {described(reply)}: if this stays, ask whoever runs it"


def _explained(error: Exception, endpoint: Endpoint) -> RefusedError | LostError:
    """Why there is no connection, in words for whoever runs it."""
    if isinstance(error, ssl.SSLError):
        return RefusedError(
            tls.explained(error, endpoint.host, 'port 465 with security = "tls", or port 587 with "starttls"'),
            permanent=isinstance(error, ssl.SSLCertVerificationError),
        )
    if isinstance(error, socket.gaierror | UnicodeError):
        return RefusedError("host name not found: check host, and the name server of this machine", permanent=False)
    if isinstance(error, ConnectionRefusedError):
        return RefusedError("connection refused, nothing listens there: check host and port", permanent=False)
    if isinstance(error, smtplib.SMTPException | ConnectionError):
        return LostError("the server hung up, or does not speak SMTP: check host, port and security")
    reason = getattr(error, "strerror", None) or type(error).__name__
    return LostError(f"{reason}: check host, port and the network")
