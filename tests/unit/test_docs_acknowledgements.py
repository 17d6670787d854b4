"""The page about the automatic answer lists exactly the reasons, fields, limits and words that the program has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import intake
from intake.compose.acknowledgement import VARIANTS
from intake.config.models import AcknowledgementConfig
from intake.decide import authenticate, machines
from intake.model import DRILL

PACKAGE = Path(intake.__file__).parent
PAGE = (Path(__file__).parents[2] / "docs" / "acknowledgements.md").read_text("utf-8")
REASON = re.compile(r"[a-z-]+:[a-z-]*|person")


def section(heading: str) -> str:
    return PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def first_column(text: str) -> set[str]:
    return set(re.findall(r"^\| `([^`]+)`", text, re.MULTILINE))


def code(*modules: str) -> list[ast.AST]:
    return [
        node for name in modules for node in ast.walk(ast.parse((PACKAGE / f"decide/{name}.py").read_text("utf-8")))
    ]


def texts(node: ast.AST) -> set[str]:
    """The reasons in a piece of code; those that end in a name have ``…`` in its place."""
    found: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.JoinedStr) and (
            begins := re.fullmatch("[a-z-]+:", str(getattr(one.values[0], "value", "")))
        ):
            found.add(f"{begins[0]}…")
        elif isinstance(one, ast.Constant) and isinstance(one.value, str) and REASON.fullmatch(one.value):
            found.add(one.value)
    return {one for one in found if one == "person" or not one.endswith(":")}


def reasons() -> set[str]:
    """What ``sender`` may give: every text of that form in its two modules, but not words that are looked for."""
    names = {"auto:", "auto-submitted:other"}  # a subject's beginning; one of the values of auto-submitted:…
    return {one for node in code("automatic", "machines") for one in texts(node)} - names


def withheld() -> set[str]:
    """Why a person gets no answer: what the plan gives beside None, in ``acknowledge_reason``, and for a cap."""
    found = {DRILL}
    for node in code("plan", "team"):
        values: list[ast.AST] = []
        if isinstance(node, ast.keyword) and node.arg == "acknowledge_reason":
            values = [node.value]
        elif isinstance(node, ast.Tuple) and node.elts and getattr(node.elts[0], "value", "") is None:
            values = [*node.elts[1:2]]
        elif isinstance(node, ast.FunctionDef) and node.name in {"_cap", "_quarantine"}:
            values = [node]
        for value in values:
            found |= {
                one.value
                for one in ast.walk(value)
                if isinstance(one, ast.Constant) and isinstance(one.value, str) and re.fullmatch("[a-z-]+", one.value)
            }
    return found


def test_every_reason_is_explained_and_none_that_is_gone() -> None:
    listed = first_column(section("Who gets one"))
    assert len(listed) > 35
    assert listed == reasons()


def test_every_reason_for_silence_to_a_person_is_explained() -> None:
    listed = first_column(section("When a person gets none"))
    assert listed == withheld()


@pytest.mark.parametrize(
    ("family", "fields"), [("header:", machines._AUTOMATIC_FIELDS), ("list:", machines._LIST_FIELDS)]
)
def test_the_fields_of_a_family_are_all_named(family: str, fields: set[str]) -> None:
    (named,) = re.findall(rf"^Fields that give `{family}` and their name: (.+?)\.\n\n", PAGE, re.MULTILINE | re.DOTALL)
    assert re.findall(r"`([a-z-]+)`", named) == sorted(fields)


def test_the_doubts_about_an_author_are_all_named() -> None:
    (row,) = re.findall(r"^\| `author:…` .*$", PAGE, re.MULTILINE)
    assert re.findall(r"`([a-z-]+)`", row) == list(authenticate.DOUBTFUL)


def test_limits_and_words_are_the_programs() -> None:
    usual = AcknowledgementConfig()
    for name in ("per_sender_per_day", "per_domain_per_day", "per_day"):
        assert f"`{name} = {getattr(usual, name)}`" in section("How many")
    assert f'`after_fan_out_within = "{usual.after_fan_out_within.total_seconds() / 60:g}m"`' in PAGE
    assert set(
        re.findall(r"`([a-z]+)`", "".join(re.findall(r"^\|([^|]+)\|", section("What it says"), re.MULTILINE)))
    ) == {*VARIANTS}


def test_the_measured_kinds_add_up() -> None:
    rows = [
        [int(cell) for cell in row.split("|")[2:-1]] for row in re.findall(r"^\| [a-z ]+\| \d.*$", PAGE, re.MULTILINE)
    ]
    assert len(rows) == 6
    assert all(row[0] == sum(row[1:3]) + sum(row[4:]) for row in rows)
    assert sum(row[0] for row in rows) == 456
