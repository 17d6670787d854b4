"""What goes wrong in real life: each with a clear answer, an exit code that is right, and nothing lost."""

from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path

import pytest
from servers.base import write_certificate
from servers.smtp import closed_port
from servers.world import Answer, Person, World, addresses

NUMBERS = itertools.count(1)
REPORTER = "pat@test.example"


def report(number: int = 1, size: int = 0) -> bytes:
    text = f"Something happened at the meetup, number {number}.\r\n" + ("x" * 70 + "\r\n") * (size // 72)
    return (
        f"From: Pat <{REPORTER}>\r\nTo: help\r\nSubject: Code of conduct\r\n"
        f"Message-ID: <bad-{number}@people.example>\r\nDate: Mon, 01 Mar 2027 01:00:00 +0100\r\n\r\n{text}"
    ).encode("ascii")


def says(answer: Answer, *words: str) -> None:
    """One line or more on stderr, without a traceback, with these words, and nobody's personal data."""
    assert "Traceback" not in answer.err
    assert answer.err.count("\n") <= 4, answer.err
    for word in words:
        assert word in answer.err, answer.err
    for personal in ("pat@", "Pat ", "happened", "secret", "bad-1"):
        assert personal not in answer.err, answer.err


def all_is_well_afterwards(place: World, mails: int = 1) -> None:
    """With the right configuration again, each organizer gets each mail once and it is filed."""
    place.configure()
    healed = place.run("once", "--json", "--now", "2030-01-01T00:00:00+00:00")
    assert healed.code == 0, healed
    for person in place.people:
        copies = [mail for mail in place.arrived(person.address, mails) if mail.kind == "report"]
        assert len(copies) == mails
        assert len({mail.original() for mail in copies}) == mails
    assert place.filed("INBOX") == []
    assert len(place.filed()) == mails


def test_a_wrong_password_for_the_mailbox(place: World) -> None:
    place.deliver(report())
    place.configure(**{"imap-password": "not this"})
    answer = place.run("once", "--json")
    assert answer.code == 75
    says(answer, "mailbox help", "check")
    assert answer.json["mailboxes"][0]["error"]
    check = place.run("check")
    assert check.code == 1
    assert "password" in check.out
    status = place.run("status", "--json")
    assert status.code == 1
    assert status.json["healthy"] is False
    assert any("help" in problem for problem in status.json["problems"])
    all_is_well_afterwards(place)


def test_a_wrong_password_for_the_way_out(place: World) -> None:
    place.deliver(report())
    place.configure(**{"smtp-password": "not this"})
    answer = place.run("once", "--json")
    assert answer.code == 75
    says(answer, "check user and password")
    assert (answer.json["accepted"], answer.json["sent"], answer.json["failed"]) == (1, 0, 0)
    assert answer.json["pending"] == 4
    waiting = place.run("outbox", "list", "--json").json
    assert sorted(one["recipient"] for one in waiting) == sorted([*(p.address for p in place.people), "reporter"])
    check = place.run("check")
    assert check.code == 1
    all_is_well_afterwards(place)


@pytest.mark.parametrize("side", ["imap", "smtp"])
def test_an_unknown_host(embedded: World, side: str) -> None:
    embedded.deliver(report())
    embedded.configure(**{f"{side}_host": "no-such-host.invalid"})
    answer = embedded.run("once", "--json")
    assert answer.code == 75
    says(answer, "host name not found: check host")
    all_is_well_afterwards(embedded)


@pytest.mark.parametrize("side", ["imap", "smtp"])
def test_nobody_listens(embedded: World, side: str) -> None:
    embedded.deliver(report())
    embedded.configure(**{f"{side}_port": closed_port()})
    answer = embedded.run("once", "--json")
    assert answer.code == 75
    says(answer, "nothing listens there")
    all_is_well_afterwards(embedded)


@pytest.mark.parametrize("side", ["imap", "smtp"])
def test_a_certificate_that_nobody_vouches_for(place: World, side: str, tmp_path: Path) -> None:
    place.deliver(report())
    (tmp_path / "other").mkdir()
    place.configure(**{f"{side}_ca": write_certificate(tmp_path / "other", "localhost")[0]})
    answer = place.run("once", "--json")
    assert answer.code == 75
    says(answer, "no authority that we trust")
    all_is_well_afterwards(place)


def test_a_certificate_for_another_name(embedded: World) -> None:
    embedded.deliver(report())
    embedded.configure(imap_host="127.1")
    answer = embedded.run("once", "--json")
    assert answer.code == 75
    says(answer, "the certificate is not for 127.1")
    all_is_well_afterwards(embedded)


def test_a_missing_folder_does_not_stop_the_others(place: World) -> None:
    place.deliver(report())
    place.configure(folders='["INBOX", "Nowhere"]')
    answer = place.run("once", "--json")
    assert answer.code == 75
    says(answer, "Nowhere", "it does not exist")
    assert (answer.json["accepted"], answer.json["pending"]) == (1, 0)
    all_is_well_afterwards(place)


@pytest.mark.sqlite
def test_a_full_disk_at_the_ledger(embedded: World) -> None:
    assert embedded.run("once").code == 0  # the ledger exists, and is small
    for number in range(6):
        embedded.deliver(report(number, size=60_000))
    ledger = embedded.folder / "intake.db"
    answer = embedded.run("once", "--json", file_limit=ledger.stat().st_size + 100_000)
    assert answer.code == 75
    says(answer, "ledger")
    assert "mail" not in answer.out or answer.json["failed"] == 0
    with sqlite3.connect(ledger) as book:
        assert book.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    book.close()
    left = len(embedded.filed("INBOX"))
    assert left + len(embedded.filed()) == 6, "what is not written down is not filed"
    assert left > 0
    all_is_well_afterwards(embedded, 6)


@pytest.mark.sqlite
def test_a_full_disk_from_the_start(embedded: World) -> None:
    embedded.deliver(report())
    answer = embedded.run("once", file_limit=4096)
    assert answer.code == 75
    says(answer, "ledger")
    assert len(embedded.filed("INBOX")) == 1
    for leftover in embedded.folder.glob("intake.*"):
        assert leftover.stat().st_size <= 4096
    all_is_well_afterwards(embedded)


@pytest.mark.sqlite
def test_a_ledger_that_is_none(embedded: World) -> None:
    embedded.deliver(report())
    (embedded.folder / "intake.db").write_bytes(b"this is no database\n" * 500)
    answer = embedded.run("once")
    assert answer.code == 75
    says(answer, "ledger", "intake.db")
    (embedded.folder / "intake.db").unlink()
    all_is_well_afterwards(embedded)


def test_a_template_with_an_undefined_name(embedded: World) -> None:
    embedded.deliver(report())
    own = embedded.folder / "own" / "acknowledgement"
    own.mkdir(parents=True)
    (own / "report.en.txt").write_text("Subject: Thank you\n\nHello {{ no_such_name }}\n", "utf-8")
    embedded.configure(more='[templates]\ndirectory = "own"')
    answer = embedded.run("once", "--json")
    assert answer.code in {75, 78}
    says(answer, "report.en.txt", "no_such_name", "intake check")
    check = embedded.run("check", "--offline")
    assert check.code == 1
    assert "report.en.txt:3" in check.out
    all_is_well_afterwards(embedded)
    assert len(embedded.imap.read(embedded.community, "Processed")) == 1


def test_an_organizer_whose_server_refuses(place: World) -> None:
    ann, bram, _ = place.people
    refused = Person("Rik Refused", "refuse@test.example")
    place.deliver(report())
    place.configure(people=(ann, bram, refused))
    answer = place.run("once", "--json")
    assert answer.code == 1, answer
    assert answer.json["failed"] == 1
    for person in (ann, bram):
        kinds = sorted(mail.kind for mail in place.arrived(person.address, 2))
        assert kinds == ["notice", "report"], "the others are told that one of them has not got it"
    failed = [one for one in place.run("outbox", "list", "--json").json if one["state"] == "failed"]
    assert [one["recipient"] for one in failed] == ["refuse@test.example"]
    assert "550" in failed[0]["error"]
    assert place.run("status", "--json").code == 1


def test_an_organizer_whose_server_wants_us_later(place: World) -> None:
    ann, bram, _ = place.people
    place.deliver(report())
    place.configure(people=(ann, bram, Person("Dora Deferred", "defer@test.example")))
    answer = place.run("once", "--json", "--now", "2027-03-01T02:00:00+00:00")
    assert answer.code == 75, answer
    assert (answer.json["failed"], answer.json["pending"]) == (0, 1)
    assert [mail.kind for mail in place.arrived(ann.address, 1)] == ["report"]
    again = place.run("once", "--json", "--now", "2027-03-01T02:00:05+00:00")
    assert (again.code, again.json["sent"]) == (75, 0)
    (waiting,) = place.run("outbox", "list", "--json").json
    assert (waiting["recipient"], waiting["attempts"]) == ("defer@test.example", 1)
    later = place.run("once", "--json", "--now", "2027-03-01T03:00:00+00:00")
    assert later.code == 75
    (waiting,) = place.run("outbox", "list", "--json").json
    assert waiting["attempts"] == 2
    end = place.run("once", "--json", "--now", "2027-03-08T03:00:00+00:00")
    assert (end.code, end.json["failed"]) == (75, 1), "given up; the digest for the same address is still to come"


@pytest.mark.parametrize("raw", [b"\r\n", b"\r\n\r\n", b"Subject: Code of conduct\r\n\r\n", b"x", b"\x00\r\n\r\n\x00"])
def test_an_empty_mail(embedded: World, raw: bytes) -> None:
    embedded.imap.append(embedded.community, "INBOX", raw)
    answer = embedded.run("once", "--json")
    assert answer.code == 0, answer
    assert answer.err == ""
    assert (answer.json["accepted"], answer.json["filed"]) == (1, 1)
    for person in embedded.people:
        (mail,) = embedded.arrived(person.address)
        assert mail.kind == "report"
        assert mail.original() == embedded.filed()[0]
        assert mail.document("report.json")["reporter"] is None


def test_a_mail_of_45_megabytes(place: World) -> None:
    sender = addresses(f"large{next(NUMBERS)}-")()
    head = (
        f"From: Lars <{sender}>\r\nTo: help\r\nSubject: Code of conduct\r\nMessage-ID: <large@people.example>\r\n\r\n"
    )
    raw = head.encode() + b"Somebody insulted me at the meetup.\r\n" + (b"x" * 76 + b"\r\n") * (45 * 1024 * 1024 // 78)
    place.deliver(raw, sender)
    answer = place.run("once", "--json")
    assert answer.code == 0, answer
    assert (answer.json["accepted"], answer.json["filed"], answer.json["sent"]) == (1, 1, 4)
    for person in place.people:
        (mail,) = place.arrived(person.address, 1)
        assert mail.kind == "notice"
        assert mail.case.startswith("CGB-")
        assert len(mail.raw) < 1_000_000
        shown = " ".join(mail.text().split())
        assert "47 MB" in shown
        assert "Processed" in shown, "where to find it"
        for words in ("Het origineel zit erbij", "The original is attached", "original est joint"):
            assert words not in shown
        facts = mail.document("report.json")
        assert facts["reporter"]["address"] == sender
        assert facts["category"] == "report"
        assert "truncated" in facts["defects"]
        assert (facts["original"]["attached"], facts["original"]["note"]) == (False, "too-large")
    (receipt,) = place.arrived(sender, 1)
    assert receipt.kind == "acknowledgement"
    (filed,) = place.imap.flags(place.community, "Processed")
    assert filed


def test_a_copy_that_is_too_large_for_the_organizers_server_goes_without_the_original(place: World) -> None:
    place.deliver(report(1, size=2_500_000))  # the servers of the tests take 2 MB
    answer = place.run("once", "--json")
    for person in place.people:
        (mail,) = place.arrived(person.address, 1)
        assert mail.kind == "report"
        assert "message/rfc822" not in {part.get_content_type() for part in mail.head.walk()}
    assert answer.json["pending"] == 0
    assert len(place.filed()) == 1


def test_a_way_out_that_is_away_for_a_while(embedded: World) -> None:
    for number in range(3):
        embedded.deliver(report(number))
    embedded.configure(smtp_port=closed_port())
    for _ in range(3):
        answer = embedded.run("once", "--json")
        assert answer.code == 75
        assert answer.json["failed"] == 0
    all_is_well_afterwards(embedded, 3)


def test_nothing_is_sent_when_asked_not_to(embedded: World) -> None:
    embedded.deliver(report())
    answer = embedded.run("once", "--json", "--no-send")
    assert (answer.json["accepted"], answer.json["filed"], answer.json["sent"]) == (1, 1, 0)
    assert answer.code == 75
    all_is_well_afterwards(embedded)


def test_a_configuration_with_mistakes(embedded: World) -> None:
    path = embedded.configure(more='[digets]\nschedule = "never"\n[alarm]\nemail = "nobody"')
    answer = embedded.run("once")
    assert answer.code == 78
    assert answer.out == ""
    assert f"{path}:" in answer.err or "config.toml:" in answer.err
    assert "digest" in answer.err, "a suggestion"
    assert "alarm" in answer.err, "every problem at once"
    assert "Traceback" not in answer.err
    assert "Traceback" in embedded.run("--debug", "once").err


def test_no_configuration_at_all(embedded: World) -> None:
    answer = embedded.run("once", "--config", "gone.toml")
    assert answer.code == 78
    says(answer, "gone.toml")


def test_usage(embedded: World) -> None:
    for words in (("onec",), ("once", "--now", "yesterday"), ("cases", "show"), ("outbox", "retry", "none")):
        answer = embedded.run(*words)
        assert (answer.code, answer.err.count("\n")) == (2, 1), answer
        assert answer.err.startswith("intake: ")
        assert answer.err.rstrip().endswith("--help")
    assert embedded.run("--help").code == 0
    assert embedded.run("--version").code == 0


def test_json_means_json_alone(embedded: World) -> None:
    for words in (("once",), ("cases", "list"), ("outbox", "list"), ("status",), ("audit",), ("check", "--offline")):
        answer = embedded.run(*words, "--json")
        assert answer.code in {0, 1, 75}, (words, answer)
        answer.json  # noqa: B018 - it parses


def test_a_key_in_a_folder_that_is_not_there(embedded: World) -> None:
    path = embedded.configure()
    path.write_text(path.read_text("utf-8").replace("intake.key", "keys/intake.key"), "utf-8")
    checked, passed = embedded.run("check", "--offline"), embedded.run("once")
    assert (checked.code, passed.code) == (1, 75)
    assert all("make the folder" in said for said in (checked.out, passed.err)), "nothing is there to restore"
