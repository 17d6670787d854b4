"""The look of every message: HTML that holds in Outlook, Gmail and on a phone, in light and in dark.

Styles are inline, because many programs keep nothing else; the one style sheet only turns colours over for the dark.
Nothing is fetched from anywhere, and nothing runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class Style:
    """Inline declarations, and the class by which the dark scheme finds the element."""

    css: str
    dark: str = ""


FONT = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
PARAGRAPH = Style("margin:0 0 16px 0;line-height:1.55")
LIST = Style("margin:0 0 16px 0;padding:0 0 0 22px")
ITEM = Style("margin:0 0 8px 0;line-height:1.5")
HEADING = Style("margin:24px 0 8px 0;font-size:18px;line-height:1.3;font-weight:600")
SMALL_HEADING = Style("margin:24px 0 8px 0;font-size:13px;line-height:1.3;font-weight:600;color:#52606d", "m")
CALLOUT = Style(
    "padding:14px 16px 1px 16px;background-color:#eaf3f5;border-left:4px solid #0b6477;border-radius:4px", "k"
)
LINK = Style("color:#0b6477;text-decoration:underline", "l")
MUTED = Style("color:#52606d", "m")
RULE = '<hr style="border:0;border-top:1px solid #d9e0e6;margin:24px 0" class="r">'
URGENT = Style("color:#9b1c1c;background-color:#fdeceb", "u")
WARNING = Style("color:#7a4a00;background-color:#fff3dc", "w")
CALM = Style("color:#0b5566;background-color:#eaf3f5", "k2")
CODE = Style("font-family:Consolas,Menlo,monospace;background-color:#eef1f4;padding:1px 5px;border-radius:4px", "x")

_DOT = re.compile(r"(?<=[\w-])\.(?=\w)")  # as in a name of a host
_DARK = (
    ".b{background-color:#14181c!important;color:#e8ecef!important}.c{background-color:#1d2329!important;border-color:#343e48!important}"
    ".t{color:#e8ecef!important}.m{color:#aab5bf!important}.l{color:#86cfdf!important}"
    ".k{background-color:#20333a!important;border-color:#5fb3c4!important}.k2{background-color:#20333a!important;color:#a5dbe7!important}"
    ".u{background-color:#4d1f1d!important;color:#ffc9c3!important}.w{background-color:#43320f!important;color:#ffdf9e!important}"
    ".ut{color:#ffb4ab!important}"
    ".r{border-color:#343e48!important}.q{background-color:#171c21!important;border-color:#343e48!important}"
    ".x{background-color:#2b333b!important}.p{background-color:#86cfdf!important;color:#0d1d22!important}"
    ".o{color:#86cfdf!important;border-color:#86cfdf!important}.z{background-color:#343e48!important}"
    ".f{background-color:#5fb3c4!important}.fu{background-color:#f08a80!important}.fw{background-color:#e2a93b!important}"
)
_STYLE = (
    "<style>:root{color-scheme:light dark;supported-color-schemes:light dark}"
    f"@media (prefers-color-scheme:dark){{{_DARK}}}</style>"
)


def attributes(style: Style | str) -> str:
    """`` style="…" class="…"`` as they stand in a tag."""
    if isinstance(style, str) or not style.css:
        return ""
    return f' style="{style.css}"' + (f' class="{style.dark}"' if style.dark else "")


def document(language: str, title: str, preheader: str, body: str) -> str:
    """A whole page around ``body`` (HTML). ``preheader`` is shown only by an inbox, after the subject."""
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(language)}" dir="ltr"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
        '<meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no">'
        f"<title>{escape(title)}</title>{_STYLE}</head>\n"
        '<body class="b" style="margin:0;padding:0;background-color:#f3f5f7;color:#1f2933">\n'
        f'<div style="display:none;max-height:0;overflow:hidden;font-size:1px;line-height:1px">'
        f"{escape(preheader)}</div>\n"
        '<table role="presentation" class="b" width="100%" cellpadding="0" cellspacing="0" border="0"'
        ' style="background-color:#f3f5f7"><tr><td align="center" style="padding:16px 8px">\n'
        '<!--[if mso]><table role="presentation" width="600"><tr><td><![endif]-->\n'  # Outlook knows no max-width
        '<table role="presentation" class="c" width="100%" cellpadding="0" cellspacing="0" border="0"'
        ' style="max-width:600px;background-color:#ffffff;border:1px solid #dde3e8;border-radius:10px">'
        f'<tr><td class="t" style="padding:24px 20px 20px 20px;{FONT};font-size:16px;line-height:1.5;color:#1f2933;'
        f'text-align:left;overflow-wrap:anywhere">\n{body}\n</td></tr></table>\n'
        "<!--[if mso]></td></tr></table><![endif]-->\n</td></tr></table>\n</body></html>\n"
    )


def frame_start(style: Style, *, above: int = 0, below: int) -> str:
    """The beginning of a framed area; a table, because Outlook pads nothing else."""
    return (
        f'<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'
        f' style="margin:{above}px 0 {below}px 0"><tr><td{attributes(style)}>'
    )


FRAME_END = "</td></tr></table>"


def frame(html: str, style: Style, *, above: int = 0, below: int = 0) -> str:
    """``html`` in a framed area."""
    return f"{frame_start(style, above=above, below=below)}{html}{FRAME_END}"


def box(html: str, style: Style, *, above: int = 0, below: int = 0) -> str:
    """A short coloured message."""
    css = f"{style.css};padding:10px 14px;border-radius:8px;font-size:15px;line-height:1.45"
    return frame(html, Style(css, style.dark), above=above, below=below)


def chip(text: str, style: Style) -> str:
    """A short label in a coloured pill."""
    shape = "display:inline-block;padding:3px 10px;border-radius:12px"
    css = f"{style.css};{shape};font-size:13px;font-weight:600;line-height:1.4"
    return f"<span{attributes(Style(css, style.dark))}>{escape(text)}</span>"


def title(text: str) -> str:
    """The one first-level heading of a message."""
    return f'<h1 style="margin:10px 0 8px 0;font-size:22px;line-height:1.25;font-weight:650">{escape(text)}</h1>'


def heading(text: str) -> str:
    """A second-level heading."""
    return f"<h2{attributes(SMALL_HEADING)}>{escape(text)}</h2>"


def rows(pairs: Iterable[tuple[str, str]]) -> str:
    """Label and value in two columns; values are HTML."""
    cells = "".join(
        '<tr><th scope="row" align="left" valign="top" class="m" style="padding:5px 12px 5px 0;font-size:14px;'
        f'line-height:1.4;font-weight:400;color:#52606d;width:104px">{escape(label)}</th>'
        f'<td valign="top" style="padding:5px 0;font-size:15px;line-height:1.4">{value}</td></tr>\n'
        for label, value in pairs
    )
    layout = (
        'cellpadding="0" cellspacing="0" border="0" width="100%" style="margin:12px 0 0 0;border-collapse:collapse"'
    )
    return f"<table {layout}>\n{cells}</table>"


def button(href: str, text: str, *, primary: bool) -> str:
    """A link that looks like a button; the outlined one is for what deserves a second thought."""
    colour, dark = ("background-color:#0b6477;color:#ffffff", "p") if primary else ("color:#0b6477", "o")
    base = "display:block;padding:11px 16px;font-size:15px;line-height:1.4;font-weight:600;text-align:center"
    link = attributes(Style(f"{base};text-decoration:none;border-radius:7px;{colour}", dark))
    # Outlook does not pad links: there the cell does, and only there.
    cell = Style("border:1px solid #0b6477;border-radius:8px;text-align:center;mso-padding-alt:11px 16px", dark)
    background = "background-color:#0b6477;" if primary else ""
    cell = Style(background + cell.css, cell.dark)
    return frame(f'<a href="{escape(href)}"{link}>{escape(text)}</a>', cell)


def bar(share: float, style: str) -> str:
    """How much of a time is used up, 0 to 1, as a thin bar; what it means stands beside it in words.

    ``style`` is ``f`` (in time), ``fw`` (soon) or ``fu`` (over).
    """
    used = max(2, min(100, round(share * 100)))
    colour = {"f": "#0b6477", "fw": "#c27c0e", "fu": "#c0392b"}[style]
    thin = "font-size:1px;line-height:6px;height:6px"
    rest = (
        f'<td class="z" width="{100 - used}%" style="background-color:#e1e7ec;{thin}">&nbsp;</td>' if used < 100 else ""
    )
    return (
        '<table role="presentation" aria-hidden="true" width="100%" cellpadding="0" cellspacing="0" border="0"'
        f' style="margin:6px 0 0 0"><tr><td class="{style}" width="{used}%" style="background-color:{colour};{thin}">'
        f"&nbsp;</td>{rest}</tr></table>"
    )


def quoted(text: str) -> str:
    """Somebody else's words, inert: every character escaped, no link, lines kept, in a frame of their own.

    The marks by which mail programs find addresses of the web are put in elements of their own, so that none of them
    makes a link; a copy of the text is still exact.
    """
    safe = _DOT.sub("<span>.</span>", escape(text).replace("://", ":<span>//</span>").replace("@", "<span>@</span>"))
    safe = safe.replace("  ", "&nbsp; ").replace("\n", "<br>\n")
    look = Style(
        "padding:14px 16px;background-color:#f7f9fa;border:1px solid #d9e0e6;border-radius:8px;font-size:16px;"
        "line-height:1.55;overflow-wrap:anywhere",
        "q",
    )
    return frame(f'<div dir="auto" style="unicode-bidi:isolate">{safe}</div>', look)


def inert(text: str) -> str:
    """A short piece of somebody else's text as HTML: escaped, and no program makes a link of it."""
    return escape(text).replace("://", ":<span>//</span>").replace("@", "<span>@</span>").replace(".", "<span>.</span>")
