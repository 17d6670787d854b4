"""Five organizers and the fallback on Dovecot and Postfix: one accused, one away, one with a key, one refusing mail.

The same days are lived twice, with the accusation and without. Everybody's mail is read back through IMAP, as their mail
program would: what the accused finds must be the same on both sides.
"""

from __future__ import annotations

import email
import re
import smtplib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import Message
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from servers.base import wait_for
from servers.gnupg import Gnupg, gnupg
from servers.postfix import Postfix
from servers.smtp import DOMAIN
from servers.world import Mail, World, addresses, world

pytestmark = pytest.mark.gnupg
# A Monday of this program's own time; the key is made on the machine's, so it is not too far from that.
TODAY = datetime.now(ZoneInfo("Europe/Brussels")).replace(hour=10, minute=0, second=0, microsecond=0)
MONDAY = TODAY + timedelta(days=7 - TODAY.weekday())
SECRET = "Bob Builder held me by the arm at the meetup. The word is canary-4711."
CODE = "CGB-B2C3D4"  # what Bob guesses where there is no case
ANSWER = "Dear Rita,\r\nwe will help you. I call you tonight.\r\n\r\nAnn Willems\r\n"

TEAM = """
[[organizer]]
name = "Ann Willems"
email = "{ann}"
[[organizer]]
name = "Bob Builder"
email = "{bob}"
[[organizer]]
name = "Carl Cox"
email = "{carl}"
away = [{{ starts = {first}, ends = {last} }}]
[[organizer]]
name = "Dora Vries"
email = "{dora}"
content = "encrypted"
pgp_key = "dora.asc"
[[organizer]]
name = "Eve Else"
email = "{eve}"
[alarm]
email = "{keeper}"
[[category]]
name = "report"
subject = "code-of-conduct"
claim_within = "4h"
reply_within = "24h"
[[category]]
name = "question"
claim_within = ""
reply_within = ""
"""
ROLES = ("ann", "bob", "carl", "dora", "keeper", "rita", "quentin")


@dataclass
class Side:
    """One of the two lives."""

    place: World
    postfix: Postfix
    who: dict[str, str]
    sent: int = 0
    taken: int = 0  # by Postfix

    def write(self, sender: str, text: str, subject: str, refers: str = "", to: str = "", marks: str = "") -> str:
        """Send a mail through Postfix; its Message-ID."""
        self.sent += 1
        token = f"<five-{self.sent}-{id(self)}@people.example>"
        head = marks + (f"In-Reply-To: {refers}\r\nReferences: {refers}\r\n" if refers else "")
        content = (
            f"From: <{sender}>\r\nTo: {to or self.place.community}\r\nSubject: {subject}\r\nMessage-ID: {token}\r\n"
            f"Date: {email.utils.format_datetime(MONDAY)}\r\n{head}\r\n{text}\r\n"
        )
        before = len(self.place.imap.read(self.place.community, "INBOX"))
        with smtplib.SMTP("localhost", self.postfix.port) as way:
            way.sendmail(sender, [self.place.community], content.encode())
        self.place.smtp.wait_for(self.place.community, before + 1)
        return token

    def once(self, hours: float) -> None:
        """A pass of the command, so many hours after Monday, ten o'clock; then wait for Postfix to hand over."""
        answer = self.place.run("once", "--json", "--now", (MONDAY + timedelta(hours=hours)).isoformat())
        assert answer.code in {0, 1, 75}, answer.err
        self.taken += answer.json["sent"]
        people = (*(self.who[role] for role in ROLES), self.place.board)
        wait_for(lambda: sum(len(self.place.arrived(one)) for one in people) >= self.taken, "mail")

    def inbox(self, role: str) -> list[Mail]:
        return self.place.arrived(self.place.board if role == "board" else self.who[role])

    def only(self, role: str, kind: str) -> Mail:
        (found,) = [mail for mail in self.inbox(role) if mail.kind == kind][-1:]
        return found


@pytest.fixture(scope="module")
def keys() -> Iterator[Gnupg]:
    with gnupg() as made:
        yield made


def _side(postfix: Postfix, folder: Path, keys: Gnupg, name: str) -> Side:
    folder.mkdir()
    new = addresses(f"five{name}")
    place = world(postfix.dovecot, postfix, folder, new)
    who = {role: new() for role in ROLES} | {"eve": f"refuse@{DOMAIN}"}
    keys.key(who["dora"], "cv25519 encr 2y")
    keys.export(who["dora"], folder / "dora.asc")
    place.imap.create(place.community, "Sent")
    days = {"first": (MONDAY - timedelta(days=2)).date(), "last": (MONDAY + timedelta(days=9)).date()}
    path = place.configure(people=(), folders='["INBOX"]\nsent = "Sent"', more=TEAM.format(**who, **days))
    path.write_text(path.read_text().replace("minimum = 1", "minimum = 5"))
    return Side(place, postfix, who)


def _live(side: Side, *, accused: bool) -> str:
    """The days; says the case's code."""
    who, code = side.who, CODE
    side.write(who["quentin"], "When is the next meetup?", "Hello")
    side.once(0)
    report = ""
    if accused:
        report = side.write(who["rita"], SECRET, "Code-of-conduct")
    side.once(0.5)
    if accused:
        code = side.only("ann", "report").case
        # Responders that say nowhere what they answer: no digest may count them.
        for role in ("ann", "dora"):
            away = "I am out of the office until Monday, please contact somebody else."
            side.write(who[role], away, "Out of office", marks="Auto-Submitted: auto-replied\r\n")
    side.write(who["bob"], "claim", f"Re: [{code}] Message to us", refers=report or "<guess@people.example>")
    side.once(1)
    side.write(who["bob"], "release Bob Builder", "Re: x", refers=side.only("bob", "notice").head["Message-ID"])
    side.once(4.7)  # over the first reminder
    if accused:
        side.write(who["ann"], "claim", f"Re: [{code}]", refers=side.only("ann", "report").head["Message-ID"])
        side.once(5)
        content = (
            f"From: <{side.place.community}>\r\nTo: <{who['rita']}>\r\nSubject: Re: Code-of-conduct\r\n"
            f"Message-ID: <answer-{who['rita']}>\r\nIn-Reply-To: {report}\r\nReferences: {report}\r\n\r\n{ANSWER}"
        )
        side.place.imap.append(side.place.community, "Sent", content.encode())
    side.once(6)
    side.once(22.6)  # the digest of Tuesday
    side.once(70.6)  # Thursday's
    return code


def _readable(mail: Mail, side: Side, code: str) -> list[str]:
    """A message as its reader has it, line by line: every header and part, without what is random or of the road."""
    road = {"received", "return-path", "delivered-to", "message-id", "in-reply-to", "references", "date"}
    road |= {"thread-index", "content-type", "x-intake-case"}
    lines = [f"{name}: {value}" for name, value in mail.head.items() if name.lower() not in road]
    for part in mail.head.walk():
        if not part.is_multipart():
            payload = part.get_payload(decode=True)
            lines += [part.get_content_type(), *(payload if isinstance(payload, bytes) else b"").decode().split("\n")]
    return [_alike(line, side, code) for line in lines]


def _alike(line: str, side: Side, code: str) -> str:
    names = side.who | {"community": side.place.community, "board": side.place.board}
    for role, address in names.items():
        line = line.replace(address.partition("@")[0], role)
    line = re.sub(r"CGB-[0-9A-Z]{6}|" + re.escape(code), "CODE", line)
    line = re.sub(r'"age_seconds": \d+', "AGE", line)
    line = re.sub(r"\d?\d:\d\d(:\d\d)?(\.\d+)?", "TIME", line)  # when Dovecot took the mail: that is real time
    return re.sub(r"[0-9a-f]{32,64}|five-\d+-\d+", "TOKEN", line)


@pytest.fixture(scope="module")
def lives(postfix: Postfix, keys: Gnupg, tmp_path_factory: pytest.TempPathFactory) -> tuple[Side, Side, str]:
    """Both lives, lived: with the accusation and without, and the case's code."""
    root = tmp_path_factory.mktemp("five")
    with_case, without = (_side(postfix, root / name, keys, name) for name in ("w", "o"))
    code = _live(with_case, accused=True)
    _live(without, accused=False)
    return with_case, without, code


def kinds(mails: Sequence[Mail]) -> list[str]:
    return sorted(mail.kind for mail in mails)


def test_the_accused_finds_the_same_in_their_mailbox_with_and_without_the_case(
    lives: tuple[Side, Side, str],
) -> None:
    with_case, without, code = lives
    mine, other = (
        [_readable(mail, side, code) for mail in side.inbox("bob")]
        for side, code in ((with_case, code), (without, CODE))
    )
    assert len(mine) == len(other) >= 5
    for one, same in zip(mine, other, strict=True):
        assert one == same
    whole = b"".join(mail.raw for mail in with_case.inbox("bob"))
    for word in (b"canary-4711", with_case.who["rita"].encode(), code.encode().partition(b"-")[2]):
        assert word not in whole.replace(f"Re: [{code}]".encode(), b"")
    sizes = [len(side.inbox("bob")) for side in (with_case, without)]
    assert sizes[0] == sizes[1]


def test_everybody_else_gets_what_is_theirs(lives: tuple[Side, Side, str], keys: Gnupg) -> None:
    side, _, code = lives
    ann = [mail for mail in side.inbox("ann") if mail.case == code]
    assert kinds(ann)[:3] == ["follow-up", "notice", "notice"]
    (report,) = [mail for mail in ann if mail.kind == "report"]
    assert b"canary-4711" in report.original()
    told = report.document("report.json")
    assert told["recipients"] == ["Ann Willems", "Dora Vries", "Eve Else", "Board of the federation"]
    (sealed,) = [mail for mail in side.inbox("dora") if mail.case == code and mail.kind == "report"]
    inside = _opened(keys, sealed)
    assert b"canary-4711" not in sealed.raw
    assert "Message to" in str(inside["Subject"])
    assert b"canary-4711" in inside.as_bytes()
    board = [mail for mail in side.inbox("board") if mail.case == code]
    assert "report" in kinds(board)  # fewer than five may see it
    away = [mail for mail in side.inbox("carl") if mail.case == code]
    assert "report" not in kinds(away)
    (receipt,) = [mail for mail in side.inbox("rita") if mail.kind == "acknowledgement"]
    assert code in receipt.text()
    assert "Bob" not in receipt.raw.decode("utf-8", "replace")


def _opened(keys: Gnupg, mail: Mail) -> Message:
    parts = mail.head.get_payload()
    assert isinstance(parts, list)
    (sealed,) = [part for part in parts if part.get_content_type() == "application/octet-stream"]  # type: ignore[union-attr]
    payload = sealed.get_payload(decode=True)  # type: ignore[union-attr]
    assert isinstance(payload, bytes)
    return email.message_from_bytes(keys.decrypt(payload))


def test_who_refuses_mail_is_known_to_the_others_only(lives: tuple[Side, Side, str]) -> None:
    side, _, code = lives
    for role in ("ann", "dora", "carl"):
        notices = [mail for mail in side.inbox(role) if mail.case == code and mail.kind == "notice"]
        assert any("Eve Else" in mail.text() for mail in notices), role
    assert not [mail for mail in side.inbox("bob") if mail.case == code]


def test_the_answer_in_the_sent_folder_is_seen_and_stays_there(lives: tuple[Side, Side, str]) -> None:
    side, _, code = lives
    (answered,) = [mail for mail in side.inbox("ann") if mail.case == code and mail.kind == "follow-up"]
    assert b"I call you tonight" in answered.raw
    (shown,) = [one for one in side.place.run("cases", "list", "--all", "--json").json if one["code"] == code]
    assert shown["first_human_reply"]
    assert shown["claimed_by"] == side.who["ann"]
    assert len(side.place.imap.read(side.place.community, "Sent")) == 1
    reminders = [mail for mail in side.inbox("ann") if mail.kind == "reminder"]
    assert len(reminders) == 1, "the claim and the answer stop the clock"
    audited = side.place.run("audit", "--json")
    assert audited.json["ok"], audited.out
    assert audited.json["mails"] >= 6


def test_each_persons_mails_of_the_case_are_one_thread(lives: tuple[Side, Side, str]) -> None:
    side, _, code = lives
    for role in ("ann", "dora", "board"):
        mails = [mail for mail in side.inbox(role) if mail.case == code]
        root = mails[0].head["Message-ID"]
        assert all(root in str(mail.head["References"]) for mail in mails[1:]), role


def test_erasing_the_case_takes_the_answer_out_of_the_sent_folder(lives: tuple[Side, Side, str]) -> None:
    """The last of these tests: there is no case any more after it."""
    side, _, code = lives
    place = side.place
    place.imap.append(place.community, "Sent", next(mail.raw for mail in side.inbox("ann") if mail.case == code))
    side.once(71)  # the copy of a report that Gmail or Exchange would have kept there is known for one
    assert place.run("audit", "--json").json["ok"]
    erased = place.run("erase", code, "--yes")
    assert erased.code == 0, erased.err
    assert place.imap.read(place.community, "Sent") == []
    assert not [raw for raw in place.filed() if b"canary-4711" in raw or side.who["rita"].encode() in raw]
