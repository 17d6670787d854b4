"""No pattern that we ship takes more than its fair time on a text that was made to hold it up."""

from __future__ import annotations

import pkgutil
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest
from hostile.pumping import seconds, texts

import intake

SMALL, TIMES = 1000, 8
TOO_MUCH = 30  # times as long for a text eight times as long: linear is 8, quadratic is 64
NOTHING = 0.004  # seconds that are not worth a second look
LOOKS = ("search", "match", "fullmatch", "finditer", "findall", "sub", "split")

# Slow in principle, and never given more than a short text: what keeps it short.
SHORT = {
    "compose.lint._EXPRESSION": "a line of a template that the operator has written",
    "decide.recuse._HANDLE": "a name of an organizer, from the configuration",
    "deliver.replies._ADDRESS": "five times LONGEST of a server's reply",
}


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(intake.__path__, "intake."):
        if "migrations" not in found.name and not found.name.endswith("__main__"):
            yield import_module(found.name)


def patterns(value: object, depth: int = 0) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 4 and isinstance(value, dict):
        for one in (*value.keys(), *value.values()):
            yield from patterns(one, depth + 1)
    elif depth < 4 and isinstance(value, (list, tuple, set, frozenset)):
        for one in value:
            yield from patterns(one, depth + 1)


def shipped() -> dict[str, tuple[re.Pattern[Any], tuple[str, ...]]]:
    """Every pattern of ours by its name, with the ways in which its own module looks with it."""
    found: dict[str, tuple[re.Pattern[Any], tuple[str, ...]]] = {}
    for module in modules():
        source = Path(str(module.__file__)).read_text("utf-8")
        for name, value in vars(module).items():
            for number, pattern in enumerate(patterns(value)):
                if not re.search(rf"^{re.escape(name)}\b.*=", source, re.MULTILINE):
                    continue  # another module's, imported
                ways = tuple(look for look in LOOKS if re.search(rf"\b{re.escape(name)}\.{look}\(", source))
                where = f"{module.__name__.removeprefix('intake.')}.{name}" + (f"[{number}]" if number else "")
                found[where] = pattern, ways or ("search",)
    return found


PATTERNS = shipped()


@contextmanager
def at_most(limit: int) -> Iterator[None]:
    """A pattern that needs for ever ends all the same: ``re`` looks for signals while it works."""

    def over(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"no end after {limit} s")

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, limit)  # of CPU, not of a clock on a busy machine
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def slow(pattern: re.Pattern[Any], ways: tuple[str, ...]) -> list[tuple[str, str, str, float]]:
    """The texts on which the time grows faster than it should, tried again before they are believed."""
    found = []
    for way in ways:
        for head, pump in texts(pattern):
            for _ in range(3):
                long = seconds(pattern, way, head, pump, SMALL * TIMES)
                if long < NOTHING or long < TOO_MUCH * seconds(pattern, way, head, pump, SMALL):
                    break
            else:
                found.append((way, head, pump, long))
                break
    return found


def test_the_patterns_are_found() -> None:
    assert len(PATTERNS) > 70
    assert {name for name in SHORT if name not in PATTERNS} == set()


@pytest.mark.parametrize("name", PATTERNS)
def test_no_text_holds_a_pattern_up(name: str) -> None:
    pattern, ways = PATTERNS[name]
    with at_most(60):
        found = slow(pattern, ways)
    assert bool(found) is (name in SHORT), found


@pytest.mark.parametrize("source", [r"[.!?;]+\s|\n\s*\n", r"(\w+\s?)+$", r"a*b?a*c", r"<[^>]*>[^<]*x"])
def test_a_pattern_that_can_be_held_up_is_seen(source: str) -> None:
    try:
        with at_most(5):
            found = slow(re.compile(source), ("search",))
    except TimeoutError:
        return
    assert found
