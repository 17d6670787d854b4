"""The database underneath: connections, durability, migrations, and errors in an operator's words."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError

from intake.errors import LedgerError, OutdatedError
from intake.ledger import copies, postgresql
from intake.ledger.glance import TAKE_AWAY
from intake.ledger.postgresql import BUSY_SECONDS
from intake.ledger.schema import HEAD

_FORM = text("SELECT version_num FROM alembic_version")
_SEVERAL = re.compile(r"(postgresql[^:/]*://(?:[^@/?]*@)?)([^@/?]*,[^@/?]*)(.*)")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([0-9]+))?")
_FILE = "file"  # under which name a connection knows which file it has open
_ONE_MIGRATION = 0x696E74616B65  # a lock's number: any that nobody else would choose


class ConflictError(LedgerError):
    """Somebody else has written the same meanwhile: nothing was written, and it can be decided anew."""


class Database:
    """An engine with the promises that the ledger needs: a commit that returned is on the disk."""

    def __init__(self, url: str) -> None:
        try:
            self.url: URL = _address(url)
        except (ArgumentError, ValueError):  # the latter for a port that is no number
            raise LedgerError("[ledger] url is not a database address, such as sqlite:///intake.db") from None
        self.sqlite = self.url.get_backend_name() == "sqlite"
        if self.sqlite:
            path = Path(str(self.url.database))
            _own_file(path)
            self._engine = create_engine(
                self.url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}
            )
            event.listen(self._engine, "connect", partial(_sqlite_connect, path))
            event.listen(self._engine, "begin", partial(_sqlite_begin, path))
        else:
            self._engine = postgresql.engine(self.url)
        self._reading = self._engine.execution_options(intake_reading=True)

    @contextmanager
    def transaction(self, *, keeps_note: bool = False) -> Iterator[Connection]:
        """One transaction, committed at the end. Database errors become LedgerError.

        It takes away the note for a quick look (``glance``), which tells what was so before it.
        """
        try:
            with self._engine.begin() as connection:
                if self.sqlite and not keeps_note:
                    connection.exec_driver_sql(TAKE_AWAY)
                yield connection
        except SQLAlchemyError as error:
            is_again = isinstance(error, IntegrityError) or (
                isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in postgresql.LOST_A_RACE
            )
            raise (ConflictError if is_again else LedgerError)(self.explain(error)) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading only: no lock that would stop a writer."""
        try:
            with self._reading.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise LedgerError(self.explain(error)) from error

    def forget(self) -> bool:
        """Take what was deleted out of the files too: empty the write-ahead log, or let PostgreSQL clean its tables.

        False when somebody who has been reading for longer than we wait needs the old log.
        """
        try:
            if self.sqlite:
                with closing(self._engine.raw_connection()) as raw:  # no transaction may be open
                    (busy, _, _) = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                return not busy
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM")
                return True
        except sqlite3.Error as error:
            where = self.url.database
            raise LedgerError(f"{where}: its write-ahead log can't be emptied ({error}); do it again") from None
        except SQLAlchemyError as error:
            raise LedgerError(self.explain(error)) from error

    def explain(self, error: SQLAlchemyError) -> str:
        """One line without parameters: what is wrong with the ledger, and what to do."""
        place = str(self.url.database) if self.sqlite else self.url.render_as_string(hide_password=True)
        cause = (
            str(error.orig).splitlines()[0] if isinstance(error, DBAPIError) and error.orig else type(error).__name__
        )
        known = {
            "database or disk is full": "the disk is full; free some space, nothing is lost meanwhile",
            "disk I/O error": "the disk can't be written (full, or failing); nothing is lost meanwhile",
            "attempt to write a readonly database": "it is read-only; intake's user must be able to write it",
            "unable to open database file": "it can't be opened; its folder must exist and be writable",
            "database is locked": "another program holds it locked; it is tried again at the next pass",
            "file is not a database": "it is no SQLite database; restore it from a backup or move it away",
            "database disk image is malformed": "it is damaged; restore it from a backup",
            **postgresql.MEANING,
        }
        return f"{place}: the ledger can't be used: {next((v for k, v in known.items() if k in cause), cause)}"

    def version(self) -> str | None:
        """The migration that the ledger is at; None for an empty database."""
        with self.reading() as connection:
            return self._version(connection)

    def demand_current(self, connection: Connection) -> None:
        """Raises OutdatedError when another program has given the tables another form meanwhile."""
        if connection.execute(_FORM).scalar() != HEAD:
            raise OutdatedError("the ledger was upgraded by a newer intake meanwhile; end this one, and start that one")

    def upgrade(self, say: Callable[[str], None]) -> None:
        """Bring the tables to the newest form, in one transaction, after a copy of what was (SQLite).

        Of several machines that do it at once, the first one does. Raises LedgerError for a ledger of a newer program.
        """
        if self.version() == HEAD:
            return
        from intake.ledger.migrations import check, migrate  # noqa: PLC0415 - Alembic is slow to import, seldom needed

        try:
            with self._migrating() as connection:
                version = self._version(connection)
                if version == HEAD:
                    return
                check(version)
                if version is not None:
                    self._announce(version, say)
                migrate(connection)
        except SQLAlchemyError as error:
            raise LedgerError(self.explain(error)) from error

    @contextmanager
    def _migrating(self) -> Iterator[Connection]:
        """One transaction, and nobody else's meanwhile."""
        with self._engine.connect() as connection:
            if not self.sqlite:
                with connection.begin():
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_MIGRATION})")
                    yield connection
                return
            # A table that is made anew is dropped in between: what refers to it must not be deleted with it.
            raw = connection.connection.cursor()  # no transaction has begun, in which this would do nothing
            raw.execute("PRAGMA foreign_keys=OFF")
            try:
                with connection.begin():  # as a writer
                    yield connection
                    if connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                        raise LedgerError("the ledger's tables don't fit together after the upgrade; nothing was done")
            finally:
                raw.execute("PRAGMA foreign_keys=ON")
                raw.close()

    def _announce(self, version: str, say: Callable[[str], None]) -> None:
        what = f"the ledger's tables are brought from form {version} to {HEAD}"
        if not self.sqlite:
            say(f"{what}; the way back is the dump that you made before")
            return
        ledger = Path(str(self.url.database))
        target = copies.before(ledger, HEAD)
        copies.copy(ledger, target)
        say(f"{what}; as it was, it stands in {target} for {copies.KEPT.days} days")

    def _version(self, connection: Connection) -> str | None:
        if not self._engine.dialect.has_table(connection, "alembic_version"):
            return None
        return connection.execute(_FORM).scalar()

    def copy(self, target: Path) -> None:
        """A copy in ``target``. Raises LedgerError, also for a ledger that is no file."""
        if not self.sqlite:
            raise LedgerError("the ledger is in PostgreSQL; run: pg_dump --format=custom --file=FILE DATABASE")
        copies.copy(Path(str(self.url.database)), target)

    def drop_copies(self, older_than: datetime | None = None) -> int:
        """Remove the copies from before upgrades, or the old ones among them."""
        return copies.drop(Path(str(self.url.database)), older_than) if self.sqlite else 0

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()


def _address(url: str) -> URL:
    """As SQLAlchemy has it, which takes several hosts and ports (``one:5432,two:5433`` in libpq) as two lists."""
    several = _SEVERAL.fullmatch(url)
    if several is None:
        return make_url(url)
    before, hosts, after = several.groups()
    pairs = [_HOST.fullmatch(host) for host in hosts.split(",")]
    if None in pairs:
        raise ArgumentError
    names, ports = zip(*((pair[1].strip("[]"), pair[2] or "") for pair in pairs if pair), strict=True)
    return make_url(before + after).update_query_dict({"host": ",".join(names), "port": ",".join(ports)})


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _own_file(path: Path) -> None:
    # Made here, with narrow rights, so that it never exists with wider ones; WAL files inherit them.
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise LedgerError(
            f"{path}: the ledger can't be opened ({error.strerror}); its folder must exist and be writable"
        ) from None
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        with suppress(FileNotFoundError):  # its companions are there only while it is open
            if file.stat().st_mode & 0o077:
                raise LedgerError(f"{file}: others can read the ledger; run: chmod 600 {file}")


PRAGMAS = (
    "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", "temp_store=MEMORY",
    "cache_size=-1024",  # KiB for each connection; a service keeps several, and the system keeps the pages too
)  # fmt: skip


def _sqlite_connect(path: Path, connection: Any, record: Any) -> None:
    record.info[_FILE] = _identity(path)
    connection.isolation_level = None  # transactions begin where we say so, see below
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(path: Path, connection: Connection) -> None:
    # A file that is no longer under its name takes whatever is written, and takes it along when it is closed.
    if connection.info[_FILE] != _identity(path):
        raise OutdatedError(
            f"{path}: the ledger's file was replaced or taken away while it was open; put it right, and start again"
        )
    # A writer takes its lock at once: a transaction that reads first and writes later could not be retried.
    reading = connection.get_execution_options().get("intake_reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
