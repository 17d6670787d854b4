"""Worlds for the tests of privacy: embedded servers, and a real Dovecot with a real Postfix."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from servers.world import World, addresses, servers_of, world

NUMBERS = itertools.count(1)


@pytest.fixture(params=["embedded", "postfix"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """A new community, on each pair of servers in turn."""
    imap, smtp = servers_of(request.param, request.getfixturevalue)
    return world(imap, smtp, tmp_path, addresses(f"p{next(NUMBERS)}-"))


@pytest.fixture
def embedded(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """A new community on the embedded servers, for what does not depend on the server."""
    imap, smtp = servers_of("embedded", request.getfixturevalue)
    return world(imap, smtp, tmp_path, addresses(f"p{next(NUMBERS)}-"))
