"""The figures of a period for publication: text, Markdown, and the form for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Protocol

SCHEMA = "conduct-intake/transparency/1"
HIDDEN = "fewer than 5, or hidden for others' sake"
MARK = "·"
TOTAL = "total"
MONTHS, TIMES = "Reports by month and category", "Time until"
NAMES = {
    "none": "no event named",
    "open": "still open",
    "unnamed": "closed, outcome not named",
    "erased": "erased since",
}

Shown = int | None


class Times(Protocol):
    """How long something took."""

    @property
    def cases(self) -> Shown:
        """In how many cases it happened."""

    @property
    def median(self) -> timedelta | None:
        """Half of them took no longer."""

    @property
    def ninetieth(self) -> timedelta | None:
        """Nine of ten took no longer."""


class Figures(Protocol):
    """What is published (``decide.statistics.Statistics``); a count that is None is hidden."""

    @property
    def since(self) -> date:
        """The first day."""

    @property
    def until(self) -> date:
        """The last one."""

    @property
    def reports(self) -> Shown:
        """All of them."""

    @property
    def by_month(self) -> dict[str, dict[str, Shown]]:
        """Months by categories, with sums."""

    @property
    def by_event(self) -> dict[str, Shown]:
        """Events."""

    @property
    def by_language(self) -> dict[str, Shown]:
        """Languages."""

    @property
    def by_outcome(self) -> dict[str, Shown]:
        """Outcomes."""

    @property
    def acknowledgement(self) -> Times:
        """Until the automatic answer."""

    @property
    def claim(self) -> Times:
        """Until somebody took it."""

    @property
    def reply(self) -> Times:
        """Until a person answered."""

    @property
    def not_counted(self) -> tuple[str, ...]:
        """Months of which erased cases could not be counted."""


def document(figures: Figures, community: str) -> dict[str, object]:
    """As JSON; hidden numbers are null."""
    named = {"acknowledgement": figures.acknowledgement, "claim": figures.claim, "first_human_reply": figures.reply}
    return {
        "schema": SCHEMA,
        "community": community,
        "from": figures.since.isoformat(),
        "to": figures.until.isoformat(),
        "suppressed_below": 5,
        "reports": figures.reports,
        "by_month": figures.by_month,
        "by_event": figures.by_event,
        "by_language": figures.by_language,
        "by_outcome": figures.by_outcome,
        "times": {
            name: {"cases": one.cases, "median_seconds": _seconds(one.median), "p90_seconds": _seconds(one.ninetieth)}
            for name, one in named.items()
        },
        "months_with_erased_cases_not_counted": list(figures.not_counted),
    }


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else int(span.total_seconds())


Table = tuple[str, list[str], list[list[str]]]


def tables(figures: Figures) -> Iterator[Table]:
    """Each table: its title, its heads, its rows."""
    categories = list(figures.by_month[TOTAL])
    rows = [[month, *(_shown(row[name]) for name in categories)] for month, row in figures.by_month.items()]
    yield MONTHS, ["month", *categories], rows
    for title, groups in (
        ("By event", figures.by_event), ("By language", figures.by_language), ("By outcome", figures.by_outcome),
    ):  # fmt: skip
        if groups:
            yield title, ["", "reports"], _rows(groups)
    yield (
        TIMES,
        ["", "reports", "half within", "nine of ten within"],
        [[name, _shown(one.cases), spelled(one.median), spelled(one.ninetieth)] for name, one in times(figures)],
    )


def times(figures: Figures) -> tuple[tuple[str, Times], ...]:
    """How long each thing took, with its name."""
    return (
        ("automatic acknowledgement", figures.acknowledgement),
        ("somebody took it", figures.claim),
        ("first answer of a person", figures.reply),
    )


def _rows(groups: Mapping[str, Shown]) -> list[list[str]]:
    return [[NAMES.get(name, name), _shown(number)] for name, number in groups.items()]


def _shown(number: Shown) -> str:
    return MARK if number is None else str(number)


def spelled(span: timedelta | None) -> str:
    """A length of time in its largest units; ``-`` where none may be told."""
    if span is None:
        return "-"
    minutes = int(span.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{hours // 24} days {hours % 24} h" if hours % 24 else f"{hours // 24} days"


def lead(figures: Figures) -> str:
    """How many there were, in a sentence."""
    if figures.reports is None:
        return "There were reports, but fewer than 5: nothing more can be told without telling about somebody."
    return f"{figures.reports} reports came in." if figures.reports else "No report came in."


def notes(figures: Figures) -> Iterator[str]:
    """What a reader has to know of hidden numbers."""
    yield f"{MARK}: {HIDDEN}. Groups below 5 are not shown, nor what they could be computed from."
    if figures.not_counted:
        yield f"Cases of {', '.join(figures.not_counted)} that have been erased since are not counted."


def text(figures: Figures, community: str) -> str:
    """For a terminal or a mail."""
    title = f"{community}: reports from {figures.since} to {figures.until}"
    out = [title, "=" * len(title), "", lead(figures), ""]
    for name, heads, rows in tables(figures) if figures.reports else ():
        out += [name, "-" * len(name), *_columns(heads, rows), ""]
    return "\n".join([*out, *notes(figures)]) + "\n"


def _columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(line[i]) for line in (heads, *rows)) for i in range(len(heads))]
    for line in (heads, *rows):
        first, *rest = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join([first, *rest]).rstrip()


def markdown(figures: Figures, community: str) -> str:
    """For a website."""
    out = [f"# {_escaped(community)}: reports from {figures.since} to {figures.until}", "", lead(figures), ""]
    for name, heads, rows in tables(figures) if figures.reports else ():
        out += [f"## {name}", "", _line(heads), "|" + "|".join(["---", *["---:"] * (len(heads) - 1)]) + "|"]
        out += [*(_line(row) for row in rows), ""]
    return "\n".join([*out, *notes(figures)]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _escaped(said: str) -> str:
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in said)
