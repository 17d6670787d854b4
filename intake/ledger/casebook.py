"""The side of the ledger that is about cases as people work on them: changes, their log, notes, and the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, and_, bindparam, literal, or_, select, update

from intake.ledger import changes, context, journal, outbox, recall, views
from intake.ledger.engine import ConflictError
from intake.ledger.journal import Entry, Verified, Written
from intake.ledger.schema import Moment, case
from intake.model import Case, CaseAction, CaseChange, CaseState, DeliveryDraft, KnownCase

if TYPE_CHECKING:
    from intake.ledger.engine import Database
    from intake.ledger.keys import Key
    from intake.ledger.makes import Makes

RACES = 20  # each try loses only to somebody who has written


def _same_clock(since: ColumnElement[Any], last: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(case.c.clock_since == since, case.c.last_human_reply.is_not_distinct_from(last))


_LOOK_AGAIN = (
    update(case)
    .where(
        case.c.id == bindparam("number"),
        case.c.state == bindparam("seen"),
        _same_clock(bindparam("since", type_=Moment), bindparam("last", type_=Moment)),
    )
    .values(look_at=bindparam("at", type_=Moment))
)
_CLOCKS = select(case.c.id).where(
    or_(case.c.look_at <= bindparam("at", type_=Moment), case.c.look_at > bindparam("far", type_=Moment)),
    case.c.state != CaseState.CLOSED,
)


class Decided(Protocol):
    """What somebody wants done to a case: a change, if it may be, and whom to tell."""

    @property
    def change(self) -> CaseChange | None:
        """None when it is refused."""

    @property
    def notices(self) -> Sequence[DeliveryDraft]:
        """Messages about it; their keys are completed here."""


Decision = TypeVar("Decision", bound=Decided)


@dataclass(frozen=True, slots=True)
class CaseContext:
    """What composing a message about a case needs that stems from no mail; ``roots`` as in MailContext."""

    case: Case
    withheld: frozenset[str]
    roots: dict[str, str]


class CaseBook:
    """Methods of the ledger; each is one transaction."""

    _database: Database
    _makes: Makes

    if TYPE_CHECKING:

        @property
        def key(self) -> Key:
            """The ledger's key."""

    def change(self, code: str, decide: Callable[[KnownCase], Decision], now: datetime) -> Decision | None:
        """Decide about a case as it is, and carry it out; None when there is no such case."""
        for attempt in range(RACES):
            try:
                with self._database.transaction() as connection:
                    number = connection.execute(select(case.c.id).where(case.c.code == code.upper())).scalar()
                    if number is None:
                        return None
                    decided = decide(recall.known_cases(connection, [number], alone=True)[number])
                    if decided.change:
                        changes.apply(connection, self.key, number, decided.change, self._makes, now)
                        stamp = f"case {number} at {round(now.timestamp() * 1000)}"
                        for draft in decided.notices:
                            key = f"{stamp}: {draft.key}"
                            token = self._makes.message_id()
                            outbox.add(connection, replace(draft, key=key), token, now, case_id=number)
                    return decided
            except ConflictError:
                if attempt == RACES - 1:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def carry_over(self, moved: Sequence[tuple[str, str]], now: datetime) -> None:
        """Keep cases withheld from organizers whose address has changed; each pair is an old address and the new."""
        if not any(old in self.strangers(()) for old, _ in moved):
            return
        with self._database.transaction() as connection:
            for old, new in moved:
                changes.carry_over(connection, self.key, old, new, now)

    def strangers(self, known: Sequence[str]) -> set[str]:
        """Addresses from which cases are withheld, and that are none of these."""
        with self._database.reading() as connection:
            return changes.strangers(connection, known)

    def case_context(self, case_id: int) -> CaseContext:
        """All that composing a message about a case needs, as it is now."""
        with self._database.reading() as connection:
            return CaseContext(
                views.case_by_id(connection, case_id),
                context.withheld(connection, None, case_id),
                context.roots(connection, case_id),
            )

    def holders(self, case_id: int) -> frozenset[str]:
        """Who has a copy of a case, or is about to, and may."""
        with self._database.reading() as connection:
            return recall.known_cases(connection, [case_id])[case_id].holders

    def case_log(self, code: str) -> list[Written]:
        """What happened to one case."""
        with self._database.reading() as connection:
            return journal.of_case(connection, code)

    def notes(self, case_id: int) -> list[tuple[datetime, str, str]]:
        """What was noted about a case: when, by whom, and the words."""
        with self._database.reading() as connection:
            return changes.notes(connection, self.key, case_id)

    def verify_log(self) -> Verified:
        """Follow the log of all cases."""
        with self._database.reading() as connection:
            return journal.verify(connection, self.key)

    # --- the clock ---

    def clocks(self, now: datetime) -> list[Case]:
        """Cases at whose clock somebody must look now."""
        with self._database.reading() as connection:
            numbers = connection.execute(_CLOCKS, {"at": now, "far": now + outbox.FARTHEST}).scalars()
            return views.cases_by_id(connection, sorted(numbers))

    def next_clock(self) -> datetime | None:
        """When somebody must look at a clock next."""
        with self._database.reading() as connection:
            return connection.execute(
                select(case.c.look_at)
                .where(case.c.look_at.is_not(None), case.c.state != CaseState.CLOSED)
                .order_by(case.c.look_at)
                .limit(1)
            ).scalar()

    def look_again(self, seen: Sequence[tuple[Case, datetime | None]]) -> None:
        """When to look at clocks again, each unless its case has changed meanwhile."""
        if not seen:
            return
        with self._database.transaction() as connection:
            connection.execute(
                _LOOK_AGAIN,
                [
                    {
                        "number": one.id,
                        "seen": one.state,
                        "since": one.clock_since,
                        "last": one.last_human_reply,
                        "at": at,
                    }
                    for one, at in seen
                ],
            )

    def remind(self, seen: Case, drafts: Sequence[DeliveryDraft], now: datetime, look_at: datetime) -> bool:
        """Put a reminder into the outbox; False when the case has changed, or somebody else has reminded."""
        for attempt in range(RACES):
            try:
                with self._database.transaction() as connection:
                    changed = connection.execute(
                        update(case)
                        .where(
                            case.c.id == seen.id,
                            case.c.state == seen.state,
                            case.c.reminders == seen.reminders,
                            _same_clock(literal(seen.clock_since, Moment()), literal(seen.last_human_reply, Moment())),
                        )
                        .values(reminders=seen.reminders + 1, reminded_at=now, look_at=look_at)
                    ).rowcount
                    if not changed:
                        return False
                    changes.notify(connection, seen.id, drafts, self._makes, now)
                    about = str(seen.reminders + 1)
                    entry = Entry(seen.code, CaseAction.REMINDED, about=about)
                    journal.write(connection, self.key, [entry], now)
                    return True
            except ConflictError:
                if attempt == RACES - 1:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")
