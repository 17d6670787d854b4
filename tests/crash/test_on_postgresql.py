"""The process ends at boundaries of a pass with its ledger on PostgreSQL: a few each time, all with ``INTAKE_KILLS=0``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from crash.lives import QuickWorld, check, rest
from crash.test_every_boundary import SERVERS, come_in
from servers.databases import ON_POSTGRESQL
from unit.homes import OnServer

EVERY = os.environ.get("INTAKE_KILLS") == "0"
APART = 1 if EVERY else 6 if ON_POSTGRESQL else 50


@pytest.fixture
def world(tmp_path: Path, postgres: str) -> Iterator[QuickWorld]:
    made = QuickWorld(home=OnServer(postgres, tmp_path))
    yield made
    made.remove()


@pytest.mark.parametrize("servers", SERVERS)
def test_an_end_loses_nothing_and_repeats_nothing(
    world: QuickWorld, servers: Callable[[QuickWorld], None], tell: Callable[[str], None]
) -> None:
    servers(world)
    come_in(world)
    world.run()
    boundaries = len(world.passed)
    points = range(APART // 2, boundaries, APART)
    for point in points:
        world.begin_again()
        servers(world)
        delivered = come_in(world)
        assert world.run(die_at=point) is None
        rest(world)
        check(world, delivered)
    tell(f"on PostgreSQL: {servers.__name__}: ended at {len(points)} of {boundaries} boundaries")
