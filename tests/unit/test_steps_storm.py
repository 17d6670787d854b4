"""Much is given up within hours: people hear of every case, in few mails."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import text

from intake.ledger.changes import recuse
from intake.ledger.follow import TOGETHER
from intake.model import DeliveryState, Failed, MessageKind, Result

from .worlds import ANN, BOB, CARL, KEEPER, World, mail

REFUSED: Result = Failed(permanent=True, reason="550 no such domain")
CODE = re.compile(r"EUG-\w{6}")


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.transport.answers = lambda o, _n: REFUSED if o.recipient == BOB else None
    return made


def named(world: World, person: str) -> Counter[str]:
    """In how many notices to somebody each case is named."""
    return Counter(code for o in world.transport.to(person, MessageKind.NOTICE) for code in codes(o.content))


def codes(content: bytes) -> set[str]:
    parts = [part for part in message_from_bytes(content).walk() if part.get_content_type() == "text/plain"]
    return set(CODE.findall(str(parts[0].get_payload(decode=True))))


def cases(world: World) -> set[str]:
    return {code for o in world.sent("report") for code in codes(o.content)}


def test_what_is_given_up_within_hours_is_told_together_and_each_case_once(world: World) -> None:
    for number in range(12):
        world.deliver(mail(number))
        world.run()
        world.now += timedelta(minutes=40)
    world.now += TOGETHER
    world.run()
    assert len(cases(world)) == 12
    for person in (ANN, CARL):
        assert named(world, person) == Counter(cases(world))
        assert len(world.transport.to(person, MessageKind.NOTICE)) == 3
    assert len(world.transport.to(KEEPER, MessageKind.ALARM)) == 3


def test_the_first_is_told_at_once_and_those_of_one_pass_together(world: World) -> None:
    for number in range(5):
        world.deliver(mail(number))
    world.run()
    assert named(world, ANN) == Counter(cases(world))
    assert len(cases(world)) == 5
    (notice,) = world.transport.to(ANN, MessageKind.NOTICE)
    assert "Bob Builder" in notice.content.decode()
    assert len(world.transport.to(KEEPER, MessageKind.ALARM)) == 1


def test_nobody_is_told_in_a_storm_of_a_case_that_is_withheld_from_them(world: World) -> None:
    for number in range(3):
        world.deliver(mail(number, body="Ann Example was rude to me." if number == 1 else ""))
    world.run()
    assert len(cases(world)) == 3
    assert len(named(world, ANN)) == 2
    assert named(world, CARL) == Counter(cases(world))


def test_who_was_withheld_since_hears_of_none(world: World) -> None:
    world.deliver(mail(1))
    world.run()
    world.deliver(mail(2))
    world.run()
    told = len(world.transport.to(ANN, MessageKind.NOTICE))
    with world.parts.ledger._database.transaction() as connection:
        for case_id in connection.execute(text("SELECT id FROM case_file")).scalars():
            recuse(connection, case_id, ANN, world.now, None)
    world.now += TOGETHER
    world.run()
    assert len(world.transport.to(ANN, MessageKind.NOTICE)) == told
    assert len(world.transport.to(CARL, MessageKind.NOTICE)) == 2


def test_a_word_that_was_refused_tells_the_same_when_it_is_tried_again(world: World) -> None:
    refused = {ANN, BOB}
    world.transport.answers = lambda o, _n: REFUSED if o.recipient in refused else None
    world.deliver(mail(1))
    world.run()
    failed = world.parts.ledger.deliveries([DeliveryState.FAILED])
    refused.remove(ANN)
    world.now += timedelta(days=3)
    words = [one.id for one in failed if (one.recipient, one.kind) == (ANN, MessageKind.NOTICE)]
    assert world.parts.ledger.retry(words, world.now) == 1
    world.run()
    assert named(world, ANN) == Counter(cases(world))


def test_in_a_calm_each_is_told_at_once_in_the_thread_of_its_case(world: World) -> None:
    for number in range(3):
        world.deliver(mail(number))
        world.run()
        world.now += TOGETHER
    notices = world.transport.to(ANN, MessageKind.NOTICE)
    assert [len(codes(notice.content)) for notice in notices] == [1, 1, 1]
    assert all(b"In-Reply-To" in notice.content for notice in notices)
