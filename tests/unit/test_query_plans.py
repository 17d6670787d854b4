"""Cost stays flat as the ledger grows: no statement of a pass looks at every row of a table that grows with the mail."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import event

from intake.ledger.engine import Database
from intake.model import DeliveryState

from .homes import Home, InFile, OnServer
from .large import grow
from .worlds import World, mail

GROWING = {"mail", "delivery", "case_file", "change", "place", "past", "note"}
# What may look through a table, each with the words that make it so; `?` stands for any parameter.
MAY = (
    "ORDER BY change.id DESC",  # from its end, and one row of it
    # The first digest counts all there was.
    "FROM mail WHERE mail.outcome IN (?, ?) AND mail.reason != ? AND (mail.reason NOT IN (?, ?)) AND NOT",
    "WHERE mail.acknowledge_reason LIKE ?",
    "WHERE case_file.state IN (?) AND NOT (EXISTS",
)
OF_WHAT_IS_OPEN = {"ix_delivery_failed", "ix_delivery_open", "ix_mail_filing"}  # no larger than what waits
# SQLite also says SEARCH, and no more, where it looks for the largest of all.
SCAN = re.compile(r"^(?:SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?|SEARCH (\w+)$)")
ROWS = 10_000


class Seen:
    """The statements that a ledger was asked, each once."""

    def __init__(self, engine: Any) -> None:
        self.statements: dict[str, Any] = {}
        event.listen(engine, "before_cursor_execute", self._note)

    def _note(self, _c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.lstrip()[:6].upper() in {"SELECT", "UPDATE", "DELETE", "INSERT", "WITH  "}:
            self.statements.setdefault(statement, parameters[0] if many else parameters)

    def scans(self, plan: Any) -> str:
        """The statements that look through a growing table from end to end, each with what ``plan`` says of it."""
        found = []
        for statement, parameters in self.statements.items():
            bad = [f"{table} by {index}" for table, index in plan(statement, parameters)
                   if table in GROWING and index not in OF_WHAT_IS_OPEN]  # fmt: skip
            words = re.sub(r"%\(\w+\)s(?:::\w+)?", "?", re.sub(r"\s+", " ", statement))
            if bad and not any(some in words and "mail.accepted >" not in words for some in MAY):
                found.append(f"{statement}\n  {bad}")
        return "\n\n".join(found)


def a_life(tmp_path: Path, home: Home) -> Seen:
    """Passes with mail, reminders and digests; what the ledger was asked meanwhile."""
    world = World(tmp_path, home=home)
    ledger: Any = world.parts.ledger
    seen = Seen(ledger._database._engine)
    for number in range(3):
        world.deliver(mail(number, body="Bob Builder was rude to me."))
        world.until_quiet()
    world.now += timedelta(days=3)
    world.until_quiet()
    ledger.recognise([b"content"], [b"message-id"])  # for each 200 mails of a folder that is audited
    ledger.outlived(world.now - timedelta(days=365))
    ledger.deliveries(
        (DeliveryState.PENDING, DeliveryState.UNKNOWN, DeliveryState.FAILED)
    )  # for figures, again and again
    assert len(seen.statements) > 40
    ledger.close()
    return seen


def test_no_statement_of_a_pass_looks_through_a_table_that_grows(tmp_path: Path) -> None:
    home = InFile(tmp_path)
    seen = a_life(tmp_path, home)
    with closing(sqlite3.connect(tmp_path / "intake.db")) as connection:

        def plan(statement: str, parameters: Any) -> Iterator[tuple[str, str]]:
            for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters):
                if match := SCAN.match(row[3]):
                    yield match[1] or match[3], match[2] or "nothing"

        found = seen.scans(plan)
    assert not found, found


def scans_in(node: Any, above: str = "") -> Iterator[tuple[str, str]]:
    """The scans in a plan of PostgreSQL's that look for nothing in particular, and do not stop at the first row."""
    bounded = {"Index Cond", "Recheck Cond"} & set(node) or (above == "Limit" and "Filter" not in node)
    if node["Node Type"].endswith("Scan") and "Relation Name" in node and not bounded:
        yield node["Relation Name"], node.get("Index Name", "nothing")
    for below in node.get("Plans", ()):
        yield from scans_in(below, node["Node Type"])


def test_nor_does_postgresql_once_there_is_much(tmp_path: Path, postgres: str) -> None:
    home = OnServer(postgres, tmp_path)
    seen = a_life(tmp_path, home)
    database = Database(home.url)
    with database.transaction() as large:
        grow(large, ROWS)
    database.close()
    with psycopg.connect(home.url) as connection:

        def plan(statement: str, parameters: Any) -> Iterator[tuple[str, str]]:
            (found,) = connection.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters).fetchone() or ()
            yield from scans_in(found[0]["Plan"])

        found = seen.scans(plan)
    assert not found, found
    home.remove()
