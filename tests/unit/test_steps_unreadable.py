"""Mail that can't be read, and mail that ends the pass that reads it: tried again, kept apart, brought to people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from intake.decide.clock import POISON_TRIES
from intake.errors import MailboxError
from intake.model import MailHead, ParsedMail, RawMail

from .worlds import ANN, BOB, CARL, KEEPER, Server, World, WorldMailbox, mail, passed


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def outcomes(world: World) -> dict[str, int]:
    return world.parts.ledger.outcomes()


def test_a_mail_that_cannot_be_read_is_tried_again_and_then_brought_to_people(world: World) -> None:
    world.server.unreadable.add(mail(1))
    world.deliver(mail(1))
    world.deliver(mail(2))
    passed(world)
    assert outcomes(world) == {"case": 1}, "the next mail is not held up"
    world.until_quiet()
    for _ in range(POISON_TRIES + 2):
        world.now += timedelta(minutes=3)
        passed(world)
    assert outcomes(world) == {"case": 1, "quarantined": 1}
    assert world.reached("notice") == [ANN, BOB, CARL]
    assert world.server.texts("INBOX") == [mail(1)]


def test_a_mail_that_could_be_read_after_all_is_an_ordinary_one(world: World) -> None:
    world.server.unreadable.add(mail(1))
    world.deliver(mail(1))
    passed(world)
    world.server.unreadable.clear()
    world.now += timedelta(minutes=3)
    world.until_quiet()
    assert outcomes(world) == {"case": 1}


def test_a_mail_that_is_left_out_of_an_answer_is_read_later_although_the_folder_is_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = WorldMailbox.fetch

    def fetch(self: WorldMailbox, heads: Iterable[MailHead], most: int | None = None) -> Iterator[RawMail]:
        return (raw for raw in honest(self, heads, most) if raw.body != mail(2))

    for number in range(1, 4):
        world.deliver(mail(number))
    world.server.immovable.add(mail(1))  # those behind it are written down, and then the folder is left
    with monkeypatch.context() as changed:
        changed.setattr(WorldMailbox, "fetch", fetch)
        passed(world)
    assert outcomes(world) == {"case": 2}
    world.now += timedelta(minutes=3)
    passed(world)
    assert outcomes(world) == {"case": 3}


@pytest.mark.parametrize("how", ["lost", "unreadable"])
def test_trouble_with_the_network_is_no_mails_fault(world: World, how: str) -> None:
    world.deliver(mail("before"))
    passed(world)
    world.deliver(mail(1))

    def ill(server: Server) -> None:
        if how == "lost":
            raise MailboxError("the connection was lost")
        server.unreadable |= {mail("before"), mail(1)}

    world.people = ill
    for _ in range(4 * POISON_TRIES):
        world.run()
        world.now += timedelta(minutes=2)
    assert outcomes(world) == {"case": 1}
    world.people = lambda _server: None
    world.server.unreadable.clear()
    world.until_quiet()
    assert outcomes(world) == {"case": 2}
    assert not world.sent("notice")


def test_a_mail_that_breaks_every_connection_is_told_from_trouble_with_the_network(world: World) -> None:
    world.deliver(mail("before"))
    passed(world)
    world.deliver(mail(1))
    honest = WorldMailbox.fetch

    def fetch(self: WorldMailbox, heads: Iterable[MailHead], most: int | None = None) -> Iterator[RawMail]:
        for raw in honest(self, heads, most):
            if raw.body == mail(1):
                raise MailboxError("the connection was lost")
            yield raw

    WorldMailbox.fetch = fetch  # type: ignore[method-assign]  # one mail that no connection outlives
    try:
        for _ in range(4 * POISON_TRIES):
            world.run()
            world.now += timedelta(minutes=2)
    finally:
        WorldMailbox.fetch = honest  # type: ignore[method-assign]  # as it was
    assert outcomes(world) == {"case": 1, "quarantined": 1}
    assert world.reached("notice") == [ANN, BOB, CARL]


def killing(world: World, which: Callable[[bytes], bool]) -> None:
    """From now on, parsing some mails ends the process."""
    honest = world.parts.parse()

    def parse(raw: bytes, *, truncated: bool = False, unreadable: bool = False) -> ParsedMail:
        if which(raw):
            world.kill()
        return honest(raw, truncated=truncated, unreadable=unreadable)

    world.parts = replace(world.parts, parse=lambda: parse)


def test_a_mail_that_ends_passes_reaches_people_and_does_not_hold_up_the_next(world: World) -> None:
    poison = mail("poison")
    killing(world, lambda raw: raw == poison)
    for raw in (mail(1), poison, mail(2)):
        world.deliver(raw)
    deaths = 0
    for minute in range(40):
        deaths += world.run() is None
        if minute == 4:
            assert len(world.sent("report")) == 6, "both others have arrived within minutes"
            assert len(world.sent("acknowledgement")) == 2
        world.now += timedelta(minutes=1)
        world.deliver(mail(100 + minute)) if minute in {7, 8} else None
    assert deaths == POISON_TRIES + 1
    assert outcomes(world) == {"case": 4, "quarantined": 1}
    copies = [o for o in world.sent("report") if poison in o.content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")]
    assert sorted(o.recipient for o in copies) == [ANN, BOB, CARL]
    assert not world.server.texts("INBOX")
    assert world.reached("alarm") == [KEEPER]


@pytest.mark.parametrize("named", ["Bob Builder", "bob@example.org"])
def test_nobody_gets_a_mail_that_ends_passes_who_stands_in_it_for_all_to_read(world: World, named: str) -> None:
    killing(world, lambda raw: named.encode() in raw)
    world.deliver(mail("poison", f"{named} shouted at me"))
    for _ in range(40):
        world.run()
        world.now += timedelta(minutes=1)
    assert world.reached("report") == [ANN, CARL]


def test_a_message_that_ends_passes_when_it_is_composed_goes_last_and_is_given_up_in_the_end(world: World) -> None:
    honest = world.parts.composer()

    class Killer:
        def __getattr__(self, name: str) -> Any:
            return getattr(honest, name)

        def copy(self, letter: Any, now: Any) -> Any:
            if letter.to.email == BOB:
                world.kill()
            return honest.copy(letter, now)

    killer: Any = Killer()
    world.parts = replace(world.parts, composer=lambda: killer)
    world.deliver(mail(1))
    world.deliver(mail(2))
    deaths = 0
    for _ in range(80):
        deaths += world.run() is None
        world.now += timedelta(minutes=5)
    assert world.reached("report") == [ANN, ANN, CARL, CARL]
    assert len(world.sent("acknowledgement")) == 2
    assert deaths < 40
    assert world.parts.ledger.delivery_counts()["failed"] == 2
    told = [o.recipient for o in world.sent("notice")]
    assert sorted(told) == [ANN, ANN, CARL, CARL]
    assert KEEPER in world.reached("alarm")
