"""Ledgers and mails for tests."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from servers.databases import ledger_of

from intake.edge import Chance
from intake.ledger.accept import Makes
from intake.ledger.keys import key_from_file
from intake.ledger.ledger import Ledger
from intake.ledger.outbox import Became
from intake.model import (
    REPORTER,
    Address,
    Arrival,
    Delivery,
    DeliveryDraft,
    DeliveryState,
    History,
    Kind,
    MailRef,
    MessageKind,
    Outcome,
    ParsedMail,
    Plan,
    RawMail,
    Urgency,
    Verdict,
    Withheld,
)

NOW = datetime(2026, 4, 20, 9, 0, tzinfo=UTC)
ORGANIZERS = ("ann@example.org", "bob@example.org")


def open_ledger(folder: Path, now: datetime = NOW, url: str = "") -> Ledger:
    """A ledger with its key in a folder, made if it is missing; beside it unless ``url`` says otherwise."""
    ledger = unopened(folder, url)
    ledger.open(now)
    return ledger


def unopened(folder: Path, url: str = "") -> Ledger:
    """The same before it is opened."""
    chance = Chance()
    codes = itertools.count()
    makes = Makes(lambda: f"<{chance.token()}@azug.example>", lambda: f"AZUG-{chance.letters(5)}{next(codes) % 10}")
    return Ledger(
        url or ledger_of(folder),
        lambda create: key_from_file(folder / "intake.key", create=create),
        makes,
    )


def verdict(**changes: object) -> Verdict:
    """A person's report."""
    values: dict[str, object] = {
        "kind": Kind.PERSON,
        "category": "report",
        "rule": "r",
        "evidence": (),
        "urgency": Urgency.NORMAL,
        "urgency_reasons": (),
        "language": "en",
        "event": "",
        "acknowledge": True,
        "acknowledge_reason": "person",
        "acknowledge_to": Address("", "rita@example.com"),
        "recused": (),
    }
    return Verdict(**(values | changes))  # type: ignore[arg-type]  # the table above has the right types


def arrival(
    uid: int,
    *,
    body: bytes | None = None,
    message_id: str = "",
    refers: tuple[str, ...] = (),
    sender: str = "rita@example.com",
    subject: str = "",
    folder: str = "INBOX",
    uidvalidity: int = 1,
    judged: Verdict | None = None,
) -> Arrival:
    """A mail that was read and judged."""
    content = body if body is not None else f"mail {uid}".encode()
    mail = ParsedMail(
        message_id=message_id or f"<{uid}@example.com>",
        in_reply_to=refers,
        subject=subject,
        authors=(Address("", sender),) if sender else (),
    )
    raw = RawMail(MailRef("help", folder, uidvalidity, uid), NOW, len(content), content)
    return Arrival(raw, mail, judged or verdict())


def to_everyone(arrival: Arrival, history: History) -> Plan:
    """A plan: a copy to each organizer, an acknowledgement; threads and duplicates as in life."""
    if history.duplicate_of is not None:
        return Plan(Outcome.DUPLICATE, "same-bytes", duplicate_of=history.duplicate_of)
    hidden = {w.organizer for w in arrival.verdict.recused}
    copies = tuple(
        DeliveryDraft(
            MessageKind.REPORT,
            organizer,
            f"copy for {organizer}",
            DeliveryState.WITHHELD if organizer in hidden else DeliveryState.PENDING,
            NOW,
        )
        for organizer in ORGANIZERS
    )
    if history.thread is not None and history.known_sender:
        return Plan(Outcome.FOLLOW_UP, "thread", case_id=history.thread.id, deliveries=copies, raises_urgency=True)
    answer = DeliveryDraft(
        MessageKind.ACKNOWLEDGEMENT, REPORTER, "acknowledgement", DeliveryState.WAITING, NOW + timedelta(minutes=10)
    )
    return Plan(
        Outcome.CASE,
        "new",
        opens=True,
        deliveries=(*copies, answer),
        withheld=tuple(Withheld(w.organizer, w.reason) for w in arrival.verdict.recused),
    )


def record(ledger: Ledger, mine: Delivery, state: DeliveryState, now: datetime, **more: Any) -> bool:
    """Write down what became of one delivery; whether it was still ours."""
    return ledger.record_all([Became(mine, state, **more)], now)[0]
