"""A ledger is opened only with its key, in its form, and where nobody else can read it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from servers.databases import ask

from intake.errors import LedgerError
from intake.ledger.engine import Database
from intake.ledger.schema import metadata

from .ledgers import open_ledger


def test_migrations_lead_to_the_schema(ledger_url: Callable[[], str]) -> None:
    database = Database(ledger_url())
    database.upgrade(print)
    with database._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    open_ledger(tmp_path).close()
    ask(tmp_path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerError, match="newer"):
        open_ledger(tmp_path)


def test_another_key_is_refused(tmp_path: Path) -> None:
    open_ledger(tmp_path).close()
    (tmp_path / "intake.key").unlink()
    with pytest.raises(LedgerError, match="key"):
        open_ledger(tmp_path)
    assert not (tmp_path / "intake.key").exists()  # no new key is made for an old ledger


@pytest.mark.parametrize("name", ["intake.key", pytest.param("intake.db", marks=pytest.mark.sqlite)])
def test_files_that_others_can_read_are_refused(tmp_path: Path, name: str) -> None:
    open_ledger(tmp_path).close()
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    (tmp_path / name).chmod(0o640)
    with pytest.raises(LedgerError, match="chmod 600"):
        open_ledger(tmp_path)


@pytest.mark.parametrize("content", [b"not a key", b"", b"\xff\xfe", b"AAAA"])
def test_a_broken_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "intake.key").write_bytes(content)
    (tmp_path / "intake.key").chmod(0o600)
    with pytest.raises(LedgerError, match="not a key"):
        open_ledger(tmp_path)


@pytest.mark.sqlite
def test_a_file_that_is_no_database_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "intake.db").write_bytes(b"this is not SQLite" * 100)
    (tmp_path / "intake.db").chmod(0o600)
    with pytest.raises(LedgerError, match="no SQLite database") as caught:
        open_ledger(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.sqlite
def test_a_commit_is_on_the_disk(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    with sqlite3.connect(tmp_path / "intake.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with ledger._database._engine.connect() as own:
        assert own.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert own.exec_driver_sql("PRAGMA secure_delete").scalar() == 1
    ledger.close()
