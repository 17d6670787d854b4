"""Since when a rule is known, and whose turn it is to apply it: two marks in the table ``meta``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, and_, insert, select, update

from intake.ledger.engine import ConflictError
from intake.ledger.schema import meta

if TYPE_CHECKING:
    from intake.ledger.engine import Database

KEPT, TURN = "retention", "retention-turn"
FARTHEST = timedelta(days=2)


class RuleBook:
    """Methods of the ledger; each is one transaction, and none of them writes when nothing has changed."""

    _database: Database

    def rule_since(self) -> datetime | None:
        """Since when closed cases are kept no longer than now; None before that was noted."""
        with self._database.reading() as connection:
            known = _value(connection, KEPT)
            return _moment(known.partition(" ")[2]) if known else None

    def note_rule(self, keep: timedelta, now: datetime) -> datetime:
        """Note how long closed cases are kept; since when that is so. A longer time is no news."""
        with self._database.reading() as connection:
            known = _value(connection, KEPT)
        seconds, _, since = (known or "").partition(" ")
        began = min(_moment(since), now) if known and keep >= timedelta(seconds=int(seconds)) else now
        noted = f"{round(keep.total_seconds())} {began.astimezone(UTC).isoformat()}"
        if noted != known:
            with self._database.transaction() as connection:
                _set(connection, KEPT, noted)
        return began

    def take_turn(self, now: datetime, pause: timedelta) -> bool:
        """Take the turn to apply the rule, if there was none for a while; of several that ask at once one gets it.

        A next turn that is days ahead was set by a clock that was wrong.
        """
        with self._database.reading() as connection:
            before = _value(connection, TURN)
        if before is not None and now < _moment(before) <= now + FARTHEST:
            return False
        try:
            with self._database.transaction() as connection:
                return _set(connection, TURN, (now + pause).astimezone(UTC).isoformat(), before)
        except ConflictError:
            return False

    def next_turn(self, at: datetime) -> None:
        """Say when the next turn is."""
        with self._database.transaction() as connection:
            _set(connection, TURN, at.astimezone(UTC).isoformat())


def _value(connection: Connection, name: str) -> str | None:
    return connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _set(connection: Connection, name: str, value: str, before: str | None = None) -> bool:
    """Write a value, where ``before`` is given only over that one; whether it was written."""
    here = meta.c.name == name
    if before is not None:
        here = and_(here, meta.c.value == before)
    if connection.execute(update(meta).where(here).values(value=value)).rowcount:
        return True
    if before is None:
        connection.execute(insert(meta).values(name=name, value=value))
    return before is None
