"""Reading: what is there is written down once, whatever the server, the clock and people do meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from intake.decide.clock import MAILBOX_LEASE
from intake.letters import MailboxHealth, Thread
from intake.model import MessageKind
from intake.steps.audit import audit
from intake.steps.digest import digest_for

from .worlds import ANN, BOB, CARL, START, Server, World, mail, passed

OLD = START - timedelta(days=400)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def from_now(tmp_path: Path) -> World:
    """Mail that is there already is not answered."""
    return World(tmp_path, start="now")


def outcomes(world: World) -> dict[str, int]:
    return world.parts.ledger.outcomes()


def test_a_report_reaches_everybody_is_answered_and_filed(world: World) -> None:
    world.deliver(mail(1))
    report = passed(world)
    assert (report.total("seen"), report.total("accepted"), report.total("filed"), report.sent) == (1, 1, 1, 4)
    assert world.reached("report") == [ANN, BOB, CARL]
    assert world.reached("acknowledgement") == ["rita1@example.com"]
    assert world.server.texts("Processed") == [mail(1)]
    assert passed(world) == replace(report, mailboxes=passed(world).mailboxes, sent=0)


# --- first contact ---


def test_what_was_there_before_is_recorded_and_answered_to_nobody(from_now: World) -> None:
    world = from_now
    world.deliver(mail(1), when=OLD)
    world.deliver(mail(2))
    passed(world)
    world.now += timedelta(minutes=1)
    world.deliver(mail(3))
    passed(world)
    assert outcomes(world) == {"before": 2, "case": 1}
    assert world.reached("acknowledgement") == ["rita3@example.com"]
    assert len(world.server.texts("INBOX")) == 2, "what was there before stays where it is"
    assert audit(world.parts).ok


def test_an_end_half_way_through_first_contact_does_not_move_its_boundary(from_now: World) -> None:
    world = from_now
    for number in range(3):
        world.deliver(mail(number))
    boundary = 0
    while world.run(die_at=boundary) is None:
        world.now += timedelta(minutes=1)
        world.deliver(mail(10 + boundary))
        boundary += 6
    world.until_quiet()
    found = outcomes(world)
    assert found["before"] >= 3
    answered = {o.recipient for o in world.sent(MessageKind.ACKNOWLEDGEMENT)}
    assert not answered & {f"rita{number}@example.com" for number in range(3)}
    assert found["before"] + found["case"] == 3 + boundary // 6


def test_mail_that_was_there_before_and_is_moved_is_not_a_new_report(from_now: World) -> None:
    world = from_now
    uid = world.deliver(mail(1), when=OLD)
    passed(world)
    world.server.move("INBOX", uid, "Junk")
    passed(world)
    assert outcomes(world) == {"before": 2}
    assert not world.transport.taken


# --- UIDVALIDITY ---


def test_after_renumbering_what_is_known_is_not_sent_again(world: World) -> None:
    world.server.immovable.add(mail(1))  # it could not be filed, so it stands there still
    world.deliver(mail(1))
    passed(world)
    world.server.immovable.clear()
    world.server.renumber("INBOX")
    world.deliver(mail(2))
    passed(world)
    assert outcomes(world) == {"case": 2, "duplicate": 1}
    assert len(world.sent("report")) == 6
    assert any("renumbered" in line for line in world.said)
    assert sorted(world.server.texts("Processed")) == sorted([mail(1), mail(2)])


def test_after_renumbering_what_was_there_before_stays_unanswered(from_now: World) -> None:
    world = from_now
    world.deliver(mail(1))
    world.deliver(mail(2), when=OLD)
    passed(world)
    world.now += timedelta(minutes=1)
    world.deliver(mail(3))
    world.server.renumber("INBOX")
    world.now += timedelta(days=3)
    passed(world)
    assert outcomes(world) == {"before": 4, "case": 1}, "one that came after first contact was not read before"
    assert world.reached("acknowledgement") == ["rita3@example.com"]


def test_renumbering_half_way_through_a_rescan(world: World) -> None:
    for number in range(4):
        world.server.immovable.add(mail(number))
        world.deliver(mail(number))
    passed(world)
    world.server.renumber("INBOX")
    world.run(die_at=14)
    world.server.immovable.clear()
    world.server.renumber("INBOX")
    world.until_quiet()
    assert outcomes(world)["case"] == 4
    assert len(world.sent("report")) == 12
    assert not world.server.texts("INBOX")


# --- people and servers ---


def test_a_moved_copy_is_a_duplicate(world: World) -> None:
    world.deliver(mail(1))
    world.deliver(mail(1), "Junk")
    passed(world)
    assert outcomes(world) == {"case": 1, "duplicate": 1}
    assert len(world.sent("report")) == 3


def test_an_audit_counts_each_message_once_although_its_mail_stands_there_twice(world: World) -> None:
    world.deliver(mail(1))
    world.deliver(mail(1), "Junk")
    passed(world)
    copies = [line.account for line in audit(world.parts).lines if line.folder == "Processed"]
    assert [copy.deliveries for copy in copies if copy] == [{"acknowledgement sent": 1, "report sent": 3}] * 2


def test_no_mail_came_after_it_was_read(world: World) -> None:
    world.deliver(mail(1), when=world.now + timedelta(days=100))
    passed(world)
    for copy in world.sent("report"):
        assert f'"received": "{world.now:%Y-%m-%dT%H:%M}'.encode() in copy.content


def test_a_report_in_junk_is_a_report(world: World) -> None:
    world.deliver(mail(1), "Junk")
    world.deliver(mail(2, subject="hello", body="Buy now"), "Junk")
    passed(world)
    assert outcomes(world) == {"case": 1, "recorded": 1}
    assert world.server.texts("Junk") == [mail(2, subject="hello", body="Buy now")]


def test_after_an_outage_of_a_year_all_that_came_meanwhile_is_read(world: World) -> None:
    passed(world)
    for number in range(250):  # more than are taken in hand together
        world.deliver(mail(number), when=world.now + timedelta(days=number))
    world.now += timedelta(days=365)
    passed(world)
    assert outcomes(world) == {"case": 250}
    assert len(world.sent("report")) == 3 * 250


def test_mail_that_is_moved_away_while_it_is_read_is_read_where_it_is_then(world: World) -> None:
    world.deliver(mail(1))
    world.deliver(mail(2))

    def people(server: Server) -> None:
        world.people = lambda _server: None
        server.move("INBOX", 1, "Junk")

    world.people = people
    world.until_quiet()
    assert outcomes(world) == {"case": 2}


def test_a_folder_that_is_missing_leaves_the_others_readable(world: World) -> None:
    del world.server.shelves["INBOX"]
    world.deliver(mail(1), "Junk")
    report = passed(world)
    assert "INBOX" in (report.mailboxes[0].error or "")
    assert report.left
    assert outcomes(world) == {"case": 1}


def test_a_mailbox_that_is_ill_leaves_the_others_readable(tmp_path: Path) -> None:
    world = World(tmp_path, mailboxes=("first", "second"))
    world.servers["first"].broken = "the log-in was refused"
    world.deliver(mail(1), mailbox="second")
    report = passed(world)
    assert [bool(one.error) for one in report.mailboxes] == [True, False]
    assert outcomes(world) == {"case": 1}


def test_filing_that_failed_is_done_later(world: World) -> None:
    world.server.immovable.add(mail(1))
    world.deliver(mail(1))
    assert "could not be moved" in (passed(world).mailboxes[0].error or "")
    assert len(world.sent("report")) == 3
    assert "could not be moved" in world.parts.ledger.mailbox_health()[0].error
    # Whose mail that is, not everybody may know.
    told = digest_for(world.parts, BOB, Thread("<x@y.example>"), period="", now=world.now, since=None)
    assert told.mailboxes == (MailboxHealth("help", world.now, ""),)
    world.server.immovable.clear()
    passed(world)
    assert world.server.texts("Processed") == [mail(1)]
    assert len(world.sent("report")) == 3


def test_a_mail_too_large_is_told_and_stays_whole_in_the_mailbox(world: World) -> None:
    world.max_size = 2_000
    large = mail(1, body="x" * 5_000)
    world.deliver(large)
    passed(world)
    assert world.reached("notice") == [ANN, BOB, CARL]
    assert world.reached("acknowledgement") == ["rita1@example.com"]
    assert all(len(o.content) < 9_000 or large not in o.content for o in world.transport.taken)
    assert world.server.texts("Processed") == [large]


# --- leases ---


def test_a_mailbox_that_another_run_reads_is_left_to_it(world: World) -> None:
    world.deliver(mail(1))
    world.others.add("another machine")
    world.parts.ledger.take_lease("mailbox help", "another machine", world.now, MAILBOX_LEASE)
    report = passed(world)
    assert report.mailboxes[0].busy
    assert outcomes(world) == {}
    world.now += MAILBOX_LEASE
    assert not passed(world).mailboxes[0].busy
    assert outcomes(world) == {"case": 1}


def test_what_a_dead_run_held_is_taken_over_at_once(world: World) -> None:
    world.deliver(mail(1))
    assert world.run(die_at=12) is None
    assert not passed(world).mailboxes[0].busy
    assert len(world.sent("report")) == 3


def test_what_a_living_run_holds_is_its_own_even_if_the_clock_jumps(world: World) -> None:
    world.deliver(mail(1))
    passed(world, send=False)
    claimed = world.parts.ledger.claim("other", world.now, timedelta(minutes=10), 48)
    world.parts = replace(world.parts, is_alive=lambda holder: holder == "other", is_dead=lambda _holder: False)
    world.now += timedelta(hours=3)
    passed(world)
    assert claimed
    assert not world.sent("report"), "somebody is sending them just now"
