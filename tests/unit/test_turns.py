"""Mailboxes take turns: whose mail goes next when one of them is flooded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from intake.ledger.ledger import Ledger
from intake.ledger.outbox import Became
from intake.model import DeliveryState, MessageKind, Urgency
from unit.ledgers import NOW, ORGANIZERS, arrival, open_ledger, to_everyone, verdict

LEASE = timedelta(minutes=10)


@pytest.fixture
def ledger(tmp_path: Path, ledger_url: Callable[[], str]) -> Iterator[Ledger]:
    made = open_ledger(tmp_path, url=ledger_url())
    yield made
    made.close()


def come_in(ledger: Ledger, mailbox: str, first: int, count: int, **judged: object) -> None:
    """Mails of one mailbox, as one batch."""
    batch = []
    for uid in range(first, first + count):
        one = arrival(uid, body=f"{mailbox} {uid}".encode(), message_id=f"<{uid}@{mailbox}.example>")
        one = replace(one, verdict=verdict(**judged))
        batch.append(replace(one, raw=replace(one.raw, ref=replace(one.raw.ref, mailbox=mailbox))))
    if not ledger.cursor(mailbox, "INBOX"):
        ledger.begin(mailbox, "INBOX", 1, 1, NOW)
    ledger.accept(batch, to_everyone, NOW)


def next_ones(ledger: Ledger, count: int) -> list[str]:
    """Mailbox and UID of the mails whose copies are sent next, one message after the other."""
    found: list[str] = []
    while len(found) < count and (claimed := ledger.claim("me", NOW, LEASE, 1)):
        ledger.record_all([Became(one, DeliveryState.SENT) for one in claimed], NOW)
        for one in claimed:
            if one.kind is MessageKind.REPORT and one.recipient == ORGANIZERS[0]:
                place = ledger.context(one.mail_id or 0).place.ref
                found.append(f"{place.mailbox} {place.uid}")
    return found


def test_another_mailbox_joins_in_where_the_flood_is(ledger: Ledger) -> None:
    come_in(ledger, "flood", 1, 20)
    assert next_ones(ledger, 3) == ["flood 1", "flood 2", "flood 3"]
    come_in(ledger, "other", 1, 2)
    assert next_ones(ledger, 5) == ["other 1", "flood 4", "other 2", "flood 5", "flood 6"]


def test_a_mailbox_keeps_its_order_from_batch_to_batch(ledger: Ledger) -> None:
    come_in(ledger, "flood", 1, 4)
    come_in(ledger, "flood", 5, 4)
    assert next_ones(ledger, 5) == [f"flood {uid}" for uid in range(1, 6)]
    come_in(ledger, "flood", 9, 1)
    assert next_ones(ledger, 9) == [f"flood {uid}" for uid in range(6, 10)]


def test_one_flood_does_not_wait_behind_another(ledger: Ledger) -> None:
    come_in(ledger, "flood", 1, 10)
    come_in(ledger, "second", 1, 10)
    assert next_ones(ledger, 4) == ["flood 1", "second 1", "flood 2", "second 2"]


def test_what_is_urgent_goes_before_all_turns(ledger: Ledger) -> None:
    come_in(ledger, "flood", 1, 10)
    come_in(ledger, "flood", 11, 1, urgency=Urgency.URGENT)
    assert next_ones(ledger, 2) == ["flood 11", "flood 1"]


def test_turns_begin_anew_when_nothing_waits(ledger: Ledger) -> None:
    come_in(ledger, "flood", 1, 5)
    assert len(next_ones(ledger, 6)) == 5
    come_in(ledger, "flood", 6, 2)
    come_in(ledger, "other", 1, 1)
    assert next_ones(ledger, 3) == ["flood 6", "other 1", "flood 7"]
