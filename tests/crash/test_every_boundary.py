"""The process ends at every single boundary of a pass, once each; and at every pair of some."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from crash.lives import Ends, QuickWorld, check, ends, rest
from unit.worlds import ANN, BOB, CARL, KEEPER, Server, mail

from intake.model import Failed, Outgoing, Result, Unknown


@pytest.fixture(scope="module")
def worlds() -> Iterator[tuple[QuickWorld, QuickWorld, QuickWorld]]:
    """One that lives, one that is what the first leaves if it ends, and one that is what the second leaves."""
    first = QuickWorld()
    made = first, QuickWorld(first), QuickWorld(first)
    yield made
    for one in made:
        one.remove()


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


SERVERS = [all_well, one_is_refused, all_are_refused, first_tries_fail]
# Of the boundaries of each recovery, one in so many; another one each time.
APART = int(os.environ.get("INTAKE_APART", "16"))


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
    worlds: tuple[QuickWorld, QuickWorld, QuickWorld],
    servers: Callable[[QuickWorld], None],
    tell: Callable[[str], None],
) -> None:
    world, left, left_again = worlds
    world.begin_again()
    servers(world)
    delivered = come_in(world)
    again = Ends()
    shift = itertools.count()

    def comes_to_rest(one: QuickWorld) -> None:
        rest(one)
        check(one, delivered)

    def recovers() -> None:
        nonlocal again
        first = next(shift) % APART
        again += ends(left, left_again, lambda n: n % APART == first, lambda: comes_to_rest(left_again))
        comes_to_rest(left)

    once = ends(world, left, lambda _: True, recovers)
    assert once.number == len(world.passed) > 60
    comes_to_rest(world)
    tell(
        f"every boundary: {servers.__name__}: ended at each of {once.number} boundaries, which left {once.different} "
        f"different states; while these were recovered from, ended again at {again.number}"
    )
    assert again.number > once.number


@pytest.mark.parametrize("when", ["before the pass", "while it reads"])
def test_a_mail_that_somebody_files_unread_is_told_wherever_the_pass_ends(
    worlds: tuple[QuickWorld, QuickWorld, QuickWorld], when: str
) -> None:
    world, left, _ = worlds
    world.begin_again()
    all_well(world)
    world.run()
    world.now += timedelta(minutes=2)
    unread = world.deliver(mail(1))
    world.deliver(mail(2))

    def files_it(server: Server) -> None:
        if unread in server.shelves["INBOX"].mails:
            server.move("INBOX", unread, "Processed")

    if when == "before the pass":
        files_it(world.server)
    else:
        world.people = files_it

    def is_told() -> None:
        rest(left)
        read = len(left.parts.ledger.cases()) == 2  # the branch has no people: what they had not done yet, they don't
        assert read != (KEEPER in left.reached("alarm"))

    once = ends(world, left, lambda _: True, is_told)
    assert once.number > 60
    assert world.reached("alarm") == [KEEPER]
