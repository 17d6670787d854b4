"""A report that names everybody who could read it: nobody gets it, and nobody is left in the dark about that."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from intake.cli.status import look
from intake.decide.casework import Casework
from intake.decide.command import Command
from intake.model import OPERATOR, CaseAction, Outgoing
from intake.steps.audit import audit

from .worlds import ANN, BOARD, BOB, CARL, KEEPER, World, header, mail

TEAM = "Ann Example, Bob Builder and Carl Cox"
ALL = f"{TEAM} shouted at me, and the Board of the federation knew."


def plain(outgoing: Outgoing) -> str:
    for part in message_from_bytes(outgoing.content).walk():
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            return " ".join(payload.decode().split())
    raise AssertionError("no text")


def lived(world: World, body: str, minutes: int = 25) -> World:
    world.deliver(mail(1, body=body))
    for _ in range(minutes):
        world.run()
        world.now += timedelta(minutes=1)
    return world


def test_a_fallback_who_is_named_is_withheld_like_anyone(tmp_path: Path) -> None:
    world = lived(World(tmp_path), ALL)
    people = {ANN, BOB, CARL, BOARD}
    assert not [o for o in world.transport.taken if o.recipient in people and header(o, "X-Intake-Kind") != "digest"]
    [alarm] = world.sent("alarm")
    assert alarm.recipient == KEEPER
    assert "Nobody has a report" in header(alarm, "Subject")
    assert not any(word in alarm.content for word in (b"shouted", b"Board of the federation", b"rita1"))
    found = audit(world.parts)
    assert len(found.unheard) == 1
    assert not found.ok
    health = look(world.config, world.parts.ledger, world.now)
    assert health["healthy"] is False
    assert "1 open case(s) that nobody has" in str(health["problems"])
    [answer] = world.sent("acknowledgement")
    said = plain(answer)
    assert "has not reached anybody" in said
    assert "Whoever looks after this address is told" in said
    for promise in ("keep trying", "technical", "organizer you trust", BOARD, "Board of the federation", "Ann Example"):
        assert promise not in said
    assert world.server.texts("INBOX") == []


def test_without_a_fallback_and_without_an_alarm_the_answer_promises_even_less(tmp_path: Path) -> None:
    world = World(tmp_path, more="[retention]\n")
    world.config = replace(world.config, fallback=None)
    world.parts = world._build()
    lived(world, f"{TEAM} shouted at me.")
    [answer] = world.sent("acknowledgement")
    assert "has not reached anybody" in plain(answer)
    assert "is told" not in plain(answer)
    assert len(audit(world.parts).unheard) == 1


@pytest.mark.parametrize(
    ("body", "gets"),
    [
        (f"{TEAM} shouted at me.", True),
        (f"{TEAM} shouted at me. I told the board.", True),
        (f"{TEAM} shouted at me, and so did {BOARD}.", False),
        (f"{TEAM} shouted at me, and so did the board of the Federation.", False),
    ],
)
def test_who_gets_what_names_the_whole_team(tmp_path: Path, body: str, gets: bool) -> None:
    world = lived(World(tmp_path), body, minutes=2)
    assert (BOARD in world.reached("report")) is gets
    assert not {ANN, BOB, CARL} & set(world.reached("report"))


def test_where_others_can_read_it_nothing_is_said_of_the_fallback(tmp_path: Path) -> None:
    world = lived(World(tmp_path), "The Board of the federation shouted at me.", minutes=2)
    assert world.reached("report") == [ANN, BOB, CARL]
    [answer] = world.sent("acknowledgement")
    assert BOARD not in plain(answer)
    assert "Ann Example" in plain(answer)
    assert world.parts.ledger.delivery_counts()["withheld"] == 0, "it would not have gone to them"


def test_whoever_runs_it_can_give_it_to_the_fallback_all_the_same(tmp_path: Path) -> None:
    world = lived(World(tmp_path), ALL)
    [code] = audit(world.parts).unheard
    casework = Casework(world.config)
    command = Command(CaseAction.RELEASE, name="board of the federation")
    done = world.parts.ledger.change(code, lambda case: casework.decide(command, OPERATOR, case, world.now), world.now)
    assert done is not None
    world.run()
    assert [o.recipient for o in world.transport.taken if header(o, "X-Intake-Case") == code][-1] == BOARD
    assert audit(world.parts).ok
