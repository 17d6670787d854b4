"""Each promise that ``lives`` checks, broken once on purpose: a check that can't fail proves nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from crash import lives
from crash.lives import QuickWorld
from sqlalchemy import text
from unit.worlds import ANN, BOB, World, mail, message_id

from intake.model import Failed, Plan
from intake.steps import deliver


@pytest.fixture(scope="module")
def made() -> Iterator[QuickWorld]:
    world = QuickWorld()
    yield world
    world.remove()


@pytest.fixture
def world(made: QuickWorld) -> QuickWorld:
    made.begin_again()
    for raw in MAILS:
        made.deliver(raw)
    made.run()
    return made


MAILS = [mail(1), mail(2)]
DELIVERED = Counter(MAILS)


def change(world: World, statement: str) -> None:
    database: Any = world.parts.ledger._database
    with database._engine.begin() as connection:
        lax = "PRAGMA foreign_keys=OFF" if database.sqlite else "SET LOCAL session_replication_role = replica"
        connection.execute(text(lax))
        connection.execute(text(statement))


def test_nothing_is_wrong_with_the_world_itself(world: QuickWorld) -> None:
    lives.check(world, DELIVERED)


LEDGERS = {
    lives.every_delivery_has_ended: "UPDATE delivery SET state = 'pending' WHERE id = 1",
    lives.given_up_is_told: "UPDATE delivery SET state = 'failed' WHERE id = 1",
    lives.nothing_happens_twice: "UPDATE delivery SET case_id = 1 WHERE kind = 'acknowledgement'",
}


@pytest.mark.parametrize("promise", LEDGERS, ids=lambda promise: promise.__name__)
def test_a_ledger_that_breaks_a_promise_is_found(world: QuickWorld, promise: Callable[..., None]) -> None:
    change(world, LEDGERS[promise])
    with pytest.raises(AssertionError):
        promise(world)


@pytest.mark.parametrize("mutation", ["forget", "twice"])
def test_a_mail_without_one_outcome_is_found(world: QuickWorld, mutation: str) -> None:
    if mutation == "forget":
        change(world, "UPDATE mail SET content = NULL WHERE id = 1")
    else:
        change(world, "DROP INDEX uq_mail_content")
        change(world, "UPDATE mail SET content = (SELECT content FROM mail WHERE id = 1)")
    with pytest.raises(AssertionError):
        lives.every_mail_has_one_outcome(world, DELIVERED)


def test_a_message_that_is_taken_twice_is_found(world: QuickWorld) -> None:
    world.transport.taken.append(world.transport.taken[0])
    with pytest.raises(AssertionError):
        lives.nothing_happens_twice(world)


def test_a_copy_that_was_sent_twice_is_found(world: QuickWorld) -> None:
    change(world, f"UPDATE delivery SET recipient = '{ANN}' WHERE recipient = '{BOB}'")
    with pytest.raises(AssertionError):
        lives.nothing_happens_twice(world)


def test_a_copy_that_was_given_up_without_a_word_to_the_others_is_found(
    made: QuickWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for well in (True, False):
        made.begin_again()
        made.transport.answers = lambda o, _n: Failed(permanent=True, reason="550") if o.recipient == BOB else None
        for raw in MAILS:
            made.deliver(raw)
        if not well:
            monkeypatch.setattr(deliver, "consequences", lambda *_given, **_more: [])
        lives.rest(made)
        if well:
            lives.check(made, DELIVERED)
    with pytest.raises(AssertionError):
        lives.the_others_are_told(made)


def test_a_mail_that_still_waits_to_be_filed_is_found(world: QuickWorld) -> None:
    change(world, "UPDATE mail SET filing = 'due' WHERE id = 1")
    with pytest.raises(AssertionError):
        lives.the_mailbox_is_filed(world, DELIVERED)


def test_a_break_at_the_end_of_a_process_alone_is_found(made: QuickWorld) -> None:
    """What a branch finds is told with the place at which its process ended."""
    double = QuickWorld(made)
    made.begin_again()
    made.deliver(MAILS[0])

    def then() -> None:
        lives.rest(double)
        for one in [one for one in double.transport.taken if one.recipient == ANN][:1]:
            double.transport.taken.append(one)
        lives.check(double, Counter(MAILS[:1]))

    try:
        with pytest.raises(AssertionError) as found:
            lives.ends(made, double, lambda number: number == 40, then)
        assert "boundary 40" in found.value.__notes__[0]
    finally:
        double.remove()


def test_a_case_that_nobody_has_is_found(world: QuickWorld) -> None:
    world.transport.taken.clear()
    with pytest.raises(AssertionError):
        lives.every_case_is_in_front_of_a_person(world)
    with pytest.raises(AssertionError):
        lives.receipts_are_true(world)


def test_an_answer_before_anybody_has_a_copy_is_found(world: QuickWorld) -> None:
    world.transport.taken.reverse()
    with pytest.raises(AssertionError):
        lives.answers_are_truthful(world)


def test_a_mail_that_vanishes_or_is_not_filed_is_found(world: QuickWorld) -> None:
    world.server.move("Processed", 1, "INBOX")
    with pytest.raises(AssertionError):
        lives.the_mailbox_is_filed(world, DELIVERED)
    world.server.shelves["INBOX"].mails.clear()
    with pytest.raises(AssertionError):
        lives.the_mailbox_is_filed(world, DELIVERED)


# --- the program itself, broken ---


def fail_somewhere(world: QuickWorld) -> bool:
    """Whether any end of a pass brings the break to light."""
    for boundary in range(0, 90, 1):
        world.begin_again()
        for raw in MAILS:
            world.deliver(raw)
        world.run(die_at=boundary)
        try:
            lives.rest(world, most=60)
            lives.check(world, DELIVERED)
        except AssertionError:
            return True
    return False


def test_filing_before_the_commit_is_found(made: QuickWorld) -> None:
    ledger: Any = made.parts.ledger
    honest = type(ledger).accept

    def accept(arrivals: Any, decide: Any, now: Any) -> Any:
        ref = arrivals[0].raw.ref
        for arrival in arrivals:
            if arrival.raw.ref.uid in made.server.shelves[ref.folder].mails:
                made.server.move(ref.folder, arrival.raw.ref.uid, "Processed")
        made.boundary("between")
        return honest(ledger, arrivals, decide, now)

    ledger.accept = accept
    try:
        assert fail_somewhere(made)
    finally:
        del ledger.accept


def test_recording_before_sending_is_found(made: QuickWorld) -> None:
    honest = made.transport.__class__.send

    def send(self: Any, outgoing: Any) -> Any:
        change(made, f"UPDATE delivery SET state = 'sent' WHERE message_id = '{message_id(outgoing)}'")
        return honest(self, outgoing)

    made.transport.__class__.send = send  # type: ignore[method-assign]
    try:
        assert fail_somewhere(made)
    finally:
        made.transport.__class__.send = honest  # type: ignore[method-assign]


def test_a_new_message_id_at_every_try_is_found(made: QuickWorld) -> None:
    composer = made.parts.composer()
    honest = made.parts
    numbers = iter(range(10_000))

    class Fresh:
        forget = composer.forget

        def __getattr__(self, name: str) -> Any:
            def compose(letter: Any, now: Any) -> Any:
                fresh = replace(letter.thread, message_id=f"<{next(numbers)}@fresh.example>")
                return getattr(composer, name)(replace(letter, thread=fresh), now)

            return compose

    own = type(made)._own
    fresh: Any = Fresh()
    type(made)._own = lambda self, parts: replace(own(self, parts), composer=lambda: fresh)  # type: ignore[method-assign]
    made.parts = replace(made.parts, composer=lambda: fresh)
    try:
        assert repeats(made)
    finally:
        type(made)._own = own  # type: ignore[method-assign]
        made.parts = honest


def repeats(world: QuickWorld) -> bool:
    """Whether some end of a pass makes somebody get the same under two ids."""
    for boundary in range(90):
        world.begin_again()
        world.deliver(MAILS[0])
        world.run(die_at=boundary)
        lives.rest(world, most=60)
        if len({message_id(o) for o in world.sent("report")}) > 3:
            return True
    return False


def test_a_plan_that_leaves_people_out_is_found(made: QuickWorld) -> None:
    honest = made.parts
    planner = made.parts.planner()

    def forgetful(*given: Any) -> Plan:
        return replace(planner(*given), deliveries=())

    made.begin_again()
    broken: Any = forgetful
    made.parts = replace(made.parts, planner=lambda: broken)
    try:
        made.deliver(MAILS[0])
        made.run()
        made.transport.taken = [o for o in made.transport.taken if o.recipient in lives.PEOPLE]
        with pytest.raises(AssertionError):
            lives.every_case_is_in_front_of_a_person(made)
    finally:
        made.parts = honest
