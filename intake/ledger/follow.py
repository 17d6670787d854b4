"""What follows from the outcome of a delivery: more messages, written down together with that outcome."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from intake.ledger import held, outbox
from intake.ledger.makes import Makes
from intake.ledger.schema import case, delivery
from intake.model import Delivery, DeliveryDraft, DeliveryState, MessageKind

TOGETHER = timedelta(hours=4)  # between two words to one person of what was given up: a storm of it makes few mails


_GIVERS_UP = 0x676F6E65  # a lock's number, of each schema by itself
_ALONE = select(func.pg_advisory_xact_lock(_GIVERS_UP, func.hashtext(func.current_schema())))


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A copy of a mail that its recipient did not get."""

    recipient: str
    mail_id: int
    case_id: int
    code: str
    rule: str


def alone(connection: Connection, lost: Iterable[Delivery]) -> None:
    """From here on nobody else on this ledger gives anything up until the transaction ends.

    Who is to hear of it depends on what became of the other copies, and on who is withheld: of two who give up the last
    two at the same time, each would see the other's on its way. It comes first in a transaction, so that nobody who
    waits here holds a row. In SQLite any writer is alone.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_ALONE)
        held.cases(connection, {one.case_id for one in lost if one.case_id is not None})


def came_back(connection: Connection, returned: Delivery, reason: str, now: datetime) -> bool:
    """A server took it and has brought it back; False when that is known already."""
    return bool(
        connection.execute(
            update(delivery)
            .where(
                delivery.c.id == returned.id,
                delivery.c.state.not_in((DeliveryState.FAILED, DeliveryState.WITHHELD)),
            )
            .values(state=DeliveryState.FAILED, not_before=now, lease_until=None, holder=None, error=reason[:500])
        ).rowcount
    )


def put(connection: Connection, about: Delivery, then: Iterable[DeliveryDraft], makes: Makes, now: datetime) -> None:
    """Put into the outbox what follows from what became of a delivery; what is there already is left out."""
    for draft in then:
        if draft.variant == outbox.UNDELIVERED:
            _tell_together(connection, draft, makes.message_id(), now)
            continue
        # A ping that waits for the morning must not keep the original.
        mail_id = None if draft.kind is MessageKind.PING else about.mail_id
        outbox.add(connection, draft, makes.message_id(), now, case_id=about.case_id, mail_id=mail_id)


def _tell_together(connection: Connection, draft: DeliveryDraft, message_id: str, now: datetime) -> None:
    """Word of what was given up: one message that is not on its way yet tells of everything since it was decided.

    Until this transaction ends nobody claims that one, or adds another (``alone``): what is given up here is told by
    it, or by the next one.
    """
    last: Any = connection.execute(
        select(delivery.c.id, delivery.c.state, delivery.c.not_before)
        .where(_WORD, delivery.c.recipient == draft.recipient)
        .order_by(delivery.c.id.desc())
        .limit(1)
        .with_for_update()
    ).one_or_none()
    if last is not None and last.state == DeliveryState.PENDING:
        # A machine whose clock is ahead of ours may have decided it: by that clock, this was given up before.
        connection.execute(
            update(delivery).where(delivery.c.id == last.id, delivery.c.created > now).values(created=now)
        )
        return
    due = now if last is None else min(max(now, last.not_before + TOGETHER), now + TOGETHER)
    key = f"undelivered, after {last.id if last else 0}: notice for {draft.recipient}"
    outbox.add(connection, replace(draft, key=key, not_before=due), message_id, now)


def given_up(connection: Connection, word: Delivery) -> list[GivenUp]:
    """Every copy that was given up since such a word was decided; for one of an older form, those of its mail, too."""
    since = delivery.c.not_before >= word.created
    rows = connection.execute(
        select(delivery.c.recipient, delivery.c.mail_id, delivery.c.case_id, case.c.code, case.c.rule)
        .join(case, case.c.id == delivery.c.case_id)
        .where(
            delivery.c.state == DeliveryState.FAILED,
            delivery.c.kind.in_(outbox.COPIES),
            delivery.c.variant.not_in(outbox.NOT_COPIES),
            since if word.mail_id is None else or_(since, delivery.c.mail_id == word.mail_id),
        )
        .order_by(delivery.c.id)
    )
    return [GivenUp(row.recipient, row.mail_id, row.case_id, row.code, row.rule) for row in rows]


_WORD = (delivery.c.kind == MessageKind.NOTICE) & (delivery.c.variant == outbox.UNDELIVERED)
