"""Tables: with colour on a terminal, plain and tab-free elsewhere. Nothing in them can move the cursor."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import click

_LONG = timedelta(days=14)
_GAP = 2  # between two columns
_AHEAD = timedelta(minutes=1)  # by which another machine's clock may be


@dataclass(frozen=True, slots=True)
class Cell:
    """Text with a rich style."""

    text: str
    style: str = ""


def plain(text: str) -> str:
    """Without control characters: a terminal obeys them."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def table(heads: Sequence[str], rows: Sequence[Sequence[str | Cell]], *, empty: str, spare: Sequence[str] = ()) -> None:
    """Print rows under heads; ``empty`` when there are none.

    On a terminal that is too narrow, the columns named in ``spare`` are left out, one by one, as far as need be.
    """
    if not rows:
        if empty:
            click.echo(empty)
        return
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    cells = [[Cell(plain(cell.text), cell.style) for cell in row] for row in cells]
    if sys.stdout.isatty():
        _rich(heads, cells, spare)
        return
    widths = [max(len(head), *(len(row[i].text) for row in cells)) for i, head in enumerate(heads)]
    for line in [[Cell(head) for head in heads], *cells]:
        click.echo("  ".join(cell.text.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _rich(heads: Sequence[str], rows: Sequence[Sequence[Cell]], spare: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    widths = [max(len(head), *(len(row[i].text) for row in rows)) + _GAP for i, head in enumerate(heads)]
    kept = list(range(len(heads)))
    for name in spare:
        if sum(widths[i] for i in kept) - _GAP > console.width:
            kept.remove(heads.index(name))
    shown = Table(header_style="bold", box=None, pad_edge=False)
    for i in kept:
        shown.add_column(heads[i], no_wrap=not i)  # a code is copied as a whole
    for row in rows:
        shown.add_row(*(Text(row[i].text, row[i].style) for i in kept))
    console.print(shown)
    if left := len(heads) - len(kept):
        console.print(f"{left} more column{'s' * (left > 1)} on a wider terminal.", style="dim", highlight=False)


def when(moment: datetime | None, now: datetime) -> str:
    """How long ago, or a date; ``-`` for never."""
    if moment is None:
        return "-"
    ago = now - moment
    if ago < -_AHEAD or ago > _LONG:
        return moment.date().isoformat()
    return f"{span(ago)} ago" if ago >= timedelta(minutes=1) else "just now"


def span(time: timedelta) -> str:
    """A length of time without its sign, in its largest unit."""
    minutes = int(abs(time).total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
