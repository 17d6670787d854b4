"""Two processes on one ledger decide in the same instant: whoever is to hear of it does, and the log tells no lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from intake.decide.casework import Casework, Decision
from intake.decide.command import Command
from intake.model import (
    OPERATOR,
    Arrival,
    CaseAction,
    CaseState,
    Delivery,
    DeliveryState,
    Failed,
    History,
    KnownCase,
    MessageKind,
    Plan,
    Sent,
)
from intake.steps import deliver
from intake.steps.bounces import REASON
from intake.steps.erasure import NotNowError, erase
from intake.steps.parts import PassReport

from .homes import Home, InFile, OnServer
from .worlds import ANN, BOARD, BOB, CARL, World, header, mail

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


# --- what people and mail do to one case ---

FOLLOWS = "In-Reply-To: <m1@example.com>\r\n"


def command(world: World, action: CaseAction, name: str = "", meanwhile: Callable[[], None] = lambda: None) -> None:
    """As the command line does it; ``meanwhile`` is called while it is decided."""
    casework, [case] = Casework(world.config), world.parts.ledger.cases()

    def decide(known: KnownCase) -> Decision:
        meanwhile()
        return casework.decide(Command(action, name=name), OPERATOR, known, world.now)

    decided = world.parts.ledger.change(case.code, decide, world.now)
    assert decided is not None


def follow_up(world: World, meanwhile: Callable[[], None] = lambda: None) -> None:
    """A mail about the first one is read; ``meanwhile`` is called while it is decided what follows from it."""
    planner = world.parts.planner()

    def plan(arrival: Arrival, history: History, now: datetime) -> Plan:
        meanwhile()
        return planner(arrival, history, now)

    parts, world.parts = world.parts, replace(world.parts, planner=lambda: plan)
    world.deliver(mail(2, sender="rita1@example.com", extra=FOLLOWS))
    world.run(send=False)
    world.parts = parts


def beside(act: Callable[[], None]) -> tuple[Thread, Callable[[], None]]:
    """Somebody else, and what lets them act as far as that is possible."""
    other = Thread(target=act)

    def meanwhile() -> None:
        if other.ident is None:
            other.start()
            other.join(A_WHILE)

    return other, meanwhile


def test_a_mail_reaches_somebody_when_the_only_reader_is_withheld_while_it_is_read(world: World) -> None:
    for name in ("Bob", "Carl"):
        command(world, CaseAction.RECUSE, name)
    world.now += timedelta(seconds=1)
    other, meanwhile = beside(lambda: command(world, CaseAction.RECUSE, "Ann"))
    follow_up(world, meanwhile)
    other.join(PATIENCE)
    world.until_quiet()
    assert {one.recipient for one in world.transport.taken if one.recipient in {ANN, BOB, CARL}} == set()
    assert sorted(header(one, "X-Intake-Kind") for one in world.transport.to(BOARD)) == ["follow-up", "report"]


@pytest.mark.parametrize("first", ["it is given up", "they are withheld"])
def test_somebody_gets_what_one_loses_and_another_must_not_have(world: World, first: str) -> None:
    copies = claimed(world)
    give_up(world, copies[CARL])
    world.parts.ledger.record_all(
        [deliver._became(world.parts, PassReport(), copies[ANN], Sent("250"), set())], world.now
    )
    if first == "it is given up":
        other = before_the_commit(world, lambda: command(world, CaseAction.RECUSE, "Ann"))
        give_up(world, copies[BOB])
    else:
        other, meanwhile = beside(lambda: give_up(world, copies[BOB]))
        command(world, CaseAction.RECUSE, "Ann", meanwhile)
    other.join(PATIENCE)
    assert waiting(world, MessageKind.REPORT) == ([BOB, CARL] if first == "it is given up" else [BOARD])


def test_a_case_that_is_closed_while_a_mail_about_it_is_read_is_where_its_log_says(world: World) -> None:
    other, meanwhile = beside(lambda: command(world, CaseAction.CLOSE))
    follow_up(world, meanwhile)
    other.join(PATIENCE)
    assert [one.state for one in world.parts.ledger.cases()] == [CaseState.CLOSED]
    assert world.parts.ledger.verify_log().problems == ()


def test_a_case_is_not_erased_while_somebody_sends_what_they_took_in_hand_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    [case] = world.parts.ledger.cases()

    def right_after_that(_case_id: int, _now: datetime) -> bool:
        assert claimed(world)
        return False

    nowhere = replace(world.parts, config=replace(world.config, mailboxes=()))
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(world.parts.ledger, "being_sent", right_after_that)
        with pytest.raises(NotNowError, match="is just being sent"):
            erase(nowhere, case)
    world.until_quiet()
    assert world.reached("report") == [ANN, BOB, CARL]
    erase(nowhere, case)
    assert world.parts.ledger.cases() == []


def test_who_gets_a_case_while_its_original_is_wiped_hears_where_it_stands(world: World) -> None:
    parts = world.parts
    for name in ("Ann", "Bob"):
        command(world, CaseAction.RECUSE, name)
    while copies := parts.ledger.claim("me", parts.now, timedelta(minutes=5), 10):
        sent = [deliver._became(parts, PassReport(), one, Sent("250"), set()) for one in copies]
        parts.ledger.record_all(sent, parts.now)
    wiped: list[int] = []
    other = before_the_commit(world, lambda: wiped.append(parts.ledger.tidy()))
    command(world, CaseAction.RECUSE, "Carl")
    other.join(PATIENCE)
    world.until_quiet()
    assert [header(one, "X-Intake-Kind") for one in world.transport.to(BOARD)] == ["notice" if wiped[0] else "report"]
