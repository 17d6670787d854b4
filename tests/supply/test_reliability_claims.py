"""Each failure that docs/reliability.md names has tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "reliability.md").read_text("utf-8")
ROWS = re.findall(r"^\| (.+?) \| (`tests/.+?::.+?) \|$", TEXT, re.MULTILINE)
NAMED = sorted({pair for _, tests in ROWS for pair in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", tests)})


def test_there_is_a_table() -> None:
    assert len(ROWS) >= 28
    assert len(NAMED) >= 70


@pytest.mark.parametrize("failure", ROWS, ids=lambda row: row[0][:40])
def test_each_failure_names_tests_and_nothing_else(failure: tuple[str, str]) -> None:
    assert re.fullmatch(r"(`tests/[\w/]+\.py::\w+`(, )?)+", failure[1])


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_is_there(file: str, name: str) -> None:
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE)
