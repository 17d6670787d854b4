"""What the audit asks: which mails are accounted for, where filed mail stands now, and who has what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, exists, func, insert, select, true

from intake.ledger.outbox import COPIES, NOT_COPIES
from intake.ledger.schema import case, delivery, mail, place
from intake.model import DeliveryState, MailRef, Outcome


@dataclass(frozen=True, slots=True)
class Account:
    """What became of one mail: ``deliveries`` counts them by kind and state, such as ``report sent``."""

    outcome: str
    reason: str
    code: str
    deliveries: dict[str, int]


def accounts(connection: Connection, mailbox: str, folder: str, uidvalidity: int) -> dict[int, Account]:
    """Every mail that the ledger knows in a folder, by UID: where it was read, or where it was found filed."""
    here = select(mail.c.uid.label("uid"), mail.c.id.label("mail_id")).where(
        mail.c.mailbox == mailbox, mail.c.folder == folder, mail.c.uidvalidity == uidvalidity
    )
    there = select(place.c.uid, place.c.mail_id).where(
        place.c.mailbox == mailbox, place.c.folder == folder, place.c.uidvalidity == uidvalidity
    )
    known = here.union(there).subquery()
    rows = connection.execute(
        select(known.c.uid, mail.c.id, mail.c.outcome, mail.c.reason, case.c.code)
        .join(mail, mail.c.id == known.c.mail_id)
        .outerjoin(case, case.c.id == mail.c.case_id)
    ).all()
    counted: dict[int, dict[str, int]] = {}
    counts = (
        select(delivery.c.mail_id, delivery.c.kind, delivery.c.state, func.count())
        .where(delivery.c.mail_id.in_(select(known.c.mail_id)))  # each once, however often the mail stands here
        .group_by(delivery.c.mail_id, delivery.c.kind, delivery.c.state)
    )
    for mail_id, kind, state, number in connection.execute(counts):
        counted.setdefault(mail_id, {})[f"{kind} {state}"] = number
    return {row.uid: Account(row.outcome, row.reason, row.code or "", counted.get(row.id, {})) for row in rows}


def recognise(connection: Connection, contents: Sequence[bytes], message_ids: Sequence[bytes]) -> dict[bytes, int]:
    """Mails by keyed hash of their bytes, or of their Message-ID where a server has changed the bytes: the first."""
    found: dict[bytes, int] = {}
    # Of the same bytes the first is no duplicate: that is what the index of contents knows.
    first = mail.c.duplicate_of.is_(None)
    for column, values, which in ((mail.c.message_id, message_ids, true()), (mail.c.content, contents, first)):
        for start in range(0, len(values), 400):
            chosen = select(column, mail.c.id).where(column.in_(values[start : start + 400]), which)
            rows = connection.execute(chosen.order_by(mail.c.id.desc()))  # the first comes last, and stays
            found.update({row[0]: row[1] for row in rows})
    return found


def remember(connection: Connection, found: Iterable[tuple[MailRef, int]]) -> None:
    """Note where filed mail stands, so that the next audit need not read it again."""
    rows = [
        {
            "mail_id": mail_id,
            "mailbox": ref.mailbox,
            "folder": ref.folder,
            "uidvalidity": ref.uidvalidity,
            "uid": ref.uid,
        }
        for ref, mail_id in found
    ]
    if rows:
        connection.execute(insert(place), rows)


def unheard(connection: Connection) -> list[str]:
    """Codes of cases that nobody has, and nobody is about to get: the worst there is."""
    alive = exists().where(
        delivery.c.case_id == case.c.id,
        delivery.c.kind.in_(COPIES),
        delivery.c.variant.not_in(NOT_COPIES),
        delivery.c.state.not_in((DeliveryState.FAILED, DeliveryState.WITHHELD)),
    )
    told = exists().where(mail.c.case_id == case.c.id, mail.c.outcome != Outcome.BEFORE)
    return list(connection.execute(select(case.c.code).where(~alive, told).order_by(case.c.id)).scalars())
