"""What a clock that was wrong leaves behind, in both directions: see also ``test_steps_deliver``."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from intake.decide.clock import last_due

from .worlds import ALARM, START, World, header, mail, passed


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.deliver(mail(1))
    return made


def database(world: World) -> Any:
    return world.parts.ledger._database


def test_a_clock_that_is_ahead_twice_sends_each_digest_when_its_day_comes(world: World) -> None:
    passed(world)
    real = world.now
    for _ in range(2):
        world.now = real + timedelta(days=10)
        passed(world)
        world.now = real + timedelta(minutes=30)
        passed(world)
    early = len(world.sent("digest"))
    world.now = real + timedelta(days=1)
    passed(world)
    assert len(world.sent("digest")) - early == 3


def test_a_clock_that_is_set_back_within_a_day_repeats_no_digest(world: World) -> None:
    passed(world)
    world.now = due = last_due(range(7), time(8), world.config.zone, world.now + timedelta(days=1)) or world.now
    world.now += timedelta(hours=2)
    passed(world)
    assert len(world.sent("digest")) == 3
    for minutes in (60, 15):
        world.now = due + timedelta(minutes=minutes)
        passed(world)
    assert len(world.sent("digest")) == 3, "they are of a day that has come"
    assert any("clock" in line for line in world.said)
    world.now = due - timedelta(minutes=15)
    passed(world)
    assert len(world.sent("digest")) == 3
    world.now = due + timedelta(minutes=1)
    passed(world)
    assert len(world.sent("digest")) == 6, "by this clock they came before their time"


def test_nothing_that_a_wrong_clock_saw_lies_in_the_future(world: World) -> None:
    real = world.now
    world.now += timedelta(days=300)
    passed(world)
    world.now = real
    passed(world)
    with database(world).reading() as connection:
        latest = [
            connection.execute(text(f"SELECT max({column}) FROM {table}")).scalar()
            for table, columns in {
                "case_file": ("opened", "clock_since", "look_at"),
                "mail": ("accepted",),
                "delivery": ("created", "sent_at"),
                "mailbox_pass": ("tried", "succeeded"),
            }.items()
            for column in columns
        ]
    assert max(latest) <= (real + timedelta(hours=1)).timestamp() * 1000
    world.now = real + timedelta(days=2)
    for number in range(2, 6):  # of one sender: an answer in a day to come must not count for a year
        world.deliver(mail(number, sender="rita1@example.com"))
    passed(world)
    assert len(world.sent("acknowledgement")) == 1 + 4
    assert sum("clock" in line for line in world.said) == 1, "it is set right once"


def test_a_clock_that_was_ahead_is_told_once_a_day(tmp_path: Path) -> None:
    world = World(tmp_path, more=ALARM)
    world.deliver(mail(1))
    passed(world)
    real = world.now
    for _ in range(2):
        world.now = real + timedelta(days=3)
        passed(world)
        world.now = real + timedelta(minutes=5)
        passed(world)
    assert [header(one, "Subject") for one in world.sent("alarm")] == [
        "Intake of Example User Group: The machine's clock was wrong"
    ]


def test_what_somebody_does_to_a_case_by_a_wrong_clock_is_set_right(world: World) -> None:
    passed(world)
    with database(world).transaction() as connection:
        connection.execute(
            text("UPDATE case_file SET clock_since = clock_since + 9e10, claimed_at = clock_since + 9e10")
        )
    passed(world)
    [case] = world.parts.ledger.cases()
    assert case.clock_since is not None
    assert case.claimed_at is not None
    assert max(case.clock_since, case.claimed_at) <= world.now


def test_first_contact_by_a_clock_that_is_decades_behind_answers_nobody_after_renumbering(tmp_path: Path) -> None:
    world = World(tmp_path, start="now", now=datetime(1970, 1, 1, 0, 1, tzinfo=UTC))
    for number in range(3):
        world.deliver(mail(number), when=START - timedelta(days=number))
    passed(world)
    world.now = START
    world.deliver(mail("new"))
    passed(world)
    world.server.renumber("INBOX")
    passed(world)
    assert world.parts.ledger.outcomes() == {"before": 6, "case": 1}
    assert len(world.sent("acknowledgement")) == 1
