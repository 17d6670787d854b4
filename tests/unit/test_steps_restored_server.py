"""A mail server that is restored from a backup gives numbers a second time, and keeps its UIDVALIDITY."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from intake.steps.audit import audit

from .worlds import ANN, World, mail, passed


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The server knows of one mail only, the ledger of three."""
    made = World(tmp_path)
    for number in (1, 2, 3):
        made.deliver(mail(number))
    made.until_quiet()
    made.server.shelves["INBOX"].next_uid = 2
    return made


@pytest.fixture
def stays(tmp_path: Path) -> World:
    """Three mails that were read, and stay where they are."""
    made = World(tmp_path, processed="")
    for number in (1, 2, 3):
        made.deliver(mail(number))
    made.until_quiet()
    return made


def test_a_mail_with_a_number_of_another_one_is_read(world: World) -> None:
    assert world.deliver(mail(4)) == 2
    world.until_quiet()
    assert len(world.parts.ledger.cases()) == 4
    assert world.reached("report").count(ANN) == 4
    assert world.server.texts("INBOX") == []
    assert audit(world.parts).ok


def test_it_is_noticed_before_anything_comes_in(world: World) -> None:
    passed(world)
    for number in (4, 5, 6):
        world.deliver(mail(number))
    world.until_quiet()
    assert len(world.parts.ledger.cases()) == 6, "as many numbers as before, and more"


@pytest.mark.parametrize("came", [2, 3])
@pytest.mark.parametrize("taken_away", [False, True])
def test_it_is_noticed_when_as_many_have_come_in_as_were_lost(world: World, came: int, *, taken_away: bool) -> None:
    world.now += timedelta(minutes=1)
    for number in range(4, 4 + came):
        world.deliver(mail(number))
    if taken_away:  # by a person, out of the last number that was read
        del world.server.shelves["INBOX"].mails[3]
    world.until_quiet()
    assert len(world.parts.ledger.cases()) == 3 + came - taken_away
    assert world.server.texts("INBOX") == []


@pytest.mark.parametrize("came", [2, 3])
def test_so_it_is_where_mail_stays_in_its_folder(stays: World, came: int) -> None:
    inbox = stays.server.shelves["INBOX"]
    for uid in (2, 3):
        del inbox.mails[uid]
    inbox.next_uid = 2
    stays.now += timedelta(minutes=1)
    for number in range(4, 4 + came):
        stays.deliver(mail(number))
    stays.until_quiet()
    assert len(stays.parts.ledger.cases()) == 3 + came
    said = len(stays.said)
    assert passed(stays).mailboxes[0].seen == 0, "it is read anew once"
    assert len(stays.said) == said


def test_one_more_request_at_most_says_that_all_is_as_it_was(stays: World) -> None:
    stays.passed.clear()
    passed(stays)
    assert [name for name in stays.passed if name.startswith("imap")] == [
        *("imap open", "imap open answered"),
        *("imap select", "imap select answered", "imap dates", "imap dates answered"),
        *("imap select", "imap select answered"),  # Junk is empty
    ]


def test_it_may_happen_again(world: World) -> None:
    for number in (4, 5):
        passed(world)
        world.deliver(mail(number))
        world.until_quiet()
        world.server.shelves["INBOX"].next_uid = 2
    assert len(world.parts.ledger.cases()) == 5


def test_what_the_backup_held_is_answered_to_nobody_again(world: World) -> None:
    sent = len(world.transport.taken)
    world.deliver(mail(3))
    world.until_quiet()
    assert len(world.parts.ledger.cases()) == 3
    assert len(world.transport.taken) == sent
    assert world.server.texts("INBOX") == []


def test_what_comes_in_is_not_from_before_the_start(tmp_path: Path) -> None:
    world = World(tmp_path, start="now")
    for number in (1, 2, 3):
        world.deliver(mail(number))
    world.until_quiet()
    for uid in (2, 3):
        del world.server.shelves["INBOX"].mails[uid]
    world.server.shelves["INBOX"].next_uid = 2
    world.now += timedelta(minutes=1)
    world.deliver(mail(4))
    world.until_quiet()
    assert len(world.parts.ledger.cases()) == 1


def test_a_uidvalidity_that_was_there_before_is_another_one(world: World) -> None:
    first = world.server.shelves["INBOX"]
    world.server.renumber("INBOX")
    world.until_quiet()
    world.server.shelves["INBOX"] = first
    first.next_uid = 1
    world.deliver(mail(4))
    world.until_quiet()
    assert len(world.parts.ledger.cases()) == 4


def test_where_mail_was_filed_is_found_out_anew(world: World) -> None:
    filed = world.server.shelves["Processed"]
    assert audit(world.parts).ok
    assert len(world.parts.ledger.accounts("help", "Processed", filed.uidvalidity)) == 3
    passed(world)
    assert world.parts.ledger.accounts("help", "Processed", filed.uidvalidity) == {}, (
        "its numbers may be given again, too"
    )
    assert audit(world.parts).ok
