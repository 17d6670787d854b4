"""The process ends at every single boundary of a pass, once each; and at every pair of some."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from crash.lives import QuickWorld, check, rest
from unit.worlds import ANN, BOB, CARL, mail

from intake.model import Failed, Outgoing, Result, Unknown


@pytest.fixture(scope="module")
def world() -> Iterator[QuickWorld]:
    made = QuickWorld()
    yield made
    made.remove()


def all_well(world: QuickWorld) -> None:
    world.transport.answers = lambda _outgoing, _number: None


def one_is_refused(world: QuickWorld) -> None:
    world.transport.answers = lambda o, _n: Failed(permanent=True, reason="550 no") if o.recipient == BOB else None


def all_are_refused(world: QuickWorld) -> None:
    refused = {ANN, BOB, CARL}
    world.transport.answers = lambda o, _n: Failed(permanent=True, reason="550") if o.recipient in refused else None


def first_tries_fail(world: QuickWorld) -> None:
    def answer(_outgoing: Outgoing, number: int) -> Result | None:
        return (Failed(permanent=False, reason="451"), Unknown("taken, without an answer"), None)[min(number // 2, 2)]

    world.transport.answers = answer


EVERY = os.environ.get("INTAKE_KILLS") == "0"  # every boundary of every kind of day
SERVERS = [all_well, one_is_refused, all_are_refused, first_tries_fail]


def come_in(world: QuickWorld) -> Counter[bytes]:
    mails = [
        mail(1),
        mail(2, body="Bob Builder was rude to me at the meetup."),
        mail(3, extra="Auto-Submitted: auto-replied\r\n", subject="Out of office"),
        mail(4, subject="hello", body="When is the next meetup?"),
    ]
    for raw in mails[:3]:
        world.deliver(raw)
    world.deliver(mails[3], "Junk")
    world.deliver(mails[0], "Junk")  # a copy that somebody made
    return Counter(dict.fromkeys(mails, 1)) + Counter({mails[0]: 1})


@pytest.mark.parametrize("servers", SERVERS)
def test_an_end_at_every_boundary_loses_nothing_and_repeats_nothing(
    world: QuickWorld, servers: Callable[[QuickWorld], None], tell: Callable[[str], None]
) -> None:
    world.begin_again()
    servers(world)
    come_in(world)
    world.run()
    boundaries = len(world.passed)
    assert boundaries > 60
    ended = 0
    step = 1 if servers is all_well or EVERY else 3
    for boundary in range(0, boundaries, step):
        world.begin_again()
        servers(world)
        delivered = come_in(world)
        ended += world.run(die_at=boundary) is None
        rest(world)
        check(world, delivered)
    assert ended == len(range(0, boundaries, step))
    tell(f"every boundary: {servers.__name__}: ended at {ended} of {boundaries} boundaries")


def test_an_end_while_recovering_from_an_end(world: QuickWorld, tell: Callable[[str], None]) -> None:
    world.begin_again()
    come_in(world)
    world.run()
    boundaries = len(world.passed)
    runs = 0
    for first in range(3, boundaries, 13):
        for second in range(1, boundaries, 12):
            world.begin_again()
            delivered = come_in(world)
            world.run(die_at=first)
            world.run(die_at=second)
            rest(world)
            check(world, delivered)
            runs += 1
    tell(f"every boundary: {runs} lives with two ends each")
