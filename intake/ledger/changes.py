"""What people do to cases: claim, close, note, recuse, release. By mail and at the command line alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, insert, select, update

from intake.ledger import held, journal, outbox
from intake.ledger.journal import Entry
from intake.ledger.keys import Key
from intake.ledger.makes import Makes
from intake.ledger.schema import case, delivery, mail, note, original, recusal
from intake.model import (
    CaseAction,
    CaseChange,
    CaseState,
    DeliveryDraft,
    DeliveryState,
    MessageKind,
    Outcome,
    moved,
)

BY_HAND = "recused-by-hand"  # the reason of a recusal that a person asked for
SHARED = (Outcome.CASE, Outcome.FOLLOW_UP, Outcome.QUARANTINED, Outcome.TEAM)  # mail of a case that its readers get


def apply(
    connection: Connection,
    key: Key,
    case_id: int,
    change: CaseChange,
    makes: Makes,
    now: datetime,
    mail_id: int | None = None,
) -> None:
    """Carry out one change, and write it into the log."""
    row = connection.execute(select(case).where(case.c.id == case_id)).one()
    state = CaseState(row.state)
    values: dict[str, Any] = {}
    about = change.about
    if change.action is CaseAction.CLAIM:
        about = change.about if change.about != change.by else ""
        values = {"claimed_by": change.about or change.by, "claimed_at": now, "closed_at": None, "outcome": ""}
        values |= restarted(now) if state is not CaseState.CLAIMED else {}
    elif change.action is CaseAction.CLOSE:
        about = change.outcome
        values = {"closed_at": now, "outcome": change.outcome, "look_at": None}
    elif change.action is CaseAction.RECUSE:
        recuse(connection, case_id, change.about, now, mail_id)
        state, _ = journal.after_recusal(state, row.claimed_by, (change.about,))
    elif change.action is CaseAction.RELEASE:
        connection.execute(
            update(recusal)
            .where(recusal.c.case_id == case_id, recusal.c.organizer == change.about, recusal.c.released.is_(None))
            .values(released=now)
        )
    values["state"] = moved(state, change.action)
    connection.execute(update(case).where(case.c.id == case_id).values(values))
    if change.text:
        sealed = key.seal(change.text.encode("utf-8", "replace"), b"note")
        connection.execute(insert(note).values(case_id=case_id, by=change.by, at=now, sealed=sealed))
    journal.write(connection, key, [Entry(row.code, change.action, change.by, about)], now)
    grant(connection, case_id, change.also_to, makes, now)


def restarted(now: datetime) -> dict[str, Any]:
    """The columns of a clock that begins to run, or runs on for another reason: nobody was reminded of it yet."""
    return {"reminders": 0, "reminded_at": None, "look_at": now}


def carry_over(connection: Connection, key: Key, old: str, new: str, now: datetime) -> None:
    """Whoever has another address by now stays withheld from what they were withheld from, each case once."""
    other = recusal.alias()
    rows = connection.execute(
        select(recusal.c.case_id, case.c.code, recusal.c.mail_id, recusal.c.reason)
        .join(case, case.c.id == recusal.c.case_id)
        .where(
            recusal.c.organizer == old,
            recusal.c.released.is_(None),
            ~exists().where(other.c.case_id == recusal.c.case_id, other.c.organizer == new),
        )
        .order_by(recusal.c.id)
    ).all()
    held.cases(connection, {row.case_id for row in rows})
    for row in {row.case_id: row for row in rows}.values():
        about = {"case_id": row.case_id, "mail_id": row.mail_id, "reason": row.reason}
        connection.execute(insert(recusal).values(organizer=new, since=now, **about))
        withhold_open(connection, row.case_id, [new], now)
        journal.write(connection, key, [Entry(row.code, CaseAction.RECUSE, about=new)], now)


def strangers(connection: Connection, known: Iterable[str]) -> set[str]:
    """Addresses from which cases are withheld, and that are none of these."""
    rows = connection.execute(
        select(recusal.c.organizer).distinct().where(recusal.c.case_id.is_not(None), recusal.c.released.is_(None))
    )
    return set(rows.scalars()) - set(known)


def recuse(connection: Connection, case_id: int, organizer: str, now: datetime, mail_id: int | None) -> None:
    """Withhold a case from somebody, and at once everything of it that is on its way to them."""
    connection.execute(
        insert(recusal).values(case_id=case_id, mail_id=mail_id, organizer=organizer, reason=BY_HAND, since=now)
    )
    withhold_open(connection, case_id, [organizer], now)


def withhold_open(connection: Connection, case_id: int, organizers: Collection[str], now: datetime) -> None:
    """Hold back what is not yet in anybody's hands; what is just being sent is asked about once more before it is.

    A case that one of them had taken is nobody's again, and its clock calls for somebody else.
    """
    connection.execute(
        update(case)
        .where(case.c.id == case_id, case.c.state == CaseState.CLAIMED, case.c.claimed_by.in_(list(organizers)))
        .values(state=CaseState.NEW, claimed_by=None, claimed_at=None, **restarted(now))
    )
    connection.execute(
        update(delivery)
        .where(
            delivery.c.case_id == case_id,
            delivery.c.recipient.in_(list(organizers)),
            delivery.c.variant != "confirmed",  # that their own command was carried out
            delivery.c.state.in_((DeliveryState.WAITING, DeliveryState.PENDING, DeliveryState.UNKNOWN)),
        )
        .values(state=DeliveryState.WITHHELD, lease_until=None, holder=None)
    )


def grant(connection: Connection, case_id: int, people: Iterable[str], makes: Makes, now: datetime) -> None:
    """Give people what there is of a case: the mails whose originals are still here, and of the others a notice.

    Who has a copy of a mail already does not get it again.
    """
    people = list(dict.fromkeys(people))
    if not people:
        return
    here = exists().where(original.c.mail_id == mail.c.id).label("here")
    truncated = select(original.c.truncated).where(original.c.mail_id == mail.c.id).scalar_subquery()
    mails = connection.execute(
        select(mail.c.id, mail.c.outcome, mail.c.reason, here, truncated.label("truncated"))
        .where(mail.c.case_id == case_id, mail.c.outcome.in_(SHARED))
        .order_by(mail.c.id)
    ).all()
    for person in people:
        has = set(
            connection.execute(
                select(delivery.c.mail_id).where(
                    delivery.c.case_id == case_id,
                    delivery.c.recipient == person,
                    delivery.c.kind.in_(outbox.COPIES),
                    delivery.c.variant.not_in(outbox.NOT_COPIES),
                    delivery.c.state.not_in((DeliveryState.WITHHELD, DeliveryState.FAILED)),
                )
            ).scalars()
        )
        missing = [row for row in mails if row.id not in has]
        gone = [row for row in missing if not row.here and row.outcome != Outcome.TEAM]
        for row in [*([gone[0]] if gone else []), *(row for row in missing if row.here)]:
            draft = _late_copy(row, person, now)
            outbox.add(connection, draft, makes.message_id(), now, case_id=case_id, mail_id=row.id)


def _late_copy(row: Any, person: str, now: datetime) -> DeliveryDraft:
    key = f"mail {row.id}: copy for {person} as of {round(now.timestamp() * 1000)}"
    kind, variant = MessageKind.FOLLOW_UP, ""
    if not row.here:
        kind, variant = MessageKind.NOTICE, "waiting"
    elif row.outcome == Outcome.QUARANTINED:
        kind, variant = MessageKind.NOTICE if row.reason == "unreadable" else MessageKind.REPORT, row.reason
    elif row.truncated:
        kind, variant = MessageKind.NOTICE, "too-large"
    elif row.outcome == Outcome.TEAM:
        variant = "team"
    elif row.outcome == Outcome.CASE:
        kind = MessageKind.REPORT
    return DeliveryDraft(kind, person, key, DeliveryState.PENDING, now, variant)


def notes(connection: Connection, key: Key, case_id: int) -> list[tuple[datetime, str, str]]:
    """What was noted about a case: when, by whom, and the words."""
    rows = connection.execute(select(note).where(note.c.case_id == case_id).order_by(note.c.id))
    return [(row.at, row.by, key.open(row.sealed, b"note").decode("utf-8", "replace")) for row in rows]


def notify(connection: Connection, case_id: int, drafts: Iterable[DeliveryDraft], makes: Makes, now: datetime) -> None:
    """Messages about a case that belong to no mail."""
    for draft in drafts:
        outbox.add(connection, draft, makes.message_id(), now, case_id=case_id)
