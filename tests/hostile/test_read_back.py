"""Evil in every field of a mail, from a real mailbox through the real command to a server, and read back from there."""

from __future__ import annotations

import json
import re
import secrets
import zipfile
from pathlib import Path

import pytest
from hostile.test_injection import EVIL, Page, written
from servers.base import wait_for
from servers.smtp import Aiosmtpd
from servers.world import Mail, World, addresses, servers_of, world

NOW = "2026-03-02T09:00:00+01:00"
OURS = {
    "return-path", "delivered-to", "received", "from", "to", "subject", "date", "message-id", "in-reply-to", "references",
    "mime-version", "content-type", "content-transfer-encoding", "auto-submitted", "x-auto-response-suppress",
    "x-intake-kind", "x-intake-case", "x-intake-id", "thread-index", "thread-topic", "content-language", "importance", "x-priority",
}  # fmt: skip
ONCE = ("from", "to", "subject", "date", "message-id", "content-type", "auto-submitted", "x-intake-kind")
# Several fields in a mail, for speed; each of them by itself stands in ``test_injection``.
TOGETHER = (
    ("From name", "Body", "File name"),
    ("Subject", "Cc", "Charset"),
    ("Message-ID", "Reply-To"),
    ("From address",),
)
# Lone dots, dots that begin a line, and every end of a line that somebody may take for one (RFC 5321, 4.5.2).
SMUGGLED = (
    "x\r\n.\r\nMAIL FROM:<a@evil.example>\r\n..\r\n...\r\n.x\r\n",
    "x\n.\nRCPT TO:<a@evil.example>\n.\r\nx\r\n.\nDATA\r.\rQUIT\r\n.\rx\n.\r.\n",
    "x\0y \x1a\x1b[2J\x7f\x85\ud800\U0001f600",
)


def sent_in(place: World) -> list[str]:
    """One mail for each kind in each field, each from another sender; the senders."""
    values = [written(fields[0], value, *fields[1:]) for value in EVIL.values() for fields in TOGETHER]
    values += [written("Body", "|").replace(b"|", text.encode("utf-8", "surrogatepass")) for text in SMUGGLED]
    token = secrets.token_hex(4)
    senders = [f"r{number}-{token}@test.example" for number in range(len(values))]
    for number, (sender, made) in enumerate(zip(senders, values, strict=True)):
        raw = made.replace(b"help@example.org", place.community.encode())
        for was, becomes in (
            ("<rita@people.example>", f"<{sender}>"),
            ("Reply-To: x@people.example", f"Reply-To: {sender}"),
            ("Message-ID: <1@", f"Message-ID: <{number}@"),
            ("shouted", f"shouted {number} times"),
        ):
            raw = raw.replace(was.encode(), becomes.encode())
        place.imap.append(place.community, "INBOX", raw)
    return senders


def unfolded(raw: bytes) -> list[str]:
    head = raw.partition(b"\r\n\r\n")[0].decode("latin-1")
    return re.sub(r"\r\n[ \t]", " ", head).split("\r\n")


def is_ours(mail: Mail, recipient: str) -> None:
    """What left is one message, to one person, with headers of ours alone and no line that a server could misread."""
    head, _, body = mail.raw.partition(b"\r\n\r\n")
    assert re.fullmatch(rb"[\x20-\x7e\t\r\n]+", head), "controls, or more than ASCII, in a header"
    assert mail.raw.count(b"\n") == mail.raw.count(b"\r\n") == mail.raw.count(b"\r")
    assert b"\0" not in body
    assert max(map(len, mail.raw.split(b"\r\n"))) <= 998
    names = [line.partition(":")[0].lower() for line in unfolded(mail.raw)]
    assert set(names) <= OURS, set(names) - OURS
    assert [name for name in ONCE if names.count(name) != 1] == []
    assert re.fullmatch(rf"(.* )?<?{re.escape(recipient)}>?", str(mail.head["To"]))
    assert "evil" not in str(mail.head["To"]) + str(mail.head["Subject"])
    for kind in ("text/plain", "text/html"):
        text = mail.text(kind)
        assert "51724863" not in text  # 7191 * 7193
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text.replace("\r\n", "\n"))
    assert Page(mail.text("text/html")).found == []


@pytest.fixture(params=["embedded", "postfix"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    imap, smtp = servers_of(request.param, request.getfixturevalue)
    return world(imap, smtp, tmp_path, addresses(f"back{len(request.param)}-"))


def test_what_left_is_read_back(place: World) -> None:
    place.configure(more="[acknowledgement]\nper_domain_per_day = 1000\nper_day = 1000\n")
    senders = sent_in(place)
    before = len(place.smtp.faults.taken) if isinstance(place.smtp, Aiosmtpd) else 0  # the server is everybody's
    done = place.run("once", "--json", "--now", NOW)
    assert done.json["accepted"] == len(senders), done.err
    # An address that is evil itself may be refused by a server: only an answer to it.
    assert done.json["failed"] <= (0 if isinstance(place.smtp, Aiosmtpd) else 1)
    assert {one["kind"] for one in place.run("outbox", "list", "--json").json} <= {"acknowledgement"}

    held = sorted(place.filed())
    assert len(held) == len(senders)
    codes = set()
    for person in place.people:
        copies = place.arrived(person.address, len(senders))
        for copy in copies:
            is_ours(copy, person.address)
            files = [one["name"] for one in copy.document("report.json")["attachments"]]
            assert not [name for name in files if re.search(r"[/\\\x00-\x1f]|\A\.\.", name)]
        assert sorted(copy.original() for copy in copies) == held, "an original is not what the mailbox holds"
        codes |= {copy.case for copy in copies}
    assert len(codes) == len(senders)
    answers = done.json["sent"] - len(senders) * len(place.people)
    assert answers > len(senders) / 2
    if not isinstance(place.smtp, Aiosmtpd):  # there all has arrived; some of it at addresses that are evil themselves
        wait_for(lambda: sum(len(place.arrived(sender)) for sender in senders) == answers, "every acknowledgement")
    for sender in senders:
        for answer in place.arrived(sender):
            is_ours(answer, sender)
            assert answer.kind == "acknowledgement"
            # It names the mail that it answers: a Message-ID is a word without spaces that its sender has chosen.
            told = [line for line in unfolded(answer.raw) if not line.startswith(("In-Reply-To: ", "References: "))]
            assert "evil" not in "".join(told) + answer.text() + answer.text("text/html")
    if isinstance(place.smtp, Aiosmtpd):
        assert not [to for _, to, _ in place.smtp.faults.taken[before:] if "evil" in to]
    assert place.run("audit").code == 0
    handed_out(place, sorted(codes)[:1])


def handed_out(place: World, codes: list[str]) -> None:
    """A file that is handed out has only names of ours in it: none that leads out of a folder."""
    for code in codes:
        file = place.run("export", code, "--to", "out", "--json").json["file"]
        with zipfile.ZipFile(place.folder / file) as bundle:
            assert [
                name
                for name in bundle.namelist()
                if not re.fullmatch(r"[a-z]+/[a-z0-9-]+\.(eml|json)|README\.txt", name)
            ] == []
            json.loads(bundle.read("reporter/case.json"))
