"""Bytes to text: charsets, encoded words (RFC 2047), HTML. Every function here is total and linear."""

from __future__ import annotations

import binascii
import codecs
import re
from html import unescape
from urllib.parse import unquote

MAX_HTML = 512 << 10

_SAFE_CODEC = re.compile(
    r"(utf|ascii|latin|iso8859|iso2022|cp\d|windows|koi8|mac[-_]|big5|gb|euc|shift|hz|johab|tis|ptcp|kz)"
)
_PREFERRED = {
    "ascii": "utf-8",  # 8-bit text under this name is nearly always UTF-8 or windows-1252
    "iso8859-1": "cp1252",  # as browsers read it
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso2022_jp": "iso2022_jp_2",
    "utf-16": "utf-16",
}
_JUNK = dict.fromkeys([*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F, *range(0x80, 0xA0), *range(0xD800, 0xE000)])
_DIRTY = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_ENCODED_WORD = re.compile(r"=\?([^?\s*]{1,60})(?:\*[^?\s]{0,40})?\?([bBqQ])\?([^?]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(?==\?[^?\s]{1,100}\?[bBqQ]\?)")
_WHITE = re.compile(r"\s+")


def decode_bytes(data: bytes, charset: str) -> str:
    """Text of ``data``: by the charset that is named if it is one, else UTF-8, else windows-1252."""
    if b"\x1b$" in data[:65536] and not charset.lower().startswith(("iso-2022", "iso2022")):
        charset = "iso-2022-jp"
    for codec in _codecs(charset):
        try:
            return data.decode(codec)
        except (UnicodeError, ValueError):
            continue
    named = _codec(charset)
    if named and named not in {"utf-8", "cp1252", "ascii"}:
        return data.decode(named, "replace")
    return data.decode("utf-8", "replace") if _mostly_utf8(data) else data.decode("cp1252", "replace")


def _codecs(charset: str) -> tuple[str, ...]:
    named = _codec(charset)
    if named in ("", "utf-8"):
        return ("utf-8",)
    if named == "cp1252":
        return ("cp1252", "utf-8")
    return (named, "utf-8")


def _codec(charset: str) -> str:
    """The codec for a MIME charset name, or nothing: only those that turn text into text, none that unpacks."""
    name = charset.strip("\"' \t").lower()[:60]
    if not name or not name.isascii() or not name.isprintable():
        return ""
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    return _PREFERRED.get(found, found) if _SAFE_CODEC.match(found) else ""


def _mostly_utf8(data: bytes) -> bool:
    sample = data[:65536].decode("utf-8", "replace")
    return sample.count("\ufffd") * 20 < sum(letter > "\x7f" for letter in sample)


def clean(text: str) -> str:
    """Text without NUL, other controls and lone surrogates; every line end is one newline."""
    if not _DIRTY.search(text):
        return text
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_JUNK)


def one_line(text: str) -> str:
    """Text on one line: whatever breaks lines or controls a terminal becomes a space."""
    return _WHITE.sub(" ", _DIRTY.sub(" ", text)).strip()


def unfolded(raw: bytes, limit: int = 16384) -> str:
    """A header value on one line, bytes beyond ASCII read as UTF-8, else windows-1252; encoded words untouched."""
    return one_line(decode_bytes(raw[:limit], "")) if raw else ""


def decode_words(value: str) -> str:
    """Decode RFC 2047 encoded words wherever they stand, also where the standard forbids them.

    Adjacent words in one charset are joined as bytes first, as writers split characters between them.
    """
    if "=?" not in value:
        return value
    value = _BETWEEN_WORDS.sub(r"\1", value)
    pieces: list[str] = []
    held, charset, position = b"", "", 0
    for match in _ENCODED_WORD.finditer(value):
        if match.start() > position or match[1].lower() != charset:
            if held:
                pieces.append(decode_bytes(held, charset))
                held = b""
            pieces.append(value[position : match.start()])
        charset = match[1].lower()
        held += _word_bytes(match[2], match[3])
        position = match.end()
    if held:
        pieces.append(decode_bytes(held, charset))
    pieces.append(value[position:])
    return "".join(pieces)


def _word_bytes(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    if encoding in "qQ":
        return binascii.a2b_qp(data.replace(b"\n", b"").replace(b"\r", b""), header=True)
    data = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
    if len(data) % 4 == 1:
        data = data[:-1]
    return binascii.a2b_base64(data + b"=" * (-len(data) % 4))


def decode_field(raw: bytes, limit: int = 16384) -> str:
    """A header value as a person reads it: unfolded, decoded, on one line, without controls."""
    return one_line(decode_words(unfolded(raw, limit)))


# --- HTML ---------------------------------------------------------------------------------------

_BREAKING = {
    *("p", "br", "div", "li", "tr", "td", "th", "table", "blockquote", "pre", "hr", "ul", "ol", "dt", "dd"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "header", "footer"),
}
_LINKS = re.compile(r"(?:mailto:|https?://)\S", re.IGNORECASE)
_SPOKEN = {"href", "alt", "title", "aria-label", "placeholder", "value", "summary"}
_TAG = re.compile(r'<(/?)([a-z0-9]++)((?:[^"<>]++|"[^"]*+")*+)>')
_ATTRIBUTE = re.compile(r'(?<![a-z-])[a-z-]++="([^"]*)"')
_BROKEN_TAG = re.compile(r"<[^<>]{0,2000}>")
_SPACES = re.compile(r"[ \t\u00a0]+")
_BLANK_LINES = re.compile(r"\n[ \n]*\n")
MAX_LEFT_OPEN = 2000  # a parser's work grows with the square of the open elements


def left_open(html: str) -> int:
    """About how many elements HTML opens and does not close."""
    return html.count("<") - 2 * html.count("</") - html.count("<br") - html.count("<img")


def html_text(html: str) -> tuple[str, str]:
    """What HTML says: its text as it would be read, and the texts beside it (alternatives, titles, comments, scripts).

    nh3 makes it well-formed first. What is larger than ``MAX_HTML``, or opens far more elements than it closes, is
    only stripped of its tags.
    """
    if len(html) > MAX_HTML or left_open(html) > MAX_LEFT_OPEN:
        return _tidy(unescape(_BROKEN_TAG.sub(" ", html))), ""
    import nh3  # noqa: PLC0415 - most passes meet no HTML

    safe = nh3.clean(
        html,
        tags=_BREAKING | {"img", "a", "input", "area"},
        attributes={"*": _SPOKEN},
        link_rel=None,
        strip_comments=True,
    )
    beside: list[str] = []

    def replaced(tag: re.Match[str]) -> str:
        beside.extend(_shown(value) for value in _ATTRIBUTE.findall(tag[3]) if value.strip())
        if tag[2] == "blockquote":
            return "\n> " if not tag[1] else "\n"
        return "\n" if tag[2] in _BREAKING else ""

    text = _tidy(unescape(_TAG.sub(replaced, safe.replace("\n", " "))))
    beside.extend(_BROKEN_TAG.sub("", comment) for comment in _between(html, "<!--", "-->"))
    # Data for programs stands in scripts (JSON-LD): whose appointment it is, say.
    beside.extend(_between(html, "<script", "</script"))
    return text, clean(unescape("\n".join(beside)))


def _shown(value: str) -> str:
    """An attribute as text. Where a link leads is marked as quoted: replies are full of links to whom they quote."""
    return f"> {one_line(unquote(value[:2000]))}" if _LINKS.match(value) else value


def _between(html: str, opening: str, closing: str) -> list[str]:
    found: list[str] = []
    lowered = html.lower()
    if len(lowered) != len(html):  # some capitals become two letters
        lowered = html
    position = lowered.find(opening)
    while position >= 0 and len(found) < 100:
        stop = lowered.find(closing, position)
        if stop < 0:
            break
        found.append(html[position + len(opening) : stop])
        position = lowered.find(opening, stop)
    return found


def _tidy(text: str) -> str:
    text = _SPACES.sub(" ", clean(text))
    return _BLANK_LINES.sub("\n\n", "\n".join(line.strip() for line in text.split("\n"))).strip()
