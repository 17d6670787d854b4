"""What comes back after it was sent: a copy counts as refused, an answer raises the alarm."""

from __future__ import annotations

from pathlib import Path

import pytest

from intake.model import Outgoing

from .worlds import ANN, BOARD, BOB, CARL, KEEPER, World, header, mail, passed


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.deliver(mail(1))
    return made


def bounce(outgoing: Outgoing, action: str = "failed", number: int = 1) -> bytes:
    returned = outgoing.content.partition(b"\r\n\r\n")[0].decode() + "\r\n\r\n(cut)\r\n"
    return (
        "From: MAILER-DAEMON@mx.example.org\r\nTo: help@eug.example\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        f"Message-ID: <b{number}@mx.example.org>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
        "No such user.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n"
        f"Final-Recipient: rfc822; x@example.org\r\nAction: {action}\r\nStatus: 5.1.1\r\n\r\n--b\r\n"
        f"Content-Type: message/rfc822\r\n\r\n{returned}\r\n--b--\r\n"
    ).encode()


def test_a_copy_that_comes_back_counts_as_refused(world: World) -> None:
    passed(world)
    world.deliver(bounce(world.transport.to(BOB)[0]))
    passed(world)
    assert world.reached("notice") == [ANN, CARL]
    assert world.reached("alarm") == [KEEPER]
    assert world.parts.ledger.delivery_counts()["failed"] == 1
    assert world.parts.ledger.outcomes() == {"case": 1, "recorded": 1}
    world.deliver(bounce(world.transport.to(BOB)[0], number=2))
    passed(world)
    assert len(world.sent("notice")) == 2, "once is enough"


def test_word_of_a_delay_changes_nothing(world: World) -> None:
    passed(world)
    world.deliver(bounce(world.transport.to(BOB)[0], "delayed"))
    passed(world)
    assert world.parts.ledger.delivery_counts()["failed"] == 0


def test_an_answer_that_comes_back_raises_the_alarm_and_stands_in_the_digest(world: World) -> None:
    passed(world)
    world.deliver(bounce(world.sent("acknowledgement")[0]))
    passed(world)
    [alarm] = world.sent("alarm")
    assert "acknowledgement" in header(alarm, "Subject").lower()
    assert not world.sent("notice"), "nobody is without a mail because of it"
    [case] = world.parts.ledger.cases()
    assert world.parts.ledger.overview(ANN, None, world.now).problems == {case.id: 1}


def test_when_every_copy_comes_back_the_fallback_hears_where_the_mail_is(world: World) -> None:
    passed(world)
    for number, copy in enumerate(list(world.sent("report"))):
        world.deliver(bounce(copy, number=number))
    passed(world)
    assert BOARD in world.reached("notice")
    assert world.parts.ledger.unheard() == []


def test_an_end_while_a_bounce_is_taken_in_loses_none_of_what_follows(tmp_path: Path) -> None:
    for boundary in range(0, 150, 4):
        folder = tmp_path / str(boundary)
        folder.mkdir()
        world = World(folder)
        world.deliver(mail(1))
        passed(world)
        world.deliver(bounce(world.transport.to(BOB)[0]))
        ended = world.run(die_at=boundary) is None
        world.until_quiet()
        assert sorted(set(world.reached("notice"))) == [ANN, CARL]
        world.parts.ledger.close()
        if not ended:
            return
    raise AssertionError("the pass has more boundaries than that")
