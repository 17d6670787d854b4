"""Two years of digests on the real steps and a real ledger: none missed, none twice, whatever the clocks do."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from intake import app
from intake.config import loads
from intake.decide.casework import Decision
from intake.edge import Clock
from intake.letters import Thread
from intake.model import CaseAction, CaseChange, DeliveryState, Withheld
from intake.steps.digest import decide_digests, digest_for, next_digest
from intake.steps.parts import Parts
from intake.steps.whole import quiet_until

from .ledgers import arrival, to_everyone, verdict

CONFIG = """
[community]
name = "Group"
address = "help@test.example"
timezone = "Europe/Brussels"
[[mailbox]]
name = "help"
host = "localhost"
user = "u"
password_env = "P"
[smtp]
host = "localhost"
auth = "none"
[[organizer]]
name = "Ann Example"
email = "ann@test.example"
[[organizer]]
name = "Bob Example"
email = "bob@test.example"
digest = "mon 08:00"
[[organizer]]
name = "Cleo Example"
email = "cleo@test.example"
digest = "daily 02:30"
[digest]
schedule = "mon-fri 08:00"
"""
FIRST, LAST = date(2026, 1, 2), date(2027, 12, 31)


@dataclass
class Hand:
    """The hand of a clock."""

    at: datetime


@pytest.fixture
def hand() -> Hand:
    return Hand(datetime(2026, 1, 1, 12, tzinfo=UTC))


@pytest.fixture
def parts(tmp_path: Path, hand: Hand) -> Iterator[Parts]:
    config = loads(CONFIG, tmp_path / "config.toml")
    made = app.build(config, app.Outside(clock=Clock(lambda: hand.at)), {"P": "secret"})
    yield made
    made.ledger.close()


def periods(parts: Parts, who: str) -> list[str]:
    pending = parts.ledger.deliveries((DeliveryState.PENDING,))
    return sorted(one.variant for one in pending if one.recipient == f"{who}@test.example")


def days(*weekdays: int) -> list[date]:
    every = (FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1))
    return [day for day in every if not weekdays or day.weekday() in weekdays]


def test_two_years_without_a_missed_or_a_doubled_digest(parts: Parts, hand: Hand) -> None:
    end = datetime.combine(LAST, time(22), UTC)
    steps = itertools.cycle(timedelta(minutes=n) for n in (431, 613, 1, 287, 745, 60, 599))
    while hand.at < end:
        decide_digests(parts)
        hand.at += next(steps)
    hand.at = end
    decide_digests(parts)
    assert periods(parts, "ann") == [f"{day} 08:00" for day in days(0, 1, 2, 3, 4)]
    assert periods(parts, "bob") == [f"{day} 08:00" for day in days(0)]
    assert [period[:10] for period in periods(parts, "cleo")] == [str(day) for day in days()]


@pytest.mark.parametrize("night", [datetime(2026, 10, 24, 20, tzinfo=UTC), datetime(2026, 3, 28, 20, tzinfo=UTC)])
def test_on_the_night_the_clocks_change_each_minute_is_tried(parts: Parts, hand: Hand, night: datetime) -> None:
    hand.at = night
    decide_digests(parts)
    before = len(periods(parts, "cleo"))
    made = []
    for minute in range(8 * 60):
        hand.at = night + timedelta(minutes=minute)
        made.append(decide_digests(parts))
    assert sum(made) == 1
    assert len(periods(parts, "cleo")) == before + 1


def test_after_an_outage_one_digest_and_not_many(parts: Parts, hand: Hand) -> None:
    hand.at += timedelta(days=40)
    assert decide_digests(parts) == 3
    assert decide_digests(parts) == 0


def test_a_quiet_time_ends_with_the_first_digest_of_anybody(parts: Parts) -> None:
    evening = datetime(2026, 4, 21, 0, 28, tzinfo=UTC)  # two minutes before half past two in Brussels
    assert next_digest(parts.config, evening) == datetime(2026, 4, 21, 0, 30, tzinfo=UTC)
    assert quiet_until(parts, evening) == datetime(2026, 4, 21, 0, 30, tzinfo=UTC)


def test_cases_are_announced_before_they_are_erased(parts: Parts, hand: Hand) -> None:
    def soon(who: str) -> tuple[str, ...]:
        return digest_for(
            parts, who, Thread("<x@test.example>"), period="2026-01-01", now=hand.at, since=None
        ).erased_soon

    bob = Withheld("bob@test.example", "named-in-body")
    parts.ledger.accept([arrival(1, judged=verdict(recused=(bob,)))], to_everyone, hand.at)
    (case,) = parts.ledger.cases()
    close = Decision(CaseChange(CaseAction.CLOSE, "ann@test.example", outcome="other"))
    parts.ledger.change(case.code, lambda _known: close, hand.at)
    hand.at += parts.config.retention.closed_cases - timedelta(days=15)
    assert soon("ann@test.example") == ()
    hand.at += timedelta(days=2)
    assert soon("ann@test.example") == (case.code,)
    assert soon("bob@test.example") == ()
    parts.ledger.keep(case.id, hand.at)
    assert soon("ann@test.example") == ()


def test_nothing_from_before_the_ledger_is_due_whichever_machine_looks(parts: Parts, hand: Hand) -> None:
    hand.at = parts.ledger.created() - timedelta(seconds=5)  # another machine's clock is behind
    assert decide_digests(parts) == 0
