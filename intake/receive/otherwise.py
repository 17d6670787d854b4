"""The same bytes as another program would read them.

A mail can be built, or broken on its way, so that one program shows what another passes over: two types for one part,
a boundary that only some take for one, an encoding that is not what it says, a text that holds a whole mail. Who is
named in what any of them shows is named, so it is read in those ways too: for names alone, nobody is shown it.
Everything here is total and linear.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote

from intake.receive.markup import without_tags
from intake.receive.shape import MAX_FIELD_BYTES, Part
from intake.receive.text import clean, decode_bytes, decode_field, decode_words

MAX_READ = 512 << 10  # of a text, and of all that is read otherwise of a mail
_DEEPEST = 2  # base64 that holds HTML, and the like
_ONCE = ("content-type", "content-transfer-encoding")
_KNOWN_ENCODINGS = {"", "7bit", "8bit", "binary", "base64", "quoted-printable"}
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/=\s]|=\s*[A-Za-z0-9+/]|[A-Za-z0-9][ \t][A-Za-z0-9]")
_BOUNDARY = re.compile(rb";\s{0,20}boundary\*?0?\*?\s{0,20}=", re.IGNORECASE)
_NAMED = {"content-description", "content-location"}

_ENCODED = re.compile(r"base[ -]?64", re.IGNORECASE)
_ESCAPED = re.compile(r"=[0-9A-F]{2}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{12,}(?:\n[A-Za-z0-9+/]+)*")
_UUENCODED = re.compile(r"^begin [0-7]{3,4} \S", re.MULTILINE)
_RTF = "{\\rtf"
_RTF_LETTER = re.compile(r"\\'([0-9a-fA-F]{2})")
_TAGS = ("</", "&#", "&nbsp;")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffd]")
_NO_STRING = re.compile(rb"[^ -~\x80-\xff]+")
_WIDE = re.compile(rb"(?<=[ -~\xa0-\xff])\0")


def ambiguous(part: Part) -> bool:
    """Whether programs may differ on what a part is, or on how it is encoded."""
    names = [name for name, _ in part.fields if name in _ONCE]
    encoding = part.encoding()
    said = bool(encoding) or not part.first("content-transfer-encoding")
    if len(names) != len(set(names)) or encoding not in _KNOWN_ENCODINGS or not said:
        return True
    if part.main == "multipart":
        return len(_BOUNDARY.findall(part.first("content-type"))) > 1
    return encoding == "base64" and part.main == "text" and _NO_BASE64.search(part.raw(64 << 10).rstrip()) is not None


def as_written(part: Part) -> str:
    """A part with nothing undone: what its fields say of it, and its body."""
    fields = [b"%s: %s" % (name.encode(), value) for name, value in part.fields if name.startswith("content-")]
    return clean(decode_bytes(b"\n".join([*fields, b"", part.raw(MAX_READ)]), ""))


def told(part: Part) -> str:
    """Everything that the fields of a part call it, whichever of several names a program shows."""
    said: list[str] = []
    for name, value in part.fields:
        if name in _NAMED or (name in {"content-type", "content-disposition"} and b"name" in value.lower()):
            text = decode_field(value, MAX_FIELD_BYTES)
            said.extend((text, unquote(text)) if "%" in text else (text,))
    return "\n".join(said)


def strings(data: bytes) -> str:
    """The texts in a file of a form that is not understood: letters of eight and of sixteen bits (Outlook's files)."""
    narrow, wide = _NO_STRING.sub(b"\n", data), _NO_STRING.sub(b"\n", _WIDE.sub(b"", data))
    return f"{narrow.decode('cp1252', 'replace')}\n{wide.decode('cp1252', 'replace')}"


def readings(text: str, room: int = MAX_READ) -> list[str]:
    """A text as programs show it that undo what is still encoded in it; at most ``room`` letters in all."""
    found: list[str] = []
    left = [(text, 0)]
    while left and room > 0:
        given, depth = left.pop()
        for reading in _undone(given):
            shown = clean(reading[: max(0, room)])
            room -= len(shown)
            if shown.strip():
                found.append(shown)
                left += [(shown, depth + 1)] if depth + 1 < _DEEPEST else []
    return found


def _undone(text: str) -> Iterator[str]:
    if "=?" in text:
        yield decode_words("\n".join(line for line in text.split("\n") if "=?" in line)[:MAX_READ])
    if "=" in text and _ESCAPED.search(text):
        lines = "\n".join(line for line in text.split("\n") if _ESCAPED.search(line))
        yield decode_bytes(binascii.a2b_qp(lines[:MAX_READ].encode("utf-8", "replace")), "")
    if "64" in text and (encoded := _ENCODED.search(text)) is not None:
        yield _without_base64(text[encoded.end() : encoded.end() + MAX_READ])
    if "begin " in text and (begin := _UUENCODED.search(text)) is not None:
        yield _without_uuencoding(text[begin.start() : begin.start() + MAX_READ])
    if any(sign in text for sign in _TAGS):
        yield without_tags(text[:MAX_READ])
    if text.startswith(_RTF):
        yield _RTF_LETTER.sub(lambda hit: bytes.fromhex(hit[1]).decode("cp1252", "replace"), text[:MAX_READ])


def _without_base64(text: str) -> str:
    """What stands in base64 and is a text."""
    found = []
    for run in _BASE64.findall(text):
        letters = run.replace("\n", "")
        data = binascii.a2b_base64(letters[: len(letters) // 4 * 4])
        rest = letters[len(letters) // 4 * 4 :]
        if len(rest) > 1:
            data += binascii.a2b_base64(rest + "=" * (4 - len(rest)))
        shown = decode_bytes(data, "")
        if len(_CONTROL.findall(shown)) * 20 < len(shown):
            found.append(shown)
    return "\n".join(found)


def _without_uuencoding(text: str) -> str:
    pieces: list[bytes] = []
    for line in text.split("\n"):
        try:
            pieces.append(binascii.a2b_uu(line))
        except (binascii.Error, ValueError):  # its first line, its last one, and what is none
            pieces.append(b"\n")
    return decode_bytes(b"".join(pieces), "")
