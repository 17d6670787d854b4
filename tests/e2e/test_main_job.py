"""The main job, end to end: mail comes in, the command runs, every message is read back and held to the contract."""

from __future__ import annotations

import email.utils
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from servers.world import Answer, Mail, Person, World, addresses, finished, servers_of, world

NUMBERS = itertools.count(1)
DOMAIN = "test.example"
REPORT_FIELDS = {
    "schema", "case", "kind", "category", "rule", "urgency", "urgency_reasons", "language", "event", "received",
    "mailbox", "reporter", "authentication", "attachments", "others_copied", "recipients", "defects", "acknowledgement",
}  # fmt: skip
BEFORE_EIGHT, AT_EIGHT = "2027-03-01T07:40:00+01:00", "2027-03-01T08:00:30+01:00"


def raw_mail(name: str, sender: str, to: str, subject: str, text: str, *more: str, charset: str = "utf-8") -> bytes:
    lines = [
        f"From: {sender}", f"To: {to}", f"Subject: {subject}", f"Message-ID: <{name}@people.example>",
        "Date: Mon, 01 Mar 2027 01:00:00 +0100", *more,
    ]  # fmt: skip
    if not any(line.lower().startswith("content-type") for line in more):
        lines += [
            "MIME-Version: 1.0",
            f"Content-Type: text/plain; charset={charset}",
            "Content-Transfer-Encoding: 8bit",
        ]
    return "\r\n".join([*lines, "", *text.splitlines(), ""]).encode(charset)


@dataclass
class Evening:
    """One community after a first contact, a pass with news, a pass without, and a digest."""

    world: World
    reporters: dict[str, str]
    first: Answer
    news: Answer
    again: Answer
    digest: Answer
    digest_again: Answer

    def by_original(self, person: Person, name: str) -> Mail:
        """The copy of a mail that a person got."""
        (found,) = [mail for mail in self.copies(person) if f"<{name}@people.example>".encode() in mail.original()]
        return found

    def copies(self, person: Person) -> list[Mail]:
        return [mail for mail in self.world.arrived(person.address) if mail.kind == "report"]

    def digests(self, person: Person) -> list[Mail]:
        return [mail for mail in self.world.arrived(person.address) if mail.kind == "digest"]

    def receipts(self, name: str) -> list[Mail]:
        return self.world.arrived(self.reporters[name])


CANARIES = ("zebrafish", "Kwisatz", "photograph-of-it")


def _lines(*lines: str) -> str:
    return "\n".join(lines)


def arrivals(community: str, new: Any) -> Iterator[tuple[str, str, bytes]]:
    """Name, reporter's address and bytes of each mail that is news."""
    sender = new()
    yield "report-nl", sender, raw_mail(
        "report-nl", f"Sofie Kwisatz <{sender}>", community, "Code-of-conduct zebrafish",
        "Hallo,\n\nOp de meetup heeft iemand mij lastiggevallen, één keer bij de zebrafish.\n.begint met een punt\n\nSofie",
    )  # fmt: skip
    sender = new()
    yield "concern-fr", sender, raw_mail(
        "concern-fr", f"=?utf-8?q?In=C3=A8s?= <{sender}>", community, "RE: code of conduct",
        "Bonjour,\n\nJe suis inscrite à la prochaine rencontre et mon ancien compagnon sera là. "
        "Quelqu'un peut-il m'accompagner ?\n\nInès", charset="iso-8859-1",
    )  # fmt: skip
    sender = new()
    yield (
        "question-en",
        sender,
        raw_mail(
            "question-en",
            f"Tom <{sender}>",
            community,
            "Is there a lift?",
            "Hi, is there a lift at the venue? Thanks, Tom",
        ),
    )
    sender = new()
    yield "urgent-en", sender, raw_mail(
        "urgent-en", f"Lena <{sender}>", community, "CoC",
        "Please help. He is here right now, he follows me and he has a knife.",
    )  # fmt: skip
    sender = new()
    yield "names-bram", sender, raw_mail(
        "names-bram", f"Noor <{sender}>", community, "Code of conduct",
        "At the dinner Bram Peeters insulted me in front of everyone. Please do not tell him.",
    )  # fmt: skip
    sender = new()
    yield "attached", sender, raw_mail(
        "attached", f"Pia <{sender}>", community, "Gedragscode", _lines(
            "--b", "Content-Type: text/html; charset=utf-8", "",
            "<p>Iemand heeft mij <b>uitgescholden</b> op de meetup.</p><script>alert(1)</script>",
            "--b", 'Content-Type: image/png; name="photograph-of-it.png"',
            'Content-Disposition: attachment; filename="photograph-of-it.png"', "Content-Transfer-Encoding: base64",
            "", "iVBORw0KGgo=", "--b--",
        ), "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b",
    )  # fmt: skip
    yield "bounce", "", raw_mail(
        "bounce", "MAILER-DAEMON@relay.example", community, "Undelivered mail", "It could not be delivered.",
        "Auto-Submitted: auto-replied", "Content-Type: multipart/report; report-type=delivery-status; boundary=x",
    )  # fmt: skip
    yield "newsletter", "news@people.example", raw_mail(
        "newsletter", "news@people.example", community, "Twelve tips", "Tips.", "List-Id: <tips.people.example>",
        "Precedence: bulk",
    )  # fmt: skip
    sender = new()
    yield "broken", sender, (
        f"From: {sender}\r\nTo: {community}\r\nSubject: gedrags".encode()
        + b"code \xff\xfe\r\nMIME-Version: 1.0\r\nMessage-ID: <broken@people.example>\r\n"
        + b"Content-Type: multipart/mixed; boundary=never\r\n\r\n\xe9\xe8 text without end \x00\x01\r\n"
    )  # fmt: skip


@pytest.fixture(scope="module", params=["embedded", "postfix"])
def evening(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Evening:
    imap, smtp = servers_of(request.param, request.getfixturevalue)
    new = addresses(f"main{next(NUMBERS)}-")
    place = world(imap, smtp, tmp_path_factory.mktemp("main"), new)
    place.configure(start="now")
    place.deliver(raw_mail("before", "Old <old@people.example>", place.community, "Code of conduct", "An old story."))
    first = place.run("once", "--json", "--now", BEFORE_EIGHT)
    reporters: dict[str, str] = {}
    for name, sender, raw in arrivals(place.community, new):
        reporters[name] = sender
        place.deliver(raw, sender)
    news = place.run("once", "--json", "--now", BEFORE_EIGHT)
    again = place.run("once", "--json", "--now", BEFORE_EIGHT)
    digest = place.run("once", "--json", "--now", AT_EIGHT)
    digest_again = place.run("once", "--json", "--now", AT_EIGHT)
    assert [one.code for one in (first, news, again, digest, digest_again)] == [0] * 5, (first, news, again, digest)
    for person in place.people:
        place.arrived(person.address, 6 + 1 if person.name.startswith("Bram") else 7 + 1)
    for name in ("report-nl", "concern-fr", "question-en", "urgent-en", "names-bram", "attached"):
        place.arrived(reporters[name], 1)
    return Evening(place, reporters, first, news, again, digest, digest_again)


def everything(evening: Evening) -> list[tuple[str, Mail]]:
    people = [person.address for person in evening.world.people]
    reporters = [address for address in evening.reporters.values() if address]
    return [(address, mail) for address in (*people, *reporters) for mail in evening.world.arrived(address)]


def test_first_contact_records_what_is_there_and_answers_nobody(evening: Evening) -> None:
    assert evening.first.code == 0, evening.first
    told = evening.first.json
    assert (told["seen"], told["accepted"], told["sent"], told["failed"], told["pending"]) == (1, 1, 0, 0, 0)
    assert told["mailboxes"][0]["name"] == "help"
    assert told["mailboxes"][0]["error"] is None


def test_a_pass_counts_what_it_did(evening: Evening) -> None:
    assert evening.news.code == 0, evening.news
    told = evening.news.json
    assert {name: told[name] for name in ("seen", "accepted", "duplicates", "filed", "failed", "pending")} == {
        "seen": 9, "accepted": 9, "duplicates": 0, "filed": 9, "failed": 0, "pending": 0,
    }  # fmt: skip
    receipts = sum(len(evening.receipts(name)) for name, address in evening.reporters.items() if address)
    copies = sum(len(evening.copies(person)) for person in evening.world.people)
    assert told["sent"] == receipts + copies == len(everything(evening)) - 3


def test_a_second_pass_does_nothing(evening: Evening) -> None:
    assert evening.again.code == 0
    told = evening.again.json
    assert [told[name] for name in ("seen", "accepted", "duplicates", "filed", "sent", "failed", "pending")] == [0] * 7
    assert evening.again.err == ""


def test_mail_is_filed_and_its_flags_are_untouched(evening: Evening) -> None:
    place = evening.world
    assert len(place.filed("INBOX")) == 1, "mail from before the first contact stays where it is"
    for flags in place.imap.flags(place.community, "Processed").values():
        assert not {flag for flag in flags if flag.startswith(b"\\")}
    ids = {found for raw in place.filed() for found in re.findall(r"Message-ID: <([a-z-]+)@", raw.decode("latin-1"))}
    assert ids >= set(evening.reporters)


def test_every_message_has_the_headers_of_the_contract(evening: Evening) -> None:
    seen_ids: set[str] = set()
    for address, mail in everything(evening):
        head = mail.head
        assert email.utils.parseaddr(str(head["From"]))[1] == evening.world.community
        assert [found for _, found in email.utils.getaddresses([str(head["To"])])] == [address]
        assert len(head.get_all("To", [])) == 1
        assert "Cc" not in head
        assert "Bcc" not in head
        assert head["X-Auto-Response-Suppress"] == "All"
        assert head["Auto-Submitted"] == ("auto-replied" if mail.kind == "acknowledgement" else "auto-generated")
        assert mail.kind in {"acknowledgement", "report", "digest"}
        identity = str(head["Message-ID"])
        assert re.fullmatch(r"<[0-9a-f]{32}@test\.example>", identity)
        assert identity not in seen_ids
        seen_ids.add(identity)
        assert email.utils.parsedate_to_datetime(str(head["Date"])).tzinfo
        types = [part.get_content_type() for part in head.walk()]
        assert "text/plain" in types
        assert "text/html" in types
        assert not head.defects
        raw_head = mail.raw.partition(b"\r\n\r\n")[0]
        assert all(len(line) <= 998 for line in mail.raw.split(b"\r\n")), "RFC 5322, 2.1.1"
        assert raw_head.isascii()


def test_each_organizer_gets_each_report_once(evening: Evening) -> None:
    ann, bram, claire = evening.world.people
    wanted = {"report-nl", "concern-fr", "question-en", "urgent-en", "names-bram", "attached", "broken"}
    for person, names in ((ann, wanted), (bram, wanted - {"names-bram"}), (claire, wanted)):
        assert len(evening.copies(person)) == len(names)
        for name in names:
            evening.by_original(person, name)


def test_the_original_is_byte_for_byte_what_the_mailbox_holds(evening: Evening) -> None:
    filed = evening.world.filed()
    for person in evening.world.people:
        for mail in evening.copies(person):
            assert mail.original() in filed


def test_report_json_says_what_the_contract_says(evening: Evening) -> None:
    ann, bram, claire = evening.world.people
    facts = {name: evening.by_original(ann, name).document("report.json") for name in evening.reporters
             if name not in {"bounce", "newsletter"}}  # fmt: skip
    for name, report in facts.items():
        assert report.keys() >= REPORT_FIELDS, name
        assert report["mailbox"] == "help"
        assert report["reporter"]["address"] == evening.reporters[name]
        assert report["authentication"] == "none"
        assert datetime.fromisoformat(report["received"]).tzinfo
        assert report["acknowledgement"]["state"] in {"sent", "waiting", "not-sent"}
        assert report["acknowledgement"]["reason"]
        assert report["case"] == evening.by_original(ann, name).case
        assert re.fullmatch(r"CGB-[A-Z0-9]{6}", report["case"])
    assert {name: (report["category"], report["urgency"]) for name, report in facts.items()} == {
        "report-nl": ("report", "normal"), "concern-fr": ("concern", "normal"), "question-en": ("question", "normal"),
        "urgent-en": ("report", "urgent"), "names-bram": ("report", "normal"), "attached": ("report", "normal"),
        "broken": ("report", "normal"),
    }  # fmt: skip
    assert [facts[name]["language"] for name in ("report-nl", "concern-fr", "question-en", "attached")] == [
        "nl",
        "fr",
        "en",
        "nl",
    ]
    assert facts["urgent-en"]["urgency_reasons"]
    assert facts["report-nl"]["reporter"]["name"] == "Sofie Kwisatz"
    assert facts["report-nl"]["recipients"] == [ann.name, bram.name, claire.name]
    assert facts["names-bram"]["recipients"] == [ann.name, claire.name]
    (attachment,) = facts["attached"]["attachments"]
    assert (attachment["name"], attachment["type"], attachment["bytes"]) == ("photograph-of-it.png", "image/png", 8)
    assert len(attachment["sha256"]) == 64
    assert facts["broken"]["defects"]


def test_subjects_of_copies_hold_nothing_personal(evening: Evening) -> None:
    for person in evening.world.people:
        for mail in evening.copies(person):
            subject = str(email.header.make_header(email.header.decode_header(str(mail.head["Subject"]))))
            assert mail.case in subject
            for word in (*CANARIES, "Sofie", "Bram", "Noor", "people.example"):
                assert word not in subject


def test_a_receipt_is_safe_to_be_read_by_somebody_else(evening: Evening) -> None:
    secrets = [*CANARIES, "lastiggevallen", "Code-of-conduct zebrafish", "knife", "insulted", "lift", "uitgescholden"]
    secrets += [person.address for person in evening.world.people]
    for name in ("report-nl", "concern-fr", "question-en", "urgent-en", "names-bram", "attached"):
        (mail,) = evening.receipts(name)
        head = mail.head
        assert mail.kind == "acknowledgement"
        assert head["In-Reply-To"] == f"<{name}@people.example>"
        assert f"<{name}@people.example>" in str(head["References"])
        assert evening.world.sender_of(mail) == ""
        shown = mail.text() + mail.text("text/html") + str(head["Subject"]) + str(head["To"])
        assert not [secret for secret in secrets if secret.lower() in shown.lower()]
        assert mail.case in mail.text()
        assert {part.get_content_type() for part in head.walk()} == {"multipart/alternative", "text/plain", "text/html"}


def test_a_receipt_speaks_the_reporters_language(evening: Evening) -> None:
    for name, language in (("report-nl", "nl"), ("concern-fr", "fr"), ("question-en", "en")):
        (mail,) = evening.receipts(name)
        assert f'lang="{language}"' in mail.text("text/html")


def test_the_receipt_of_a_report_about_an_organizer_does_not_name_him_as_a_reader(evening: Evening) -> None:
    (mail,) = evening.receipts("names-bram")
    assert "Bram" not in mail.text()
    assert "Ann Willems" in mail.text()


def test_machines_get_no_answer_and_their_mail_is_counted(evening: Evening) -> None:
    for person in evening.world.people:
        (mail,) = evening.digests(person)
        assert re.search(r"\b[12]\b", mail.text())
    assert not [address for address, _ in everything(evening) if address.endswith("people.example")]


def test_each_organizer_gets_one_digest_and_no_case_that_is_not_theirs(evening: Evening) -> None:
    assert (evening.digest.code, evening.digest.json["sent"]) == (0, 3)
    assert (evening.digest_again.code, evening.digest_again.json["sent"]) == (0, 0)
    ann, bram, _ = evening.world.people
    hidden = evening.by_original(ann, "names-bram").case
    for person in evening.world.people:
        (mail,) = evening.digests(person)
        document = mail.document("digest.json")
        codes = {case["code"] for case in document["cases"]}
        shown = mail.raw.decode("utf-8", "replace") + mail.text() + mail.text("text/html") + str(document)
        assert (hidden in shown) is (person is not bram)
        assert len(codes) == (6 if person is bram else 7)
        for word in (*CANARIES, "Sofie", "people.example", "Noor"):
            assert word not in shown


def test_nothing_that_a_recused_organizer_gets_tells_of_the_case(evening: Evening) -> None:
    ann, bram, _ = evening.world.people
    hidden = evening.by_original(ann, "names-bram").case
    for mail in evening.world.arrived(bram.address):
        assert hidden.encode() not in mail.raw
        assert b"Noor" not in mail.raw
        assert b"insulted" not in mail.raw


def test_commands_for_machines_agree(evening: Evening) -> None:
    place = evening.world
    cases = place.run("cases", "list", "--json").json
    fields = {"code", "category", "urgency", "state", "opened", "claimed_by", "first_human_reply", "mails", "recused"}
    assert len(cases) == 7
    assert all(case.keys() >= fields and case["state"] == "new" and case["mails"] == 1 for case in cases)
    ann, bram, _ = place.people
    hidden = evening.by_original(ann, "names-bram").case
    recused = {case["code"]: case["recused"] for case in cases}
    assert [one["organizer"] for one in recused.pop(hidden)] == [bram.address]
    assert not any(recused.values())
    assert place.run("outbox", "list", "--json").json == []
    status = place.run("status", "--json", "--now", AT_EIGHT)
    assert status.code == 0, status
    assert status.json.keys() >= {"healthy", "problems", "mailboxes", "outbox"}
    assert status.json["healthy"] is True
    assert place.run("cases", "show", hidden).code == 0
    audit = place.run("audit", "--json")
    assert audit.code == 0, audit
    assert audit.json["ok"] is True
    assert audit.json["unaccounted"] == []


def test_classify_says_the_same_and_sends_nothing(evening: Evening, tmp_path: Path) -> None:
    place, ann = evening.world, evening.world.people[0]
    before = len(place.arrived(ann.address))
    copies = {mail.document("report.json")["case"]: mail for mail in evening.copies(ann)}
    files = []
    for code, mail in copies.items():
        (tmp_path / f"{code}.eml").write_bytes(mail.original())
        files.append(str(tmp_path / f"{code}.eml"))
    answer = place.run("classify", "--json", *files)
    assert answer.code == 0, answer
    lines = [json.loads(line) for line in answer.out.splitlines()]
    fields = {"file", "kind", "category", "rule", "evidence", "urgency", "urgency_reasons", "language", "acknowledge",
              "acknowledge_reason", "acknowledge_to", "recused", "defects"}  # fmt: skip
    assert len(lines) == len(files)
    for line in lines:
        report = copies[Path(line["file"]).stem].document("report.json")
        assert line.keys() >= fields
        for name in ("category", "rule", "urgency", "language"):
            assert line[name] == report[name]
    assert len(place.arrived(ann.address)) == before


def test_no_error_output_at_all(evening: Evening) -> None:
    for answer in (evening.first, evening.news, evening.again, evening.digest):
        assert answer.err == ""


def test_what_a_person_has_read_or_flagged_is_a_report_all_the_same(embedded: World) -> None:
    for number, flags in enumerate(((b"\\Seen",), (b"\\Seen", b"\\Answered"), (b"\\Flagged",))):
        raw = raw_mail(f"read-{number}", "Rita <rita@people.example>", embedded.community, "CoC", f"Report {number}.")
        embedded.imap.append(embedded.community, "INBOX", raw, flags=flags)
    assert embedded.run("once", "--json").json["accepted"] == 3
    assert len(embedded.arrived(embedded.people[0].address, 3)) == 3


def test_passes_beside_a_service_do_each_thing_once(embedded: World) -> None:
    service = embedded.start("run")
    try:
        for number in range(4):
            sender = f"Rita <rita{number}@people.example>"
            embedded.deliver(raw_mail(f"beside-{number}", sender, embedded.community, "CoC", f"Report {number}."))
            assert finished(embedded.start("once", "--json")).code in {0, 75}
        embedded.arrived(embedded.people[0].address, 4)
    finally:
        service.terminate()
        assert finished(service).code == 0
    assert embedded.run("once").code == 0
    for person in embedded.people:
        assert len(embedded.arrived(person.address)) == 4
    assert embedded.run("audit").code == 0
    assert len(embedded.filed()) == 4


def test_two_passes_at_once_do_each_thing_once(place: World) -> None:
    new = addresses(f"two{next(NUMBERS)}-")
    senders = [new() for _ in range(6)]
    for number, sender in enumerate(senders):
        place.deliver(
            raw_mail(f"two-{number}", f"Two <{sender}>", place.community, "CoC", f"A report, number {number}."), sender
        )
    answers = [finished(one) for one in [place.start("once", "--json") for _ in range(3)]]
    assert {answer.code for answer in answers} <= {0, 75}, answers
    last = place.run("once", "--json")
    assert last.code == 0, last
    assert sum(answer.json["accepted"] for answer in answers) + last.json["accepted"] == 6
    assert sum(answer.json["sent"] for answer in answers) + last.json["sent"] == 6 * 4
    for person in place.people:
        assert len(place.arrived(person.address, 6)) == 6
    for sender in senders:
        assert len(place.arrived(sender, 1)) == 1
    assert place.filed("INBOX") == []
    assert len(place.filed()) == 6
