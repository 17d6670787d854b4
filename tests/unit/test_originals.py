"""Originals stand sealed in the ledger, large ones in parts, and none of them can be left out or exchanged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from intake.errors import LedgerError
from intake.ledger.engine import Database
from intake.ledger.originals import PART
from unit.ledgers import NOW, arrival, open_ledger, to_everyone


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART, 3 * PART + 7])
def test_an_original_comes_back_as_it_was(tmp_path: Path, ledger_url: Callable[[], str], size: int) -> None:
    body = bytes(n * n % 251 for n in range(997)) * (size // 997 + 1)
    ledger = open_ledger(tmp_path, url=ledger_url())
    ledger.accept([arrival(1, body=body[:size]), arrival(2, body=b"another")], to_everyone, NOW)
    assert ledger.original(1) == body[:size]
    assert ledger.originals([1, 2, 3]) == {1: body[:size], 2: b"another"}
    ledger.close()


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE original_part SET part = 3 - part",
        "UPDATE original_part SET sealed = (SELECT sealed FROM original) WHERE part = 2",
        "UPDATE original SET parts = 1",
        "UPDATE original SET parts = 0",
    ],
)
def test_parts_that_were_exchanged_or_left_out_are_noticed(
    tmp_path: Path, ledger_url: Callable[[], str], harm: str
) -> None:
    url = ledger_url()
    ledger = open_ledger(tmp_path, url=url)
    ledger.accept([arrival(1, body=b"ab" * PART + b"c")], to_everyone, NOW)
    database = Database(url)
    with database.transaction() as connection:
        if "3 - part" in harm:  # PostgreSQL looks at each row by itself
            connection.execute(text("UPDATE original_part SET part = part + 10"))
            harm = harm.replace("3 - part", "13 - part")
        connection.execute(text(harm))
    database.close()
    with pytest.raises(LedgerError, match="can't be opened"):
        ledger.original(1)
    ledger.close()


def test_every_part_goes_with_its_original(tmp_path: Path, ledger_url: Callable[[], str]) -> None:
    url = ledger_url()
    ledger = open_ledger(tmp_path, url=url)
    ledger.accept([arrival(1, body=b"ab" * PART)], to_everyone, NOW)
    database = Database(url)
    with database.transaction() as connection:
        connection.execute(text("UPDATE delivery SET state = 'sent'"))
    ledger.tidy()
    with database.reading() as connection:
        left = [
            connection.execute(text(f"SELECT count(*) FROM {one}")).scalar() for one in ("original", "original_part")
        ]
    assert left == [0, 0]
    assert ledger.original(1) is None
    database.close()
    ledger.close()
