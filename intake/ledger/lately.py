"""What came and was answered in the last day: what caps and urgency are decided by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, exists, func, select

from intake.ledger.schema import delivery, mail, recusal
from intake.model import REPORTER, DeliveryState, MessageKind, Outcome

CHUNK = 400  # bound parameters in one question, well under every database's limit
COUNTED_AHEAD = timedelta(days=2)  # what bears a later time was written while the clock was wrong: nobody pays for it
REFUSED = "refused:"  # how the reason of a command begins that was not carried out
_COUNTED = (
    DeliveryState.WAITING,
    DeliveryState.PENDING,
    DeliveryState.CLAIMED,
    DeliveryState.UNKNOWN,
    DeliveryState.SENT,
)


def acknowledged(connection: Connection, column: Any, values: set[bytes], since: datetime) -> Counter[bytes]:
    """Acknowledgements to each sender, or to each domain."""
    question = (
        select(column, func.count())
        .join(delivery, delivery.c.mail_id == mail.c.id)
        .where(
            mail.c.accepted.between(since, since + COUNTED_AHEAD),
            delivery.c.kind == MessageKind.ACKNOWLEDGEMENT,
            delivery.c.state.in_(_COUNTED),
        )
        .group_by(column)
    )
    return Counter({row[0]: row[1] for row in rows(connection, question, column, values)})


def acknowledged_in_all(connection: Connection, since: datetime) -> int:
    """Acknowledgements to anybody."""
    return (
        connection.execute(
            select(func.count()).where(
                delivery.c.recipient == REPORTER,
                delivery.c.kind == MessageKind.ACKNOWLEDGEMENT,
                delivery.c.created.between(since, since + COUNTED_AHEAD),
                delivery.c.state.in_(_COUNTED),
            )
        ).scalar()
        or 0
    )


def answered_in(
    connection: Connection, touched: set[int], since: datetime
) -> list[tuple[int, bytes | None, bytes | None]]:
    """Acknowledgements in cases that are withheld from somebody, or that this batch touches and so may withhold."""
    question = (
        select(delivery.c.id, delivery.c.case_id, mail.c.sender, mail.c.domain)
        .join(mail, mail.c.id == delivery.c.mail_id)
        .where(
            delivery.c.recipient == REPORTER,
            delivery.c.kind == MessageKind.ACKNOWLEDGEMENT,
            delivery.c.created.between(since, since + COUNTED_AHEAD),
            delivery.c.state.in_(_COUNTED),
        )
    )
    withheld = exists().where(recusal.c.case_id == delivery.c.case_id, recusal.c.released.is_(None))
    found = [*connection.execute(question.where(withheld)), *rows(connection, question, delivery.c.case_id, touched)]
    return list({row[0]: (row[1], row[2], row[3]) for row in found}.values())


def recent_mails(
    connection: Connection, senders: set[bytes], since: datetime
) -> tuple[dict[bytes, Counter[int]], Counter[bytes]]:
    """Mails of each sender by case, and refused commands in their name."""
    question = (
        select(mail.c.sender, mail.c.outcome, mail.c.reason, mail.c.case_id, func.count())
        .where(
            mail.c.accepted.between(since, since + COUNTED_AHEAD),
            mail.c.outcome.in_((Outcome.CASE, Outcome.FOLLOW_UP, Outcome.TEAM)),
        )
        .group_by(mail.c.sender, mail.c.outcome, mail.c.reason, mail.c.case_id)
    )
    recent: dict[bytes, Counter[int]] = {}
    refused: Counter[bytes] = Counter()
    for sender, outcome, reason, about, number in rows(connection, question, mail.c.sender, senders):
        if outcome != Outcome.TEAM:
            recent.setdefault(sender, Counter())[about or 0] += number
        elif reason.startswith(REFUSED):
            refused[sender] += number
    return recent, refused


def _chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    listed = list(values)
    for start in range(0, len(listed), CHUNK):
        yield listed[start : start + CHUNK]


def rows(connection: Connection, question: Any, column: Any, values: Iterable[Any]) -> list[Any]:
    """A question asked of many values, a chunk of them at a time."""
    return [row for chunk in _chunks(values) for row in connection.execute(question.where(column.in_(chunk)))]
