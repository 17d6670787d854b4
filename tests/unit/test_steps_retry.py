"""``intake outbox retry``: what was given up is tried again as if it were new, by who corrected what was wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from intake.cli.outbox import retry
from intake.decide.clock import FIRST_RETRY, GIVE_UP_AFTER
from intake.model import DeliveryState, Failed, MessageKind

from .worlds import ANN, BOARD, BOB, CARL, World, header, mail

REFUSED = Failed(permanent=True, reason="550 5.1.1 no such user")
LATER = Failed(permanent=False, reason="451 4.7.1 greylisted")


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.deliver(mail(1))
    return made


def refuse(world: World, result: Failed, *people: str) -> None:
    world.transport.answers = lambda outgoing, _number: result if outgoing.recipient in people else None


def failed(world: World) -> list[Any]:
    return list(world.parts.ledger.deliveries((DeliveryState.FAILED,)))


def test_it_gets_as_many_days_and_tries_as_at_first(world: World) -> None:
    refuse(world, LATER, BOB)
    end = world.now + GIVE_UP_AFTER + timedelta(hours=6)
    while world.now < end:
        world.run()
        world.now += timedelta(hours=2)
    [given_up] = [one for one in failed(world) if one.kind is MessageKind.REPORT]
    assert given_up.tries > 3
    assert world.parts.ledger.retry([given_up.id], world.now) == 1
    world.run()
    [waiting] = [one for one in world.parts.ledger.deliveries((DeliveryState.PENDING,)) if one.id == given_up.id]
    assert waiting.tries == 1
    assert waiting.not_before - world.now < 2 * FIRST_RETRY, "from the beginning, not after hours"
    world.now += GIVE_UP_AFTER - timedelta(hours=1)
    world.run()
    assert given_up.id not in [one.id for one in failed(world)], "and for days"


def test_a_copy_whose_original_is_wiped_becomes_word_of_where_it_stands(world: World) -> None:
    refuse(world, REFUSED, BOB)
    world.run()
    refuse(world, REFUSED)
    assert world.parts.ledger.retry([], world.now) == 1
    world.run()
    [told] = world.transport.to(BOB, MessageKind.NOTICE)
    assert header(told, "X-Intake-Case")
    assert "Processed" in told.content.decode()
    assert not failed(world)


def test_it_goes_to_somebody_s_new_address_once(world: World) -> None:
    refuse(world, REFUSED, BOB)
    world.run()
    [given_up] = failed(world)
    assert world.parts.ledger.retry([given_up.id], world.now, ANN) == 0, "who has it needs no second one"
    assert world.parts.ledger.retry([given_up.id], world.now, BOARD) == 1
    world.run()
    assert len(world.transport.to(BOARD)) == 1
    assert not failed(world)


def test_it_goes_to_nobody_who_must_not_have_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.deliver(mail(1, body="Carl Cox shouted at me."))
    refuse(world, REFUSED, BOB)
    world.run()
    [given_up] = failed(world)
    assert world.parts.ledger.retry([given_up.id], world.now, CARL) == 1
    world.run()
    assert not world.transport.to(CARL)


def test_an_answer_that_can_t_be_made_any_more_stays_given_up(world: World) -> None:
    refuse(world, REFUSED, "rita1@example.com")
    world.run()
    assert world.parts.ledger.retry([], world.now) == 0
    assert [one.kind for one in failed(world)] == [MessageKind.ACKNOWLEDGEMENT]


def written(world: World) -> str:
    """The file that a person would have."""
    from .worlds import CONFIG, MAILBOX

    text = CONFIG.format(
        mailboxes=MAILBOX.format(name="help", start="all", processed="Processed"),
        digest="daily 08:00",
        more="",
        ledger=world.home.url,
    )
    (world.folder / "config.toml").write_text(text, "utf-8")
    return str(world.folder / "config.toml")


def test_a_number_that_no_message_has_is_a_finding(world: World) -> None:
    refuse(world, REFUSED, BOB)
    world.run()
    [given_up] = failed(world)
    words = ["--config", written(world), str(given_up.id), "999"]
    done = CliRunner().invoke(retry, words, standalone_mode=False)
    assert done.return_value == 1
    assert "no message that was given up has the number 999" in done.output
    assert "1 message(s) will be tried again" in done.output


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--to", "nobody@example.org", "1"], 2, "no organizer"),
        (["--to", "ann@example.org"], 2, "needs the ids"),
        ([], 0, "1 message(s) will be tried again"),
    ],
)
def test_the_command(world: World, words: list[str], code: int, said: str) -> None:
    refuse(world, REFUSED, BOB)
    world.run()
    done = CliRunner().invoke(retry, ["--config", written(world), *words])
    assert (done.exit_code, said in done.output) == (code, True), done.output
