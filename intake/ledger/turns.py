"""Whose mail goes next: mailboxes take turns, so that a flooded one does not keep the others waiting.

Each mail of a mailbox has a turn, one later than the mail before it; what is sent next is what has the lowest turn,
whichever mailbox it came from. A mailbox with nothing left to send joins in where the others are by then: what it did
not use is not saved up. Turns begin anew at ``FIRST`` when nothing waits, so they stay small.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from intake.ledger.schema import IS_OPEN, Moment, delivery, mail
from intake.model import DeliveryState, MailRef

FIRST = 1  # what presses goes before, as 0
_BEFORE = 20  # of so many mails that came in before, one is likely to have gone to somebody
_NOW_AT = (
    select(delivery.c.priority)
    .where(
        IS_OPEN,
        delivery.c.priority >= FIRST,
        delivery.c.state == DeliveryState.PENDING,
        delivery.c.mail_id.is_not(None),
        delivery.c.not_before <= bindparam("now", type_=Moment),
    )
    .order_by(delivery.c.priority, delivery.c.id)
    .limit(1)
)
_LATEST = (
    select(mail.c.id)
    .where(
        mail.c.mailbox == bindparam("mailbox"),
        mail.c.folder == bindparam("folder"),
        mail.c.uidvalidity == bindparam("uidvalidity"),
        mail.c.uid < bindparam("uid"),
    )
    .order_by(mail.c.uid.desc())
    .limit(_BEFORE)
)
_OWN = select(func.max(delivery.c.priority)).where(IS_OPEN, delivery.c.mail_id.in_(_LATEST.scalar_subquery()))


def next_turn(connection: Connection, first: MailRef, now: datetime) -> int:
    """The turn of ``first``, the first mail of a batch; those that come in behind it have the turns after it."""
    at = connection.execute(_NOW_AT, {"now": now}).scalar() or FIRST
    place = {"mailbox": first.mailbox, "folder": first.folder, "uidvalidity": first.uidvalidity, "uid": first.uid}
    return max(at, (connection.execute(_OWN, place).scalar() or 0) + 1)
