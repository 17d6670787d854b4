"""Texts that a pattern could choke on, made out of the pattern itself: what each of its repeats accepts, many times over."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from itertools import pairwise
from re import _constants as kinds  # type: ignore[attr-defined]  # the only way to what a pattern was understood as
from re import _parser as parser  # type: ignore[attr-defined]  # the same
from typing import Any

REPEATS = {kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT}
OFTEN = 8  # a repeat that ends before costs nothing
MOST_HEADS, MOST_PUMPS = 6, 24


def _all(nodes: Any) -> str:
    """A short text that a pattern accepts, as near as that can be said cheaply."""
    return "".join(_one(kind, about) for kind, about in nodes)


def _one(kind: Any, about: Any) -> str:
    if kind in REPEATS:
        return _all(about[2]) * int(max(about[0], 1))
    if kind in {kinds.SUBPATTERN, kinds.BRANCH}:
        return _all(_inside(kind, about)[0])
    if kind is kinds.LITERAL:
        return chr(about)
    if kind is kinds.NOT_LITERAL:
        return "b" if about == ord("a") else "a"
    # Anchors, assertions and references take no room.
    if kind is kinds.IN:
        return _member(about)
    return "x" if kind is kinds.ANY else ""


def _member(choices: Any) -> str:
    kind, about = choices[0]
    if kind is kinds.LITERAL:
        return chr(about)
    if kind is kinds.RANGE:
        return chr(about[0])
    if kind is kinds.CATEGORY:
        return {kinds.CATEGORY_DIGIT: "1", kinds.CATEGORY_SPACE: " ", kinds.CATEGORY_WORD: "a"}.get(about, "-")
    taken = {about for kind, about in choices if kind is kinds.LITERAL}
    return next(letter for letter in "a-x.1 \n" if ord(letter) not in taken)


def _inside(kind: Any, about: Any) -> list[Any]:
    if kind in REPEATS:
        return [about[2]]
    if kind is kinds.SUBPATTERN:
        return [about[3]]
    if kind is kinds.BRANCH:
        return list(about[1])
    if kind in {kinds.ASSERT, kinds.ASSERT_NOT}:
        return [about[1]]
    return []


def _repeated(nodes: Any) -> Iterator[str]:
    """What can be repeated often, anywhere in a pattern."""
    for kind, about in nodes:
        if kind in REPEATS and about[1] > OFTEN:
            yield _all(about[2])
            if kind is not kinds.POSSESSIVE_REPEAT and len(about[2]) == 1 and about[2][0][0] is kinds.IN:
                yield from (chr(one) for what, one in about[2][0][1] if what is kinds.LITERAL)
        for inner in _inside(kind, about):
            yield from _repeated(inner)


def _beginnings(nodes: Any) -> Iterator[str]:
    """A text up to, and with, each of the first parts, for each branch."""
    listed = list(nodes)
    for kind, about in listed[:1]:
        for inner in _inside(kind, about):
            yield from _beginnings(inner)
    for end in range(1, min(len(listed), 5) + 1):
        yield _all(listed[:end])


def texts(pattern: re.Pattern[Any]) -> list[tuple[str, str]]:
    """Beginnings, each with a piece to be repeated after it."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    nodes = parser.parse(source, pattern.flags)
    heads = list(dict.fromkeys(["", *_beginnings(nodes)]))
    single = [one for one in dict.fromkeys(_repeated(nodes)) if one]
    pumps = [*single, *(a + b for a, b in pairwise(single)), *(head for head in heads if head)]
    return [(head, pump) for pump in list(dict.fromkeys(pumps))[:MOST_PUMPS] for head in heads[:MOST_HEADS]]


def seconds(pattern: re.Pattern[Any], method: str, head: str, pump: str, size: int) -> float:
    """CPU seconds of one look at a text of that size, which nearly fits."""
    text = (head + pump * (size // len(pump)))[:size] + "\x01"
    given: Any = text if isinstance(pattern.pattern, str) else text.encode("latin-1", "replace")
    ask = pattern.finditer if method in {"sub", "split", "findall", "finditer"} else getattr(pattern, method)
    began = time.thread_time()
    found = ask(given)
    if ask == pattern.finditer:
        for _ in found:
            pass
    return time.thread_time() - began
