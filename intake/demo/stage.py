"""The play: sample mail comes in, passes are made, time goes by until the digest is due, and what went out is kept."""

from __future__ import annotations

import email
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import Message
from functools import cached_property
from pathlib import Path

from intake import app
from intake.config import Config, load
from intake.demo.letters import COMMUNITY, EVENT, Letter, away, follow_up, letters
from intake.demo.servers import HOST, ImapServer, SmtpServer
from intake.edge import Clock
from intake.errors import IntakeError
from intake.model import Verdict
from intake.steps.parts import PassReport
from intake.steps.whole import one_pass

MARK = ".intake-demo"  # stands in a folder that a demo made, and that another demo may empty
PASSWORD = "demo"  # noqa: S105 - of the demo's own servers, which end with it

CONFIG = """\
# What the demo ran with. Its servers have ended with it; everything else is as in a real configuration.
[community]
name = "Cloud Group Belgium"
short_name = "CGB"
address = "{community}"
languages = ["en", "nl", "fr"]
timezone = "Europe/Brussels"

[ledger]
url = "sqlite:///intake.db"
key_file = "intake.key"

[[mailbox]]
name = "help"
host = "{host}"
port = {imap_port}
security = "none"
user = "help"
password_file = "password"
folders = ["INBOX", "Junk"]
start = "all"

[smtp]
host = "{host}"
port = {smtp_port}
security = "none"
auth = "none"
max_per_minute = 1000

[[organizer]]
name = "Ann Willems"
email = "ann@cloudgroup.example"
language = "nl"

[[organizer]]
name = "Bram Peeters"
email = "bram@cloudgroup.example"
also_known_as = ["Bram"]
language = "en"

[[organizer]]
name = "Claire Dubois"
email = "claire@cloudgroup.example"
language = "fr"

[fallback]
minimum = 1
name = "Board of the federation"
email = "board@federation.example"

[[event]]
name = "{event}"
starts = {starts}
ends = {ends}
"""


@dataclass(frozen=True)
class Mail:
    """A message that went out, as it arrived."""

    raw: bytes
    recipient: str
    sender: str

    @cached_property
    def head(self) -> Message:
        """Its headers and parts; parsed once."""
        return email.message_from_bytes(self.raw)

    @property
    def kind(self) -> str:
        """``X-Intake-Kind``."""
        return str(self.head["X-Intake-Kind"])

    @property
    def case(self) -> str:
        """``X-Intake-Case``, or an empty string."""
        return str(self.head["X-Intake-Case"] or "")

    @cached_property
    def facts(self) -> dict[str, object]:
        """``report.json`` or ``digest.json``; empty when there is none."""
        for part in self.head.walk():
            if part.get_content_type() == "application/json":
                payload = part.get_payload(decode=True)
                return dict(json.loads(payload)) if isinstance(payload, bytes) else {}
        return {}


@dataclass(frozen=True, slots=True)
class Received:
    """A sample mail, what it was taken for, and the case it became, if any."""

    letter: Letter
    verdict: Verdict
    mails: tuple[Mail, ...]

    @property
    def case(self) -> str:
        """Its code, or an empty string."""
        return next((mail.case for mail in self.mails), "")


@dataclass(slots=True)
class Play:
    """All that happened."""

    config: Config
    received: list[Received] = field(default_factory=list)
    sent: list[Mail] = field(default_factory=list)
    passes: list[PassReport] = field(default_factory=list)
    filed: int = 0

    def to(self, address: str) -> list[Mail]:
        """What one person got, in the order it came."""
        return [mail for mail in self.sent if mail.recipient == address]


def folder_for(where: Path) -> Path:
    """An empty folder for the demo: a new one, or one that an earlier demo made. Raises IntakeError."""
    if where.exists() and not (where / MARK).is_file() and (not where.is_dir() or any(where.iterdir())):
        raise IntakeError(f"{where} is there already and is not from a demo; name another folder with --out")
    if where.is_dir():
        shutil.rmtree(where)
    try:
        where.mkdir(parents=True)
        (where / MARK).touch()
    except OSError as error:
        raise IntakeError(f"{where} can't be made ({error.strerror}); name another folder with --out") from None
    return where


def perform(where: Path, now: datetime, say: Callable[[str], None]) -> Play:
    """Run it all in ``where``; ``say`` is told each step before it begins."""
    with ImapServer("help", PASSWORD) as imap, SmtpServer() as smtp:
        say("An IMAP server and an SMTP server are up on this machine")
        play = Play(_configured(where, imap.port, smtp.port, now))
        arrived = letters(now)
        for letter in arrived:
            imap.deliver(letter.folder, letter.raw, letter.at)
        say(f"{len(arrived)} mails have arrived at {COMMUNITY}")
        _pass(play, now, say)
        later = now + timedelta(minutes=20)
        answers = [
            follow_up(later, _receipt(smtp, "sofie.janssens@mail.example")),
            away(later, _receipt(smtp, "lena.vogel@mail.example")),
        ]
        for letter in answers:
            imap.deliver(letter.folder, letter.raw, letter.at)
        say("20 minutes later a reporter answers the receipt, and so does another's out-of-office program")
        _pass(play, later, say)
        digest_at = _next_digest(play.config, later)
        say(f"Time goes by until {digest_at:%A %H:%M}, when the digest is due")
        _pass(play, digest_at, say)
        play.filed = imap.count("Processed")
        play.sent = [Mail(taken.raw, taken.recipient, taken.sender) for taken in smtp.taken]
    _tell(play, [*arrived, *answers], now)
    return play


def _configured(where: Path, imap_port: int, smtp_port: int, now: datetime) -> Config:
    event = (now + timedelta(days=3)).replace(hour=7, minute=0, second=0, microsecond=0)
    text = CONFIG.format(
        community=COMMUNITY, host=HOST, imap_port=imap_port, smtp_port=smtp_port, event=EVENT,
        starts=event.isoformat(), ends=(event + timedelta(hours=9)).isoformat(),
    )  # fmt: skip
    (where / "config.toml").write_text(text, "utf-8")
    secret = where / "password"
    secret.touch(mode=0o600)
    secret.write_text(PASSWORD + "\n", "ascii")
    return load(where / "config.toml")


def _pass(play: Play, now: datetime, say: Callable[[str], None]) -> None:
    parts = app.build(play.config, app.Outside(clock=Clock.at(now), say=say), os.environ)
    try:
        report = one_pass(parts)
    finally:
        parts.ledger.close()
    play.passes.append(report)
    read, sent = report.total("accepted"), report.sent
    say(f"One pass: {read} mail{'s' * (read != 1)} read and written down, {sent} message{'s' * (sent != 1)} sent")


def _receipt(smtp: SmtpServer, reporter: str) -> str:
    """The Message-ID of what a reporter got; an invented one if they got nothing."""
    mails = [Mail(taken.raw, taken.recipient, taken.sender) for taken in smtp.taken if taken.recipient == reporter]
    return str(mails[0].head["Message-ID"]) if mails else "<nothing@mail.example>"


def _next_digest(config: Config, after: datetime) -> datetime:
    schedule, day = config.digest.schedule, after.astimezone(config.zone)
    while True:
        due = datetime.combine(day.date(), schedule.at, config.zone)
        if due > after and due.weekday() in schedule.days:
            return due
        day += timedelta(days=1)


def _tell(play: Play, arrived: list[Letter], now: datetime) -> None:
    """Match what came in with what went out, from the mails alone."""
    parse, judge = app.parse(), app.judge(play.config)
    for letter in arrived:
        identity = email.message_from_bytes(letter.raw)["Message-ID"]
        mails = [mail for mail in play.sent if identity in {_original_id(mail.head), _answered_id(mail)}]
        play.received.append(Received(letter, judge(parse(letter.raw), now), tuple(mails)))


def _original_id(mail: Message) -> str | None:
    """The Message-ID of the original that a copy carries."""
    for part in mail.walk():
        if part.get_content_type() == "message/rfc822":
            enclosed = part.get_payload(0) if part.is_multipart() else None
            return str(enclosed["Message-ID"]) if isinstance(enclosed, Message) else None
    return None


def _answered_id(mail: Mail) -> str | None:
    """The Message-ID of the mail that a receipt answers."""
    return mail.head["In-Reply-To"] if mail.kind == "acknowledgement" else None
