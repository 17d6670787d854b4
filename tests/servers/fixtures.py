"""Servers as fixtures: one of each kind for the whole session; tests take a fresh user each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import Dovecot, Pymap


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test by the server that it asks for, so that a machine without it can leave the group out."""
    for item in items:
        if "dovecot" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.dovecot)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """A running Dovecot."""
    with Dovecot() as server:
        yield server


@pytest.fixture(scope="session")
def pymap_server() -> Iterator[Pymap]:
    """A running pymap."""
    with Pymap() as server:
        yield server
