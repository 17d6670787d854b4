"""Troubles that whoever looks after the program must hear of: found in the ledger, told once, and once when over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from intake.ledger import outbox
from intake.ledger.engine import Database
from intake.ledger.follow import TOGETHER
from intake.ledger.makes import Makes
from intake.ledger.recall import MAY_ANSWER_OURS
from intake.ledger.schema import IS_OPEN, Moment, alarm, case, delivery, mail, mailbox_pass
from intake.model import DRILL, CaseState, DeliveryDraft, DeliveryState, Kind, MessageKind, Outcome

# So the reason begins where no message is to blame: by it, one alarm tells of all that wait for the same thing.
WAY_OUT, TEMPLATE = "[smtp]: ", "[templates]: "
CLOSED_AFTER, CLOSED_TRIES = timedelta(minutes=15), 3  # a server's restart is no alarm
STUCK_AFTER = timedelta(hours=2)  # greylisting and a server's nightly backup are over by then
REMEMBERED = timedelta(days=7)  # what was given up and belongs to no open case
LATELY = timedelta(days=1)
GIVEN_UP, ANSWER = "given up", "acknowledgement"


@dataclass(frozen=True, slots=True)
class Trouble:
    """``name`` tells one trouble from another, ``topic`` chooses the words, ``detail`` says nothing personal."""

    name: str
    topic: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A trouble that was found; ``over`` when it has ended. ``tries`` counts what the other channels refused."""

    id: int
    trouble: Trouble
    over: bool
    tries: int


class Alarms:
    """The part of the ledger that knows what is wrong. Each method is one transaction."""

    def __init__(self, database: Database, makes: Makes) -> None:
        self._database, self._makes = database, makes

    def symptoms(self, now: datetime, patience: Mapping[str, timedelta]) -> list[Trouble]:
        """What is wrong now; ``patience`` says for each mailbox how long it may stay unread."""
        with self._database.reading() as connection:
            return [
                *_unread(connection, now, patience),
                *_closed(connection, now, WAY_OUT, "delivery"),
                *_closed(connection, now, TEMPLATE, "template"),
                *_counted(connection, now),
            ]

    def fresh(self, now: datetime) -> set[str]:
        """Names of troubles to which something was added that is to be told of: in a storm, not each by itself."""
        question = (
            select(delivery.c.kind)
            .where(delivery.c.state == DeliveryState.FAILED, delivery.c.alarmed.is_(None), _NO_ALARM, ~_IS_WORD)
            .distinct()
        )
        lately = select(alarm.c.name).where(alarm.c.ended.is_(None), alarm.c.began.between(now - TOGETHER, now))
        with self._database.reading() as connection:
            kinds = connection.execute(question).scalars().all()
            told = set(connection.execute(lately).scalars())
        return {ANSWER if kind == MessageKind.ACKNOWLEDGEMENT else GIVEN_UP for kind in kinds} - told

    def open(self) -> dict[str, Trouble]:
        """Troubles that were told of and are not over, by name."""
        with self._database.reading() as connection:
            rows = connection.execute(_UNDER_WAY)
            return {row.name: _trouble(row) for row in rows}

    def begin(self, trouble: Trouble, now: datetime, recipient: str) -> None:
        """Something is wrong: write it down, and the mail about it if there is a ``recipient``, together."""
        with self._database.transaction() as connection:
            # What it was known by before is replaced without a word: there is more of the same.
            connection.execute(
                update(alarm).where(alarm.c.name == trouble.name, alarm.c.ended.is_(None)).values(ended=now, untold="")
            )
            values = {"name": trouble.name, "topic": trouble.topic, "detail": trouble.detail[:300]}
            timing = {"began": now, "untold": "begin", "tries": 0, "not_before": now}
            number = connection.execute(insert(alarm).values(**values, **timing).returning(alarm.c.id)).scalar_one()
            self._mail(connection, f"alarm:{number}", now, recipient)
            if trouble.name in {GIVEN_UP, ANSWER}:
                which = _IS_ANSWER if trouble.name == ANSWER else delivery.c.kind != MessageKind.ACKNOWLEDGEMENT
                connection.execute(
                    update(delivery)
                    .where(delivery.c.state == DeliveryState.FAILED, delivery.c.alarmed.is_(None), which)
                    .values(alarmed=now)
                )

    def end(self, name: str, now: datetime, recipient: str) -> None:
        """It is over: write that down, and word of it."""
        with self._database.transaction() as connection:
            row = connection.execute(
                select(alarm.c.id, alarm.c.untold).where(alarm.c.name == name, alarm.c.ended.is_(None))
            ).one_or_none()
            if row is None:
                return
            changes = {"ended": now, "tries": 0, "not_before": now}
            untold = "" if row.untold == "begin" else "end"  # nobody needs to hear the end of what was never told
            connection.execute(update(alarm).where(alarm.c.id == row.id).values(untold=untold, **changes))
            self._mail(connection, f"over:{row.id}", now, recipient)

    def _mail(self, connection: Connection, what: str, now: datetime, recipient: str) -> None:
        if recipient:
            draft = DeliveryDraft(MessageKind.ALARM, recipient.lower(), what, DeliveryState.PENDING, now, variant=what)
            outbox.add(connection, draft, self._makes.message_id(), now)

    def one(self, number: int) -> Told | None:
        """A trouble by its number."""
        with self._database.reading() as connection:
            row = connection.execute(select(alarm).where(alarm.c.id == number)).one_or_none()
            return _told(row) if row else None

    def untold(self, now: datetime) -> list[Told]:
        """What still has to be told over the other channels."""
        with self._database.reading() as connection:
            rows = connection.execute(_UNTOLD, {"at": now})
            return [_told(row) for row in rows]

    def told(self, number: int) -> None:
        """The other channels have taken it, or never will."""
        with self._database.transaction() as connection:
            connection.execute(update(alarm).where(alarm.c.id == number).values(untold=""))

    def not_told(self, number: int, again: datetime) -> None:
        """They have not: try again then."""
        with self._database.transaction() as connection:
            connection.execute(
                update(alarm).where(alarm.c.id == number).values(tries=alarm.c.tries + 1, not_before=again)
            )


# An alarm can't tell of itself, and of a self-check and of calls there are alarms of their own.
_NO_ALARM = delivery.c.kind.not_in((MessageKind.ALARM, MessageKind.DRILL, MessageKind.PING))
# Of what was given up there is an alarm already; that somebody else can't be told of it either is no news.
_IS_WORD = delivery.c.variant == outbox.UNDELIVERED
_IS_ANSWER = delivery.c.kind == MessageKind.ACKNOWLEDGEMENT
_STUCK = and_(
    delivery.c.state.in_((DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.UNKNOWN)),
    IS_OPEN,
    delivery.c.attempts > 0,
    _NO_ALARM,
)
_BLAMELESS = or_(*(delivery.c.error.startswith(words, autoescape=True) for words in (WAY_OUT, TEMPLATE)))
_HELD_UP = _STUCK & ~_BLAMELESS


_REMEMBERED_SINCE = bindparam("remembered_since", type_=Moment)
_LATELY = mail.c.accepted > bindparam("lately", type_=Moment)
# What nobody has dealt with yet: its case is open and no drill, or it belongs to none and is recent.
_CLOSED = exists().where(case.c.id == delivery.c.case_id, or_(case.c.state == CaseState.CLOSED, case.c.rule == DRILL))
_GIVEN_UP = and_(
    delivery.c.state == DeliveryState.FAILED,
    _NO_ALARM,
    or_(delivery.c.case_id.is_not(None), delivery.c.created > _REMEMBERED_SINCE),
    ~_CLOSED,
)
_HAVE_IT = exists().where(
    delivery.c.case_id == case.c.id,
    delivery.c.kind.in_(outbox.COPIES),
    delivery.c.variant.not_in(outbox.NOT_COPIES),
    delivery.c.state.not_in((DeliveryState.FAILED, DeliveryState.WITHHELD)),
)
_LATER = delivery.alias()
_HEARD = exists().where(
    _LATER.c.recipient == delivery.c.recipient,
    _LATER.c.kind == MessageKind.PING,
    _LATER.c.state == DeliveryState.SENT,
    _LATER.c.id > delivery.c.id,
)


def _number(table: Table, *which: ColumnElement[bool]) -> Select[Any]:
    return select(func.count()).select_from(table).where(*which)


# Name, topic, and how many there are: each is wrong where there is one.
_COUNTED: tuple[tuple[str, str, Select[Any]], ...] = (
    ("backlog", "backlog", _number(delivery, _HELD_UP, delivery.c.created < bindparam("stuck_since", type_=Moment))),
    (GIVEN_UP, "delivery-failed", _number(delivery, _GIVEN_UP, ~_IS_ANSWER)),
    (ANSWER, "acknowledgement", _number(delivery, _GIVEN_UP, _IS_ANSWER)),
    ("quarantine", "quarantine", _number(mail, _LATELY, mail.c.outcome == Outcome.QUARANTINED)),
    # Bounces that may be of a message of ours and do not say of which: no digest counts them.
    (
        "returned",
        "delivery-failed",
        _number(mail, _LATELY, mail.c.kind == Kind.BOUNCE, mail.c.reason == MAY_ANSWER_OURS),
    ),
    # Open cases that nobody has, and nobody is about to get.
    (
        "unheard",
        "unheard",
        _number(case, case.c.state.in_((CaseState.NEW, CaseState.CLAIMED)), case.c.rule != DRILL, ~_HAVE_IT),
    ),
    # Organizers whose other channels have taken nothing since the last call to them was given up.
    (
        "pings",
        "ping",
        select(func.count(delivery.c.recipient.distinct())).where(
            delivery.c.kind == MessageKind.PING,
            delivery.c.state == DeliveryState.FAILED,
            delivery.c.created > _REMEMBERED_SINCE,
            ~_HEARD,
        ),
    ),
)
_COUNTS = select(*(question.scalar_subquery() for _, _, question in _COUNTED))
_HELD_BACK = {
    words: select(
        func.coalesce(func.sum(delivery.c.attempts), 0).label("tries"),
        func.min(delivery.c.created).label("since"),
        func.max(delivery.c.error).label("error"),
    ).where(_STUCK, delivery.c.error.startswith(words, autoescape=True))
    for words in (WAY_OUT, TEMPLATE)
}
_UNDER_WAY = select(alarm).where(alarm.c.ended.is_(None)).order_by(alarm.c.id)
_UNTOLD = select(alarm).where(alarm.c.untold != "", alarm.c.not_before <= bindparam("at", type_=Moment))
_FAILING = select(mailbox_pass).where(mailbox_pass.c.failing_since.is_not(None))


def _counted(connection: Connection, now: datetime) -> list[Trouble]:
    since = {"stuck_since": now - STUCK_AFTER, "remembered_since": now - REMEMBERED, "lately": now - LATELY}
    numbers = connection.execute(_COUNTS, since).one()
    return [
        Trouble(name, topic, str(number)) for (name, topic, _), number in zip(_COUNTED, numbers, strict=True) if number
    ]


def _closed(connection: Connection, now: datetime, words: str, topic: str) -> list[Trouble]:
    """What keeps messages back that could go otherwise: the way out, or a template; in the words of the last try."""
    found = connection.execute(_HELD_BACK[words]).one()
    if found.tries < CLOSED_TRIES or now - found.since < CLOSED_AFTER:
        return []
    return [Trouble(topic, topic, found.error.removeprefix(words))]


def _unread(connection: Connection, now: datetime, patience: Mapping[str, timedelta]) -> list[Trouble]:
    rows = connection.execute(_FAILING).all()
    return [
        Trouble(f"mailbox {row.mailbox}", "mailbox", row.error)
        for row in rows
        if row.mailbox in patience and now - row.failing_since >= patience[row.mailbox]
    ]


def _trouble(row: Row[Any]) -> Trouble:
    return Trouble(row.name, row.topic, row.detail)


def _told(row: Row[Any]) -> Told:
    return Told(row.id, _trouble(row), row.ended is not None, row.tries)
