"""Cost stays flat as the ledger grows: no statement of a pass looks at every row of a table that grows with the mail."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event

from .worlds import World, mail

GROWING = {"mail", "delivery", "case_file", "change", "place", "past", "note"}
# What may look through a table, each with the words that make it so.
MAY = (
    "ORDER BY change.id DESC",  # from its end, and one row of it
    "FROM mail \nWHERE mail.outcome IN (?, ?) AND mail.reason",  # the first digest counts all there was
    "WHERE mail.acknowledge_reason LIKE ?",  # the same
)
SCAN = re.compile(r"^SCAN (\w+)(?! USING INDEX ix_delivery_(?:failed|open))")


class Seen:
    """The statements that a ledger was asked, each once."""

    def __init__(self, engine: Any) -> None:
        self.statements: dict[str, Any] = {}
        event.listen(engine, "before_cursor_execute", self._note)

    def _note(self, _c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.lstrip()[:6].upper() in {"SELECT", "UPDATE", "DELETE", "INSERT", "WITH  "}:
            self.statements.setdefault(statement, parameters[0] if many else parameters)

    def scans(self, file: Path) -> dict[str, list[str]]:
        """By statement, the growing tables that SQLite would look through from end to end."""
        found: dict[str, list[str]] = {}
        with closing(sqlite3.connect(file)) as connection:
            for statement, parameters in self.statements.items():
                plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
                bad = [line for line in plan if (match := SCAN.match(line)) and match[1] in GROWING]
                if bad and not any(words in statement and "mail.accepted >" not in statement for words in MAY):
                    found[statement] = bad
        return found


def test_no_statement_of_a_pass_looks_through_a_table_that_grows(tmp_path: Path) -> None:
    world = World(tmp_path)
    ledger: Any = world.parts.ledger
    seen = Seen(ledger._database._engine)
    for number in range(3):
        world.deliver(mail(number))
        world.until_quiet()
    world.now += timedelta(days=3)
    world.until_quiet()
    assert len(seen.statements) > 40
    found = seen.scans(tmp_path / "intake.db")
    assert not found, "\n\n".join(f"{statement}\n  {plan}" for statement, plan in found.items())
