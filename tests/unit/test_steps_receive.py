"""Reading: what is there is written down once, whatever the server, the clock and people do meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from intake.decide.clock import MAILBOX_LEASE, POISON_TRIES
from intake.errors import MailboxError
from intake.letters import MailboxHealth, Thread
from intake.model import MailHead, MessageKind, ParsedMail, RawMail
from intake.steps.audit import audit
from intake.steps.digest import digest_for

from .worlds import ANN, BOB, CARL, KEEPER, START, Killed, Server, World, WorldMailbox, header, mail, passed

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


# --- what can't be read, and what ends passes ---


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


# --- the ledger ---


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
        world.parts.ledger.note_pass("help", world.now, "")


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
