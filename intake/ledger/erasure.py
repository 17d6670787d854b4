"""Erasing cases: what goes, what is counted before it goes, and the little that stays.

Of each mail of an erased case one row stays, so that the same bytes are known again when a server restores them from
a backup: the place where the mail stood, and the keyed hash of its bytes. Of the case stays that it was erased, in
the log. Neither tells who wrote, about whom, or what.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, ColumnElement, Connection, Row, and_, delete, insert, or_, select, update

from intake.errors import LedgerError
from intake.ledger import journal, originals, outbox, views
from intake.ledger.engine import ConflictError
from intake.ledger.journal import Entry
from intake.ledger.schema import case, delivery, hold, mail, note, original, past, place, recusal
from intake.model import DRILL, Case, CaseAction, CaseState, DeliveryState, MailRef, Outcome, Urgency

if TYPE_CHECKING:
    from intake.ledger.engine import Database
    from intake.ledger.keys import Key

RACES = 20  # each try loses only to somebody who has written
CHUNK = 400  # numbers in one question, well under every database's limit
A_DAY, THREE_MONTHS = timedelta(days=1), timedelta(days=92)


class InUseError(LedgerError):
    """Somebody is at the case: a message of it is in their hands and would arrive after it, or it was opened again."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One mail of a case: how it can be found in its mailbox. ``places`` are where it may stand, the likeliest first.

    The ``outcome`` of a copy is that of the mail in the case with the same bytes: it is by whom that one is.
    ``content`` and ``message_id`` are keyed hashes; ``waiting`` when the ledger holds the sealed original.
    """

    mail_id: int
    outcome: Outcome
    mailbox: str
    places: tuple[MailRef, ...]
    size: int
    internal_date: datetime
    content: bytes | None
    message_id: bytes | None
    waiting: bool


@dataclass(frozen=True, slots=True)
class Gone:
    """What was taken out of the ledger: how many of each; ``emptied`` when nothing of it is left in its files."""

    mails: int
    originals: int
    messages: int
    notes: int
    emptied: bool = True


@dataclass(frozen=True, slots=True)
class PastRow:
    """Numbers of erased cases that were opened in a month (``2026-04``), of one category and outcome."""

    month: str
    category: str
    outcome: str
    cases: int
    mails: int
    urgent: int
    answered: int
    answered_in_a_day: int
    closed_in_time: int


class Eraser:
    """Methods of the ledger; each is one transaction."""

    _database: Database

    if TYPE_CHECKING:

        @property
        def key(self) -> Key:
            """The ledger's key."""

    def traces(self, case_id: int) -> list[Trace]:
        """Every mail of a case, what bounced and what its organizers wrote included."""
        with self._database.reading() as connection:
            return traces(connection, case_id)

    def original(self, mail_id: int) -> bytes | None:
        """The bytes of a mail as long as they wait in the ledger."""
        with self._database.reading() as connection:
            return originals.read(connection, self.key, [mail_id]).get(mail_id)

    def being_sent(self, case_id: int, now: datetime) -> bool:
        """Whether somebody is just handing over a message of a case."""
        with self._database.reading() as connection:
            return _being_sent(connection, case_id, now)

    def erase(self, code: str, by: str, why: str, now: datetime, closed_before: datetime | None = None) -> Gone:
        """Count a case, and take it out; if given, only one that was ``closed_before`` then and still is.

        ``why`` is ``request`` or ``retention``. Raises LedgerError when it is held, InUseError while somebody is at it.

        What was deleted is overwritten in the file as well, the write-ahead log emptied, and a copy from before an
        upgrade removed.
        """
        last_line = Entry(code.upper(), CaseAction.ERASED, by, why)
        for attempt in range(RACES):
            try:
                with self._database.transaction() as connection:
                    gone = _erase(connection, self.key, last_line, now, closed_before)
                self._database.drop_copies()
                emptied = self._database.forget()
            except ConflictError:
                if attempt == RACES - 1:
                    raise
            else:
                return replace(gone, emptied=emptied)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def keep(self, case_id: int, now: datetime) -> None:
        """Hold a case: it is not erased until it is let go."""
        with self._database.transaction() as connection:
            if connection.execute(select(hold.c.since).where(hold.c.case_id == case_id)).scalar() is None:
                connection.execute(insert(hold).values(case_id=case_id, since=now))

    def let_go(self, case_id: int) -> None:
        """End a hold."""
        with self._database.transaction() as connection:
            connection.execute(delete(hold).where(hold.c.case_id == case_id))

    def held(self) -> dict[int, datetime]:
        """Cases that must be kept, and since when."""
        with self._database.reading() as connection:
            return {row.case_id: row.since for row in connection.execute(select(hold))}

    def outlived(self, before: datetime) -> list[Case]:
        """Cases that were closed before then, the oldest first."""
        with self._database.reading() as connection:
            return views.cases(connection, states=(CaseState.CLOSED,), closed_before=before)

    def erased_before(self, code: str) -> datetime | None:
        """When a case of that code was erased; None when the log does not tell of it."""
        with self._database.reading() as connection:
            log = journal.of_case(connection, code)
            return next((line.at for line in log if line.entry.what is CaseAction.ERASED), None)

    def past(self) -> list[PastRow]:
        """The numbers of all erased cases."""
        with self._database.reading() as connection:
            chosen = select(past).order_by(past.c.month, past.c.category, past.c.outcome)
            return [PastRow(**row._mapping) for row in connection.execute(chosen)]  # noqa: SLF001 - a row's public name for it

    def fade(self, before: datetime) -> int:
        """Take the marks off mail from before then that belongs to no case, and drop messages about none.

        Says how many mails had any: who wrote them, or had them erased, can't be recognised by anybody any more.
        """
        with self._database.transaction() as connection:
            marks = (mail.c.content, mail.c.message_id, mail.c.sender, mail.c.domain, mail.c.answer_at)
            # The bytes of mail that still stands in its folder must be known again after a new UIDVALIDITY.
            fading = [mark for mark in marks if mark is not mail.c.content]
            old = and_(mail.c.case_id.is_(None), mail.c.accepted < before)
            count = connection.execute(
                update(mail).where(old, or_(*(m.is_not(None) for m in fading))).values(dict.fromkeys(fading))
            ).rowcount
            count += connection.execute(
                update(mail)
                .where(old, mail.c.outcome == Outcome.ERASED, mail.c.content.is_not(None))
                .values(content=None)
            ).rowcount
            about_nothing = and_(delivery.c.case_id.is_(None), delivery.c.mail_id.is_(None))
            connection.execute(
                delete(delivery).where(about_nothing, delivery.c.created < before, delivery.c.state.not_in(outbox.OPEN))
            )
        self._database.forget()  # also for what an erasure could not empty, because somebody was reading
        return count


def traces(connection: Connection, case_id: int) -> list[Trace]:
    """Every mail of a case and every copy of one, with where it may stand."""
    rows = connection.execute(
        select(mail, original.c.mail_id.label("waiting"))
        .outerjoin(original, original.c.mail_id == mail.c.id)
        .where(_with_copies(case_id))
        .order_by(mail.c.id)
    ).all()
    found: dict[int, list[MailRef]] = {}
    for numbers in _some([row.id for row in rows]):
        for row in connection.execute(select(place).where(place.c.mail_id.in_(numbers))):
            ref = MailRef(row.mailbox, row.folder, row.uidvalidity, row.uid)
            found.setdefault(row.mail_id, []).append(ref)
    meant = {row.content: row.outcome for row in rows if row.case_id == case_id}
    outcomes = [row.outcome if row.case_id == case_id else meant.get(row.content, row.outcome) for row in rows]
    return [_trace(row, outcome, found.get(row.id, [])) for row, outcome in zip(rows, outcomes, strict=True)]


def _with_copies(case_id: int) -> ColumnElement[bool]:
    """Mails of a case, and those that are of none because their bytes were known.

    A mail that was fetched out of a folder for junk is of the case, and stands beside the first one with its bytes:
    that one and its other copies belong to it too.
    """
    own = select(mail.c.id).where(mail.c.case_id == case_id)
    firsts = select(mail.c.duplicate_of).where(mail.c.case_id == case_id, mail.c.duplicate_of.is_not(None))
    copies = or_(mail.c.duplicate_of.in_(own), mail.c.id.in_(firsts), mail.c.duplicate_of.in_(firsts))
    return or_(mail.c.case_id == case_id, and_(mail.c.case_id.is_(None), copies))


def _some(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    """As many at a time as a question may hold."""
    for start in range(0, len(numbers), CHUNK):
        yield numbers[start : start + CHUNK]


def _trace(row: Row[Any], outcome: str, places: Sequence[MailRef]) -> Trace:
    first = MailRef(row.mailbox, row.folder, row.uidvalidity, row.uid)
    return Trace(
        mail_id=row.id,
        outcome=Outcome(outcome),
        mailbox=row.mailbox,
        places=(*places, first),
        size=row.size,
        internal_date=row.internal_date,
        content=row.content,
        message_id=row.message_id,
        waiting=row.waiting is not None,
    )


def _being_sent(connection: Connection, case_id: int, now: datetime) -> bool:
    running = and_(delivery.c.state == DeliveryState.CLAIMED, delivery.c.lease_until > now)
    chosen = select(delivery.c.id).where(delivery.c.case_id == case_id, running).limit(1)
    return connection.execute(chosen).scalar() is not None


def _erase(connection: Connection, key: Key, last_line: Entry, now: datetime, closed_before: datetime | None) -> Gone:
    code = last_line.code
    row = connection.execute(select(case).where(case.c.code == code).with_for_update()).one_or_none()
    if row is None:
        raise LedgerError(f"no case has the code {code}; see: intake cases list --all")
    if connection.execute(select(hold.c.since).where(hold.c.case_id == row.id)).scalar() is not None:
        raise LedgerError(f"case {code} is held and must be kept; end that first: intake hold {code} --end")
    if closed_before and not (row.state == CaseState.CLOSED and row.closed_at < closed_before):
        raise InUseError(f"case {code} was opened again")
    # From here on nobody takes a message of it in hand; who has just done so is seen.
    its_messages = select(delivery.c.id).where(delivery.c.case_id == row.id).order_by(delivery.c.id)
    connection.execute(its_messages.with_for_update())
    if _being_sent(connection, row.id, now):
        raise InUseError(f"a message of case {code} is just being sent; try again in a few minutes")
    numbers = [one.mail_id for one in traces(connection, row.id)]
    if row.rule != DRILL:
        _count(connection, row)
    gone = Gone(
        mails=len(numbers),
        originals=_delete(connection, original.c.mail_id, numbers),
        messages=_delete(connection, delivery.c.case_id, [row.id]) + _delete(connection, delivery.c.mail_id, numbers),
        notes=_delete(connection, note.c.case_id, [row.id]),
    )
    _delete(connection, place.c.mail_id, numbers)
    _delete(connection, recusal.c.case_id, [row.id])
    _delete(connection, recusal.c.mail_id, numbers)
    connection.execute(update(case).where(case.c.linked_to == row.id).values(linked_to=None))
    _leave_a_stone(connection, numbers, now)
    connection.execute(delete(case).where(case.c.id == row.id))
    journal.take_names_out(connection, code)
    journal.write(connection, key, [last_line], now)
    return gone


def _delete(connection: Connection, column: Column[Any], numbers: Sequence[int]) -> int:
    """Delete the rows that have one of these numbers in a column; say how many there were."""
    return sum(connection.execute(delete(column.table).where(column.in_(some))).rowcount for some in _some(numbers))


def _leave_a_stone(connection: Connection, numbers: Sequence[int], now: datetime) -> None:
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    nothing: dict[str, Any] = {
        "message_id": None, "sender": None, "domain": None, "answer_at": None, "size": 0, "internal_date": day,
        "accepted": day, "kind": "", "category": "", "outcome": Outcome.ERASED, "reason": "",
        "acknowledge_reason": "", "filing": "stays", "filed_to": "", "case_id": None,
    }  # fmt: skip
    # The bytes are known again by the first mail that had them: one mark for each is enough.
    copy = nothing | {"content": None, "duplicate_of": None}
    for some in _some(numbers):
        mine = mail.c.id.in_(some)
        connection.execute(update(mail).where(mine, mail.c.duplicate_of.is_(None)).values(nothing))
        connection.execute(update(mail).where(mine, mail.c.duplicate_of.is_not(None)).values(copy))


def _count(connection: Connection, row: Row[Any]) -> None:
    """Add a case to the numbers of its month, before it goes."""
    of = {"month": f"{row.opened:%Y-%m}", "category": row.category, "outcome": row.outcome}
    waited = row.first_human_reply - row.opened if row.first_human_reply else None
    one = {
        "cases": 1,
        "mails": views.mail_counts(connection, [row.id]).get(row.id, 0),
        "urgent": int(row.urgency == Urgency.URGENT),
        "answered": int(waited is not None),
        "answered_in_a_day": int(waited is not None and waited <= A_DAY),
        "closed_in_time": int(row.closed_at is not None and row.closed_at - row.opened <= THREE_MONTHS),
    }
    here = and_(*(past.c[name] == value for name, value in of.items()))
    more = {name: past.c[name] + value for name, value in one.items()}
    if not connection.execute(update(past).where(here).values(more)).rowcount:
        connection.execute(insert(past).values(of | one))
