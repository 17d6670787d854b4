"""For whoever is withheld from a case it does not exist: all they are sent is the same with and without it."""

from __future__ import annotations

import email
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from intake import app
from intake.config import load
from intake.edge import Clock
from intake.model import Arrival, MailRef, Outgoing, RawMail, Result, Sent
from intake.steps.parts import Parts
from intake.steps.reports import PassReport
from intake.steps.understand import understand
from intake.steps.whole import settle

from .test_plan import BASE

ANN, BOB, CARL = "ann@example.org", "bob@example.org", "carl@example.org"
FRIDAY = datetime(2026, 4, 17, 9, 0, tzinfo=UTC)
NAMED = ("Bob Builder", "BOB BUILDER", "bob@example.org", "B\u00f3b\u00a0Builder", "Builder, Bob", "bob  builder's")
WORDS = ("shouted at me at the meetup", "heeft mij lastig gevallen", "has a knife and is here right now", "is on stage")
COMMANDS = ("claim", "close", "note x", "recuse me", "release Bob Builder", "hello everybody")


class Collects:
    """A way out that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    def send(self, outgoing: Outgoing) -> Result:
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

    def __init__(self, folder: Path) -> None:
        (folder / "config.toml").write_text(BASE)
        self.now = FRIDAY
        self.way_out = Collects()
        built = app.build(load(folder / "config.toml"), app.Outside(clock=Clock(lambda: self.now)))
        self.parts: Parts = replace(built, transport=lambda: self.way_out)
        self.uid = 0

    def mail(self, sender: str, text: str, refers: str = "", subject: str = "Code-of-conduct") -> None:
        self.uid += 1
        head = (
            f"From: {sender}\r\nTo: help@azug.example\r\nSubject: {subject}\r\nMessage-ID: <m{self.uid}@x.example>\r\n"
        )
        head += f"In-Reply-To: {refers}\r\nReferences: {refers}\r\n" if refers else ""
        body = (head + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + text + "\r\n").encode()
        raw = RawMail(MailRef("help", "INBOX", 1, self.uid), self.now, len(body), body)
        mail, verdict = understand(self.parts, body, self.now, raw)
        planner, now = self.parts.planner(), self.now
        self.parts.ledger.accept([Arrival(raw, mail, verdict)], lambda a, h: planner(a, h, now), now)
        settle(self.parts, PassReport())

    def later(self, hours: float) -> None:
        self.now += timedelta(hours=hours)
        settle(self.parts, PassReport())

    def tokens(self, recipient: str) -> list[str]:
        found = [m.content for m in self.way_out.sent if m.recipient == recipient]
        return [re.findall(rb"^Message-ID: (<.*>)\r$", content, re.MULTILINE)[0].decode() for content in found]

    def told(self, recipient: str) -> list[bytes]:
        return [_same(m.content) for m in self.way_out.sent if m.recipient.lower() == recipient]


def _same(content: bytes) -> bytes:
    """A message, its parts decoded, without what is random in every one, the codes of other cases included."""
    message = email.message_from_bytes(content)
    parts = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
    content = content.partition(b"\r\n\r\n")[0] + b"\r\n" + b"\r\n".join(p for p in parts if isinstance(p, bytes))
    content = re.sub(rb"(?im)^(message-id|in-reply-to|references|thread-index):.*\r\n(?:[ \t].*\r\n)*", b"", content)
    content = re.sub(rb"AZUG-[0-9A-Z]{6}", b"AZUG-######", content)
    return re.sub(rb"=_[0-9a-f]+|[0-9a-f]{32}(?:@|%40|=40)", b"=_", content)


def _play(folder: Path, reports: Sequence[str], commands: Sequence[str], *, withheld: bool) -> list[bytes]:
    society = Society(folder)
    society.mail("Quentin <q@q.example>", "When is the next meetup?", subject="Hello")
    guess = "<0123456789abcdef0123456789abcdef@azug.example>"
    for number, report in enumerate(reports):
        if withheld:
            society.mail("Rita <rita@example.com>", report, subject=f"Code-of-conduct {number}")
        society.later(1)
    proof = (society.tokens("rita@example.com") or [guess])[0] if withheld else guess
    for command in commands:
        society.mail(BOB, command, refers=proof, subject="Re: hello")
        if withheld and command == commands[0]:
            society.mail(ANN, "claim", refers=society.tokens("Ann@example.org")[-1], subject="Re: x")
        society.later(1)
    society.later(72)  # over a digest
    society.later(24)
    told = society.told(BOB)
    society.parts.ledger.close()
    return told


@settings(max_examples=6, deadline=None)
@given(
    named=st.lists(st.sampled_from(NAMED), min_size=1, max_size=2),
    words=st.sampled_from(WORDS),
    commands=st.lists(st.sampled_from(COMMANDS[:-1]), max_size=2),
)
def test_all_that_reaches_who_is_withheld_is_the_same_without_the_case(
    named: list[str], words: str, commands: list[str]
) -> None:
    reports = [f"{name} {words}." for name in named]
    told: list[list[bytes]] = []
    for withheld in (True, False):
        folder = Path(tempfile.mkdtemp(prefix="wh"))
        try:
            told.append(_play(folder, reports, commands, withheld=withheld))
        finally:
            shutil.rmtree(folder)
    with_case, without = told
    assert len(with_case) == len(without) > 0
    for one, other in zip(with_case, without, strict=True):
        assert one == other
