"""Each claim of the threat model names a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / "security.md").read_text("utf-8"))))


def test_the_threat_model_names_tests() -> None:
    assert len(NAMED) > 40


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_is_there(file: str, name: str) -> None:
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE)


def test_each_claim_names_one() -> None:
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    claims = re.findall(r"^- \*(?!\*)(.+?)(?=^- \*|^\*\*|^#|^[A-Z]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(claims) > 25
    assert [claim[:60] for claim in claims if "::test_" not in claim] == []
