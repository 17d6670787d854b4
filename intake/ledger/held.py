"""Who is at work on what: leases of mailboxes, claims of deliveries, and the end of both when their holder is gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, exists, insert, literal, or_, select, update
from sqlalchemy.exc import IntegrityError

from intake.ledger.outbox import FARTHEST
from intake.ledger.schema import IS_OPEN, Moment, case, delivery, lease
from intake.model import DeliveryState


def cases(connection: Connection, numbers: Iterable[int]) -> None:
    """From here on nobody else decides anything about these cases until the transaction ends.

    Who gets a mail depends on who is withheld and on what became of copies: of two who decide at the same time, each
    would count on what the other takes away. In SQLite any writer is alone. Rows that refer to a case can be added
    meanwhile, so it comes before the question that it is for; and in one order, so that nobody waits for each other.
    """
    if connection.dialect.name == "postgresql":
        rows = select(case.c.id).where(case.c.id.in_(list(numbers))).order_by(case.c.id)
        connection.execute(rows.with_for_update(key_share=True))


_CLAIMED = select(delivery.c.holder).where(delivery.c.state == DeliveryState.CLAIMED, IS_OPEN).distinct()
_HOLDERS = _CLAIMED.union(select(lease.c.holder))


def orphaned(connection: Connection) -> set[str]:
    """Holders that claimed something and have not said what became of it."""
    return {holder for holder in connection.execute(_HOLDERS).scalars() if holder}


def take_over(connection: Connection, holders: Sequence[str], now: datetime, *, leases: bool = True) -> None:
    """End the claims (and ``leases``) of holders that are dead, so that nobody waits for them.

    A delivery that has been left like this before keeps its lease: it may be what ends the passes, or the ledger may
    take the claim and not the outcome (a full disk), and then it must not go out again every minute.
    """
    connection.execute(
        update(delivery)
        .where(delivery.c.state == DeliveryState.CLAIMED, delivery.c.holder.in_(holders), delivery.c.unreported == 0)
        .values(lease_until=now)
    )
    if leases:
        connection.execute(delete(lease).where(lease.c.holder.in_(holders)))


def hold_on(connection: Connection, holders: Sequence[str], until: datetime) -> None:
    """Prolong what holders have that are seen to live: the clock may have jumped, and they are still at it."""
    connection.execute(
        update(delivery)
        .where(delivery.c.state == DeliveryState.CLAIMED, delivery.c.holder.in_(holders))
        .values(lease_until=until)
    )
    connection.execute(update(lease).where(lease.c.holder.in_(holders)).values(until=until))


def take(connection: Connection, name: str, holder: str, now: datetime, until: datetime) -> bool:
    """Take or renew a lease; False while somebody else has it."""
    renewed = connection.execute(
        update(lease)
        .where(
            lease.c.name == name,
            or_(lease.c.holder == holder, lease.c.until <= now, lease.c.until > now + FARTHEST),
        )
        .values(holder=holder, until=until)
    ).rowcount
    if renewed:
        return True
    mine = select(literal(name), literal(holder), literal(until, Moment())).where(~exists().where(lease.c.name == name))
    try:
        with connection.begin_nested():
            taken = insert(lease).from_select(["name", "holder", "until"], mine).returning(lease.c.name)
            return connection.execute(taken).first() is not None
    except IntegrityError:  # somebody else has taken it in the same instant
        return False


def drop(connection: Connection, name: str, holder: str) -> None:
    """Give a lease back."""
    connection.execute(delete(lease).where(lease.c.name == name, lease.c.holder == holder))
