"""A ledger that is restored, lost, or one of two: nobody is answered again, and what is missing is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from intake.errors import MailboxError
from intake.model import MailHead, RawMail
from intake.steps.audit import audit

from .worlds import ANN, BOB, CARL, KEEPER, Killed, World, WorldMailbox, header, mail, passed


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def from_now(tmp_path: Path) -> World:
    """Mail that is there already is not answered."""
    return World(tmp_path, start="now")


def outcomes(world: World) -> dict[str, int]:
    return world.parts.ledger.outcomes()


def test_a_ledger_restored_from_yesterday_answers_nobody_again_and_names_what_it_misses(world: World) -> None:
    world.deliver(mail(1))
    passed(world)
    yesterday = world.backup()
    world.now += timedelta(days=1)
    for number in (2, 3):
        world.deliver(mail(number))
    passed(world)
    before = len(world.transport.taken)
    world.restore(yesterday)
    world.now += timedelta(minutes=1)
    world.deliver(mail(4))
    passed(world)
    new = world.transport.taken[before:]
    assert {o.recipient for o in new if header(o, "X-Intake-Kind") == "acknowledgement"} == {"rita4@example.com"}
    assert len([o for o in new if header(o, "X-Intake-Kind") == "report"]) == 3
    assert [o.recipient for o in new if header(o, "X-Intake-Kind") == "alarm"] == [KEEPER]
    assert any("2 mail(s) that the ledger does not know" in line for line in world.said)
    assert len(audit(world.parts).unaccounted) == 2


def test_a_ledger_restored_beside_a_server_that_renumbered_names_what_it_misses(world: World) -> None:
    world.deliver(mail(1))
    world.until_quiet()
    yesterday = world.backup()
    world.now += timedelta(hours=20)
    world.deliver(mail(2))
    world.until_quiet()
    world.restore(yesterday)
    world.server.renumber("INBOX")
    world.server.renumber("Processed")
    sent = len(world.transport.taken)
    report = passed(world)
    assert report.mailboxes[0].unaccounted == 1
    assert [header(o, "X-Intake-Kind") for o in world.transport.taken[sent:]].count("alarm") == 1
    assert not [o for o in world.transport.taken[sent:] if header(o, "X-Intake-Kind") in {"report", "acknowledgement"}]


def test_a_processed_folder_that_can_not_be_read_keeps_no_mail_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deliver(mail(1))
    world.until_quiet()
    world.deliver(mail(2))
    world.server.renumber("INBOX")
    world.server.renumber("Processed")
    whole = WorldMailbox.fetch

    def fetch(self: WorldMailbox, heads: Iterable[MailHead], most: int | None = None) -> Iterator[RawMail]:
        if self._selected == "Processed":
            raise MailboxError("the connection was lost")
        yield from whole(self, heads, most)

    monkeypatch.setattr(WorldMailbox, "fetch", fetch)
    passed(world)
    assert world.reached("report") == sorted([ANN, BOB, CARL] * 2)


def test_a_ledger_that_is_lost_begins_anew_and_answers_nobody_again(from_now: World) -> None:
    world = from_now
    passed(world)
    world.deliver(mail(1))
    passed(world)
    world.deliver(mail(2))
    before = len(world.transport.taken)
    world.now += timedelta(minutes=5)
    world.restore(None)
    passed(world)
    assert outcomes(world) == {"before": 1}, "the mail that stood there is shown in the digest"
    assert len(world.transport.taken) == before
    assert audit(world.parts).ok


def test_mail_that_somebody_files_unread_is_named(world: World) -> None:
    passed(world)
    world.now += timedelta(minutes=2)
    world.deliver(mail(1))
    world.server.move("INBOX", 1, "Processed")
    world.deliver(mail(2))
    passed(world)
    assert world.reached("alarm") == [KEEPER]
    back = max(uid for uid, (raw, _) in world.server.shelves["Processed"].mails.items() if raw == mail(1))
    world.server.move("Processed", back, "INBOX")
    world.now += timedelta(minutes=1)
    passed(world)
    assert outcomes(world) == {"case": 2}, "moved back, it is an ordinary mail"
    assert len(world.sent("alarm")) == 2, "and that is over"


def test_a_killed_world_writes_nothing_more(world: World) -> None:
    world.deliver(mail(1))
    assert world.run(die_at=8) is None
    world.dead = True
    with pytest.raises(Killed):
        world.parts.ledger.end_turn("help", "mailbox help", world.parts.holder, world.now, "")


def test_a_second_machine_with_a_ledger_of_its_own_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = World(tmp_path / "one"), World(tmp_path / "two")
    two.servers = one.servers
    for number in range(4):
        one.deliver(mail(number))
        for world in (one, two)[:: 1 if number % 2 else -1]:
            world.now += timedelta(minutes=1)
            passed(world)
            one.now = two.now = max(one.now, two.now)
    for world in (one, two):
        assert KEEPER in world.reached("alarm"), "mail came and went that this one has not seen"
    assert Counter(world.server.texts("Processed")) == Counter(map(mail, range(4)))


def test_a_ledger_that_is_younger_than_the_processed_folder_says_what_it_found(from_now: World) -> None:
    from_now.deliver(mail(1))
    passed(from_now)
    assert not from_now.said, "what was there at the very first contact is no surprise"
    from_now.deliver(mail(2))
    passed(from_now)
    from_now.deliver(mail(3))
    from_now.restore(None)
    passed(from_now)
    [line] = from_now.said
    assert "2 mail(s)" in line
    assert "answered to nobody" in line
