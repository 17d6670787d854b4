"""Blocks of a letter that differ only in the case's code are converted once, and nobody can see that."""

from __future__ import annotations

import pytest

from intake.compose.markdown import Markdown
from intake.edge import Chance

CODES = [f"{prefix}-{Chance().letters(6)}" for prefix in ("CASE", "AZUG", "X", "PYCON2027") for _ in range(3)]
SOURCES = (
    "Your code is **{code}**. It is not a password.",
    "- first\n- your code: {code}.\n- {code}",
    "> {code}\n\n# {code}\n\n1. one\n2. {code}{code}",
    "[write](mailto:us@example.org?subject={code}) or `{code}`, not X{code}X",
    "A code looks like XXXX-XXXXXX; yours is {code}",
    "{code} " + "and a line that is folded, " * 6 + "behind {code} " + "or before " * 9,
)


@pytest.mark.parametrize("source", SOURCES)
def test_a_letter_says_the_same_as_if_it_were_the_first_one(source: str) -> None:
    kept = Markdown()
    for code in CODES:
        written = source.replace("{code}", code.replace("-", "\\-"))
        assert kept.convert(written, code) == Markdown().convert(written)


def test_a_letter_about_another_case_needs_no_conversion() -> None:
    markdown = Markdown()
    for code in CODES[:3]:
        markdown.convert(
            "Welcome.\n\n- Your code is **{code}**.\n- Keep it.".replace("{code}", code.replace("-", "\\-")), code
        )
    assert len(markdown.blocks) == 3
