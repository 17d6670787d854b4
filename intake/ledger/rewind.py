"""When the machine's clock has been wrong: what was written down with times still to come is set right.

A clock that was years ahead, for a minute after a start, leaves leases and retries that nobody would live to see.
Times that have passed are history and stay.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, update

from intake.ledger.outbox import OPEN
from intake.ledger.schema import Moment, alarm, case, delivery, folder, lease, mailbox_pass, meta, trouble
from intake.model import DeliveryState, MessageKind

LONGEST_REST = timedelta(hours=2)  # a case's clock is looked at more often than that
TOLERATED = timedelta(minutes=10)  # two machines on one ledger may differ by this much


def is_needed(connection: Connection, now: datetime) -> bool:
    """Whether the last pass was, by its clock, in what is now the future."""
    last = connection.execute(select(func.max(mailbox_pass.c.tried, type_=Moment))).scalar()
    return last is not None and last > now + TOLERATED


def rewind(
    connection: Connection, now: datetime, answer_wait: timedelta, longest_wait: timedelta, longest_lease: timedelta
) -> None:
    """Set right all that would wait for a time that was never meant.

    ``answer_wait`` is how long an acknowledgement waits for a copy to arrive, ``longest_wait`` the longest that a
    delivery is put off, ``longest_lease`` that anything is held.
    """
    open_ones = delivery.c.state.in_(OPEN)
    connection.execute(update(delivery).where(open_ones, delivery.c.created > now).values(created=now))
    waiting = delivery.c.state == DeliveryState.WAITING
    late = now + answer_wait
    connection.execute(update(delivery).where(open_ones, waiting, delivery.c.not_before > late).values(not_before=late))
    connection.execute(
        update(delivery).where(open_ones, ~waiting, delivery.c.not_before > now + longest_wait).values(not_before=now)
    )
    connection.execute(
        update(delivery).where(open_ones, delivery.c.lease_until > now + longest_lease).values(lease_until=now)
    )
    # The digest of a day that has yet to come must not count as sent.
    connection.execute(
        update(delivery)
        .where(delivery.c.kind == MessageKind.DIGEST, delivery.c.created > now + TOLERATED)
        .values(key=delivery.c.key + " by a wrong clock", created=now)
    )
    connection.execute(update(lease).where(lease.c.until > now + longest_lease).values(until=now))
    connection.execute(update(trouble).where(trouble.c.not_before > now + longest_wait).values(not_before=now))
    connection.execute(update(alarm).where(alarm.c.not_before > now + longest_wait).values(not_before=now))
    connection.execute(update(folder).where(folder.c.first_contact > now).values(first_contact=now))
    connection.execute(update(mailbox_pass).where(mailbox_pass.c.failing_since > now).values(failing_since=now))
    connection.execute(update(case).where(case.c.look_at > now + LONGEST_REST).values(look_at=now))
    connection.execute(update(case).where(case.c.reminded_at > now).values(reminded_at=now))
    connection.execute(update(case).where(case.c.clock_since > now).values(clock_since=now))
    created = connection.execute(select(meta.c.value).where(meta.c.name == "created")).scalar()
    if created is not None and datetime.fromisoformat(created) > now:
        connection.execute(update(meta).where(meta.c.name == "created").values(value=now.isoformat()))
