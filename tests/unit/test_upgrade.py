"""From one form of the ledger to the next: a copy is kept, one machine does it, and no older program writes in it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from intake.errors import LedgerError
from intake.ledger import copies, engine, migrations
from intake.ledger.engine import Database
from intake.ledger.keys import Key
from intake.ledger.ledger import Ledger
from intake.ledger.schema import HEAD
from unit.ledgers import NOW, arrival, open_ledger, to_everyone, unopened

LATER = f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9000", "{HEAD}", None, None


def upgrade():
    with op.batch_alter_table("case_file", recreate="auto") as batch:
        batch.add_column(sa.Column("later", sa.String(length=9), nullable=False, server_default="yes"))
        batch.alter_column("code", type_=sa.String(length=60))  # for which SQLite makes the table anew
"""
PROGRAM = """
import sys
from pathlib import Path
from unit.test_upgrade import install
from intake.ledger import engine, migrations
from intake.ledger.engine import Database
install(Path(sys.argv[2]), lambda module, name, value: setattr(module, name, value))
database = Database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
database.upgrade(lambda line: print("said:", line))
print(database.version())
"""


def install(folder: Path, put: Callable[[object, str, object], None]) -> None:
    """The program of a later version, with one more migration, which lies in ``folder``."""
    folder.mkdir(exist_ok=True)
    (folder / "9000_later.py").write_text(LATER)
    settings = migrations.settings

    def both() -> object:
        config = settings()
        own = Path(migrations.__file__).parent / "versions"
        config.set_main_option("version_locations", f"{own}{os.pathsep}{folder}".replace("%", "%%"))
        return config

    put(migrations, "settings", both)
    put(engine, "HEAD", "9000")


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From when it is called, this is the later version."""
    return lambda: install(tmp_path / "later", monkeypatch.setattr)


def filled(folder: Path, url: str = "") -> Ledger:
    """A ledger with a case, its mail and three messages in it."""
    ledger = open_ledger(folder, url=url)
    ledger.accept([arrival(1, body=b"canary-body")], to_everyone, NOW)
    return ledger


def rows(url: str, question: str) -> list[tuple[object, ...]]:
    """What a database answers, without the program."""
    made = create_engine(make_url(url).set(drivername="postgresql+psycopg") if url.startswith("postgres") else url)
    with made.connect() as connection:
        found = [tuple(row) for row in connection.exec_driver_sql(question)]
    made.dispose()
    return found


def test_rows_stay_and_a_copy_is_kept(
    tmp_path: Path, ledger_url: Callable[[], str], newer: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    url = ledger_url()
    filled(tmp_path, url).close()
    counted = "SELECT (SELECT count(*) FROM case_file), (SELECT count(*) FROM mail), (SELECT count(*) FROM delivery)"
    was = rows(url, counted)
    assert was == [(1, 1, 3)]
    newer()
    said: list[str] = []
    database = Database(url)
    database.upgrade(said.append)
    database.upgrade(said.append)  # and there is nothing left to do, or to say
    database.close()
    assert rows(url, counted) == was
    assert rows(url, "SELECT later FROM case_file") == [("yes",)]
    (line,) = said
    assert f"from form {HEAD} to 9000" in line
    copy = tmp_path / "intake.db.before-9000"
    if database.sqlite:
        assert str(copy) in line
        assert copy.stat().st_mode & 0o777 == 0o600
        assert rows(f"sqlite:///{copy}", counted) == was
        assert rows(f"sqlite:///{copy}", "SELECT version_num FROM alembic_version") == [(HEAD,)]
        assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    else:
        assert "dump" in line
        assert not copy.exists()


def test_two_machines_at_once(tmp_path: Path, ledger_url: Callable[[], str]) -> None:
    url = ledger_url()
    filled(tmp_path, url).close()
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, url, str(tmp_path / "later")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ,
        )
        for _ in range(2)
    ]  # fmt: skip
    for one in both:
        assert one.stdout
        assert one.stdout.readline() == "ready\n"
    ends = [one.communicate("go\n", timeout=60) for one in both]
    assert [one.returncode for one in both] == [0, 0], ends
    said = "".join(out for out, _ in ends)
    assert said.count("9000\n") == 2 + said.count("to 9000\n")
    assert said.count("said: ") == 1
    assert rows(url, "SELECT later FROM case_file") == [("yes",)]


def test_two_machines_begin_one_ledger(tmp_path: Path, ledger_url: Callable[[], str]) -> None:
    """The second has made a key of its own meanwhile: it must not write with it."""
    url = ledger_url()
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    slow = unopened(second, url)
    find = slow._find_key

    def meanwhile(create: bool) -> Key:
        open_ledger(first, url=url).close()
        return find(create)

    slow._find_key = meanwhile
    with pytest.raises(LedgerError, match="another key"):
        slow.open(NOW)
    slow.close()
    open_ledger(first, url=url).close()


@pytest.mark.sqlite
def test_without_room_for_the_copy_nothing_is_upgraded(
    tmp_path: Path, newer: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path).close()
    newer()

    def full(_ledger: Path, _draft: Path) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(copies, "_fill", full)
    with pytest.raises(LedgerError, match=r"disk is full.*nothing was done"):
        open_ledger(tmp_path)
    assert rows(f"sqlite:///{tmp_path / 'intake.db'}", "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert not list(tmp_path.glob("*before*"))


@pytest.mark.sqlite
def test_an_upgrade_that_fails_leaves_everything_as_it_was(tmp_path: Path, newer: Callable[[], None]) -> None:
    filled(tmp_path).close()
    newer()
    with (tmp_path / "later" / "9000_later.py").open("a") as file:
        file.write("        op.execute('SELECT nothing FROM nowhere')\n")
    with pytest.raises(LedgerError):
        open_ledger(tmp_path)
    url = f"sqlite:///{tmp_path / 'intake.db'}"
    assert rows(url, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert rows(url, "SELECT count(*) FROM delivery") == [(3,)]


def test_a_program_that_still_runs_writes_no_more(
    tmp_path: Path, ledger_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = filled(tmp_path, ledger_url())
    with monkeypatch.context() as patch:
        install(tmp_path / "later", patch.setattr)
        open_ledger(tmp_path, url=ledger_url()).close()
    with pytest.raises(LedgerError, match="upgraded by a newer intake meanwhile"):
        old.take_lease("mailbox help", "me", NOW, timedelta(minutes=1))
    with pytest.raises(LedgerError, match="upgraded by a newer intake meanwhile"):
        old.set_right(NOW, timedelta(minutes=1), timedelta(minutes=1), timedelta(minutes=1), period="")
    old.close()


@pytest.mark.sqlite
def test_the_copy_goes_with_an_erased_case_and_after_its_time(tmp_path: Path, newer: Callable[[], None]) -> None:
    filled(tmp_path).close()
    newer()
    copy = tmp_path / "intake.db.before-9000"
    ledger = open_ledger(tmp_path)
    made = datetime.fromtimestamp(copy.stat().st_mtime, UTC)
    ledger.drop_old_copies(made + timedelta(days=29))
    assert copy.exists()
    ledger.drop_old_copies(made + timedelta(days=31))
    assert not copy.exists()
    copy.write_bytes(b"as if it were one")
    (code,) = [case.code for case in ledger.cases()]
    ledger.erase(code, "operator", "request", NOW)
    assert not copy.exists()
    assert (tmp_path / "intake.db").exists()
    ledger.close()


@pytest.mark.sqlite
def test_a_copy_while_somebody_writes(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    target = tmp_path / "copy 100%.db"
    target.write_bytes(b"yesterday's")
    with ledger._database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM delivery")
        ledger.copy(target)
    assert rows(f"sqlite:///{target}", "SELECT count(*) FROM delivery") == [(3,)]
    assert rows(f"sqlite:///{target}", "SELECT count(*) FROM case_file") == [(1,)]
    assert target.stat().st_mode & 0o777 == 0o600
    ledger.close()


@pytest.mark.sqlite
def test_a_damaged_ledger_makes_no_backup(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    ledger.close()
    path = tmp_path / "intake.db"
    content = bytearray(path.read_bytes())
    content[8192:] = bytes(len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(LedgerError, match=r"damaged|malformed"):
        copies.copy(path, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_an_original_in_one_piece_is_read_after_the_upgrade(tmp_path: Path, ledger_url: Callable[[], str]) -> None:
    url = ledger_url()
    ledger = filled(tmp_path, url)
    before = Database(url)
    with before.transaction() as connection:  # the form that was published first
        for statement in (
            "DROP TABLE original_part",
            "ALTER TABLE original DROP COLUMN parts",
            *(f"DROP INDEX ix_case_file_{name}" for name in ("opened", "clock_since", "claimed_at", "closed_at")),
            "UPDATE alembic_version SET version_num = '0001'",
        ):
            connection.exec_driver_sql(statement)
    before.close()
    ledger.close()
    ledger = open_ledger(tmp_path, url=url)
    assert ledger.original(1) == b"canary-body"
    assert rows(url, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    ledger.close()
