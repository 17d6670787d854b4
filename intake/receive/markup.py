"""What HTML says: its text as it would be read, and the texts beside it that some programs show.

No tree is built of it: whoever writes a mail could make that one as large as they like (``docs/decisions/0071``). Tags
are read one after the other, each once, so that this takes as long as the text is, whatever stands there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import unescape
from urllib.parse import unquote

from intake.receive.text import clean, one_line

MAX_HTML = 512 << 10  # letters that are read tag by tag; more is only stripped of what looks like a tag

MAX_LOOKED_AT = 128 << 10  # letters of which is also read what a program shows that leaves out and puts in

_BREAKING = {
    *("p", "br", "div", "li", "tr", "td", "th", "table", "blockquote", "pre", "hr", "ul", "ol", "dt", "dd"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "header", "footer"),
}
# A comment, another declaration (an end of nothing is one too), or a tag with its attributes; one that nothing ends
# reaches to the end of the text. A group is repeated in an atomic group, nowhere possessively: Python before 3.11.5,
# Debian 12's among them, matches that wrongly (gh-106052, gh-100061).
_MARKUP = re.compile(
    r"""<(?:(!--)|([!?]|/(?![a-z]))|(/?)([a-z][^\s/>]*+)((?>(?:[^>"'=]++|=\s*+(?>(?:"[^"]*+"|'[^']*+')?)|["'])*))(?:>|\Z))""",
    re.IGNORECASE,
)
_SPOKEN = re.compile(
    r"""(?<![\w-])(?:href|alt|title|aria-label|placeholder|value|summary|label|srcdoc)"""
    r"""\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>][^\s>]*+))""",
    re.IGNORECASE,
)
# Elements in which nothing is a tag but their own end.
_RAW = {
    name: re.compile(rf"</{name}\b", re.IGNORECASE)
    for name in ("style", "script", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
} | {"plaintext": re.compile("(?!)")}
_RAW_AND_SHOWN = {"textarea", "xmp", "plaintext"}
_STYLED = re.compile(r"""content\s{0,5}:((?>(?:[^;}"']++|"[^"]*+"|'[^']*+')*))""", re.IGNORECASE)
_STRINGS = re.compile(r"""["']([^"']*+)["']""")
_STYLE_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_STYLE_ESCAPE = re.compile(r"\\([0-9a-f]{1,6})\s?", re.IGNORECASE)
# What a program leaves out within a text, and what it puts in for a picture that it does not load (as most do).
_HIDDEN = re.compile(
    r"<([a-z]{1,20})\b(?>[^<>]*?(?:display\s{0,5}:\s{0,5}none|font-size\s{0,5}:\s{0,5}0|\shidden\b))[^<>]*+>[^<]*+</\1\b[^<>]*+>",
    re.IGNORECASE,
)
_PICTURE = re.compile(
    r"""<img\b(?>[^<>]*?\salt\s{0,5}=\s{0,5}(?:"([^"<>]+)"|'([^'<>]+)'|([^\s"'<>]+)))[^<>]*+>""", re.IGNORECASE
)
_REVERSED = re.compile(r"<bdo|bidi-override", re.IGNORECASE)
_LINKS = re.compile(r"(?:mailto:|https?://)\S", re.IGNORECASE)
_EMBEDDED = re.compile(rb"data:[a-z0-9/+.;=-]{0,80};base64,[A-Za-z0-9+/=%\s]{64,}", re.IGNORECASE)
_OF_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=%\r\n"
_LIKE_A_TAG = re.compile(r"<[a-z/!?][^<>]{0,2000}>", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\u00a0]+")
_BLANK_LINES = re.compile(r"\n[ \n]*\n")


def html_text(html: str) -> tuple[str, str]:
    """What HTML says: its text, and the texts beside it (alternatives, titles, comments, what a style adds)."""
    if len(html) > MAX_HTML:
        return without_tags(html), ""
    html = html.replace("\n", " ")
    beside: list[str] = []
    text = _said(html, beside)
    if _REVERSED.search(html):
        beside.append(text[::-1])
    begin = html[:MAX_LOOKED_AT]
    looked_at = _PICTURE.sub(_alternative, _HIDDEN.sub("", begin))
    if looked_at != begin:
        beside.append(_said(looked_at, []))
    return text, clean(unescape("\n".join(beside)))


def _said(html: str, beside: list[str]) -> str:
    said: list[str] = []
    position = 0
    while (found := _MARKUP.search(html, position)) is not None:
        said.append(html[position : found.start()])
        position = _read(html, found, said, beside)
    said.append(html[position:])
    return _tidy(unescape("".join(said)))


def _alternative(found: re.Match[str]) -> str:
    return found[1] or found[2] or found[3] or ""


def _read(html: str, found: re.Match[str], said: list[str], beside: list[str]) -> int:
    """Take one piece of markup in, and say where the text goes on."""
    comment, declaration, closing, name, attributes = found.groups()
    if comment or declaration:
        return _left_out(html, found, "-->" if comment else ">", beside)
    name = name.lower()
    if "=" in attributes:
        beside.extend(_shown("".join(value)) for value in _SPOKEN.findall(attributes) if any(value))
    if ">" in attributes:  # where the tag ends for who takes the quotes before it for none
        beside.append(_LIKE_A_TAG.sub(" ", attributes.partition(">")[2]))
    if found.end() == len(html) and html[-1:] != ">":
        beside.append(found[0])
    if name in _RAW and not closing:
        return _raw(html, found, name, said, beside)
    if name == "blockquote":
        said.append("\n" if closing else "\n> ")
    elif name in _BREAKING:
        said.append("\n")
    return found.end()


def _left_out(html: str, found: re.Match[str], end: str, beside: list[str]) -> int:
    """A comment may be a condition that holds for some programs (Outlook's)."""
    start = found.start() + 2
    stop = html.find(end, start)
    stop = len(html) if stop < 0 else stop
    beside.append(_LIKE_A_TAG.sub(" ", html[start:stop]))
    return stop + len(end)


def _raw(html: str, found: re.Match[str], name: str, said: list[str], beside: list[str]) -> int:
    end = _RAW[name].search(html, found.end())
    stop = end.start() if end else len(html)
    content = html[found.end() : stop]
    if name == "style" and "{" in content:  # else it is no style, or stands where there are none
        values = _STYLED.findall(_STYLE_COMMENT.sub("", content))
        beside.extend(_STYLE_ESCAPE.sub(_escaped, " ".join(_STRINGS.findall(value))) for value in values)
    elif name in {"style", "script"}:  # data for programs stand there (JSON-LD): whose appointment it is, say
        beside.append(content)
    else:
        (said if name in _RAW_AND_SHOWN else beside).append(_LIKE_A_TAG.sub(" ", content))
    return stop


def _escaped(found: re.Match[str]) -> str:
    return unescape(f"&#x{found[1]};")  # which no number can break


def _shown(value: str) -> str:
    """An attribute as text. Where a link leads is marked as quoted: replies are full of links to whom they quote."""
    if _LINKS.match(value):
        return f"> {one_line(unquote(value[:2000]))}"
    value = unquote(value) if "%" in value else value
    return _LIKE_A_TAG.sub(" ", unescape(value)) if "&lt;" in value or "<" in value else value


def without_tags(html: str) -> str:
    """HTML, or what may be some, with whatever looks like a tag taken out."""
    return _tidy(unescape(_LIKE_A_TAG.sub(" ", html)))


def without_embedded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """HTML without the pictures that stand in it as text (RFC 2397), which can be larger than all that it says."""
    inside = False
    for chunk in chunks:
        rest = chunk.lstrip(_OF_BASE64) if inside else chunk
        if not rest:
            continue
        last = rest.rfind(b";base64,")
        inside = last >= 0 and not rest[last + 8 :].strip(_OF_BASE64)
        yield _EMBEDDED.sub(b"", rest)


def _tidy(text: str) -> str:
    text = _SPACES.sub(" ", clean(text))
    return _BLANK_LINES.sub("\n\n", "\n".join(line.strip() for line in text.split("\n"))).strip()
