"""The log of what happened to cases: append-only, and each line bound to the one before it.

The binding is a keyed hash: whoever can write the database but does not have the key can neither add, change, move
nor take out a line without ``verify`` seeing it. Lines cut off at the end are seen by the cases they were about.
When a case is erased, its lines stay in their places, without names; a last line, bound like any, says that it was.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from intake.ledger.keys import Key
from intake.ledger.schema import case, change, recusal
from intake.model import PROGRAM, CaseAction, CaseState, moved

BEGINNING = bytes(16)  # what the first line follows


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: what happened to a case. ``about`` is an organizer, an outcome or a reason's id, never a reporter."""

    code: str
    what: CaseAction
    by: str = PROGRAM
    about: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A line as it stands in the ledger."""

    entry: Entry
    at: datetime


_LAST = select(change.c.hash).order_by(change.c.id.desc()).limit(1)
_WRITERS = 0x6C6F67  # a lock's number, of each schema by itself
_ALONE = select(func.pg_advisory_xact_lock(_WRITERS, func.hashtext(func.current_schema())))


def write(connection: Connection, key: Key, entries: Iterable[Entry], now: datetime) -> None:
    """Add lines, behind those of everybody else who writes just now.

    Each line follows the last one, so only one transaction at a time can add some. In SQLite any writer is alone; in
    PostgreSQL the others wait here until it is committed. Who did not wait would have all its work to do again.
    """
    rows: list[dict[str, Any]] = []
    previous: bytes | None = None
    for entry in entries:
        if previous is None:
            if connection.dialect.name == "postgresql":
                connection.execute(_ALONE)
            previous = connection.execute(_LAST).scalar() or BEGINNING
        values = {"code": entry.code, "at": now, "by": entry.by[:320], "what": entry.what, "about": entry.about[:320]}
        seal = _hash(key, previous, values)
        rows.append({**values, "previous": previous, "hash": seal})
        previous = seal
    if rows:
        connection.execute(insert(change), rows)


def _hash(key: Key, previous: bytes, values: dict[str, Any]) -> bytes:
    at = round(values["at"].timestamp() * 1000)
    told = json.dumps([values["code"], at, values["by"], str(values["what"]), values["about"]], ensure_ascii=True)
    return key.hash("change", previous + told.encode("ascii"))


def take_names_out(connection: Connection, code: str) -> None:
    """Leave of a case's lines only what happened and when; the line that tells of its erasure must follow."""
    connection.execute(update(change).where(change.c.code == code).values(by="", about=""))


def of_case(connection: Connection, code: str) -> list[Written]:
    """What happened to one case, the oldest first."""
    rows = connection.execute(select(change).where(change.c.code == code.upper()).order_by(change.c.id))
    return [Written(Entry(row.code, CaseAction(row.what), row.by, row.about), row.at) for row in rows]


@dataclass(frozen=True, slots=True)
class Verified:
    """What looking through the log came to: how many lines, the last one's hash, and what is wrong."""

    lines: int
    head: str
    problems: tuple[str, ...]


def verify(connection: Connection, key: Key) -> Verified:
    """Follow the whole log, and see whether it ends where each case is."""
    problems: list[str] = []
    told: dict[str, _Told] = {}
    previous, lines = BEGINNING, 0
    erased = _erased(connection, key)
    for row in connection.execute(select(change).order_by(change.c.id)):
        lines += 1
        values = {"code": row.code, "at": row.at, "by": row.by, "what": row.what, "about": row.about}
        if row.previous != previous:
            problems.append(f"line {row.id} does not follow the one before it: lines were taken out, moved or added")
        nameless = row.code in erased and not (row.by or row.about)
        if row.hash != _hash(key, row.previous, values) and not nameless:
            problems.append(f"line {row.id} is not what was written: it was changed")
        previous = row.hash
        _tell(told.setdefault(row.code, _Told()), row.what, row.by, row.about)
        if row.what == CaseAction.ERASED:
            told[row.code] = _Told()
    problems += _differences(connection, told)
    return Verified(lines, previous.hex() if lines else "", tuple(problems[:100]))


def _erased(connection: Connection, key: Key) -> set[str]:
    """Cases of which a line that nobody has touched says that they were erased."""
    found: set[str] = set()
    for row in connection.execute(select(change).where(change.c.what == CaseAction.ERASED)):
        values = {"code": row.code, "at": row.at, "by": row.by, "what": row.what, "about": row.about}
        if row.hash == _hash(key, row.previous, values):
            found.add(row.code)
    return found


@dataclass(slots=True)
class _Told:
    """A case as the log tells it."""

    opened: bool = False
    state: CaseState = CaseState.NEW
    claimed_by: str | None = None
    withheld: frozenset[str] = frozenset()


def _tell(told: _Told, what: str, by: str, about: str) -> None:
    action = CaseAction(what) if what in set(CaseAction) else None
    if action is None:
        return
    told.opened = told.opened or action is CaseAction.OPENED
    before, told.state = told.state, moved(told.state, action)
    if action is CaseAction.CLAIM:
        told.claimed_by = about or by
    elif before is not told.state is CaseState.NEW:
        told.claimed_by = None
    elif action is CaseAction.RECUSE:
        told.withheld |= {about}
        told.state, told.claimed_by = after_recusal(told.state, told.claimed_by, told.withheld)
    elif action is CaseAction.RELEASE:
        told.withheld -= {about}


def after_recusal(state: CaseState, lead: str | None, recused: Collection[str]) -> tuple[CaseState, str | None]:
    """State and lead of a case: one whose lead must not see it any more is nobody's."""
    return (CaseState.NEW, None) if state is CaseState.CLAIMED and lead in recused else (state, lead)


def _differences(connection: Connection, told: dict[str, _Told]) -> Iterator[str]:
    withheld: dict[int, set[str]] = {}
    for row in connection.execute(
        select(recusal.c.case_id, recusal.c.organizer).where(
            recusal.c.released.is_(None), recusal.c.case_id.is_not(None)
        )
    ):
        withheld.setdefault(row.case_id, set()).add(row.organizer)
    for row in connection.execute(select(case).order_by(case.c.id)):
        log = told.get(row.code)
        if log is None or not log.opened:
            yield f"case {row.code}: the log does not tell of its beginning"
        elif (row.state, row.claimed_by) != (log.state, log.claimed_by):
            yield f"case {row.code}: the ledger says {row.state}, the log says {log.state}, or another lead"
        elif withheld.get(row.id, set()) != log.withheld:
            yield f"case {row.code}: the log tells otherwise who is withheld from it"
