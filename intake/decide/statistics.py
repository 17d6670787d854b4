"""What a community may publish about its reports: counts and times, small numbers hidden. Pure.

Nothing of a single case is in it. Drills are left out. What is hidden can't be computed from what is shown, within
one publication: two publications over periods that differ by a little tell what happened in that little.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from intake.decide.suppress import LEAST, OUTSIDE, Count, protect
from intake.model import DRILL, Case, CaseState

if TYPE_CHECKING:
    from collections.abc import Hashable
    from zoneinfo import ZoneInfo

FOR_NINETIETH = 10  # values, below which the ninetieth percentile is somebody's own
NO_EVENT, OPEN, UNNAMED, ERASED = "none", "open", "unnamed", "erased"
TOTAL = "total"

Shown = int | None  # None: hidden


@dataclass(frozen=True, slots=True)
class Erased:
    """Cases that are no longer in the ledger, by the month they were opened in (``2026-04``)."""

    month: str
    category: str
    outcome: str
    cases: int


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took, over the cases in which it happened: ``cases`` of them."""

    cases: Shown
    median: timedelta | None
    ninetieth: timedelta | None


@dataclass(frozen=True, slots=True)
class Statistics:
    """What may be published of one period, both days included; every count may be hidden.

    ``by_month`` maps a month to counts by category, ``total`` among them; the month ``total`` has the sums.
    ``not_counted`` are months that lie only partly in the period and hold erased cases, of which no day is known.
    """

    since: date
    until: date
    reports: Shown
    by_month: dict[str, dict[str, Shown]]
    by_event: dict[str, Shown]
    by_language: dict[str, Shown]
    by_outcome: dict[str, Shown]
    acknowledgement: Times
    claim: Times
    reply: Times
    not_counted: tuple[str, ...] = ()

    @property
    def whole_months(self) -> bool:
        """Whether the period begins and ends with a month: such periods never overlap by a little."""
        return self.since.day == 1 and (self.until + timedelta(days=1)).day == 1


def statistics(
    cases: Iterable[Case],
    acknowledged: dict[int, datetime],
    erased: Iterable[Erased],
    since: date,
    until: date,
    zone: ZoneInfo,
) -> Statistics:
    """The figures of a period. ``acknowledged`` tells by case when its reporter was first answered automatically."""

    def day(case: Case) -> date:
        return case.opened.astimezone(zone).date()

    chosen = [case for case in cases if case.rule != DRILL and since <= day(case) <= until]
    gone, partly = _within(erased, since, until)
    months = _months(since, until)
    cells = Counter((f"{day(case):%Y-%m}", case.category) for case in chosen)
    cells.update({(one.month, one.category): 0 for one in gone})
    for one in gone:
        cells[one.month, one.category] += one.cases
    total = sum(cells.values())
    past = sum(one.cases for one in gone)
    outcomes = Counter(_outcome(case) for case in chosen)
    for one in gone:
        outcomes[one.outcome or UNNAMED] += one.cases
    events, languages = Counter(case.event or NO_EVENT for case in chosen), Counter(c.language for c in chosen)
    for counter in (events, languages):
        counter.update({ERASED: past} if past else {})
    everything = len(chosen)
    return Statistics(
        since=since,
        until=until,
        reports=total if total == 0 or total >= LEAST else None,
        by_month=_grid(cells, months, total),
        by_event=_list(events, total),
        by_language=_list(languages, total),
        by_outcome=_list(outcomes, total),
        acknowledgement=_times(chosen, lambda case: acknowledged.get(case.id), everything, total),
        claim=_times(chosen, lambda case: case.claimed_at, everything, total),
        reply=_times(chosen, lambda case: case.first_human_reply, everything, total),
        not_counted=partly,
    )


def _outcome(case: Case) -> str:
    if case.state is not CaseState.CLOSED:
        return OPEN
    return case.outcome or UNNAMED


def _within(erased: Iterable[Erased], since: date, until: date) -> tuple[list[Erased], tuple[str, ...]]:
    whole: list[Erased] = []
    partly: set[str] = set()
    for one in erased:
        first = date.fromisoformat(f"{one.month}-01")
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        if since <= first and last <= until:
            whole.append(one)
        elif since <= last and first <= until:
            partly.add(one.month)
    return whole, tuple(sorted(partly))


def _months(since: date, until: date) -> list[str]:
    found, at = [], since.replace(day=1)
    while at <= until:
        found.append(f"{at:%Y-%m}")
        at = (at + timedelta(days=31)).replace(day=1)
    return found


def _grid(cells: Counter[tuple[str, str]], months: Sequence[str], total: int) -> dict[str, dict[str, Shown]]:
    """Months by categories, with the sums of both."""
    months = sorted({*months, *(month for month, _ in cells)})
    categories = sorted({category for _, category in cells})
    counts: dict[Hashable, Count] = {}
    for month in months:
        for category in categories:
            sums = (("month", month), ("category", category))
            counts[month, category] = Count(cells[month, category], sums)
        of_month = sum(cells[month, category] for category in categories)
        counts[month, TOTAL] = Count(of_month, (("month", month), ("category", TOTAL)), -1)
    for category in categories:
        of_category = sum(cells[month, category] for month in months)
        counts[TOTAL, category] = Count(of_category, (("month", TOTAL), ("category", category)), -1)
    counts[TOTAL, TOTAL] = Count(total, (("month", TOTAL), ("category", TOTAL)))
    hidden = _hidden(counts, total, (TOTAL, TOTAL))
    rows = [*months, TOTAL]
    columns = [*categories, TOTAL]
    return {row: {c: None if (row, c) in hidden else counts[row, c].value for c in columns} for row in rows}


def _list(counted: Counter[str], total: int) -> dict[str, Shown]:
    """Groups of one kind, the largest first."""
    counts: dict[Hashable, Count] = {name: Count(number, ("sum", OUTSIDE)) for name, number in counted.items()}
    hidden = _hidden(counts, total)
    order = sorted(counted, key=lambda name: (name in hidden, 0 if name in hidden else -counted[name], name))
    return {name: None if name in hidden else counted[name] for name in order}


def _hidden(counts: dict[Hashable, Count], total: int, known: Hashable = None) -> frozenset[Hashable]:
    if 0 < total < LEAST:
        return frozenset(counts)
    return protect(counts, () if known is None else (known,))


def _times(cases: Sequence[Case], until: Callable[[Case], datetime | None], kept: int, total: int) -> Times:
    """Over the cases in which it happened; how many those are may be hidden, and then so is everything."""
    spans = sorted(max(end - case.opened, timedelta(0)) for case in cases if (end := until(case)) is not None)
    parts = Counter({"yes": len(spans), "no": kept - len(spans), ERASED: total - kept})
    shown = _list(parts, total)
    number = shown["yes"]
    median = _at(spans, 50) if len(spans) >= LEAST else None
    ninetieth = _at(spans, 90) if len(spans) >= FOR_NINETIETH else None
    return Times(number, median, ninetieth)


def _at(spans: Sequence[timedelta], percent: int) -> timedelta:
    """The percentile by nearest rank, made coarse: minutes below an hour, quarters below a day, then hours."""
    value = spans[min(len(spans) - 1, (len(spans) * percent + 99) // 100 - 1)]
    step = timedelta(minutes=1 if value < timedelta(hours=1) else 15 if value < timedelta(days=1) else 60)
    return max(round(value / step), 1) * step
