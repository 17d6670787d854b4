"""The second and third transaction: work is claimed before anything is dialled, and its outcome recorded after."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    String,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy import case as sql_case
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningUpdate

from intake.ledger.makes import PRIORITY
from intake.ledger.prepared import Prepared
from intake.ledger.schema import IS_OPEN, Moment, delivery, original
from intake.model import ABOUT_A_CHANGE, REFUSALS, RUN_OF_TRIES, Delivery, DeliveryDraft, DeliveryState, MessageKind

OPEN = (DeliveryState.WAITING, DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.UNKNOWN)
COPIES = (MessageKind.REPORT, MessageKind.FOLLOW_UP, MessageKind.NOTICE)
UNDELIVERED = "undelivered"  # a notice that tells of what somebody else did not get
_LAST = 2**31 - 1  # behind every turn: such a notice tells of all that a pass has given up
# Notices that do not carry a mail to a person.
NOT_COPIES = (
    UNDELIVERED, "confirmed", "refused", "kept-back", "answered", "reply-bounced",
    *ABOUT_A_CHANGE, *(f"refused:{reason}" for reason in REFUSALS),
)  # fmt: skip


# Statements that run for every message are built once: building one costs more than running it.
_NOW = bindparam("at", type_=Moment)
# Nothing is put off or taken for so long. A time that lies farther ahead was written while the clock was wrong, or by
# a pass that was told another time, and would keep what it belongs to waiting until then.
FARTHEST = timedelta(hours=12)
_FAR = bindparam("far", type_=Moment)
_DUE = and_(
    IS_OPEN,
    or_(
        and_(
            delivery.c.state.in_((DeliveryState.PENDING, DeliveryState.UNKNOWN)),
            or_(delivery.c.not_before <= _NOW, delivery.c.not_before > _FAR),
        ),
        # Waiting for a copy to arrive somewhere; its time is up, so it goes out with other words.
        and_(delivery.c.state == DeliveryState.WAITING, delivery.c.not_before <= _NOW),
        # Whoever claimed it is gone. What they did is not known.
        and_(
            delivery.c.state == DeliveryState.CLAIMED,
            or_(delivery.c.lease_until <= _NOW, delivery.c.lease_until > _FAR),
        ),
    ),
)
_WAITS = and_(IS_OPEN, delivery.c.state.in_((DeliveryState.PENDING, DeliveryState.UNKNOWN)))
_LEFT_ALONE = sql_case(
    (delivery.c.state == DeliveryState.CLAIMED, delivery.c.unreported + 1), else_=delivery.c.unreported
)


def _claim(*which: ColumnElement[bool]) -> ReturningUpdate[Any]:
    chosen = (
        select(delivery.c.id)
        .where(*which)
        .order_by(delivery.c.priority, delivery.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )
    return (
        update(delivery)
        .where(delivery.c.id.in_(chosen))
        .values(
            state=DeliveryState.CLAIMED,
            attempts=delivery.c.attempts + 1,
            unreported=_LEFT_ALONE,
            lease_until=bindparam("until", type_=Moment),
            holder=bindparam("by"),
        )
        .returning(delivery)
    )


_PING = delivery.c.kind == MessageKind.PING
_CLAIM = _claim(_DUE, ~_PING)
_CLAIM_PINGS = _claim(_DUE, _PING)  # by themselves: channels that answer slowly must not keep mail waiting
_MINE = and_(
    delivery.c.id == bindparam("number"),
    delivery.c.attempts == bindparam("mine"),
    delivery.c.state == DeliveryState.CLAIMED,
)
_RECORD = Prepared(
    update(delivery)
    .where(_MINE)
    .values(
        state=bindparam("became"),
        not_before=func.coalesce(bindparam("retry", type_=Moment), delivery.c.not_before),
        sent_at=bindparam("at", type_=Moment),
        lease_until=None,
        holder=None,
        unreported=0,
        error=bindparam("why"),
        receipt=bindparam("proof"),
        variant=func.coalesce(bindparam("words", type_=String), delivery.c.variant),
    )
)
_LET_GO = Prepared(
    update(delivery)
    .where(
        delivery.c.mail_id == bindparam("about"),
        delivery.c.kind == MessageKind.ACKNOWLEDGEMENT,
        delivery.c.state == DeliveryState.WAITING,
    )
    .values(state=DeliveryState.PENDING, not_before=bindparam("at", type_=Moment))
)
_PUT_BACK = (
    update(delivery)
    .where(_MINE)
    .values(
        state=DeliveryState.PENDING,
        attempts=delivery.c.attempts - 1,
        not_before=bindparam("retry", type_=Moment),
        lease_until=None,
        holder=None,
    )
)


@dataclass(frozen=True, slots=True)
class Became:
    """What became of a claimed delivery, and what follows from it."""

    mine: Delivery
    state: DeliveryState
    not_before: datetime | None = None
    error: str = ""
    receipt: str = ""
    then: Sequence[DeliveryDraft] = ()
    lost: Callable[[], Sequence[DeliveryDraft]] = tuple  # what follows from giving it up: asked while nobody else does
    variant: str | None = None  # other words for the next try


def claim(
    connection: Connection,
    holder: str,
    now: datetime,
    lease_time: timedelta,
    limit: int,
    kind: MessageKind | None = None,
) -> list[Delivery]:
    """Take up to ``limit`` due deliveries, the most pressing first. Two claimers never get the same one.

    With ``kind``, those of a kind whose next try may be still to come: there is another way for them.
    """
    given = {"most": limit, "until": now + lease_time, "by": holder}
    if kind is None:
        rows = connection.execute(_CLAIM, given | {"at": now, "far": now + FARTHEST}).all()
    else:
        rows = connection.execute(_claim(_WAITS, delivery.c.kind == kind), given).all()
    return sorted((as_delivery(row) for row in rows), key=lambda d: (d.kind is MessageKind.ACKNOWLEDGEMENT, d.id))


def claim_pings(
    connection: Connection, holder: str, now: datetime, lease_time: timedelta, limit: int
) -> list[Delivery]:
    """Take due calls over other channels; everything else is left."""
    given = {"most": limit, "until": now + lease_time, "by": holder, "at": now, "far": now + FARTHEST}
    return sorted((as_delivery(row) for row in connection.execute(_CLAIM_PINGS, given)), key=lambda d: d.id)


def as_delivery(row: Row[Any]) -> Delivery:
    """A row as a value."""
    return Delivery(
        id=row.id,
        kind=MessageKind(row.kind),
        case_id=row.case_id,
        mail_id=row.mail_id,
        recipient=row.recipient,
        message_id=row.message_id,
        variant=row.variant,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        created=row.created,
        not_before=row.not_before,
        key=row.key,
        sent_at=row.sent_at,
        error=row.error,
        receipt=row.receipt,
        unreported=row.unreported,
    )


class ContestedError(Exception):
    """One of several deliveries is no longer ours; which one, only writing them one by one can tell."""


def record(connection: Connection, all_: Sequence[Became], now: datetime, *, one_by_one: bool = False) -> list[bool]:
    """Write down what became of claimed deliveries; False for each that somebody else has claimed since.

    The first copy that reaches anyone lets the acknowledgement of that mail go. Raises ContestedError, after which the
    transaction has to be given up, unless they are written ``one_by_one``.
    """
    rows = [_recorded(one, now) for one in all_]
    if one_by_one:
        won = [_RECORD.each(connection, [row]) == 1 for row in rows]
    elif _RECORD.each(connection, rows) == len(rows):
        won = [True] * len(rows)
    else:
        raise ContestedError
    mine = [one for one, is_mine in zip(all_, won, strict=True) if is_mine]
    reached = {mail_id for one in mine if one.state is DeliveryState.SENT and (mail_id := _copy_of(one.mine))}
    if reached:  # in one order, so that no two writers wait for each other
        _LET_GO.each(connection, [{"about": mail_id, "at": now} for mail_id in sorted(reached)])
    return won


def with_ids(connection: Connection, message_ids: Sequence[str]) -> list[Delivery]:
    """Deliveries that bear these Message-IDs of ours and were not given up or withheld."""
    rows = connection.execute(
        select(delivery).where(
            delivery.c.message_id.in_(message_ids),
            delivery.c.state.not_in((DeliveryState.FAILED, DeliveryState.WITHHELD)),
        )
    )
    return [as_delivery(row) for row in rows]


def _recorded(one: Became, now: datetime) -> dict[str, Any]:
    return {
        "number": one.mine.id,
        "mine": one.mine.attempts,
        "became": one.state.value,
        "retry": now if one.state is DeliveryState.FAILED else one.not_before,  # then: since when it is given up
        "at": now if one.state is DeliveryState.SENT else None,
        "why": one.error[:500],
        "proof": one.receipt[:500],
        "words": one.variant,
    }


def _copy_of(mine: Delivery) -> int | None:
    """The mail that this brings to a person; None for any other message."""
    return mine.mail_id if mine.kind in COPIES and mine.variant not in NOT_COPIES else None


def put_back(connection: Connection, all_: Sequence[tuple[Delivery, datetime]]) -> None:
    """Let go of claimed deliveries that were not tried, until then: the attempt does not count."""
    rows = [{"number": one.id, "mine": one.attempts, "retry": not_before} for one, not_before in all_]
    connection.execute(_PUT_BACK, rows)


def known(connection: Connection, keys: Collection[str]) -> set[str]:
    """Which of these keys are in the outbox."""
    return set(connection.execute(select(delivery.c.key).where(delivery.c.key.in_(keys))).scalars())


def add(
    connection: Connection,
    draft: DeliveryDraft,
    message_id: str,
    now: datetime,
    *,
    case_id: int | None = None,
    mail_id: int | None = None,
) -> bool:
    """Put one more message into the outbox; False when its key is there already."""
    if connection.execute(select(exists().where(delivery.c.key == draft.key))).scalar():
        return False
    try:
        with connection.begin_nested():
            connection.execute(
                insert(delivery).values(
                    key=draft.key,
                    kind=draft.kind,
                    case_id=case_id,
                    mail_id=mail_id,
                    recipient=draft.recipient,
                    variant=draft.variant,
                    message_id=message_id,
                    state=draft.state,
                    priority=_LAST if draft.variant == UNDELIVERED else PRIORITY.get(draft.kind, 1),
                    attempts=0,
                    created=now,
                    not_before=draft.not_before,
                    error="",
                    receipt="",
                )
            )
    except IntegrityError:
        return False
    return True


def forget_originals(connection: Connection) -> int:
    """Wipe every original of which no delivery is open any more; say how many."""
    still_open = exists().where(delivery.c.mail_id == original.c.mail_id, IS_OPEN)
    return connection.execute(delete(original).where(~still_open)).rowcount


def listed(connection: Connection, states: Sequence[DeliveryState]) -> list[Delivery]:
    """Deliveries in these states, the oldest first. What is open, and what has failed, is found by its own index."""
    ended = [delivery.c.state == state for state in states if state not in OPEN]
    which = (and_(IS_OPEN, delivery.c.state.in_([state for state in states if state in OPEN])), *ended)
    rows = (row for one in which for row in connection.execute(select(delivery).where(one)))
    return sorted(map(as_delivery, rows), key=lambda one: one.id)


def of_case(connection: Connection, case_id: int) -> list[Delivery]:
    """Every delivery of a case, the oldest first."""
    chosen = select(delivery).where(delivery.c.case_id == case_id).order_by(delivery.c.id)
    return [as_delivery(row) for row in connection.execute(chosen)]


def acknowledgements(connection: Connection, message_ids: Sequence[str]) -> list[Delivery]:
    """The acknowledgements that bear these Message-IDs."""
    mine = (delivery.c.message_id.in_(message_ids), delivery.c.kind == MessageKind.ACKNOWLEDGEMENT)
    return [as_delivery(row) for row in connection.execute(select(delivery).where(*mine))]


def self_checks(connection: Connection, to: str, most: int) -> list[Delivery]:
    """The last drills to this address that stem from no command, the newest first."""
    mine = (delivery.c.recipient == to.lower(), delivery.c.kind == MessageKind.DRILL)
    newest = (delivery.c.created.desc(), delivery.c.id.desc())
    return [as_delivery(row) for row in connection.execute(select(delivery).where(*mine).order_by(*newest).limit(most))]


def counts(connection: Connection) -> dict[str, int]:
    """How many deliveries are in each state."""
    rows = connection.execute(select(delivery.c.state, func.count()).group_by(delivery.c.state))
    found = {row[0]: row[1] for row in rows}
    return {state.value: found.get(state.value, 0) for state in DeliveryState}


_IS_ANY_OPEN = select(exists(select(delivery.c.id).where(IS_OPEN)))
_OPEN_COUNT = select(func.count()).where(IS_OPEN, ~and_(_PING, delivery.c.attempts == 0))


def is_any_open(connection: Connection) -> bool:
    """Whether any delivery still has to happen."""
    return bool(connection.execute(_IS_ANY_OPEN).scalar())


def open_count(connection: Connection) -> int:
    """How many deliveries still have to happen. A call that only waits for the morning is not among them."""
    return connection.execute(_OPEN_COUNT).scalar() or 0


def retry(connection: Connection, numbers: Sequence[int], now: datetime, to: str = "") -> int:
    """Make failed deliveries due again, with as many days and tries as at first; say how many.

    A copy whose original is no longer here becomes word of where the mail stands; nothing else can be made without.
    ``to``: to whom they go instead, unless that person has the mail.
    """
    chosen = [delivery.c.state == DeliveryState.FAILED]
    if numbers:
        chosen.append(delivery.c.id.in_(numbers))
    again: dict[str, Any] = {
        "state": DeliveryState.PENDING,
        "not_before": now,
        # What such a word tells of goes back to when it was decided.
        "created": sql_case((delivery.c.variant == UNDELIVERED, delivery.c.created), else_=literal(now, Moment)),
        "attempts": (delivery.c.attempts // RUN_OF_TRIES + 1) * RUN_OF_TRIES,
        "error": "",
        "unreported": 0,
        "alarmed": None,
    }
    if to:
        other = delivery.alias()
        has_it = exists().where(
            other.c.mail_id == delivery.c.mail_id,
            other.c.recipient == to,
            other.c.kind.in_(COPIES),
            other.c.variant.not_in(NOT_COPIES),
            other.c.state.not_in((DeliveryState.FAILED, DeliveryState.WITHHELD)),
        )
        chosen += [delivery.c.kind.in_(COPIES), ~has_it]
        again["recipient"] = to
    whole = or_(delivery.c.mail_id.is_(None), exists().where(original.c.mail_id == delivery.c.mail_id))
    count = connection.execute(update(delivery).where(*chosen, whole).values(again)).rowcount
    chosen += [delivery.c.kind.in_(COPIES), delivery.c.variant.not_in(NOT_COPIES)]
    word = again | {"kind": MessageKind.NOTICE, "variant": "waiting"}
    return count + connection.execute(update(delivery).where(*chosen, ~whole).values(word)).rowcount
