"""Servers as fixtures: one of each kind for the whole session; tests take a fresh user each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import Courier, Cyrus, Dovecot, ImapServer, Pymap

# A fixture, and the group of tests that its absence leaves out.
GROUPS = {
    "dovecot": "dovecot",
    "dovecot_inbox": "dovecot",
    "dovecot_bare": "dovecot",
    "cyrus": "cyrus",
    "courier": "courier",
}


def pytest_configure(config: pytest.Config) -> None:
    """Name the groups that are not named in the project's settings."""
    for group in ("cyrus", "courier"):
        config.addinivalue_line("markers", f"{group}: needs root, and apt once, to unpack {group.title()}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test by the server that it asks for, so that a machine without it can leave the group out."""
    for item in items:
        asked = {*getattr(item, "fixturenames", ())}
        callspec = getattr(item, "callspec", None)
        asked.add(str(callspec.params.get("server", "")) if callspec else "")
        for group in {GROUPS.get(name, "") for name in asked} - {""}:
            item.add_marker(getattr(pytest.mark, group))


@pytest.fixture(params=["pymap_server", "dovecot", "dovecot_inbox", "cyrus", "courier"])
def server(request: pytest.FixtureRequest) -> ImapServer:
    """Each kind of server in turn."""
    found: ImapServer = request.getfixturevalue(request.param)
    return found


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


# What a server offers once somebody has logged in, without MOVE.
WITHOUT_MOVE = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE NAMESPACE UIDPLUS CHILDREN UNSELECT LITERAL+"


@pytest.fixture(scope="session")
def dovecot_inbox() -> Iterator[Dovecot]:
    """A Dovecot that keeps everything below ``INBOX.`` and has no MOVE, as Courier does."""
    with Dovecot(prefix="INBOX.", separator=".", extra=f"imap_capability = {WITHOUT_MOVE}") as server:
        yield server


@pytest.fixture(scope="session")
def dovecot_bare() -> Iterator[Dovecot]:
    """A Dovecot that tells of neither MOVE nor UIDPLUS nor NAMESPACE."""
    with Dovecot(prefix="INBOX.", separator=".", extra="imap_capability = IMAP4rev1 LITERAL+") as server:
        yield server


@pytest.fixture(scope="session")
def cyrus() -> Iterator[Cyrus]:
    """A running Cyrus."""
    with Cyrus() as server:
        yield server


@pytest.fixture(scope="session")
def courier() -> Iterator[Courier]:
    """A running Courier."""
    with Courier() as server:
        yield server
