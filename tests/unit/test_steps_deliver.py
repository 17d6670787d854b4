"""Sending: each message once, an outcome for each, and somebody who knows when there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from intake.decide.clock import GIVE_UP_AFTER, LONGEST_RETRY
from intake.errors import LedgerError
from intake.model import Failed, MessageKind, Outgoing, Result, Unknown
from intake.steps import reading
from intake.steps.parts import Rest
from intake.steps.whole import one_pass

from .worlds import ANN, BOARD, BOB, CARL, KEEPER, World, header, mail, message_id, passed

REFUSED = Failed(permanent=True, reason="550 5.1.1 no such user")
LATER = Failed(permanent=False, reason="451 4.7.1 greylisted")
CLOSED = Failed(permanent=False, reason="421 closing", way_out=True)
TOO_LARGE = Failed(permanent=True, reason="552 5.3.4 too large", size=True)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.deliver(mail(1))
    return made


def to(result: Result, *people: str) -> Callable[[Outgoing, int], Result | None]:
    return lambda outgoing, _number: result if not people or outgoing.recipient in people else None


def test_no_send_lets_everything_wait_and_the_next_pass_sends_it(world: World) -> None:
    assert passed(world, send=False).pending == 4
    assert not world.transport.taken
    assert world.server.texts("Processed") == [mail(1)]
    assert passed(world).sent == 4


def test_what_one_server_puts_off_is_tried_again_ever_less_often(world: World) -> None:
    world.transport.answers = to(LATER, BOB)
    tries: list[datetime] = []
    honest = world.transport.send

    def send(outgoing: Outgoing) -> Result:
        if outgoing.recipient == BOB and header(outgoing, "X-Intake-Kind") == "report":
            tries.append(world.now)
        return honest(outgoing)

    world.transport.send = send  # type: ignore[method-assign]  # to see when
    for _ in range(20 * 24):
        passed(world)
        world.now += timedelta(minutes=3)
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert 8 < len(tries) < 16
    assert waits == sorted(waits)
    assert waits[-1] <= LONGEST_RETRY * 1.25 + timedelta(minutes=3)
    assert world.reached("report") == [ANN, CARL]
    assert world.reached("acknowledgement") == ["rita1@example.com"], "one copy is enough to say that people have it"


def test_a_refusal_is_told_to_the_others_and_to_who_looks_after_the_program(world: World) -> None:
    world.transport.answers = to(REFUSED, BOB)
    assert passed(world).failed == 1
    assert world.reached("notice") == [ANN, CARL]
    assert world.reached("alarm") == [KEEPER]
    assert "Bob Builder" in world.sent("notice")[0].content.decode()
    alarm = world.sent("alarm")[0].content.decode()
    assert "EUG-" not in alarm
    assert "rita" not in alarm.lower()
    assert BOB not in alarm


def test_when_all_are_refused_the_fallback_gets_it(world: World) -> None:
    world.transport.answers = to(REFUSED, ANN, BOB, CARL)
    passed(world)
    world.until_quiet()
    assert world.reached("report") == [BOARD]
    assert len(world.sent("acknowledgement")) == 1
    assert world.parts.ledger.unheard() == []


def test_when_nobody_at_all_can_be_reached_it_is_told_and_the_answer_says_so(world: World) -> None:
    world.transport.answers = to(REFUSED, ANN, BOB, CARL, BOARD)
    passed(world)
    world.now += timedelta(minutes=11)
    passed(world)
    assert not world.sent("report")
    assert len(world.parts.ledger.unheard()) == 1
    subjects = {header(o, "Subject") for o in world.sent("alarm")}
    assert any("Nobody has a report" in subject for subject in subjects), subjects
    answer = world.sent("acknowledgement")
    assert len(answer) == 1, "and yet the reporter is told, in words that promise nothing"


def test_a_copy_refused_for_its_size_goes_again_without_the_original(world: World) -> None:
    world.transport.answers = lambda o, _n: TOO_LARGE if o.recipient == BOB and b"message/rfc822" in o.content else None
    passed(world)
    [copy] = world.transport.to(BOB, MessageKind.REPORT)
    assert b"message/rfc822" not in copy.content
    assert "Processed" in copy.content.decode(), "it says where the original lies"
    assert not world.sent("notice")
    assert not world.sent("alarm"), "nothing was given up"
    assert world.parts.ledger.delivery_counts()["failed"] == 0


def test_a_copy_refused_for_its_size_even_without_the_original_is_given_up(world: World) -> None:
    world.transport.answers = lambda o, _n: TOO_LARGE if o.recipient == BOB else None
    passed(world)
    assert world.parts.ledger.delivery_counts()["failed"] == 1
    assert world.reached("notice") == [ANN, CARL]
    assert world.reached("alarm") == [KEEPER]


def test_an_unknown_outcome_is_tried_again_under_the_same_message_id(world: World) -> None:
    world.transport.answers = lambda o, n: Unknown("taken, and no answer") if n == 1 else None
    passed(world)
    assert world.parts.ledger.delivery_counts()["unknown"] == 1
    world.now += timedelta(minutes=2)
    passed(world)
    ids = [message_id(o) for o in world.transport.taken]
    assert len(ids) == 5
    assert len(set(ids)) == 4


def test_an_end_between_the_servers_word_and_ours_repeats_one_message_under_its_id(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = World(tmp_path / "other")
    other.deliver(mail(1))
    passed(other)
    assert world.run(die_at=other.passed.index("smtp answered")) is None
    assert sum(world.excused.values()) == 1
    world.until_quiet()
    ids = [message_id(o) for o in world.transport.taken]
    assert len(ids) - len(set(ids)) == 1
    assert sorted(set(world.reached("report"))) == [ANN, BOB, CARL]


def test_an_answer_waits_for_one_copy_and_then_does_not_wait_any_longer(world: World) -> None:
    world.transport.answers = to(LATER, ANN, BOB, CARL)
    passed(world)
    assert not world.sent("acknowledgement")
    world.now += timedelta(minutes=11)
    passed(world)
    [unread] = world.sent("acknowledgement")
    world.transport.answers = to(LATER, ANN, BOB)
    world.deliver(mail(2))
    world.now += timedelta(hours=1)
    passed(world)
    read = world.transport.to("rita2@example.com")[0]
    assert unread.content.decode().count("\n") != read.content.decode().count("\n"), "other words"
    assert world.transport.taken.index(read) > [o.recipient for o in world.transport.taken].index(CARL)


def test_trouble_with_the_way_out_is_no_messages_fault(world: World) -> None:
    world.transport.answers = to(CLOSED)
    passed(world)
    assert world.transport.calls <= 2, "one try tells enough; a second is the alarm's"
    for _ in range(30):
        world.now += timedelta(hours=12)
        assert passed(world).failed == 0
    world.transport.answers = lambda _o, _n: None
    world.now += timedelta(hours=5)
    world.until_quiet()
    assert world.reached("report") == [ANN, BOB, CARL]


def test_a_process_without_a_way_out_leaves_the_work_to_the_others_for_a_minute(world: World) -> None:
    world.transport.answers = to(CLOSED)
    passed(world)
    calls = world.transport.calls
    world.now += timedelta(seconds=30)
    assert passed(world).way_out_failed, "whoever is called home must not hear that all is well"
    assert world.transport.calls == calls
    world.transport.answers = lambda _o, _n: None
    other = one_pass(replace(world.parts, holder="another machine", rest=Rest()))
    assert other.sent == 3, "all but the one that was tried"
    world.now += timedelta(seconds=60)
    assert passed(world).sent == 1
    assert world.reached("report") == [ANN, BOB, CARL]


def test_a_way_out_that_is_only_too_narrow_is_gone_on_with(world: World) -> None:
    world.transport.answers = to(CLOSED, BOB)
    assert passed(world).sent
    world.transport.answers = lambda _o, _n: None
    assert passed(world).sent, "what was not tried"


def test_a_clock_that_was_put_back_keeps_nobody_waiting_for_the_way_out(world: World) -> None:
    world.transport.answers = to(CLOSED)
    passed(world)
    world.transport.answers = lambda _o, _n: None
    world.now -= timedelta(hours=3)
    assert passed(world).sent


def test_nothing_is_given_up_because_the_clock_jumped_or_nobody_tried(world: World) -> None:
    world.transport.answers = to(LATER, BOB)
    passed(world)
    world.now += GIVE_UP_AFTER * 3
    passed(world)
    assert world.parts.ledger.delivery_counts()["failed"] == 0
    for _ in range(12):
        world.now += timedelta(hours=6)
        passed(world)
    assert world.parts.ledger.delivery_counts()["failed"] == 1


def test_the_rate_limit_is_waited_for_and_not_for_long(world: World) -> None:
    world.transport.wait = 20.0
    assert passed(world).sent == 4
    assert world.paused == pytest.approx(20.0)
    world.deliver(mail(2))
    world.transport.wait = 500.0
    report = passed(world)
    assert (report.sent, report.pending) == (0, 4)
    world.transport.wait = 0.0
    assert passed(world).sent == 4


def test_a_stop_ends_between_two_messages_and_loses_none(world: World) -> None:
    def answer(_outgoing: Outgoing, number: int) -> Result | None:
        world.stopping = number == 2
        return None

    world.transport.answers = answer
    assert passed(world).sent == 2
    world.stopping = False
    world.transport.answers = lambda _o, _n: None
    assert passed(world).sent == 2
    assert world.reached("report") == [ANN, BOB, CARL]


def test_a_receipt_that_the_ledger_does_not_take_is_written_down_as_soon_as_it_does(world: World) -> None:
    ledger: Any = world.parts.ledger
    honest = ledger.record_all
    failures = iter([LedgerError("the disk is full"), LedgerError("the disk is full")])

    def record_all(*given: Any) -> Any:
        for failure in failures:
            raise failure
        return honest(*given)

    ledger.record_all = record_all
    passed(world)
    assert len(world.transport.taken) == 4
    assert world.paused > 0


def test_a_ledger_that_takes_claims_and_no_receipts_does_not_send_every_minute(world: World) -> None:
    ledger: Any = world.parts.ledger
    honest = ledger.record_all
    passed(world, send=False)

    def record_all(*_given: Any) -> Any:
        raise LedgerError("the disk is full")

    ledger.record_all = record_all
    failures = 0
    for _ in range(60):
        world.now += timedelta(minutes=1)
        world.parts = world._own(world.parts)  # cron starts another process
        try:
            passed(world)
        except LedgerError:
            failures += 1
    most = max(len(world.transport.to(person, MessageKind.REPORT)) for person in (ANN, BOB, CARL))
    assert failures
    assert most <= 8, f"{most} copies in an hour"
    ledger.record_all = honest
    world.now += timedelta(minutes=11)
    world.until_quiet()
    assert sorted(set(world.reached("report"))) == [ANN, BOB, CARL]
    assert len({message_id(o) for o in world.sent("report")}) == 3


# --- clocks ---


def test_a_clock_that_was_years_ahead_keeps_nothing_waiting(world: World) -> None:
    real = world.now
    world.now += timedelta(days=1500)
    world.transport.answers = to(LATER, BOB)
    passed(world)
    world.others.add(world.parts.holder)
    world.deliver(mail(3))
    assert world.run(die_at=40) is None
    world.now = real
    world.transport.answers = lambda _o, _n: None
    world.deliver(mail(2))
    for _ in range(3):
        world.now += timedelta(minutes=20)
        passed(world)
    assert set(world.reached("report")) == {ANN, BOB, CARL}
    assert len(set(map(message_id, world.sent("report")))) == 9
    assert any("clock" in line for line in world.said)
    assert world.parts.ledger.open_count() == 0


def test_a_digest_of_a_day_that_a_wrong_clock_saw_is_sent_when_that_day_comes(world: World) -> None:
    passed(world)
    real = world.now
    world.now = real + timedelta(days=10)
    passed(world)
    early = len(world.sent("digest"))
    assert early == 3
    world.now = real + timedelta(minutes=30)
    passed(world)
    for _ in range(11):
        world.now += timedelta(days=1)
        passed(world)
    assert len(world.sent("digest")) - early == 11 * 3


@pytest.mark.parametrize(
    "night",
    [
        datetime(2026, 3, 29, tzinfo=ZoneInfo("Europe/Brussels")),
        datetime(2026, 10, 25, tzinfo=ZoneInfo("Europe/Brussels")),
    ],
)
@pytest.mark.parametrize("at", ["02:30", "08:00"])
def test_nights_on_which_the_clocks_change_bring_one_digest(tmp_path: Path, night: datetime, at: str) -> None:
    world = World(tmp_path, digest=f"daily {at}", now=(night - timedelta(hours=12)).astimezone(UTC))
    for _ in range(2 * 36):
        passed(world)
        world.now += timedelta(minutes=30)
    assert sorted(world.reached("digest")) == [ANN, BOB, CARL]


# --- while a long folder is read ---


def long_folder(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Five mails that are read in three batches; what happened, in order."""
    monkeypatch.setattr(reading, "MOST_MAILS", 2)
    for number in range(2, 6):
        world.deliver(mail(number))
    assert passed(world).total("filed") == 5
    return [name for name in world.passed if name in {"imap fetch", "smtp send"}]


def test_what_a_long_folder_has_brought_leaves_before_the_rest_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = ["imap fetch", *["smtp send"] * 8]  # two mails, each with three copies and an answer
    assert long_folder(world, monkeypatch) == [*batch, *batch, *batch[:5]]


def test_reading_does_not_wait_for_the_rate_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.transport.wait = 30.0
    assert long_folder(world, monkeypatch) == ["imap fetch"] * 3 + ["smtp send"] * 20


def test_reading_does_not_try_a_way_out_again_that_has_failed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.transport.answers = to(CLOSED, ANN, BOB, CARL)
    assert long_folder(world, monkeypatch)[:4] == ["imap fetch", "smtp send", "imap fetch", "imap fetch"]


def test_what_was_understood_can_be_forgotten(world: World) -> None:
    world.deliver(mail(1))
    world.run()
    memo = world.parts.memo
    assert memo._kept
    assert "shouted" not in repr(memo)
    memo.forget()
    assert not memo._kept
    assert memo._bytes == 0


def test_nothing_of_a_mail_stays_in_memory_once_it_has_left(world: World) -> None:
    """A service lives for months."""
    passed(world)
    assert world.reached("report") == [ANN, BOB, CARL]
    composer = world.parts.composer()
    assert composer._copies.kept == []
    assert composer._lines._known == {}
