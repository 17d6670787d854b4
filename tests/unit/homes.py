"""Where the ledger of a world is: in a file of its folder, or in a database of a server."""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Protocol

from servers.databases import ADDRESS, ON_POSTGRESQL, drop_database, goes_with, new_database
from sqlalchemy import URL

from intake.ledger.engine import Database


class Home(Protocol):
    """A ledger that nobody is connected to while it is put back."""

    url: str

    def put_back(self, copy: int | None) -> None:
        """What a copy holds takes its place; with None the tables are there, and nothing is in them."""

    def copy(self) -> int:
        """As it is now, by the number of the copy."""

    def remove(self) -> None:
        """And every copy."""


@cache
def empty_file() -> bytes:
    """A ledger's file with its tables and nothing in them: making them costs more than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        _make_tables(f"sqlite:///{path}")
        return path.read_bytes()


@cache
def empty_database(address: str) -> str:
    """The same on a server: the name of a template."""
    made = new_database(address)
    _make_tables(made.render_as_string(hide_password=False))
    return str(made.database)


def _make_tables(url: str) -> None:
    database = Database(url)
    database.upgrade(print)
    database.close()


class InFile:
    """SQLite."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "intake.db"
        self.url = f"sqlite:///{self._path}"
        self._copies: list[bytes] = []

    def put_back(self, copy: int | None) -> None:
        """The write-ahead log of the old one must not be taken for the new one's."""
        for name in ("intake.db", "intake.db-wal", "intake.db-shm"):
            self._path.with_name(name).unlink(missing_ok=True)
        self._path.write_bytes(empty_file() if copy is None else self._copies[copy])
        self._path.chmod(0o600)

    def copy(self) -> int:
        """Of the file alone: nobody has it open."""
        self._copies.append(self._path.read_bytes())
        return len(self._copies) - 1

    def remove(self) -> None:
        """The folder goes with it."""
        shutil.rmtree(self._path.parent, ignore_errors=True)


class OnServer:
    """PostgreSQL."""

    def __init__(self, address: str, folder: Path) -> None:
        self._address, self._folder = address, folder
        self._database: URL = new_database(address, empty_database(address))
        goes_with(folder, self._database)
        self.url = self._database.render_as_string(hide_password=False)
        self._copies: list[URL] = []

    def put_back(self, copy: int | None) -> None:
        """A database of the same name."""
        template = empty_database(self._address) if copy is None else str(self._copies[copy].database)
        drop_database(self._database)
        new_database(self._address, template, str(self._database.database))

    def copy(self) -> int:
        """A database beside it."""
        self._copies.append(new_database(self._address, str(self._database.database)))
        goes_with(self._folder, self._copies[-1])
        return len(self._copies) - 1

    def remove(self) -> None:
        """Whoever is connected."""
        for database in (self._database, *self._copies):
            drop_database(database)


def home_of(folder: Path) -> Home:
    """In the folder or, as the environment wants, on the session's server."""
    return OnServer(os.environ[ADDRESS], folder) if ON_POSTGRESQL else InFile(folder)
