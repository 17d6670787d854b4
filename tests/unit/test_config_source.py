"""The line of every key: checked against what the standard library reads from the same text."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.config.source import Keys, locate, named


def paths(value: Any, above: Keys = ()) -> Iterator[Keys]:
    if above:
        yield above
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths(item, (*above, key))


TEXT = '''# [not] = "a table"
top = 1  # = [ "
"quoted key" = "a # b"
'literal "key"'.sub = 'C:\\dir'
"esc\\"aped\\u00e9" = 3

[table]
dotted . "x.y" . z = 1979-05-27 07:32:00
several = """
[no.table]
key = "no \\"\\"\\" key"
end""""
raw = \'\'\'
it''s ] }
\'\'\'
list = [
  "one", # two
  [ 3, { four = "}", five = ["]"] } ],
  [],
]
inline = { a = 1, b.c = "2,", d = {} }
empty = ""
[[rows]]
name = "first"
[rows.below]
x = 1
[[rows]]
[[rows.inner]]
y = 1
[[rows.inner]]
y = 2
[rows.inner.deep]
z = true
'''


def test_every_key_has_a_line() -> None:
    lines = locate(TEXT)
    assert set(paths(tomllib.loads(TEXT))) == set(lines)
    expected: dict[Keys, int] = {
        ("top",): 2,
        ("quoted key",): 3,
        ('literal "key"', "sub"): 4,
        ('esc"apedé',): 5,
        ("table",): 7,
        ("table", "dotted", "x.y", "z"): 8,
        ("table", "several"): 9,
        ("table", "raw"): 13,
        ("table", "list", 1): 18,
        ("table", "list", 1, 1, "five", 0): 18,
        ("table", "list", 2): 19,
        ("table", "inline", "b", "c"): 21,
        ("rows", 0, "below", "x"): 26,
        ("rows", 1, "inner", 1, "y"): 31,
        ("rows", 1, "inner", 1, "deep", "z"): 33,
    }
    assert {keys: lines[keys] for keys in expected} == expected


def test_line_ends_of_windows() -> None:
    text = TEXT.replace("\n", "\r\n")
    assert locate(text) == locate(TEXT)


_KEYS = st.sampled_from(["a", "b-c", '"x y"', "'q.r'", "é".join('""'), "7"])
_SCALARS = st.sampled_from(
    [
        "1",
        "1.5",
        "true",
        '"s"',
        '"#"',
        "'['",
        '"""\nm\n"""',
        "'''a\n\n'b'''",
        "2026-04-18T08:30:00",
        "1979-05-27 07:32:00",
        '"\\""',
    ]
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[\n" + ", # x ]\n".join(items) + "\n]"),
        st.lists(inner.filter(lambda v: "\n" not in v), max_size=2).map(
            lambda items: "{ " + ", ".join(f"k{n} = {item}" for n, item in enumerate(items)) + " }"
        ),
    ),
    max_leaves=6,
)
_LINES = st.one_of(
    st.tuples(st.lists(_KEYS, min_size=1, max_size=2), _VALUES).map(lambda pair: f"{' . '.join(pair[0])} = {pair[1]}"),
    st.lists(_KEYS, min_size=1, max_size=2).map(lambda keys: f"[{'.'.join(keys)}]"),
    st.lists(_KEYS, min_size=1, max_size=2).map(lambda keys: f"[[ {'.'.join(keys)} ]] # c"),
    st.just("# [x]"),
    st.just(""),
)


@given(st.lists(_LINES, max_size=8))
def test_any_valid_text_is_walked_to_its_end(lines: list[str]) -> None:
    kept: list[str] = []
    for line in lines:  # what would make the text invalid is left out, so that long valid texts come about
        try:
            tomllib.loads("\n".join([*kept, line]))
        except tomllib.TOMLDecodeError:
            continue
        kept.append(line)
    text = "\n".join(kept)
    found = locate(text)
    assert set(found) == set(paths(tomllib.loads(text)))
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())


@pytest.mark.parametrize(
    ("keys", "text"),
    [((), ""), (("a", "b"), "a.b"), (("mailbox", 0, "host"), "mailbox[1].host"), (("a", 1, 2), "a[2][3]")],
)
def test_names_of_places(keys: Keys, text: str) -> None:
    assert named(keys) == text
