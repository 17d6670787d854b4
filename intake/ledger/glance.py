"""A quick look at a ledger in SQLite, by the standard library alone: is anything due, and how far was mail read?

Cron starts a pass every minute, nearly always for nothing, and then SQLAlchemy costs more than all that is done with
it. A full pass leaves a note, and every later transaction of the ledger takes it away (``engine.Database``): as long
as the note stands, nothing has been written since, and what the pass found out from the ledger still holds. What is
not in the note is looked up here, in the ledger's own tables. Whatever is not as it should be makes a full pass.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

NOTE = "glance"  # its name in the table `meta`
TAKE_AWAY = f"DELETE FROM meta WHERE name = '{NOTE}'"  # noqa: S608 - a constant
BUSY_SECONDS = 2.0

_VALUE = "SELECT value FROM meta WHERE name = ?"
_VERSION = "SELECT version_num FROM alembic_version"
_OPEN = (
    "SELECT state, sum(NOT (kind = 'ping' AND attempts = 0)), min(not_before) "
    "FROM delivery INDEXED BY ix_delivery_open "
    "WHERE state IN ('waiting', 'pending', 'claimed', 'unknown') GROUP BY state"
)
_WORKING = "SELECT EXISTS (SELECT 1 FROM lease) OR EXISTS (SELECT 1 FROM folder WHERE in_hand_first IS NOT NULL)"
_TROUBLE = "SELECT EXISTS (SELECT 1 FROM trouble WHERE not_before <= ?)"
_HEALTHY = "SELECT EXISTS (SELECT 1 FROM mailbox_pass WHERE mailbox = ? AND error = '')"
_CURSOR = "SELECT uidvalidity, next_uid FROM folder WHERE mailbox = ? AND name = ?"
_DATES = (
    "SELECT uid, internal_date FROM mail "
    "WHERE mailbox = ? AND folder = ? AND uidvalidity = ? AND uid >= ? AND uid < ? AND size > 0"
)
_TO_FILE = (
    "SELECT EXISTS (SELECT 1 FROM mail INDEXED BY ix_mail_filing WHERE filing = 'due' AND mailbox = ? AND folder = ?)"
)
_PASSED = "UPDATE mailbox_pass SET tried = ?, succeeded = ?, error = '' WHERE mailbox = ?"


class Glance:
    """One look; times are milliseconds. Raises ``sqlite3.Error``, ``OSError`` where the ledger is not what it was."""

    def __init__(self, path: Path) -> None:
        companions = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
        if any(file.stat().st_mode & 0o077 for file in (path, *filter(Path.exists, companions))):
            raise PermissionError("others can read the ledger")
        self._connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw", timeout=BUSY_SECONDS, isolation_level=None, uri=True
        )
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("PRAGMA secure_delete=ON")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def meta(self, name: str) -> str | None:
        """A value of the table ``meta``."""
        found = self._connection.execute(_VALUE, (name,)).fetchone()
        return str(found[0]) if found else None

    def is_current(self) -> bool:
        """Whether the tables have the form that this program works with."""
        return self._connection.execute(_VERSION).fetchall() == [(newest(),)]

    def waiting(self, mailboxes: Sequence[str], now: int) -> int | None:
        """How many deliveries wait for later; None when something is due, or in hand, or was not well last time."""
        if self._says(_WORKING) or self._says(_TROUBLE, now):
            return None
        if not all(self._says(_HEALTHY, name) for name in mailboxes):
            return None
        count = 0
        for state, number, first in self._connection.execute(_OPEN):
            if state == "claimed" or first <= now:
                return None
            count += number
        return count

    def next_uid(self, mailbox: str, folder: str, uidvalidity: int) -> int | None:
        """Up to where a folder was read; None when it was renumbered, never read, or has mail that is to be filed."""
        found = self._connection.execute(_CURSOR, (mailbox, folder)).fetchone()
        if not found or found[0] != uidvalidity or self._says(_TO_FILE, mailbox, folder):
            return None
        return int(found[1])

    def dates(self, mailbox: str, folder: str, uidvalidity: int, uids: range) -> dict[int, datetime]:
        """When those of these mails came in that were read."""
        found = self._connection.execute(_DATES, (mailbox, folder, uidvalidity, uids.start, uids.stop))
        return {uid: datetime.fromtimestamp(date / 1000, UTC) for uid, date in found}

    def note_pass(self, mailboxes: Sequence[str], now: int, note: str) -> bool:
        """Write down that these mailboxes were looked at; False when somebody has written since, or works now."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            same = self.meta(NOTE) == note
            if same:
                self._connection.executemany(_PASSED, [(now, now, name) for name in mailboxes])
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            self._connection.rollback()
            raise
        return same

    def _says(self, question: str, *given: str | int) -> bool:
        return bool(self._connection.execute(question, given).fetchone()[0])


def newest() -> str:
    """The newest migration, by its file's name."""
    versions = Path(__file__).parent / "migrations" / "versions"
    return max(file.name[:4] for file in versions.glob("[0-9][0-9][0-9][0-9]_*.py"))
