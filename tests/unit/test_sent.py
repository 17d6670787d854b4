"""Answers from the community's own mailbox: recognised among sent mail and in copies, and nothing else is done there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from intake.model import CaseAction, CaseState, Outcome
from intake.steps.audit import audit

from .worlds import ANN, BOB, CARL, START, Server, Shelf, World, header, mail, passed

HOUSE = "help@eug.example"
RITA = "rita1@example.com"
REPORT = "<m1@example.com>"


class House(World):
    """A community whose mailbox has a folder of sent mail."""

    def __init__(self, folder: Path, *, before: bytes = b"", start: str = "all", now: datetime = START) -> None:
        super().__init__(folder, start=start, now=now)
        self.server.shelves["Sent"] = Shelf(900)
        if before:
            self.server.shelves["Sent"].put(before, now - timedelta(days=3))
        mailboxes = (self.config.mailboxes[0].model_copy(update={"sent": "Sent"}),)
        self.config = replace(self.config, mailboxes=mailboxes)
        self.parts = replace(self.parts, config=self.config)

    def sends(self, raw: bytes) -> int:
        """Somebody of the team writes in the mailbox itself."""
        return self.server.shelves["Sent"].put(raw, self.now)

    def outcomes(self) -> dict[str, int]:
        return self.parts.ledger.outcomes()

    @property
    def case(self) -> Any:
        return self.parts.ledger.cases()[0]


def answer(
    number: int | str = 1,
    text: str = "Dear Rita, we will help.",
    to: str = RITA,
    refers: str = REPORT,
    sender: str = HOUSE,
    extra: str = "",
) -> bytes:
    head = f"In-Reply-To: {refers}\r\nReferences: {refers}\r\n" if refers else ""
    return (
        f"From: Help <{sender}>\r\nTo: {to}\r\nSubject: Re: Code-of-conduct\r\nMessage-ID: <answer{number}@eug.example>\r\n"
        f"{head}{extra}\r\n{text}\r\n"
    ).encode()


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    made.deliver(mail(1))
    made.until_quiet()
    return made


def test_an_answer_among_sent_mail_stops_the_clock_and_the_team_sees_it(house: House) -> None:
    house.sends(answer())
    house.until_quiet()
    assert house.case.first_human_reply is not None
    assert house.reached("follow-up") == sorted([ANN, BOB, CARL])
    assert len(house.reached("acknowledgement")) == 1
    assert house.outcomes()[Outcome.TEAM] == 1
    assert len(house.server.shelves["Sent"].mails) == 1, "nothing is moved"
    assert len(house.parts.ledger.cases()) == 1
    log = [(line.entry.what, line.entry.by) for line in house.parts.ledger.case_log(house.case.code)]
    assert (CaseAction.REPLY, HOUSE) in log
    house.now += timedelta(days=3)
    house.until_quiet()
    assert not house.sent("reminder")
    assert audit(house.parts).ok


def test_a_copy_in_the_inbox_counts_and_both_count_once(house: House) -> None:
    copied = answer(extra=f"Cc: {HOUSE}\r\n")
    house.sends(copied)
    house.deliver(b"Received: from somewhere\r\n" + copied)
    house.until_quiet()
    assert house.outcomes()[Outcome.TEAM] == 1
    assert house.reached("follow-up") == sorted([ANN, BOB, CARL])
    assert len(house.parts.ledger.cases()) == 1


def test_a_blind_copy_in_the_inbox_is_enough(house: House) -> None:
    house.deliver(b"Received: from somewhere\r\n" + answer())
    house.until_quiet()
    assert house.case.first_human_reply is not None
    assert house.reached("follow-up") == sorted([ANN, BOB, CARL])


def test_an_organizers_own_answer_sent_through_the_mailbox_counts_once(house: House) -> None:
    copied = answer(sender=ANN, extra=f"Cc: {HOUSE}\r\n")
    house.sends(copied)
    house.deliver(b"Received: from somewhere\r\n" + copied)
    house.until_quiet()
    assert house.reached("follow-up") == sorted([BOB, CARL])
    assert house.case.first_human_reply is not None


def test_what_a_server_keeps_of_our_own_messages_is_no_answer(house: House) -> None:
    for outgoing in list(house.transport.taken):
        house.sends(outgoing.content)
    house.until_quiet()
    assert house.case.first_human_reply is None
    assert house.outcomes()[Outcome.SENT] == len(house.server.shelves["Sent"].mails) > 3
    assert not house.reached("follow-up")
    assert audit(house.parts).ok
    house.now += timedelta(days=1)
    house.until_quiet()
    digest = house.sent("digest")[-1].content
    assert b'"ours"' not in digest, "they are no mail that came in"


@pytest.mark.parametrize(
    "raw",
    [
        answer(to="someone@else.example"),
        answer(refers=""),
        answer(refers="<unknown@x.example>"),
        answer(to=ANN),
        answer(extra="Auto-Submitted: auto-replied\r\n"),
        answer(extra="X-Intake-Kind: report\r\n"),
        b"",
        b"\xff\x00nonsense",
    ],
)
def test_any_other_sent_mail_is_only_counted(house: House, raw: bytes) -> None:
    before = len(house.transport.taken)
    house.sends(raw)
    house.until_quiet()
    assert house.case.first_human_reply is None
    assert house.outcomes()[Outcome.SENT] == 1
    assert len(house.transport.taken) == before
    assert len(house.parts.ledger.cases()) == 1


def test_a_forged_answer_that_fails_authentication_does_not_count(house: House) -> None:
    settings = house.config.acknowledgement.model_copy(update={"authserv_id": "mx.eug.example"})
    config = replace(house.config, acknowledgement=settings)
    from intake import app

    house.parts = replace(house.parts, config=config, judge=lambda: app.judge(config))
    failed = b"Authentication-Results: mx.eug.example; dmarc=fail header.from=eug.example\r\n"
    house.deliver(failed + answer())
    house.until_quiet()
    assert house.case.first_human_reply is None


def test_an_answer_that_comes_back_lets_the_clock_run_on(house: House) -> None:
    house.sends(answer())
    house.until_quiet()
    bounce = (
        f"From: MAILER-DAEMON@example.com\r\nTo: {HOUSE}\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nNo such user.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
        f"Final-Recipient: rfc822; {RITA}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: {HOUSE}\r\nMessage-ID: <answer1@eug.example>\r\n\r\nx\r\n--b--\r\n"
    )
    house.deliver(bounce.encode())
    house.until_quiet()
    assert house.case.first_human_reply is None
    assert [o.recipient for o in house.sent("notice")] == [ANN, BOB, CARL]
    house.now += timedelta(hours=5)
    house.until_quiet()
    assert house.reached("reminder") == sorted([ANN, BOB, CARL])


def test_an_answer_and_its_bounce_in_one_pass(house: House) -> None:
    """Sent mail is read first: what came back of it is then known for what it is."""
    house.sends(answer())
    house.deliver(
        f"From: MAILER-DAEMON@example.com\r\nTo: {HOUSE}\r\nSubject: Undelivered Mail\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n'
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <answer1@eug.example>\r\n\r\nx\r\n--b--\r\n".encode()
    )
    house.until_quiet()
    assert house.case.first_human_reply is None


@pytest.mark.parametrize("own", ["Thank you!", "I mean Bob Builder himself."])
def test_quoting_who_signed_the_answer_does_not_withhold_them(house: House, own: str) -> None:
    house.sends(answer(text="Dear Rita,\r\nwe will help.\r\n\r\nBob Builder\r\nEUG"))
    house.until_quiet()
    assert BOB in house.reached("follow-up"), "who has signed it may see it"
    house.transport.taken.clear()
    quoted = (
        f"{own}\r\n\r\nOn Monday, Help <{HOUSE}> wrote:\r\n> Dear Rita,\r\n> we will help.\r\n>\r\n> Bob Builder\r\n"
    )
    refers = "In-Reply-To: <answer1@eug.example>\r\nReferences: <answer1@eug.example>\r\n"
    house.deliver(mail("2", quoted, "Re: Code-of-conduct", RITA, refers))
    house.until_quiet()
    assert bool(house.case.recused) is ("himself" in own)
    assert (BOB in house.reached("follow-up")) is not ("himself" in own)


def test_who_is_only_spoken_of_in_an_answer_does_not_get_it(house: House) -> None:
    house.sends(answer(text="Dear Rita,\r\nwe will speak with Bob Builder tomorrow.\r\n\r\nAnn Example"))
    house.until_quiet()
    assert house.reached("follow-up") == sorted([ANN, CARL])
    refers = "In-Reply-To: <answer1@eug.example>\r\nReferences: <answer1@eug.example>\r\n"
    quoted = "Thanks.\r\n\r\nOn Monday, Help wrote:\r\n> we will speak with Bob Builder tomorrow.\r\n"
    house.deliver(mail("2", quoted, "Re: Code-of-conduct", RITA, refers))
    house.until_quiet()
    assert [one.organizer for one in house.case.recused] == [BOB]


def test_what_was_sent_before_is_not_read(tmp_path: Path) -> None:
    house = House(tmp_path, before=answer())
    house.deliver(mail(1))
    house.until_quiet()
    assert house.case.first_human_reply is None
    assert house.outcomes()[Outcome.BEFORE] == 1
    house.now += timedelta(days=1)
    house.until_quiet()
    assert b'"before": 1' not in house.sent("digest")[-1].content
    assert house.parts.ledger.counted() == []
    assert audit(house.parts).ok


def test_renumbered_sent_mail_is_recognised(house: House) -> None:
    house.sends(answer())
    house.until_quiet()
    reached = len(house.transport.taken)
    house.server.renumber("Sent")
    house.until_quiet()
    assert len(house.transport.taken) == reached
    assert audit(house.parts).ok


def test_a_missing_folder_of_sent_mail_keeps_no_report_waiting(house: House) -> None:
    del house.server.shelves["Sent"]
    house.deliver(mail(2))
    report = passed(house)
    assert "Sent" in (report.mailboxes[0].error or "")
    assert len(house.parts.ledger.cases()) == 2


def test_long_messages_of_ours_are_not_fetched_whole(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intake.steps.reading.ENOUGH", 2_000)
    ours = next(o.content for o in house.transport.taken if header(o, "X-Intake-Kind") == "report")
    house.sends(ours + b"x" * 5_000)
    house.sends(answer(text="Dear Rita, " + "we will help. " * 400))
    house.until_quiet()
    copies = [o.content for o in house.sent("follow-up")]
    assert len(copies) == 3
    assert copies[0].count(b"we will help") > 400
    assert house.outcomes()[Outcome.SENT] == 1


def test_the_machine_may_end_at_any_boundary(tmp_path: Path) -> None:
    boundaries = 0
    while True:
        folder = tmp_path / str(boundaries)
        folder.mkdir()
        house = House(folder)
        house.deliver(mail(1))
        house.until_quiet()
        house.sends(answer())
        ended = house.run(die_at=boundaries) is None
        house.parts = replace(house.parts, config=house.config)
        house.now += timedelta(minutes=11)
        house.until_quiet()
        assert house.case.first_human_reply is not None, boundaries
        assert len(house.sent("follow-up")) <= 3 + ended
        assert house.outcomes()[Outcome.TEAM] == 1
        assert audit(house.parts).ok
        house.parts.ledger.close()
        if not ended:
            break
        boundaries += 9
    assert boundaries > 20
    assert isinstance(house.server, Server)
    assert house.case.state is CaseState.NEW
