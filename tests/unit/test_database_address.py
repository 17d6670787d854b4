"""Addresses of a ledger in PostgreSQL: of one server, and of one with its replicas."""

from __future__ import annotations

from typing import Any

import pytest

from intake.errors import LedgerError
from intake.ledger.engine import Database


@pytest.mark.parametrize(
    ("address", "hosts", "ports", "more"),
    [
        ("postgresql://u:p%40@db/name", "db", None, {"password": "p@"}),
        ("postgresql://u@db:5433/name", "db", 5433, {}),
        ("postgresql://u@one:5432,two:5433/name", "one,two", "5432,5433", {"user": "u", "dbname": "name"}),
        ("postgresql://one,two:5433/name", "one,two", ",5433", {}),
        ("postgresql://u:p@one,two/name?target_session_attrs=read-write", "one,two", ",",
         {"target_session_attrs": "read-write", "password": "p"}),
        ("postgresql+psycopg://u@10.0.0.1:5432,[fd00::1]:5433/name", "10.0.0.1,fd00::1", "5432,5433", {}),
        ("postgresql://u@/name?host=one,two&port=5432,5433", "one,two", "5432,5433", {}),
    ],
)  # fmt: skip
def test_hosts_and_ports_reach_libpq(address: str, hosts: str, ports: object, more: dict[str, str]) -> None:
    database: Any = Database(address)
    engine = database._engine
    _, given = engine.dialect.create_connect_args(engine.url)
    assert (given["host"], given.get("port")) == (hosts, ports)
    assert more.items() <= given.items()


@pytest.mark.parametrize("hosts", ["db:many", "one:5432,two:many", "one,,two", "one,[fd00::1", "one:1:2,two"])
def test_what_is_no_address_is_an_error_in_one_line(hosts: str) -> None:
    with pytest.raises(LedgerError, match=r"\[ledger\] url is not a database address"):
        Database(f"postgresql://u:secret@{hosts}/name")
