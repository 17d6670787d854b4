"""When the machine's clock has been wrong: what was written down with times still to come is set right.

A clock that was years ahead, for a minute after a start, leaves leases and retries that nobody would live to see.
Times that have passed are history and stay; what is said to have happened later than now has happened by now.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, String, cast, func, select, update

from intake.ledger.schema import (
    IS_OPEN,
    Moment,
    alarm,
    case,
    delivery,
    folder,
    lease,
    mail,
    mailbox_pass,
    meta,
    trouble,
)
from intake.model import DeliveryState, MessageKind

LONGEST_REST = timedelta(hours=2)  # a case's clock is looked at more often than that
TOLERATED = timedelta(minutes=10)  # two machines on one ledger may differ by this much

_SINCE = (
    mailbox_pass.c.tried,
    mailbox_pass.c.succeeded,
    mailbox_pass.c.failing_since,
    mail.c.accepted,
    delivery.c.created,
    delivery.c.sent_at,
    case.c.opened,
    case.c.clock_since,
    case.c.claimed_at,
    case.c.closed_at,
    case.c.first_human_reply,
    case.c.last_human_reply,
    case.c.reminded_at,
)
_LATEST = select(
    *(
        select(func.max(column, type_=Moment)).scalar_subquery()
        for column in (mailbox_pass.c.tried, case.c.opened, case.c.clock_since, case.c.claimed_at, case.c.closed_at)
    )
)


def is_needed(connection: Connection, now: datetime) -> bool:
    """Whether the last pass, or what somebody did with a case, was by its clock in what is now the future."""
    return any(moment and moment > now + TOLERATED for moment in connection.execute(_LATEST).one())


def rewind(
    connection: Connection,
    now: datetime,
    answer_wait: timedelta,
    longest_wait: timedelta,
    longest_lease: timedelta,
    *,
    period: str,
) -> None:
    """Set right all that would wait for a time that was never meant.

    ``answer_wait`` is how long an acknowledgement waits for a copy to arrive, ``longest_wait`` the longest that a
    delivery is put off, ``longest_lease`` that anything is held, ``period`` what a digest that is due now would be of.
    """
    open_ones = IS_OPEN
    waiting = delivery.c.state == DeliveryState.WAITING
    late = now + answer_wait
    connection.execute(update(delivery).where(open_ones, waiting, delivery.c.not_before > late).values(not_before=late))
    connection.execute(
        update(delivery).where(open_ones, ~waiting, delivery.c.not_before > now + longest_wait).values(not_before=now)
    )
    connection.execute(
        update(delivery).where(open_ones, delivery.c.lease_until > now + longest_lease).values(lease_until=now)
    )
    # The digest of a day that has yet to come must not count as sent; that of one that has come was sent.
    connection.execute(
        update(delivery)
        .where(
            delivery.c.kind == MessageKind.DIGEST,
            delivery.c.created > now + TOLERATED,
            delivery.c.variant > period,
        )
        .values(key=delivery.c.key + " by a wrong clock, " + cast(delivery.c.id, String))  # which may be wrong again
    )
    connection.execute(update(lease).where(lease.c.until > now + longest_lease).values(until=now))
    connection.execute(update(trouble).where(trouble.c.not_before > now + longest_wait).values(not_before=now))
    connection.execute(update(alarm).where(alarm.c.not_before > now + longest_wait).values(not_before=now))
    connection.execute(update(folder).where(folder.c.first_contact > now).values(first_contact=now))
    connection.execute(update(case).where(case.c.look_at > now + LONGEST_REST).values(look_at=now))
    # What counts the last days, or the time since, must not count for as long as the clock was ahead.
    for column in _SINCE:
        connection.execute(update(column.table).where(column > now).values({column: now}))
    created = connection.execute(select(meta.c.value).where(meta.c.name == "created")).scalar()
    if created is not None and datetime.fromisoformat(created) > now:
        connection.execute(update(meta).where(meta.c.name == "created").values(value=now.isoformat()))
