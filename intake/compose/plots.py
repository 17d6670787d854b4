"""The figures of a period as a page with plots: one file, nothing fetched, the numbers of each in a table beside it.

The only module that knows matplotlib, an extra. It is given what has been suppressed already and nothing else: a hidden
number is drawn as a mark of one size, and no axis is made for it.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING, Any

from intake.compose import transparency
from intake.compose.transparency import TOTAL, Figures, Shown
from intake.errors import IntakeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 4.6  # inches; the page scales it, and words can still be read on a phone
ROW = 0.34  # inches for a bar
# Colours that stand for those of the page, which are other ones in the dark.
_STAND_INS = {"#010203": "currentColor", "#010204": "var(--bar)", "#010205": "var(--soft)", "#010206": "var(--line)"}
_INK, _BAR, _SOFT, _LINE = _STAND_INS
_SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",  # words stay words: they can be read aloud, searched and copied
    "font.family": "sans-serif",
    "font.size": 10.5,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.edgecolor": _LINE,
    "hatch.color": _LINE,
    "hatch.linewidth": 1.0,
}


ABOUT = "The same numbers stand in the table below. A hatched bar is a hidden number; its length says nothing."


class MissingLibraryError(IntakeError):
    """The extra is not installed."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture and its table. ``about`` says in words what it shows, for who can't see it."""

    title: str
    about: str
    svg: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def page(figures: Figures, community: str) -> str:
    """A whole page in HTML. Raises MissingLibraryError."""
    title = f"{community}: reports from {figures.since} to {figures.until}"
    shown = list(plots(figures)) if figures.reports else []
    notes = "".join(f"<p>{escape(note)}</p>" for note in transparency.notes(figures))
    body = "".join(_section(number, plot) for number, plot in enumerate(shown))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body><main><h1>{escape(title)}</h1>\n"
        f"<p>{escape(transparency.lead(figures))}</p>\n{body}<footer>{notes}</footer></main></body></html>\n"
    )


def _section(number: int, plot: Plot) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in plot.heads)
    rows = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in plot.rows
    )
    named = f"t{number} d{number}"
    start = f'<svg role="img" aria-labelledby="{named}" '
    words = f'<title id="t{number}">{escape(plot.title)}</title><desc id="d{number}">{escape(plot.about)}</desc>'
    svg = re.sub(r"<svg ", start, plot.svg, count=1)
    svg = re.sub(r"(<svg [^>]*>)", lambda match: match[1] + words, svg, count=1)
    return (
        f"<section><h2>{escape(plot.title)}</h2><figure>{svg}</figure>\n"
        f'<div class="wide"><table><caption>{escape(plot.title)}, in numbers</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></section>\n"
    )


def plots(figures: Figures) -> Iterator[Plot]:
    """Each plot, in the order of the tables of the other forms. Raises MissingLibraryError."""
    style, canvas = _library()
    for title, heads, rows in _tables(figures):
        with style({**_SETTINGS, "svg.hashsalt": title}):
            svg = _drawn(canvas, title, figures)
        yield Plot(title, ABOUT, svg, tuple(heads), tuple(tuple(row) for row in rows))


def _tables(figures: Figures) -> Iterator[transparency.Table]:
    """Those of the other forms; the sums of the first are a plot of their own."""
    for title, heads, rows in transparency.tables(figures):
        yield title, heads, rows
        if title == transparency.MONTHS:
            sums = [[name, number] for name, number in zip(heads[1:-1], rows[-1][1:-1], strict=True)]
            yield "By category", ["", "reports"], sums


def _drawn(canvas: Any, title: str, figures: Figures) -> str:
    if title == transparency.TIMES:
        spans = {name: (one.median, one.ninetieth) for name, one in transparency.times(figures)}
        return _svg(canvas, 2 * len(spans), lambda axes: _spans(axes, spans))
    groups: dict[str, dict[str, Shown]] = {
        "By category": {name: number for name, number in figures.by_month[TOTAL].items() if name != TOTAL},
        "By event": figures.by_event,
        "By language": figures.by_language,
        "By outcome": figures.by_outcome,
    }
    months = {month: row[TOTAL] for month, row in figures.by_month.items() if month != TOTAL}
    shown = {transparency.NAMES.get(name, name): number for name, number in groups.get(title, months).items()}
    return _svg(canvas, len(shown), lambda axes: _bars(axes, shown))


def _svg(canvas: Any, rows: int, draw: Any) -> str:
    figure = canvas(figsize=(WIDTH, 0.5 + ROW * max(rows, 2)), layout="constrained")
    axes = figure.add_subplot()
    draw(axes)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    axes.set_ylim(max(rows, 2) - 0.4, -0.6)  # the first on top, and one bar is no thicker than many
    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[A-Za-z2.]+_\d+"', "", svg)  # names that nothing refers to, the same in every picture
    svg = re.sub(r' xmlns:xlink="[^"]*"', ' xmlns:xlink="http://www.w3.org/1999/xlink"', svg)
    svg = re.sub(r'(<svg [^>]*?)width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg [^>]*?)height="[^"]*"', r"\1", svg, count=1)
    for stand_in, colour in _STAND_INS.items():
        svg = svg.replace(stand_in, colour)
    return re.sub(r"font: ([\d.]+)px [^;\"]*", r"font: \1px inherit", svg)


def _bars(axes: Axes, groups: Mapping[str, Shown]) -> None:
    """A bar for each group; the axis ends with the longest that is shown."""
    names, numbers = list(groups), list(groups.values())
    longest = max((number for number in numbers if number), default=1)
    stub = longest * 0.06
    for place, number in enumerate(numbers):
        if number is None:
            axes.barh(place, stub, height=0.62, color="none", edgecolor=_LINE, hatch="////", linewidth=0.8)
        else:
            axes.barh(place, number, height=0.62, color=_BAR)
        label = transparency.MARK if number is None else str(number)
        axes.text((stub if number is None else number) + longest * 0.015, place, label, va="center")
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks([])
    axes.set_xlim(0, longest * 1.1)


def _spans(axes: Axes, spans: Mapping[str, tuple[timedelta | None, timedelta | None]]) -> None:
    """Two bars for each: half within, and nine of ten within; on a logarithmic axis, for minutes stand beside days."""
    known = [span for pair in spans.values() for span in pair if span is not None]
    ticks = [t for t in _TICKS if t <= 2 * max(known, default=_TICKS[2])] or [_TICKS[0]]
    for place, pair in enumerate(spans.values()):
        for number, (what, span) in enumerate(zip(("half", "nine of ten"), pair, strict=True)):
            minutes = max(span.total_seconds() / 60, 1.0) if span is not None else 1.12
            look: dict[str, Any] = {"color": _SOFT if number else _BAR}
            if span is None:
                look = {"color": "none", "edgecolor": _LINE, "hatch": "////", "linewidth": 0.8}
            at = 2 * place + number
            axes.barh(at, minutes - 0.9, left=0.9, height=0.66, **look)
            axes.text(minutes * 1.08, at, f"{what}: {transparency.spelled(span)}", va="center")
    names = [name.replace(" ", "\n", 1) for name in spans]
    axes.set_yticks([2 * place + 0.5 for place in range(len(names))], names)
    axes.set_xscale("log")
    axes.set_xlim(0.9, 30 * max((tick.total_seconds() / 60 for tick in ticks), default=60))
    axes.set_xticks([tick.total_seconds() / 60 for tick in ticks], [transparency.spelled(tick) for tick in ticks])
    axes.minorticks_off()
    axes.xaxis.grid(visible=True, color=_LINE, linewidth=0.6)
    axes.set_axisbelow(True)


_TICKS: Sequence[timedelta] = (
    timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), timedelta(days=1),
    timedelta(days=7), timedelta(days=30),
)  # fmt: skip


def _library() -> tuple[Any, Any]:
    """What sets the style, and what draws."""
    try:
        import matplotlib as mpl  # noqa: PLC0415 - an extra, slow to load
        from matplotlib.figure import Figure  # noqa: PLC0415 - as above
    except ImportError:
        raise MissingLibraryError('the page needs matplotlib; run: pip install "conduct-intake[plots]"') from None
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of fonts that nobody here asked for
    return mpl.rc_context, Figure


_STYLE = """
:root{color-scheme:light dark;--bar:#0b6477;--soft:#7fb3bf;--line:#8a97a3}
@media (prefers-color-scheme:dark){:root{--bar:#5fb3c4;--soft:#36707d;--line:#7d8a95}}
body{margin:0;font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;
background:#fff;color:#1f2933}
@media (prefers-color-scheme:dark){body{background:#14181c;color:#e8ecef}}
main{max-width:760px;margin:0 auto;padding:24px 16px 48px}
h1{font-size:26px;line-height:1.25;margin:0 0 12px}
h2{font-size:19px;margin:36px 0 8px}
figure{margin:0}
svg{width:100%;max-width:540px;height:auto;display:block}
svg text{font-family:inherit}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:15px;margin:12px 0 0;min-width:50%}
caption{text-align:left;font-size:14px;opacity:.8;padding:0 0 4px}
th,td{padding:4px 16px 4px 0;text-align:right;border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}
th[scope=row],thead th:first-child{text-align:left;font-weight:400;white-space:nowrap}
footer{margin:36px 0 0;font-size:14px}
@media print{section{break-inside:avoid}}
""".replace("\n", "")
