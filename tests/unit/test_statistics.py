"""What is published: right sums, small numbers hidden, and no way back to them from what is shown."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from intake.decide.statistics import ERASED, TOTAL, Erased, Statistics, statistics
from intake.decide.suppress import LEAST, OUTSIDE, Count, protect
from intake.model import DRILL, Case, CaseState, Urgency

ZONE = ZoneInfo("Europe/Brussels")


def case(number: int, opened: datetime, category: str = "report", **more: object) -> Case:
    made = Case(
        id=number, code=f"X-{number}", category=category, rule="r", urgency=Urgency.NORMAL, urgency_reasons=(),
        language="en", event="", authentication="none", state=CaseState.NEW, opened=opened, claimed_by=None,
        claimed_at=None, first_human_reply=None, closed_at=None, mails=1,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def year(
    cases: list[Case], erased: list[Erased] | None = None, acknowledged: dict[int, datetime] | None = None
) -> Statistics:
    return statistics(cases, acknowledged or {}, erased or [], date(2026, 1, 1), date(2026, 12, 31), ZONE)


# --- no way back ---------------------------------------------------------------------------------


Cell = tuple[int, int]


def ways(cells: list[int | None], total: int) -> Iterator[tuple[int, ...]]:
    """Every way to fill in what is None, so that all of it comes to ``total``."""
    if not cells:
        if total == 0:
            yield ()
        return
    for first in range(total + 1) if cells[0] is None else (cells[0],):
        if first <= total:
            for rest in ways(cells[1:], total - first):
                yield (first, *rest)


def with_sums(inner: dict[Cell, int], rows: int, columns: int) -> dict[Cell, int]:
    """A table with its sums; index ``rows`` or ``columns`` is one."""
    table = dict(inner)
    for r in range(rows):
        table[r, columns] = sum(table[r, c] for c in range(columns))
    for c in range(columns + 1):
        table[rows, c] = sum(table[r, c] for r in range(rows))
    return table


def counts_of(table: dict[Cell, int], rows: int, columns: int) -> dict[Hashable, Count]:
    return {
        (r, c): Count(value, (("row", r), ("column", c)), -1 if (r == rows) != (c == columns) else 1)
        for (r, c), value in table.items()
    }


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 2), st.integers(1, 3), st.data())
def test_a_hidden_small_number_might_as_well_not_be_small(rows: int, columns: int, data: st.DataObject) -> None:
    inner = {(r, c): data.draw(st.integers(0, 7)) for r in range(rows) for c in range(columns)}
    table = with_sums(inner, rows, columns)
    total = table[rows, columns]
    assume(LEAST <= total <= 14)
    hidden = protect(counts_of(table, rows, columns), [(rows, columns)])
    small = {cell for cell, value in table.items() if 0 < value < LEAST}
    assert small <= hidden
    shown = {cell: value for cell, value in table.items() if cell not in hidden}
    possible: dict[Cell, set[int]] = {cell: set() for cell in table}
    for values in ways([shown.get(cell) for cell in inner], total):
        other = with_sums(dict(zip(inner, values, strict=True)), rows, columns)
        if all(other[cell] == value for cell, value in shown.items()):
            for cell, value in other.items():
                possible[cell].add(value)
    for cell in small:
        assert max(possible[cell]) >= LEAST


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 12), min_size=1))
def test_the_same_for_a_list(groups: dict[str, int]) -> None:
    total = sum(groups.values())
    if 0 < total < LEAST:
        return
    hidden = protect({name: Count(value, ("sum", OUTSIDE)) for name, value in groups.items()})
    rest = total - sum(value for name, value in groups.items() if name not in hidden)
    for name, value in groups.items():
        if 0 < value < LEAST:
            assert name in hidden
            assert rest >= LEAST  # any one of them could be all of it
            assert len(hidden) > 1


@pytest.mark.parametrize(
    ("groups", "hidden"),
    [
        ({"a": 9, "b": 6}, ""),
        ({"a": 9, "b": 6, "c": 0}, ""),
        ({"a": 9, "b": 6, "c": 1}, "bc"),  # else c would be the total less the others
        ({"a": 9, "b": 3, "c": 2}, "bc"),
        ({"a": 9, "b": 1, "c": 1}, "abc"),
        ({"a": 9, "b": 0, "c": 4}, "ac"),
    ],
)
def test_what_is_hidden_beside_a_small_group(groups: dict[str, int], hidden: str) -> None:
    found = protect({name: Count(value, ("sum", OUTSIDE)) for name, value in groups.items()})
    assert "".join(sorted(map(str, found))) == hidden


# --- the figures ---------------------------------------------------------------------------------


def test_counts_by_category_and_month_and_their_sums() -> None:
    cases = [case(n, datetime(2026, 3, 5, tzinfo=UTC)) for n in range(6)]
    cases += [case(n, datetime(2026, 5, 5, tzinfo=UTC), "concern") for n in range(5)]
    cases += [case(n, datetime(2026, 5, 5, tzinfo=UTC)) for n in range(7)]
    found = year(cases)
    assert found.reports == 18
    assert found.by_month["2026-03"] == {"concern": 0, "report": 6, TOTAL: 6}
    assert found.by_month[TOTAL] == {"concern": 5, "report": 13, TOTAL: 18}
    assert len(found.by_month) == 13
    assert found.whole_months


def test_a_day_is_the_communitys_own() -> None:
    eve = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)  # half past midnight in Brussels
    assert year([case(n, eve) for n in range(5)]).by_month["2026-01"]["report"] == 5


def test_drills_are_no_reports() -> None:
    assert year([case(n, datetime(2026, 3, 5, tzinfo=UTC), rule=DRILL) for n in range(9)]).reports == 0


@pytest.mark.parametrize("number", [1, 4])
def test_below_five_nothing_is_told(number: int) -> None:
    found = year([case(n, datetime(2026, 3, 5, tzinfo=UTC)) for n in range(number)])
    assert found.reports is None
    assert all(value is None for row in found.by_month.values() for value in row.values())
    assert found.reply.cases is None
    assert found.by_language == {"en": None}


def test_times_are_coarse_and_need_enough_cases() -> None:
    start = datetime(2026, 3, 5, tzinfo=UTC)
    cases = [case(n, start, first_human_reply=start + timedelta(hours=n + 1, minutes=7)) for n in range(10)]
    found = year(cases, acknowledged={n: start + timedelta(seconds=40) for n in range(6)})
    assert (found.reply.cases, found.reply.median) == (10, timedelta(hours=5))
    assert found.reply.ninetieth == timedelta(hours=9)
    assert found.acknowledgement.median == timedelta(minutes=1)
    assert found.acknowledgement.ninetieth is None
    assert found.acknowledgement.cases is None  # four were not: that would tell
    assert (found.claim.cases, found.claim.median) == (0, None)


def test_erased_cases_count_as_far_as_their_month_lies_in_the_period() -> None:
    erased = [Erased("2026-02", "report", "warning", 6), Erased("2026-04", "report", "", 5)]
    found = statistics([], {}, erased, date(2026, 1, 1), date(2026, 4, 15), ZONE)
    assert (found.reports, found.not_counted) == (6, ("2026-04",))
    assert found.by_outcome == {"warning": 6}
    assert found.by_event == {ERASED: 6}
    assert not found.whole_months
