"""``intake drill``: through the whole real path, to the people or beside them, and marked as what it is."""

from __future__ import annotations

import email.header
import hashlib
import re
from datetime import UTC, datetime, timedelta

import pytest
from servers.smtp import Aiosmtpd
from servers.world import World

from intake.cli.drill import drill as command
from intake.compose.drill import SUBJECT, message, words
from intake.compose.house import House
from intake.config import load
from intake.config.values import duration
from intake.decide import drill
from intake.receive.parse import parse

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)


def keyed(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def test_a_drill_goes_the_whole_way_and_is_marked_as_one(place: World) -> None:
    by = "imap" if isinstance(place.smtp, Aiosmtpd) else "smtp"  # Postfix delivers to our own mailbox too
    answer = place.run("drill", "--by", by, "--pass", "--wait", "60s", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["ok"]
    assert {line["state"] for line in answer.json["organizers"]} == {"sent"}
    assert all(0 <= line["after"] < 60 for line in answer.json["organizers"])
    marks = {"en": "DRILL", "nl": "OEFENING", "fr": "EXERCICE"}
    for person in place.people:
        (mail,) = place.arrived(person.address, 1)
        subject = str(email.header.make_header(email.header.decode_header(mail.head["Subject"])))
        assert subject.startswith(f"[{marks[person.language]}] ")
        assert marks[person.language] in mail.text()
        assert mail.document("report.json")["rule"] == "drill"
    shown = place.run("cases", "list", "--all", "--json").json
    assert [(case["state"], case["code"]) for case in shown] == [("closed", answer.json["case"])]
    everything = [mail.kind for person in place.people for mail in place.arrived(person.address)]
    assert everything == ["report"] * 3


def test_copies_can_go_beside_the_organizers(embedded: World) -> None:
    answer = embedded.run(
        "drill", "--by", "imap", "--pass", "--to", "drills@people.example", "--named", "Bram Peeters", "--json"
    )
    assert answer.code == 0, answer.err
    states = {line["organizer"]: (line["state"], line["reason"]) for line in answer.json["organizers"]}
    ann, bram, claire = (person.address for person in embedded.people)
    assert states[bram][0] == "withheld"
    assert states[bram][1].startswith("named-")
    assert states[ann] == states[claire] == ("sent", "")
    assert answer.json["acknowledgement"]["state"] == "sent"
    kinds = sorted(mail.kind for mail in embedded.arrived("drills@people.example"))
    assert kinds == ["acknowledgement", "report", "report"]
    assert not any(embedded.arrived(address) for address in (ann, bram, claire))


def test_a_drill_is_in_no_digest(embedded: World) -> None:
    code = embedded.run("drill", "--by", "imap", "--pass", "--json").json["case"]
    shown = embedded.run("digest")
    assert shown.code == 0
    assert code not in shown.out


def test_a_table_says_who_was_reached(embedded: World) -> None:
    answer = embedded.run("drill", "--by", "imap", "--pass", "--named", "Bram Peeters")
    assert answer.code == 0, answer.err
    assert re.search(r"Ann Willems <\S+> +reached +\d+\.\d s", answer.out)
    assert re.search(r"Bram Peeters <\S+> +withheld +- +named in body", answer.out)
    assert re.search(
        r"2 of 2 who should get it were reached, the last one after \d+\.\d s; withheld from 1\.", answer.out
    )


def test_without_a_pass_it_says_so(embedded: World) -> None:
    answer = embedded.run("drill", "--by", "imap", "--wait", "1s")
    assert answer.code == 1
    assert "waiting at most 1 s for the service or cron to read it" in answer.err
    assert "no pass has read the drill" in answer.err


def test_with_passes_of_its_own_it_blames_no_cron(embedded: World) -> None:
    answer = embedded.run("drill", "--pass", "--wait", "1s")  # by SMTP, to a server that puts nothing into the mailbox
    assert answer.code == 1
    assert "does mail to your own address arrive" in answer.err
    assert "cron" not in answer.err


def test_it_waits_no_longer_than_somebody_looks_on() -> None:
    (wait,) = (one for one in command.params if one.name == "wait")
    assert duration(wait.default) < timedelta(minutes=2)


def test_what_is_left_after_the_wait_is_told(embedded: World) -> None:
    answer = embedded.run("drill", "--by", "imap", "--pass", "--to", "defer@people.example", "--wait", "1s")
    assert answer.code == 75, answer.err
    assert "0 of 3 who should get it were reached. No longer waited for the rest" in answer.out


def test_a_mark_that_is_not_ours_makes_no_drill(embedded: World) -> None:
    embedded.deliver(
        b"From: Rita <rita@people.example>\r\nTo: x\r\nSubject: Code-of-conduct\r\nMessage-ID: <r@people.example>\r\n"
        b"X-Intake-Drill: 00112233445566778899aabbccddeeff\r\nX-Intake-Drill-To: thief@people.example\r\n\r\n"
        b"Somebody hit me.\r\n"
    )
    assert embedded.run("once").code == 0
    ann = embedded.people[0].address
    (mail,) = embedded.arrived(ann)
    assert "DRILL" not in mail.head["Subject"]
    assert embedded.arrived("thief@people.example") == []


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b"Nothing has happened", b"Everything has happened"),
        lambda raw: raw.replace(b"Subject: Code-of-conduct", b"Subject: Code of conduct"),
        lambda raw: raw.replace(b"drill@ops.example", b"other@ops.example"),
        lambda raw: raw.replace(b"<drill-1@", b"<drill-2@"),
        lambda raw: raw.replace(b"X-Intake-Drill: ", b"X-Intake-Drill: 1"),
        lambda raw: raw.replace(b"X-Intake-Drill: ", b"X-Intake-Drill: \xff"),
        lambda raw: raw.replace(b"X-Intake-Drill: ", b"X-Other: "),
    ],
)
def test_nothing_of_a_drill_can_be_changed(embedded: World, change: object) -> None:
    house = House.of(load(embedded.folder / "config.toml"))
    text = words(house, "Zoë Ångström")
    mark = drill.mark(keyed, "<drill-1@test.example>", "drill@ops.example", SUBJECT, text)
    raw = message(
        house, "<drill-1@test.example>", NOW, text, {"X-Intake-Drill": mark, "X-Intake-Drill-To": "drill@ops.example"}
    )
    found = drill.recognised(parse(raw), keyed)
    assert found == drill.Drill("drill@ops.example")
    assert callable(change)
    assert change(raw) != raw
    assert drill.recognised(parse(change(raw)), keyed) is None
