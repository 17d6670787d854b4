"""Mail that was filed unread is looked for until somebody has looked, whatever goes wrong in between."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from intake.errors import LedgerError, MailboxError
from intake.ports import Folder

from .worlds import KEEPER, World, WorldMailbox, mail, passed


@pytest.fixture
def world(tmp_path: Path) -> World:
    """In which somebody has filed a mail before it was read."""
    made = World(tmp_path)
    passed(made)
    made.now += timedelta(minutes=2)
    made.deliver(mail(1))
    made.server.move("INBOX", 1, "Processed")
    made.deliver(mail(2))
    return made


def test_a_ledger_that_fails_after_the_mail_was_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_given: Any) -> None:
        raise LedgerError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(type(world.parts.ledger), "end_turn", full)
        with pytest.raises(LedgerError):
            world.run()
    passed(world)
    assert world.reached("alarm") == [KEEPER]


@pytest.mark.parametrize("ill", ["Junk", "Processed"])
def test_another_folder_that_can_not_be_opened(world: World, monkeypatch: pytest.MonkeyPatch, ill: str) -> None:
    whole = WorldMailbox.select

    def select(self: WorldMailbox, folder: str) -> Folder:
        if folder == ill:
            raise MailboxError("no such folder")
        return whole(self, folder)

    with monkeypatch.context() as broken:
        broken.setattr(WorldMailbox, "select", select)
        passed(world)
        # The one that is read last leaves no connection behind, but the server is there.
        assert world.reached("alarm") == ([KEEPER] if ill == "Junk" else [])
    passed(world)
    assert world.reached("alarm") == [KEEPER]


def test_what_is_all_known_is_not_looked_for_again(world: World) -> None:
    back = max(world.server.shelves["Processed"].mails)
    world.server.move("Processed", back, "Junk")
    passed(world)
    world.passed.clear()
    world.now += timedelta(minutes=1)
    passed(world)
    assert world.passed.count("imap select") == 2, "the folders that are watched"
