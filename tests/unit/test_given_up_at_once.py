"""Two processes on one ledger give things up in the same instant: whoever is to hear of it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest

from intake.model import Delivery, DeliveryState, Failed, MessageKind
from intake.steps import deliver
from intake.steps.bounces import REASON
from intake.steps.parts import PassReport

from .homes import Home, InFile, OnServer
from .worlds import ANN, BOARD, BOB, CARL, World, mail

REFUSED = Failed(permanent=True, reason="550 no such domain")
A_WHILE = 0.5  # seconds for the other one to get as far as it can while this one is not done
PATIENCE = 60.0  # seconds until a test that hangs fails


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """With one mail, of which nothing is sent yet."""
    home: Home = (
        InFile(tmp_path) if request.param == "sqlite" else OnServer(request.getfixturevalue("postgres"), tmp_path)
    )
    made = World(tmp_path, home=home)
    made.deliver(mail(1))
    made.run(send=False)
    yield made
    made.parts.ledger.close()
    home.remove()


def claimed(world: World) -> dict[str, Delivery]:
    """The copies, in hand."""
    parts = world.parts
    return {one.recipient: one for one in parts.ledger.claim("me", parts.now, timedelta(minutes=5), 10)}


def give_up(world: World, one: Delivery) -> None:
    """As a pass does it."""
    became = deliver._became(world.parts, PassReport(), one, REFUSED, {one.id})
    assert world.parts.ledger.record_all([became], world.now) == [True]


def come_back(world: World, one: Delivery) -> None:
    """As a bounce does it."""
    assert world.parts.ledger.came_back(one, REASON, world.now, lambda: deliver.consequences(world.parts, one))


def before_the_commit(world: World, act: Callable[[], None]) -> Thread:
    """When somebody is about to commit, somebody else acts, and gets as far as that is possible."""
    other = Thread(target=act)
    boundary = world.boundary

    def passed(name: str) -> None:
        if name == "commit" and other.ident is None:
            other.start()
            other.join(A_WHILE)
        boundary(name)

    world.boundary = passed  # type: ignore[method-assign]  # what a pass does goes through it
    return other


def waiting(world: World, kind: MessageKind) -> list[str]:
    return sorted(one.recipient for one in world.parts.ledger.deliveries([DeliveryState.PENDING]) if one.kind is kind)


@pytest.mark.parametrize("ends", [give_up, come_back])
def test_the_fallback_gets_what_both_counted_on_the_other_for(
    world: World, ends: Callable[[World, Delivery], None]
) -> None:
    copies = claimed(world)
    give_up(world, copies[CARL])
    assert waiting(world, MessageKind.REPORT) == []
    other = before_the_commit(world, lambda: give_up(world, copies[BOB]))
    ends(world, copies[ANN])
    other.join(PATIENCE)
    assert waiting(world, MessageKind.REPORT) == [BOARD]


def words(world: World) -> list[Delivery]:
    return [one for one in world.parts.ledger.deliveries([DeliveryState.PENDING]) if one.kind is MessageKind.NOTICE]


def told(world: World, person: str) -> set[str]:
    """Whose copies somebody is to hear of."""
    [word] = [one for one in words(world) if one.recipient == person]
    return {one.recipient for one in world.parts.ledger.given_up(word)}


def test_a_word_by_a_clock_that_is_ahead_tells_of_what_is_given_up_after_it(world: World) -> None:
    copies = claimed(world)
    world.now += timedelta(seconds=5)
    give_up(world, copies[ANN])
    world.now -= timedelta(seconds=4)
    give_up(world, copies[BOB])
    assert told(world, CARL) == {ANN, BOB}
