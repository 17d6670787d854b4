"""The way out by SMTP (RFC 5321): what ``intake.ports.Transport`` promises, on a connection that is kept.

==========================================  =========================================================
what happens                                what it means
==========================================  =========================================================
2yz after the last dot                      Sent; the reply's last line is the receipt
the connection breaks after the last dot    Unknown: it may have been taken
4yz anywhere, or it breaks before the dot   Failed, for now
5yz at RCPT TO or after the dot             Failed for good; 552 and its like: too large
5yz to the greeting, the log-in, MAIL FROM  Failed, for now: somebody has to change the configuration
5yz anywhere that is about our own mailbox  the same: its quota, its right to send as this address
==========================================  =========================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from intake.deliver import envelope
from intake.deliver.pace import Pace
from intake.deliver.replies import Reply, described, redact
from intake.deliver.session import LostError, RefusedError, Secret, Session
from intake.errors import DeliveryError, IntakeError
from intake.model import Failed, Outgoing, Result, Sent, Unknown
from intake.tls import Endpoint

DEADLINE_S = 60.0
SLOWEST_BYTES_S = 100_000  # a line that carries less than this in a second is given up on
LONGEST_TRANSFER_S = 420.0  # with connecting and commands still within the lease of a claimed delivery
MOST_PER_CONNECTION = 100  # some servers refuse more, some only queue
MOST_REFUSALS = 3  # on one connection: servers answer ever more slowly there (Postfix after ten errors, by seconds)
AT_ONCE = 64 << 10  # bytes of content that are not worth a second write for their dot
IDLE_S = 30.0  # a connection that has rested longer is not trusted


@dataclass(frozen=True, slots=True)
class _Message:
    """Checked, and in the form that goes over the wire; ``secrets`` must not show in any text."""

    sender: str
    recipient: str
    content: tuple[bytes, ...]
    size: int
    utf8: bool
    eight_bit: bool
    secrets: tuple[str, ...]


class _StaleError(Exception):
    """A connection that had been used before turned out to be at its end; nothing has been handed over."""


class SmtpTransport:
    """Sends one message at a time over one connection, opened when it is first needed.

    ``credential`` is asked at every log-in, so that a token may be fresh; ``helo`` is the name that EHLO gives.
    ``deadline_s`` bounds each step: opening, the commands before the content, and (with the time that its size
    needs) the content. ``monotonic`` gives seconds. Connections to one server share one ``pace``.
    """

    def __init__(
        self,
        settings: Endpoint,
        credential: Callable[[], Secret | None],
        *,
        helo: str,
        max_per_minute: int,
        monotonic: Callable[[], float],
        deadline_s: float = DEADLINE_S,
        pace: Pace | None = None,
    ) -> None:
        self._settings = settings
        self._credential = credential
        self._monotonic = monotonic
        self._deadline_s = deadline_s
        self._session = Session(settings, _hello_name(helo), deadline_s)
        self._pace = pace or Pace(max_per_minute, monotonic)
        self._used = 0.0

    def may_send(self, ahead: int = 0) -> float:
        """Seconds until one more message may go under the rate limit, after ``ahead`` others; 0: it may go now."""
        return self._pace.wait(ahead)

    def send(self, outgoing: Outgoing) -> Result:
        """Hand one message over; the rate limit is the caller's to keep, by ``may_send``."""
        try:
            message = _checked(outgoing)
        except envelope.BadAddressError as error:
            return Failed(permanent=True, reason=f"the recipient's address can't be used: {error}")
        if self._session.is_open and self._tired():
            self._session.close()
        try:
            return self._attempt(message)
        except _StaleError:
            self._session.drop()
        try:
            return self._attempt(message)
        except _StaleError as error:  # not on a new connection
            return Failed(permanent=False, reason=str(error))

    def check(self) -> None:
        """Connect and log in without sending. Raises DeliveryError, or ConfigError when there is no secret."""
        try:
            self._open(self._credential())
        except RefusedError as error:
            raise DeliveryError(self._where(str(error)), permanent=error.permanent) from error
        except LostError as error:
            raise DeliveryError(self._where(str(error)), permanent=False) from error

    def close(self) -> None:
        """Say goodbye. Never raises."""
        self._session.close()

    def _open(self, secret: Secret | None) -> None:
        """Log in; once more with a new token where the server refuses one that has been used before."""
        try:
            self._session.open(secret)
        except RefusedError as error:
            renew = getattr(secret, "renew", None)
            if renew is None or not error.login:
                raise
            self._session.open(renew())

    def _tired(self) -> bool:
        session = self._session
        worn = session.sent >= MOST_PER_CONNECTION or session.refused >= MOST_REFUSALS
        return worn or self._monotonic() - self._used > IDLE_S

    def _where(self, what: str) -> str:
        return f"{self._settings.host}:{self._settings.port}: {what}"

    def _attempt(self, message: _Message) -> Result:
        if not self._session.is_open:
            try:
                self.check()
            except IntakeError as error:
                return Failed(permanent=False, reason=str(error), way_out=True)
            self._used = self._monotonic()
        impossible = self._impossible(message)
        if impossible:
            return impossible
        self._pace.count()
        try:
            refused = self._open_envelope(message)
            if refused:
                return refused
        except LostError as error:
            if self._session.sent:
                raise _StaleError(self._where(str(error))) from error
            return Failed(permanent=False, reason=self._where(str(error)))
        return self._hand_over(message)

    def _impossible(self, message: _Message) -> Failed | None:
        """What the server's own words rule out, before anything is sent."""
        if message.utf8 and not self._session.offers("smtputf8"):
            what = "the address has letters beyond ASCII, and the server does not offer SMTPUTF8"
            return Failed(permanent=True, reason=self._where(what))
        largest = self._session.largest
        if largest and message.size > largest:
            what = f"the message has {message.size} bytes, and the server takes {largest}"
            return Failed(permanent=True, reason=self._where(what), size=True)
        return None

    def _open_envelope(self, message: _Message) -> Failed | None:
        """MAIL FROM, RCPT TO and DATA; in one write where the server allows it (RFC 2920)."""
        commands = (self._mail(message), f"RCPT TO:<{message.recipient}>", "DATA")
        if self._session.offers("pipelining"):
            replies = self._session.ask(*commands, utf8=message.utf8)
        else:
            replies = []
            for command in commands:
                replies += self._session.ask(command, utf8=message.utf8)
                if not (replies[-1].ok or replies[-1].code == 354):
                    break
        for stage, reply in zip(("MAIL FROM", "RCPT TO", "DATA"), replies, strict=False):
            good = reply.code == 354 if stage == "DATA" else reply.ok
            if not good:
                self._abandon(replies)
                return self._refused(stage, reply, message)
        return None

    def _mail(self, message: _Message) -> str:
        words = [f"MAIL FROM:<{message.sender}>"]
        if self._session.offers("size"):
            words.append(f"SIZE={message.size}")
        if message.eight_bit and self._session.offers("8bitmime"):
            words.append("BODY=8BITMIME")  # without the offer it goes as it is: a report in a strange form beats none
        if message.utf8:
            words.append("SMTPUTF8")
        return " ".join(words)

    def _abandon(self, replies: list[Reply]) -> None:
        """Leave a refused transaction so that the next can begin."""
        self._session.refused += 1
        if any(reply.closing for reply in replies):
            self._session.drop()
            return
        try:
            if len(replies) == 3 and replies[-1].code == 354:  # DATA was let through all the same: RFC 2920, 3.1
                self._session.dot()
                self._session.verdict(self._deadline_s)
            self._session.ask("RSET")
        except LostError:
            return  # the next message opens a new connection

    def _refused(self, stage: str, reply: Reply, message: _Message) -> Failed:
        reason = self._where(f"{stage}: {described(reply, *message.secrets)}")
        if reply.wants_new_connection and self._session.sent:
            raise _StaleError(reason)
        if reply.about_size:
            return Failed(permanent=True, reason=reason, size=True)
        if stage == "MAIL FROM" and reply.permanent and not reply.about_access:
            hint = "the server refuses our sender address; check user and the address of the community"
            if not message.sender:
                hint = 'the server refuses the null sender; set envelope_sender = "community" in [smtp]'
            return Failed(permanent=False, reason=f"{reason}: {hint}")
        if reply.about_access:
            hint = "the server does not let us send; check user, password, port and auth"
            return Failed(permanent=False, reason=f"{reason}: {hint}", way_out=True)
        if reply.about_us:
            return _for_the_operator(reason)
        return Failed(permanent=reply.permanent, reason=reason)

    def _hand_over(self, message: _Message) -> Result:
        session = self._session
        reply = self._pour(message)
        if not isinstance(reply, Reply):
            return reply
        self._used = self._monotonic()
        if reply.ok:
            session.sent += 1
            return Sent(redact(f"{reply.code} {reply.text}", *message.secrets))
        if not (reply.temporary or reply.permanent):
            session.drop()
            return Unknown(self._where(f"after the whole message: {described(reply, *message.secrets)}"))
        self._abandon([reply])  # Postfix, for one, still has the envelope open after it refused the content
        if reply.wants_new_connection:
            session.close()
        reason = self._where(f"after the message: {described(reply, *message.secrets)}")
        if reply.about_us:
            return _for_the_operator(reason)
        return Failed(permanent=reply.permanent, reason=reason, size=reply.about_size)

    def _pour(self, message: _Message) -> Reply | Result:
        """The content; what the server says of it, or why that is not known."""
        session = self._session
        seconds = min(self._deadline_s + message.size / SLOWEST_BYTES_S, max(LONGEST_TRANSFER_S, self._deadline_s))
        try:
            # The dot leaves with the last octets or, should writing fail, not at all: either way it is known.
            at_once = message.size <= AT_ONCE
            early = session.pour([b"".join((*message.content, b".\r\n"))] if at_once else message.content, seconds)
            if early is None and not at_once:
                session.dot()
        except LostError as error:
            return Failed(permanent=False, reason=self._where(f"in the middle of the message: {error}"))
        if early is not None:
            session.drop()
            said = described(early, *message.secrets)
            return Unknown(self._where(f"in the middle of the message: {said}")) if early.ok else early
        try:
            return session.verdict(seconds)
        except LostError as error:
            return Unknown(self._where(f"after the whole message, without an answer: {error}"))


def _for_the_operator(reason: str) -> Failed:
    hint = "the server does not let this mailbox send; look at its quota, its size and its right to the From"
    return Failed(permanent=False, reason=f"{reason}: {hint}", way_out=True)


def _checked(outgoing: Outgoing) -> _Message:
    """Raises BadAddressError, about the recipient as a rule: the sender is nobody or the configured address."""
    recipient = envelope.path(outgoing.recipient)
    sender = envelope.path(outgoing.sender) if outgoing.sender else None
    local, _, domain = outgoing.recipient.rpartition("@")
    content = envelope.wire_of(outgoing)
    return _Message(
        sender=sender.text if sender else "",
        recipient=recipient.text,
        content=content,
        size=sum(map(len, content)),
        utf8=recipient.beyond_ascii or (sender is not None and sender.beyond_ascii),
        eight_bit=envelope.is_8bit(content),
        secrets=(local.strip('"'), domain, recipient.text.rpartition("@")[2]),
    )


def _hello_name(name: str) -> str:
    """A name that EHLO can carry; RFC 5321, 4.1.4 wants one even from a machine that has none."""
    try:
        return envelope.path(f"postmaster@{name}").text.rpartition("@")[2]
    except envelope.BadAddressError:
        return "localhost"
