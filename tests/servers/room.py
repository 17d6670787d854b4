"""Five organizers, a fallback and a reporter around a real mailbox: what each of them is sent, and what they send.

The passes run in this process, so that the clock can be set; mail comes in by LMTP and goes out by SMTP.
"""

from __future__ import annotations

import email
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import Message
from pathlib import Path

from intake import app
from intake.config import load
from intake.edge import Clock
from intake.steps.parts import Parts, PassReport
from intake.steps.whole import one_pass

from .base import ImapServer
from .databases import ledger_of
from .smtp import Aiosmtpd

COMMUNITY = "help@azug.example"
REPORTER = "rita@example.com"
NUMBERS = itertools.count(1)

CONFIG = """
[community]
name = "Azure User Group"
short_name = "AZUG"
address = "{community}"
languages = ["en", "nl", "fr"]
timezone = "Europe/Brussels"
[[mailbox]]
name = "help"
host = "{imap_host}"
port = {imap_port}
security = "{imap_security}"
ca_file = "{imap_ca}"
user = "{user}"
password_file = "pw"
folders = ["INBOX"]
start = "all"
[ledger]
url = "{ledger}"
[smtp]
host = "{smtp_host}"
port = {smtp_port}
security = "none"
auth = "none"
max_per_minute = 100000
"""


@dataclass
class Mail:
    """A message that somebody was sent."""

    to: str
    content: bytes = field(repr=False)

    @property
    def message(self) -> Message:
        return email.message_from_bytes(self.content)

    @property
    def kind(self) -> str:
        return str(self.message["X-Intake-Kind"])

    @property
    def token(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def code(self) -> str:
        return str(self.message["X-Intake-Case"] or "")

    @property
    def text(self) -> str:
        for part in self.message.walk():
            if part.get_content_type() == "text/plain":
                payload = part.get_payload(decode=True)
                return payload.decode("utf-8") if isinstance(payload, bytes) else ""
        return ""


@dataclass
class Room:
    """A community at work. ``now`` is what its clock shows."""

    parts: Parts
    imap: ImapServer
    user: str
    smtp: Aiosmtpd
    clock: list[datetime]
    seen: int = 0

    @property
    def now(self) -> datetime:
        return self.clock[0]

    def later(self, hours: float) -> Room:
        self.clock[0] += timedelta(hours=hours)
        return self

    def run(self) -> list[Mail]:
        """A pass, or as many as it takes; what was sent in it."""
        self.report: PassReport = one_pass(self.parts)
        sent = [Mail(recipient, content) for _, recipient, content in self.smtp.faults.taken]
        new, self.seen = sent[self.seen :], len(sent)
        return new

    def write(
        self,
        text: str,
        *,
        sender: str = REPORTER,
        to: str = COMMUNITY,
        subject: str = "Code-of-conduct",
        refers: str = "",
        **headers: str,
    ) -> str:
        """Send a mail to the community; its Message-ID."""
        number = next(NUMBERS)
        message_id = f"<room-{number}@people.example>"
        lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}", f"Message-ID: {message_id}"]
        lines.append(f"Date: {email.utils.format_datetime(self.now)}")
        if refers:
            lines += [f"In-Reply-To: {refers}", f"References: {refers}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", text, ""]
        self.imap.deliver(self.user, "\r\n".join(lines).replace("\r\n", "\n").replace("\n", "\r\n").encode())
        return message_id

    def reports(self, text: str = "Somebody shouted at me at the meetup yesterday.", **more: str) -> list[Mail]:
        """A report, and what is sent because of it."""
        self.write(text, **more)
        return self.run()

    def answers(self, copy: Mail, text: str, **more: str) -> list[Mail]:
        """Reply to a copy from the address that got it, as mail programs do: with the copy quoted below."""
        quoted = "\n".join("> " + line for line in copy.text.splitlines()[:40])
        more = {"sender": copy.to, "subject": f"Re: {copy.message['Subject']}", "refers": copy.token} | more
        self.write(f"{text}\n\nOn Monday, AZUG <{COMMUNITY}> wrote:\n{quoted}\n", **more)
        return self.run()

    def case(self, code: str = "") -> object:
        found = self.parts.ledger.cases(code=code or None)
        return found[0]


@contextmanager
def room(imap: ImapServer, smtp: Aiosmtpd, folder: Path, people: str, now: datetime) -> Iterator[Room]:
    """A new community; ``people`` is the rest of its configuration."""
    user = imap.user()
    (folder / "pw").write_text(imap.password)
    (folder / "pw").chmod(0o600)
    values = {
        "community": COMMUNITY,
        "imap_host": imap.host,
        "imap_port": imap.imaps_port,
        "imap_security": "tls",
        "imap_ca": imap.ca_file,
        "user": user,
        "smtp_host": smtp.host,
        "smtp_port": smtp.port,
        "ledger": ledger_of(folder),
    }
    (folder / "config.toml").write_text(CONFIG.format(**values) + people)
    clock = [now]
    outside = app.Outside(clock=Clock(lambda: clock[0]), pause=lambda _seconds: None)
    parts = app.build(load(folder / "config.toml"), outside)
    try:
        yield Room(parts, imap, user, smtp, clock, len(smtp.faults.taken))
    finally:
        parts.ledger.close()
