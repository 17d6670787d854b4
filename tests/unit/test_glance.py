"""The quick look at a ledger sees what the ledger itself sees, and every write takes its note away."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from intake.ledger.glance import Glance, newest
from intake.ledger.schema import HEAD
from intake.model import Delivery, DeliveryState, MailRef
from intake.steps.parts import PassReport
from intake.steps.whole import recover, settle
from unit.ledgers import NOW, arrival, open_ledger, record, to_everyone
from unit.worlds import World

pytestmark = pytest.mark.sqlite


def ms(days: float = 0) -> int:
    return round((NOW + timedelta(days=days)).timestamp() * 1000)


def test_the_newest_migration_is_the_one_that_the_tables_are_made_for() -> None:
    assert newest() == HEAD


def test_a_note_stands_until_anybody_writes(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    with Glance(tmp_path / "intake.db") as glance:
        assert glance.meta("glance") is None
        assert ledger.leave_note(lambda: "all is quiet")
        assert glance.meta("glance") == "all is quiet"
        ledger.cases()
        assert glance.meta("glance") == "all is quiet", "reading is no writing"
        ledger.end_turn("help", "mailbox help", "who reads", NOW, "")
        assert glance.meta("glance") is None
    ledger.close()


def test_a_service_at_rest_writes_nothing_between_its_polls(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run()
    world.now += timedelta(days=3)
    world.run()
    assert world.sent("digest"), "what is due each day is decided on at each look again"
    assert world.parts.ledger.leave_note(lambda: "all is quiet")
    recover(world.parts)
    settle(world.parts, PassReport())
    [file] = tmp_path.rglob("*.db")
    with Glance(file) as glance:
        assert glance.meta("glance") == "all is quiet"


def test_no_note_is_left_when_somebody_writes_while_it_is_made(tmp_path: Path) -> None:
    ledger, other = open_ledger(tmp_path), open_ledger(tmp_path)

    def disturbed() -> str:
        other.end_turn("help", "mailbox help", "who reads", NOW, "")
        return "all was quiet"

    assert not ledger.leave_note(disturbed)
    with Glance(tmp_path / "intake.db") as glance:
        assert glance.meta("glance") is None
    ledger.close()
    other.close()


def test_it_writes_down_a_pass_only_while_its_note_stands(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.end_turn("help", "mailbox help", "who reads", NOW, "")
    ledger.leave_note(lambda: "quiet")
    with Glance(tmp_path / "intake.db") as glance:
        assert glance.note_pass(["help"], ms(1), "quiet")
        assert [h.last_pass for h in ledger.mailbox_health()] == [NOW + timedelta(days=1)]
        assert glance.meta("glance") == "quiet"
        ledger.take_lease("mailbox help", "somebody", NOW, timedelta(minutes=1))
        assert not glance.note_pass(["help"], ms(2), "quiet")
        assert [h.last_pass for h in ledger.mailbox_health()] == [NOW + timedelta(days=1)]
    ledger.close()


def test_what_waits_and_what_is_due_is_what_the_ledger_says(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.end_turn("help", "mailbox help", "who reads", NOW, "")
    path = tmp_path / "intake.db"

    def waiting(days: float = 0) -> int | None:
        with Glance(path) as glance:
            return glance.waiting(["help"], ms(days))

    assert waiting() == 0
    ledger.begin("help", "INBOX", 1, 1, NOW)
    ledger.accept([arrival(1)], to_everyone, NOW)
    assert waiting() is None, "two copies are due"
    claimed = ledger.claim("me", NOW, timedelta(minutes=10), 10)
    assert waiting() is None, "somebody is at work"
    later = NOW + timedelta(days=1)

    def retry(one: Delivery) -> None:
        record(ledger, one, DeliveryState.PENDING, NOW, not_before=later, error="busy")

    for one in claimed:
        retry(one)
    # The acknowledgement waits ten minutes for a copy to arrive, the copies a day for the server.
    assert waiting() == ledger.open_count() == 3
    assert waiting(days=0.01) is None
    ledger.close()


@pytest.mark.parametrize("trouble", ["lease", "in hand", "unreadable", "error", "never read"])
def test_anything_but_quiet_is_seen(tmp_path: Path, trouble: str) -> None:
    ledger = open_ledger(tmp_path)
    ledger.begin("help", "INBOX", 1, 1, NOW)
    if trouble != "never read":
        ledger.end_turn("help", "mailbox help", "who reads", NOW, "no such host" if trouble == "error" else "")
    if trouble == "lease":
        ledger.take_lease("mailbox help", "somebody", NOW, timedelta(minutes=1))
    if trouble == "in hand":
        ledger.take_in_hand("help", "INBOX", (1, 2))
    if trouble == "unreadable":
        ledger.note_trouble(MailRef("help", "INBOX", 1, 1), NOW, timedelta(hours=1))
    with Glance(tmp_path / "intake.db") as glance:
        assert (glance.waiting(["help"], ms()) is None) is (trouble != "unreadable")
        assert glance.waiting(["help"], ms(1)) is None
    ledger.close()


def test_a_folder_is_read_up_to_where_the_ledger_says(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.begin("help", "INBOX", 7, 1, NOW)
    ledger.advance(MailRef("help", "INBOX", 7, 41))
    with Glance(tmp_path / "intake.db") as glance:
        assert glance.next_uid("help", "INBOX", 7) == 42
        assert glance.next_uid("help", "INBOX", 8) is None, "renumbered"
        assert glance.next_uid("help", "Junk", 7) is None, "never read"
        ledger.accept([arrival(42, uidvalidity=7)], to_everyone, NOW)
        assert ledger.to_file("help", "INBOX", 7, 10) == [42]
        assert glance.next_uid("help", "INBOX", 7) is None, "written down, and still to be moved"
        ledger.filed("help", "INBOX", 7, [42], "Processed")
        assert glance.next_uid("help", "INBOX", 7) == 43
    ledger.close()


def test_a_ledger_that_others_can_read_is_none_to_look_at(tmp_path: Path) -> None:
    open_ledger(tmp_path).close()
    (tmp_path / "intake.db").chmod(0o640)
    with pytest.raises(PermissionError):
        Glance(tmp_path / "intake.db")


def test_it_makes_no_ledger_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises((OSError, sqlite3.Error)):
        Glance(tmp_path / "intake.db")
    assert not list(tmp_path.iterdir())
