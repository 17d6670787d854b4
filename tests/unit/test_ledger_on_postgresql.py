"""What a PostgreSQL of other people does to a ledger: a pooler before it, its settings, a failover, no room."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from servers.databases import command, drop_database, new_database
from servers.pooler import SESSIONS, Pooler
from sqlalchemy import URL

from intake.errors import LedgerError
from intake.ledger.engine import ConflictError, Database

from .ledgers import NOW, arrival, open_ledger, to_everyone

PATIENCE = 60.0  # seconds until a test that hangs fails


@pytest.fixture
def server(postgres: str) -> Iterator[URL]:
    """An empty database of its own."""
    made = new_database(postgres)
    yield made
    drop_database(made)


@pytest.fixture
def database(server: URL) -> Iterator[Database]:
    """The same as the ledger has it."""
    made = Database(server.render_as_string(hide_password=False))
    with made.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE word (number integer)")
    yield made
    made.close()


def test_through_a_pooler_every_statement_is_its_own(tmp_path: Path, server: URL) -> None:
    """A pooler gives a session to each transaction: a statement that was prepared in one is unknown in the next.

    Or it is another one, of another client, under the same name: then something else is done than was asked for.
    """
    mails = 8  # more than it takes until a statement is prepared
    with Pooler(server) as pooler:
        open_ledger(tmp_path, url=pooler.url).close()
        together = Barrier(SESSIONS)

        def work(number: int) -> int:
            ledger = open_ledger(tmp_path, url=pooler.url)
            folder = f"folder {number}"
            ledger.begin("help", folder, 1, 1, NOW)
            for uid in range(1, mails + 1):
                name = f"{number}.{uid}"
                given = arrival(uid, folder=folder, body=name.encode(), message_id=f"<{name}@people.example>")
                together.wait(PATIENCE)
                ledger.accept([given], to_everyone, NOW)
            read_on = ledger.cursor("help", folder)
            ledger.close()
            return read_on.next_uid if read_on else 0

        with ThreadPoolExecutor(SESSIONS) as pool:
            assert list(pool.map(work, range(SESSIONS))) == [mails + 1] * SESSIONS
        ledger = open_ledger(tmp_path, url=pooler.url)
        assert len(ledger.cases()) == SESSIONS * mails
        assert ledger.verify_log().problems == ()
        ledger.close()


def test_through_a_pooler_limits_hold_in_each_transaction_and_stay_in_none(server: URL) -> None:
    with Pooler(server) as pooler:
        database = Database(pooler.url)
        for _ in range(SESSIONS + 1):
            with database.transaction() as connection:
                assert connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar() == "40s"
                assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "20s"
                connection.exec_driver_sql("COMMIT")
                assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "0", "other people's sessions too"
        database.close()


def test_a_server_that_has_become_a_replica_is_left(database: Database) -> None:
    """It need not close its connections, and answers to whoever only asks whether it is there."""
    with database.transaction() as connection:
        connection.exec_driver_sql("SET default_transaction_read_only = on")  # of this session alone
    with pytest.raises(LedgerError, match=r"takes no writes; whichever does is looked for at the next step$"):
        write(database)
    write(database)


def write(database: Database, *more: str) -> None:
    with database.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO word VALUES (1)")
        for statement in more:
            connection.exec_driver_sql(statement)


@pytest.mark.parametrize("level", ["serializable", "repeatable read"])
def test_decisions_see_what_others_have_committed_whatever_the_database_has_for_others(
    database: Database, server: URL, level: str
) -> None:
    command(server, f"ALTER DATABASE {server.database} SET default_transaction_isolation = '{level}'")
    database.close()
    with database.transaction() as first:
        assert first.exec_driver_sql("SELECT count(*) FROM word").scalar() == 0
        write(database)
        assert first.exec_driver_sql("SELECT count(*) FROM word").scalar() == 1


def test_who_was_overtaken_may_decide_anew(database: Database) -> None:
    write(database)

    def overtaken() -> None:
        with database.transaction() as first:
            first.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            first.exec_driver_sql("SELECT * FROM word")
            write(database, "UPDATE word SET number = 2")
            first.exec_driver_sql("UPDATE word SET number = 3")

    with pytest.raises(ConflictError):
        overtaken()


def test_no_room_is_told_in_one_line_with_what_to_do(database: Database, server: URL) -> None:
    command(server, f"ALTER DATABASE {server.database} CONNECTION LIMIT 0")
    role = f"guest_of_{server.database}"
    command(server, f"CREATE ROLE {role} LOGIN")
    with pytest.raises(LedgerError, match=f"{role}.*/{server.database}.*no connection left; .* max_connections there$"):
        Database(server.set(username=role).render_as_string()).version()
    command(server, f"DROP ROLE {role}")
    full = "RAISE EXCEPTION 'could not extend file \"base/1/2\": No space left on device' USING ERRCODE = '53100'"
    with pytest.raises(LedgerError, match="its server's disk is full; free some space there, nothing is lost"):
        write(database, f"DO $$ BEGIN {full}; END $$")
    write(database)
