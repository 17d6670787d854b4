"""A bar chart in SVG, by hand: rates on a logarithmic scale, readable in the light and in the dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

_ROW, _LEFT, _WIDTH, _TOP = 30, 330, 480, 46
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2933 }
  .small { font-size: 11px; fill: #52606d }
  .ours { fill: #0b6e7f } .full { fill: #7b8794 } .less { fill: #cbd2d9 } .grid { stroke: #e4e7eb }
  .paper { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e7eb } .small { fill: #9aa5b1 } .grid { stroke: #323f4b } .paper { fill: #14181d }
    .ours { fill: #35b5c9 } .full { fill: #7b8794 } .less { fill: #3e4c59 }
  }
"""


def bars(values: Sequence[tuple[str, float, int, bool]]) -> str:
    """``values``: name, mails a second, messages sent for each mail, and whether the bar is ours; fastest on top."""
    ordered = sorted(values, key=lambda one: -one[1])
    top = 10 ** math.ceil(math.log10(max([10.0, *(rate for _, rate, _, _ in ordered)])))
    low = min([1.0, *(10 ** math.floor(math.log10(rate)) for _, rate, _, _ in ordered)])
    height = _TOP + _ROW * len(ordered) + 40

    def x(rate: float) -> float:
        return _LEFT + _WIDTH * math.log10(rate / low) / math.log10(top / low)

    told = "; ".join(f"{name}: {rate:.0f}" for name, rate, _, _ in ordered)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 70} {height}" role="img">',
        f"<title>Mails a second</title><desc>{escape(told)}</desc><style>{_STYLE}</style>",
        f'<rect class="paper" width="{_LEFT + _WIDTH + 70}" height="{height}"/>',
        '<text x="12" y="24">Mails a second (each step of the grid is ten times the one before)</text>',
    ]
    for power in range(round(math.log10(low)), round(math.log10(top)) + 1):
        at = x(10.0**power)
        lines.append(f'<line class="grid" x1="{at:.0f}" x2="{at:.0f}" y1="{_TOP - 6}" y2="{height - 34}"/>')
        lines.append(f'<text class="small" x="{at:.0f}" y="{height - 20}" text-anchor="middle">{10.0**power:,g}</text>')
    for row, (name, rate, sends, ours) in enumerate(ordered):
        y = _TOP + _ROW * row
        kind = "ours" if ours else "full" if sends == 6 else "less"
        shown = f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}"
        lines.append(f'<text x="{_LEFT - 10}" y="{y + 15}" text-anchor="end">{escape(name)}</text>')
        lines.append(f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{x(rate) - _LEFT:.0f}" height="20" rx="3"/>')
        lines.append(f'<text x="{x(rate) + 8:.0f}" y="{y + 15}">{shown}</text>')
    lines.append(
        f'<text class="small" x="12" y="{height - 4}">pale: fewer messages for a mail than the six of Intake</text>'
    )
    return "\n".join([*lines, "</svg>", ""])
