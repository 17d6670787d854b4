"""A community without a mailbox, and all that reaches one of its organizers: for days that are lived twice."""

from __future__ import annotations

import email
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from intake import app
from intake.config import load
from intake.edge import Clock
from intake.model import Arrival, Failed, MailRef, Outgoing, RawMail, Result, Sent
from intake.steps.bounces import take_back
from intake.steps.parts import Parts
from intake.steps.reports import PassReport
from intake.steps.understand import understand
from intake.steps.whole import settle

ANN, BOB, CARL, DORA = (f"{name}@example.org" for name in ("ann", "bob", "carl", "dora"))
BOB_AT_HOME, BOB_TAGGED = "bob@home.example", "Bob+x@example.org"
HELP, RITA, KEEPER = "help@azug.example", "rita@example.com", "keeper@example.net"
GUESS = "<0123456789abcdef0123456789abcdef@azug.example>"
FRIDAY = datetime(2026, 4, 17, 9, 0, tzinfo=UTC)
CONFIG = f"""
[community]
name = "Azure User Group Belgium"
short_name = "AZUG"
address = "{HELP}"
[[mailbox]]
name = "help"
host = "imap.example.org"
user = "help"
password_env = "P"
[smtp]
host = "smtp.example.org"
user = "help"
password_env = "P"
[[organizer]]
name = "Ann Example"
email = "{ANN}"
notify = ["json://ann"]
[[organizer]]
name = "Bob Builder"
email = "{BOB}"
notify = ["json://bob"]
also_known_as = ["bob@home.example"]
[[organizer]]
name = "Carl Cox"
email = "{CARL}"
content = "notice"
[[organizer]]
name = "Dora Vries"
email = "{DORA}"
content = "encrypted"
pgp_key = "gone.asc"
[fallback]
minimum = 1
name = "Board"
email = "board@example.net"
[alarm]
email = "{KEEPER}"
[acknowledgement]
per_sender_per_day = 2
per_domain_per_day = 2
per_day = 3
[digest]
schedule = "daily 08:00"
"""

# How a report names Bob, wherever in the mail.


class Collects:
    """A way out that keeps what it is given; it refuses ``refused`` by recipient, in cases that Bob has nothing of."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.refused: frozenset[str] = frozenset()
        self.permanent = True

    def send(self, outgoing: Outgoing) -> Result:
        if outgoing.recipient.lower() in self.refused:
            return Failed(permanent=self.permanent, reason="no such user")
        self.sent.append(outgoing)
        return Sent("250 ok")

    def may_send(self, ahead: int = 0) -> float:
        return 0.0

    def check(self) -> None:
        """Always well."""

    def close(self) -> None:
        """Nothing to close."""


class Society:
    """A community without a mailbox: mails are handed over as they are."""

    def __init__(self, folder: Path, digest: str = "") -> None:
        (folder / "config.toml").write_text(CONFIG + digest)
        (folder / "config.toml").chmod(0o600)  # addresses of calls are secrets
        (folder / "gone.asc").write_text("no key")
        self.now = FRIDAY
        self.way_out = Collects()
        self.calls: list[tuple[str, str, str]] = []
        built = app.build(load(folder / "config.toml"), app.Outside(clock=Clock(lambda: self.now)))
        self.parts: Parts = replace(built, transport=lambda: self.way_out, notify=self.notify, connections=1)
        self.uid = 0

    def notify(self, urls: Sequence[str], title: str, body: str) -> str:
        self.calls.append((urls[0], title, body))
        return ""

    def mail(self, sender: str, text: str, refers: str = "", subject: str = "Code-of-conduct", more: str = "") -> str:
        """Somebody writes; the Message-ID, which is the same for the same sender and words."""
        token = f"<m{abs(hash((sender, text, subject, self.now)))}@x.example>"
        head = f"From: {sender}\r\nTo: {HELP}\r\nSubject: {subject}\r\nMessage-ID: {token}\r\n"
        head += f"In-Reply-To: {refers}\r\nReferences: {refers}\r\n" if refers else ""
        self.raw((head + (more or "Content-Type: text/plain; charset=utf-8\r\n\r\n") + text + "\r\n").encode())
        return token

    def raw(self, body: bytes) -> None:
        self.uid += 1
        raw = RawMail(MailRef("help", "INBOX", 1, self.uid), self.now, len(body), body)
        mail, verdict = understand(self.parts, body, self.now, raw)
        planner, now = self.parts.planner(), self.now
        arrival = Arrival(raw, mail, verdict)
        take_back(self.parts, [arrival])
        self.parts.ledger.accept([arrival], lambda a, h: planner(a, h, now), now)
        settle(self.parts, PassReport())

    def later(self, hours: float) -> None:
        self.now += timedelta(hours=hours)
        settle(self.parts, PassReport())

    def last(self, recipient: str, code: str = "") -> str:
        """The Message-ID of the newest message to somebody (about a case)."""
        for one in reversed(self.way_out.sent):
            if one.recipient.lower() == recipient and code.encode() in one.content:
                return str(email.message_from_bytes(one.content)["Message-ID"])
        return GUESS

    def told(self, *recipients: str) -> list[bytes]:
        """All that reached Bob at these addresses, by mail and by call, in order."""
        mails = [_same(m.content) for m in self.way_out.sent if m.recipient.lower() in recipients]
        calls = [" ".join(call).encode() for call in self.calls if call[0] == "json://bob"]
        return [*mails, *calls]


def _same(content: bytes) -> bytes:
    """A message, its parts decoded, without what is random in every one, the codes of other cases included."""
    message = email.message_from_bytes(content)
    parts = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
    content = content.partition(b"\r\n\r\n")[0] + b"\r\n" + b"\r\n".join(p for p in parts if isinstance(p, bytes))
    content = re.sub(
        rb"(?im)^(message-id|in-reply-to|references|thread-index|x-intake-id):.*\r\n(?:[ \t].*\r\n)*", b"", content
    )
    content = re.sub(rb"AZUG-[0-9A-Z]{6}", b"AZUG-######", content)
    return re.sub(rb"=_[0-9a-f]+|[0-9a-f]{32}(?:@|%40|=40)", b"=_", content)
