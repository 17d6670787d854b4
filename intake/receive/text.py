"""Bytes to text: charsets, encoded words (RFC 2047). Every function here is total and linear."""

from __future__ import annotations

import binascii
import codecs
import re
from functools import cache

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
_SWITCH = re.compile(rb"\x1b[$(][()]?.|[\x0e\x0f]")
_LETTERS = b"Aa Zz 09 @-."
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


def in_another_charset(data: bytes, charset: str) -> str:
    """What a program shows that does not take part in a charset whose ASCII is no ASCII; nothing for any other."""
    if b"\x1b$" not in data and _keeps_ascii(_codec(charset)):
        return ""
    data = _SWITCH.sub(b" ", data.replace(b"\0", b""))  # without the zeros of sixteen bits, in whichever order
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


@cache
def _keeps_ascii(codec: str) -> bool:
    if codec.startswith(("iso2022", "utf-7", "hz")):
        return False
    try:
        return not codec or _LETTERS.decode(codec) == _LETTERS.decode("ascii")
    except UnicodeError:
        return False


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
    held: list[bytes] = []
    charset, position = "", 0
    for match in _ENCODED_WORD.finditer(value):
        if match.start() > position or match[1].lower() != charset:
            if held:
                pieces.append(decode_bytes(b"".join(held), charset))
                held = []
            pieces.append(value[position : match.start()])
        charset = match[1].lower()
        held.append(_word_bytes(match[2], match[3]))
        position = match.end()
    if held:
        pieces.append(decode_bytes(b"".join(held), charset))
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
