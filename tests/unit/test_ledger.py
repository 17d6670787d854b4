"""The ledger keeps its promises: once, whole, claimed by one, and silent about who wrote what."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from intake.ledger.ledger import Ledger
from intake.ledger.outbox import Became
from intake.model import (
    Address,
    Arrival,
    CaseState,
    DeliveryDraft,
    DeliveryState,
    History,
    Kind,
    MailHead,
    MailRef,
    MessageKind,
    Outcome,
    ParsedMail,
    Plan,
    Unseen,
    Urgency,
    Withheld,
)

from .ledgers import NOW, arrival, open_ledger, record, to_everyone, verdict

LEASE = timedelta(minutes=10)


@pytest.fixture
def ledger(tmp_path: Path, ledger_url: Callable[[], str]) -> Iterator[Ledger]:
    book = open_ledger(tmp_path, url=ledger_url())
    book.begin("help", "INBOX", 1, 1, NOW)
    yield book
    book.close()


def outcomes(ledger: Ledger, *arrivals: Arrival) -> tuple[Outcome, ...]:
    return ledger.accept(arrivals, to_everyone, NOW).outcomes


# --- accept ---


def test_a_mail_is_written_down_once(ledger: Ledger) -> None:
    assert outcomes(ledger, arrival(1)) == (Outcome.CASE,)
    assert outcomes(ledger, arrival(1)) == ()
    assert ledger.outcomes() == {"case": 1}
    assert ledger.delivery_counts()["pending"] == 2
    assert ledger.delivery_counts()["waiting"] == 1


def test_the_same_bytes_elsewhere_are_a_duplicate_and_other_bytes_are_not(ledger: Ledger) -> None:
    first = arrival(1, body=b"same")
    moved = arrival(7, body=b"same", folder="Junk")
    within = (arrival(3, body=b"twice"), arrival(4, body=b"twice", message_id="<3@example.com>"))
    assert outcomes(ledger, first) == (Outcome.CASE,)
    assert outcomes(ledger, moved) == (Outcome.DUPLICATE,)
    assert outcomes(ledger, *within) == (Outcome.CASE, Outcome.DUPLICATE)
    assert outcomes(ledger, arrival(9, body=b"other", message_id="<1@example.com>")) == (Outcome.FOLLOW_UP,)


def test_two_empty_mails_are_two_mails(ledger: Ledger) -> None:
    assert outcomes(ledger, arrival(1, body=b"", message_id="<a@b>"), arrival(2, body=b"", message_id="<c@d>")) == (
        Outcome.CASE,
        Outcome.CASE,
    )


def test_a_follow_up_in_the_same_batch_joins_the_case_it_opens(ledger: Ledger) -> None:
    found = outcomes(ledger, arrival(1), arrival(2, refers=("<1@example.com>",)))
    assert found == (Outcome.CASE, Outcome.FOLLOW_UP)
    (case,) = ledger.cases()
    assert case.mails == 2
    assert case.urgency is Urgency.URGENT  # the plan of the second mail raised it


def test_history_knows_threads_tokens_and_participants(ledger: Ledger) -> None:
    ledger.accept([arrival(1)], to_everyone, NOW)
    ours = {d.recipient: d.message_id for d in ledger.deliveries(tuple(DeliveryState))}
    seen: dict[int, History] = {}

    def look(mail: Arrival, history: History) -> Plan:
        seen[mail.raw.ref.uid] = history
        return Plan(Outcome.RECORDED, "test")

    code = ledger.cases()[0].code
    ledger.accept(
        [
            arrival(2, refers=(ours["ann@example.org"],), sender="ann@example.org"),
            arrival(3, refers=("<1@example.com>",), sender="stranger@example.net"),
            arrival(4, subject=f"Re: [{code.lower()}] hello"),
            arrival(5, message_id=ours["bob@example.org"]),
            arrival(6, refers=("<unknown@example.com>",)),
        ],
        look,
        NOW,
    )
    assert (seen[2].thread_by, seen[2].token_of, seen[2].known_sender) == ("ours", "ann@example.org", False)
    assert (seen[3].thread_by, seen[3].known_sender) == ("theirs", False)
    assert (seen[4].thread_by, seen[4].known_sender) == ("code", True)
    assert seen[5].ours_returned
    assert seen[6].thread is None


def test_acknowledgements_are_counted_within_a_batch_and_over_batches(ledger: Ledger) -> None:
    seen: list[History] = []

    def look(mail: Arrival, history: History) -> Plan:
        seen.append(history)
        return to_everyone(mail, history)

    ledger.accept([arrival(1), arrival(2)], look, NOW)
    ledger.accept([arrival(3), arrival(4, sender="other@example.com")], look, NOW)
    assert [h.acknowledged_sender for h in seen] == [0, 1, 2, 0]
    assert [h.acknowledged_domain for h in seen] == [0, 1, 2, 3]
    assert [h.acknowledged_all for h in seen] == [0, 1, 2, 3]
    ledger.accept([arrival(5)], look, NOW + timedelta(days=1, minutes=1))
    assert seen[-1].acknowledged_all == 0


def test_what_was_answered_in_cases_that_are_withheld_is_known_apart(ledger: Ledger) -> None:
    seen: list[History] = []
    bob = Withheld("bob@example.org", "named-in-body")

    def look(mail: Arrival, history: History) -> Plan:
        seen.append(history)
        plan = to_everyone(mail, history)
        return replace(plan, withheld=(bob,)) if mail.raw.ref.uid in {2, 4} else plan

    of_bob = frozenset({bob.organizer})
    ledger.accept([arrival(1), arrival(2), arrival(3)], look, NOW)
    assert [h.acknowledged_unseen for h in seen] == [(), (), (Unseen(of_bob, sender=True, domain=True),)]
    # The first case is withheld from now on, by a mail of this batch.
    ledger.accept([arrival(4, refers=("<1@example.com>",)), arrival(5, sender="o@example.com")], look, NOW)
    assert list(seen[-1].acknowledged_unseen) == [Unseen(of_bob, sender=False, domain=True)] * 2
    ledger.accept([arrival(6)], look, NOW + timedelta(days=1, minutes=1))
    assert not seen[-1].acknowledged_unseen


def test_machine_mail_of_who_has_written_is_known(ledger: Ledger) -> None:
    seen: list[History] = []

    def look(mail: Arrival, history: History) -> Plan:
        seen.append(history)
        return to_everyone(mail, history)

    machine = verdict(kind=Kind.AUTOMATIC, acknowledge=False)
    bounce = verdict(kind=Kind.BOUNCE, acknowledge=False)
    form = arrival(2, sender="form@example.com", judged=machine)
    ledger.accept([arrival(1), form], look, NOW)
    about = [replace(arrival(n, sender="", judged=bounce), mail=ParsedMail(text=f"<{who}@example.com>: no such user"))
             for n, who in ((5, "rita"), (6, "nobody"))]  # fmt: skip
    own = [arrival(3, judged=machine), arrival(4, sender="form@example.com", judged=machine), arrival(7)]
    ledger.accept([*own, *about], look, NOW)
    assert [h.wrote_to_us for h in seen[2:]] == [True, False, False, True, False]


def test_nothing_of_a_batch_stays_when_the_decision_fails(ledger: Ledger) -> None:
    def fails_at_the_second(mail: Arrival, history: History) -> Plan:
        if mail.raw.ref.uid == 2:
            raise ZeroDivisionError
        return to_everyone(mail, history)

    with pytest.raises(ZeroDivisionError):
        ledger.accept([arrival(1), arrival(2)], fails_at_the_second, NOW)
    assert ledger.outcomes() == {}
    cursor = ledger.cursor("help", "INBOX")
    assert cursor is not None
    assert cursor.next_uid == 1


def test_reading_goes_on_behind_what_was_accepted_and_never_back(ledger: Ledger) -> None:
    outcomes(ledger, arrival(5))
    outcomes(ledger, arrival(3))
    cursor = ledger.cursor("help", "INBOX")
    assert cursor is not None
    assert cursor.next_uid == 6


def test_a_new_uidvalidity_starts_again_and_remembers_the_boundary(ledger: Ledger) -> None:
    outcomes(ledger, arrival(5, body=b"known"))
    ledger.restart("help", "INBOX", 1, 2, 9)
    cursor = ledger.cursor("help", "INBOX")
    assert cursor is not None
    assert (cursor.uidvalidity, cursor.next_uid, cursor.boundary, cursor.rescanning) == (2, 1, 9, True)
    assert outcomes(ledger, arrival(1, body=b"known", uidvalidity=2)) == (Outcome.DUPLICATE,)
    assert ledger.to_file("help", "INBOX", 2, 10) == [1]


def test_mail_that_was_there_before_is_recorded_once(ledger: Ledger) -> None:
    heads = [MailHead(1, 10, NOW), MailHead(2, 10, NOW)]
    assert ledger.record_before("help", "INBOX", 1, heads, NOW) == 2
    assert ledger.record_before("help", "INBOX", 1, heads, NOW) == 0
    assert ledger.outcomes() == {"before": 2}
    assert ledger.to_file("help", "INBOX", 1, 10) == []


# --- claim and record ---


def test_only_a_copy_that_arrived_lets_the_acknowledgement_go(ledger: Ledger) -> None:
    outcomes(ledger, arrival(1))
    copies = ledger.claim("me", NOW, LEASE, 10)
    assert {d.kind for d in copies} == {MessageKind.REPORT}
    assert ledger.claim("me", NOW, LEASE, 10) == []
    record(ledger, copies[0], DeliveryState.FAILED, NOW, error="no")
    assert ledger.claim("me", NOW, LEASE, 10) == []
    record(ledger, copies[1], DeliveryState.SENT, NOW, receipt="ok")
    (answer,) = ledger.claim("me", NOW, LEASE, 10)
    assert answer.kind is MessageKind.ACKNOWLEDGEMENT


def test_an_acknowledgement_waits_no_longer_than_its_time(ledger: Ledger) -> None:
    outcomes(ledger, arrival(1))
    later = NOW + timedelta(minutes=10)
    assert MessageKind.ACKNOWLEDGEMENT in {d.kind for d in ledger.claim("me", later, LEASE, 10)}


def test_a_late_writer_loses(ledger: Ledger) -> None:
    outcomes(ledger, arrival(1))
    (slow, _) = ledger.claim("slow", NOW, LEASE, 2)
    later = NOW + LEASE
    again = {d.id: d for d in ledger.claim("quick", later, LEASE, 10)}
    assert again[slow.id].attempts == slow.attempts + 1
    assert record(ledger, slow, DeliveryState.SENT, later) is False
    assert record(ledger, again[slow.id], DeliveryState.SENT, later) is True
    assert record(ledger, again[slow.id], DeliveryState.FAILED, later) is False
    assert ledger.delivery_counts()["sent"] == 1


def test_one_late_outcome_among_several_is_the_only_one_that_is_lost(ledger: Ledger) -> None:
    outcomes(ledger, arrival(1))
    mine = ledger.claim("slow", NOW, LEASE, 2)
    taken = ledger.claim("quick", NOW + LEASE, LEASE, 1)[0].id
    told = [Became(one, DeliveryState.SENT, receipt=f"250 {one.id}") for one in mine]
    assert ledger.record_all(told, NOW + LEASE) == [one.id != taken for one in mine]
    receipts = {one.id: one.receipt for one in ledger.deliveries((DeliveryState.SENT,))}
    assert receipts == {one.id: f"250 {one.id}" for one in mine if one.id != taken}


def test_what_was_not_tried_is_put_back_without_counting(ledger: Ledger) -> None:
    outcomes(ledger, arrival(1))
    (one, _) = ledger.claim("me", NOW, LEASE, 2)
    ledger.put_all_back([(one, NOW)])
    (again,) = ledger.claim("me", NOW, LEASE, 2)
    assert (again.id, again.attempts) == (one.id, 1)


def test_many_claimers_get_each_delivery_once(ledger: Ledger, tmp_path: Path, ledger_url: Callable[[], str]) -> None:
    for start in range(1, 201, 50):
        outcomes(ledger, *(arrival(uid) for uid in range(start, start + 50)))
    claimed: list[int] = []

    def claimer(name: str) -> None:
        own = open_ledger(tmp_path, url=ledger_url())
        while batch := own.claim(name, NOW, LEASE, 7):
            claimed.extend(d.id for d in batch)
        own.close()

    threads = [threading.Thread(target=claimer, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 400


def test_the_dead_are_taken_over_at_once(ledger: Ledger) -> None:
    outcomes(ledger, arrival(1))
    ledger.claim("dead", NOW, LEASE, 10)
    assert ledger.take_lease("mailbox help", "dead", NOW, LEASE)
    assert not ledger.take_lease("mailbox help", "alive", NOW, LEASE)
    assert ledger.orphaned() == {"dead"}
    ledger.take_over(["dead"], NOW)
    assert len(ledger.claim("alive", NOW, LEASE, 10)) == 2
    assert ledger.take_lease("mailbox help", "alive", NOW, LEASE)


def test_a_lease_ends_by_itself_and_can_be_renewed(ledger: Ledger) -> None:
    assert ledger.take_lease("m", "a", NOW, LEASE)
    assert ledger.take_lease("m", "a", NOW + timedelta(minutes=5), LEASE)
    assert not ledger.take_lease("m", "b", NOW + LEASE, LEASE)
    assert ledger.take_lease("m", "b", NOW + timedelta(minutes=15), LEASE)
    ledger.drop_lease("m", "a")
    assert not ledger.take_lease("m", "c", NOW + timedelta(minutes=15), LEASE)


def test_a_key_makes_a_message_happen_once(ledger: Ledger) -> None:
    draft = DeliveryDraft(MessageKind.DIGEST, "ann@example.org", "digest 2026-04-20", DeliveryState.PENDING, NOW)
    assert ledger.add([draft], NOW) == 1
    assert ledger.add([draft, draft], NOW) == 0


def test_a_reporters_urgent_case_goes_first(ledger: Ledger) -> None:
    outcomes(ledger, arrival(1), arrival(2, judged=verdict(urgency=Urgency.URGENT), sender="x@example.com"))
    urgent = {d.case_id for d in ledger.claim("me", NOW, LEASE, 2)}
    (case,) = [c for c in ledger.cases() if c.urgency is Urgency.URGENT]
    assert urgent == {case.id}


# --- views ---


def test_a_withheld_organizer_sees_no_trace(ledger: Ledger) -> None:
    judged = verdict(recused=(Withheld("ann@example.org", "named-in-body"),))
    before = ledger.overview("ann@example.org", None, NOW)
    outcomes(ledger, arrival(1, judged=judged))
    assert ledger.overview("ann@example.org", None, NOW) == before
    assert len(ledger.overview("bob@example.org", None, NOW).cases) == 1
    assert ledger.cases(organizer="ann@example.org") == []
    assert ledger.withheld(1, 1) == {"ann@example.org"}
    (case,) = ledger.cases(states=(CaseState.NEW,))
    assert case.recused == (Withheld("ann@example.org", "named-in-body"),)


def test_the_original_is_kept_until_every_delivery_is_final(ledger: Ledger) -> None:
    outcomes(ledger, arrival(1, body=b"the very bytes \x00\xff"))
    assert ledger.context(1).kept
    assert ledger.originals([1]) == {1: b"the very bytes \x00\xff"}
    for delivery in ledger.claim("me", NOW, LEASE, 10):
        record(ledger, delivery, DeliveryState.SENT, NOW)
    assert ledger.tidy() == 0
    (answer,) = ledger.claim("me", NOW, LEASE, 10)
    record(ledger, answer, DeliveryState.SENT, NOW)
    assert ledger.tidy() == 1
    assert not ledger.context(1).kept
    assert ledger.originals([1]) == {}


@pytest.mark.sqlite
def test_nothing_of_a_reporter_is_readable_in_any_file(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    canaries = ["canary-body", "canary-subject", "canary-sender", "canary-id", "canary-name"]
    judged = verdict(acknowledge_to=Address("canary-name", "canary-sender@example.com"))
    outcomes(
        ledger,
        arrival(
            1,
            body=b"canary-body " * 500,
            subject="canary-subject",
            sender="canary-sender@example.com",
            message_id="<canary-id@example.com>",
            judged=judged,
        ),
    )
    contents = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    ledger.close()
    assert b"ann@example.org" in contents  # the search itself works
    for canary in canaries:
        assert canary.encode() not in contents


def test_trouble_is_counted_and_forgotten(ledger: Ledger) -> None:
    ref = MailRef("help", "INBOX", 1, 4)
    assert ledger.note_trouble(ref, NOW, timedelta(minutes=1)) == 1
    assert ledger.troubled("help", "INBOX", 1, NOW) == set()
    assert ledger.troubled("help", "INBOX", 1, NOW + timedelta(minutes=1)) == {4}
    assert ledger.note_trouble(ref, NOW, timedelta(0)) == 2
    outcomes(ledger, arrival(4))
    assert ledger.trouble_count() == 0
