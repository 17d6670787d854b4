"""The page with plots: whole in itself, to be seen and heard, and with nothing in it that the tables hide."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.compose import plots, transparency
from intake.decide.statistics import Statistics
from unit.test_statistics import case, year

SVG = "{http://www.w3.org/2000/svg}"
SPRING = datetime(2026, 4, 1, 9, tzinfo=UTC)


def figures(*groups: tuple[str, int]) -> Statistics:
    """So many cases of each category, spread over a few months, with a claim after some time."""
    cases, number = [], 0
    for category, count in groups:
        for _ in range(count):
            at = SPRING + timedelta(days=number % 90)
            claimed = at + timedelta(minutes=3 + 37 * number)
            event = "Azure <Day> & more" if number % 2 else ""
            cases.append(case(number, at, category, claimed_at=claimed, event=event))
            number += 1
    return year(cases, acknowledged={one.id: one.opened + timedelta(seconds=40) for one in cases})


BUSY = figures(("report", 31), ("question", 14), ("concern", 2))


def svgs(page: str) -> list[ET.Element]:
    return [ET.fromstring(found) for found in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in {"src", "srcset", "action"} or (name.endswith("href") and not str(value).startswith("#")):
                self.problems.append(f"{tag} {name}={value}")
            if name == "id":
                self.ids.append(str(value))


def test_the_page_is_whole_in_itself() -> None:
    page = plots.page(BUSY, "A <b>group</b>")
    seen = Page()
    seen.feed(page)
    assert seen.problems == []
    assert not {"script", "link", "img", "iframe", "b"} & set(seen.tags)
    assert "default-src 'none'" in page
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    assert '<html lang="en">' in page
    assert len(page.encode()) < 100_000
    assert [name for name in seen.ids if seen.ids.count(name) > 1] == []
    assert re.sub(r'xmlns(:xlink)?="http://www.w3.org/[^"]+"', "", page).count("http") == 1  # of http-equiv


def test_each_plot_has_words_and_a_table() -> None:
    page = plots.page(BUSY, "Group")
    found = svgs(page)
    assert len(found) == 6
    for svg in found:
        assert svg.get("role") == "img"
        first, second = list(svg)[:2]
        assert (first.tag, second.tag) == (f"{SVG}title", f"{SVG}desc")
        assert str(svg.get("aria-labelledby")).split() == [first.get("id"), second.get("id")]
        assert svg.get("width") is None
        assert svg.get("viewBox")
    assert page.count("<table>") == page.count("<caption>") == len(found)
    for heads in re.findall(r"<thead>(.*?)</thead>", page):
        assert heads.count('scope="col"') == heads.count("<th")


def test_colours_follow_the_page_and_words_stay_words() -> None:
    page = plots.page(BUSY, "Group")
    assert not re.search(r"#01020\d", page)
    assert "var(--bar)" in page
    assert "currentColor" in page
    words = {text.text for svg in svgs(page) for text in svg.iter(f"{SVG}text")}
    assert {"report", "question", "concern", transparency.MARK, "Azure <Day> & more"} <= words


def numbers(page: str) -> set[str]:
    drawn = [text.text or "" for svg in svgs(page) for text in svg.iter(f"{SVG}text")]
    return {word for word in drawn if word.isdecimal()}


@settings(max_examples=15, deadline=None)
@given(counts=st.lists(st.integers(0, 9), min_size=3, max_size=3), extra=st.integers(0, 4))
def test_no_plot_shows_a_number_that_the_tables_hide(counts: list[int], extra: int) -> None:
    made = figures(("report", counts[0] + extra), ("question", counts[1]), ("concern", counts[2]))
    page = plots.page(made, "Group")
    shown = {number for row in made.by_month.values() for number in row.values() if number is not None}
    for group in (made.by_event, made.by_language, made.by_outcome):
        shown |= {number for number in group.values() if number is not None}
    assert numbers(page) <= {str(number) for number in shown}
    assert not {"1", "2", "3", "4"} & numbers(page)


def test_what_is_hidden_is_drawn_alike_whatever_it_is() -> None:
    one = replace(BUSY, by_event={"a": 20, "b": None, "c": None}, by_language={"en": 20, "fr": None})
    page = plots.page(one, "Group")
    assert plots.page(replace(one), "Group") == page, "the same figures give the same bytes"
    widths = []
    for svg in svgs(page)[2:3]:
        for path in svg.iter(f"{SVG}path"):
            if "url(#" in f"{path.get('style')}":
                across = [float(x) for x in re.findall(r"[ML] ([\d.]+) [\d.]+", str(path.get("d")))]
                widths.append(round(max(across) - min(across), 3))
    assert len(widths) == 2
    assert all(left == right for left, right in pairwise(widths))


@pytest.mark.parametrize("count", [0, 3])
def test_with_few_reports_there_is_no_plot(count: int) -> None:
    page = plots.page(figures(("report", count)), "Group")
    assert "<svg" not in page
    assert ("No report came in." in page) == (count == 0)
    assert ("fewer than 5" in page.partition("<footer>")[0]) == (count == 3)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(plots.MissingLibraryError, match=r"pip install .conduct-intake\[plots\]"):
        plots.page(BUSY, "Group")
    assert transparency.text(BUSY, "Group")
    assert transparency.markdown(BUSY, "Group")
