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

_BREAKING = {
    *("p", "br", "div", "li", "tr", "td", "th", "table", "blockquote", "pre", "hr", "ul", "ol", "dt", "dd"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "header", "footer"),
}
# A comment, another declaration, or a tag with its attributes; one that nothing ends reaches to the end of the text.
_MARKUP = re.compile(
    r"""<(?:(!--)|([!?])|(/?)([a-z][^\s/>]*+)((?:[^>"'=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+|["'])*+)(?:>|\Z))""",
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
}
_RAW_AND_SHOWN = {"textarea", "xmp"}
_STYLED = re.compile(r"""content\s{0,5}:\s{0,5}(?:"([^"]*+)"|'([^']*+)')""", re.IGNORECASE)
_REVERSED = re.compile(r"<bdo|bidi-override", re.IGNORECASE)
_LINKS = re.compile(r"(?:mailto:|https?://)\S", re.IGNORECASE)
_EMBEDDED = re.compile(rb"data:[a-z0-9/+.;=-]{0,80};base64,[A-Za-z0-9+/=%\s]{64,}", re.IGNORECASE)
_OF_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=%\r\n"
_LIKE_A_TAG = re.compile(r"<[^<>]{0,2000}>")
_SPACES = re.compile(r"[ \t\u00a0]+")
_BLANK_LINES = re.compile(r"\n[ \n]*\n")


def html_text(html: str) -> tuple[str, str]:
    """What HTML says: its text, and the texts beside it (alternatives, titles, comments, what a style adds)."""
    if len(html) > MAX_HTML:
        return without_tags(html), ""
    html = html.replace("\n", " ")
    said: list[str] = []
    beside: list[str] = []
    position = 0
    while (found := _MARKUP.search(html, position)) is not None:
        said.append(html[position : found.start()])
        position = _read(html, found, said, beside)
    said.append(html[position:])
    text = _tidy(unescape("".join(said)))
    if _REVERSED.search(html):
        beside.append(text[::-1])
    return text, clean(unescape("\n".join(beside)))


def _read(html: str, found: re.Match[str], said: list[str], beside: list[str]) -> int:
    """Take one piece of markup in, and say where the text goes on."""
    comment, declaration, closing, name, attributes = found.groups()
    if comment or declaration:
        return _left_out(html, found, "-->" if comment else ">", beside)
    name = name.lower()
    if "=" in attributes:
        beside.extend(_shown("".join(value)) for value in _SPOKEN.findall(attributes) if any(value))
    if found.end() == len(html) and html[-1:] != ">":
        beside.append(attributes)
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
    if name == "style":
        beside.extend(one or other for one, other in _STYLED.findall(content))
    elif name == "script":  # data for programs stand there (JSON-LD): whose appointment it is, say
        beside.append(content)
    else:
        (said if name in _RAW_AND_SHOWN else beside).append(_LIKE_A_TAG.sub(" ", content))
    return stop


def _shown(value: str) -> str:
    """An attribute as text. Where a link leads is marked as quoted: replies are full of links to whom they quote."""
    if _LINKS.match(value):
        return f"> {one_line(unquote(value[:2000]))}"
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
