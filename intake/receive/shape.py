"""Where the parts of a mail are, found without trusting it.

The raw bytes are never copied or split into lines as a whole: a part is a pair of offsets, found by searching for
its boundary (RFC 2046, 5.1). The walk keeps its own stack, so that depth costs nothing but its limit, and every
loop is bounded by one of the limits below. A mail of 40 MB is surveyed in a few hundredths of a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from intake.receive import transfer
from intake.receive.text import decode_bytes

MAX_PARTS = 500
MAX_DEPTH = 10
MAX_HEADERS = 4000
MAX_HEAD_BYTES = 1 << 20
MAX_FIELD_BYTES = 64 << 10
MAX_PARAMETERS = 40
MAX_ENCODED_MESSAGE = 8 << 20  # of a message/rfc822 that came as base64 against the rules (RFC 2046, 5.2.1)

Field = tuple[str, bytes]

_FIELD_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_PARAMETER = re.compile(r';\s{0,20}([^\s=;"]{1,60})\s{0,20}=\s{0,20}(?:"((?:[^"\\]|\\.)*)"|([^;"]*))', re.DOTALL)
_BARE_CR = re.compile(rb"\r(?!\n)")
_TYPE = re.compile(r"\s*([a-z0-9!#$&^_.+-]{1,80})/([a-z0-9!#$&^_.+-]{1,80})", re.IGNORECASE)
_EMPTY_LINE = (b"\n\n", b"\n\r\n")
# Beyond MAX_HEADERS only these count: what people are shown, and what the rest of the mail depends on.
_NEEDED = frozenset(
    ("from", "sender", "reply-to", "to", "cc", "subject", "message-id", "content-type", "content-transfer-encoding")
)
_ENCLOSED = {"message/rfc822", "message/global", "message/news"}
SIGNED_WHOLE = {"application/pkcs7-mime", "application/x-pkcs7-mime"}
_RETURNED_HEADERS = {"text/rfc822-headers", "message/global-headers"}


@dataclass(slots=True, eq=False)
class Part:
    """One part: its fields and where its body stands in ``source``.

    ``enclosed`` is how many messages it is enclosed in (0: it belongs to the mail itself); ``parent`` is its
    container's type, ``""`` for the mail itself.
    """

    source: bytes = field(repr=False)
    start: int
    end: int
    fields: tuple[Field, ...] = field(repr=False)
    type: str
    parameters: dict[str, str] = field(repr=False)
    depth: int
    enclosed: int
    parent: str
    children: list[Part] = field(default_factory=list, repr=False)

    @property
    def main(self) -> str:
        """The first half of the type."""
        return self.type.partition("/")[0]

    def first(self, name: str) -> bytes:
        """The topmost value of a field (lower-case name), or nothing."""
        return next((value for key, value in self.fields if key == name), b"")

    def encoding(self) -> str:
        """Content-Transfer-Encoding, lower case, without comments and stray parameters."""
        value = self.first("content-transfer-encoding")[:200].decode("ascii", "replace")
        return value.partition(";")[0].partition("(")[0].strip().strip('"').lower()

    def disposition(self) -> tuple[str, dict[str, str]]:
        """Content-Disposition: its value and parameters (RFC 2183)."""
        value = plain(self.first("content-disposition"))
        return value.partition(";")[0].strip().lower(), parameters_of(value)

    def raw(self, limit: int | None = None) -> bytes:
        """The body as it stands, at most ``limit`` bytes of it."""
        end = self.end if limit is None else min(self.end, self.start + limit)
        return self.source[self.start : end]

    def decoded(self, limit: int) -> bytes:
        """The first ``limit`` bytes (about) of the body with its transfer encoding undone."""
        taken, chunks = 0, []
        if limit <= 0:
            return b""
        for chunk in self.chunks(min(limit * 2, 1 << 20)):
            chunks.append(chunk)
            taken += len(chunk)
            if taken >= limit:
                break
        return b"".join(chunks)[:limit]

    def chunks(self, step: int = 1 << 20) -> Iterator[bytes]:
        """The decoded body in pieces, so that a large one is never held twice."""
        yield from transfer.decoded(self.encoding(), self.source, self.start, self.end, step)


@dataclass(slots=True)
class Shape:
    """The parts in order of appearance, the first being the mail itself, and what was wrong with them.

    ``strays`` are places (a source, from, to) outside every part: what stands before the first boundary, after the
    last, beyond a limit, or behind a bare CR in the head.
    """

    parts: list[Part]
    strays: list[tuple[bytes, int, int]]
    defects: list[str]


def survey(raw: bytes) -> Shape:
    """Find every part. Never raises; what exceeds a limit stays undivided and is named in ``defects``."""
    if b"\n" not in raw[: 1 << 16] and b"\r" in raw[: 1 << 16]:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    shape = Shape([], [], [])
    top = _part(raw, 0, len(raw), shape, depth=0, enclosed=0, parent="")
    stack = [top]
    while stack:
        part = stack.pop()
        shape.parts.append(part)
        if len(shape.parts) + len(stack) >= MAX_PARTS:
            _defect(shape, "too-many-parts")
            continue
        children = _children(part, shape)
        if children and part.depth >= MAX_DEPTH:
            _defect(shape, "too-deep")
            continue
        part.children = children
        stack.extend(reversed(children))
    return shape


def _children(part: Part, shape: Shape) -> list[Part]:
    if part.depth > MAX_DEPTH:
        return []
    if part.main == "multipart":
        return _divided(part, shape)
    if part.type in _ENCLOSED or part.type in _RETURNED_HEADERS:
        return _enclosed(part, shape)
    if part.type in SIGNED_WHOLE:
        return _signed(part, shape)
    return []


def _enclosed(part: Part, shape: Shape) -> list[Part]:
    source, start, end = part.source, part.start, part.end
    if part.encoding() in {"base64", "quoted-printable"}:
        source = part.decoded(MAX_ENCODED_MESSAGE)
        start, end = 0, len(source)
    while start < end and source[start] in b"\r\n":
        start += 1
    if start >= end:
        return []
    return [_part(source, start, end, shape, depth=part.depth + 1, enclosed=part.enclosed + 1, parent=part.type)]


def _signed(part: Part, shape: Shape) -> list[Part]:
    """What is signed and not encrypted can be read by anybody (RFC 8551, 3.5.2), and is the mail itself."""
    source = transfer.signed_content(part.decoded(MAX_ENCODED_MESSAGE))
    if _FIELD_NAME.match(source) is None:
        return []
    return [_part(source, 0, len(source), shape, depth=part.depth + 1, enclosed=part.enclosed, parent=part.type)]


def _divided(part: Part, shape: Shape) -> list[Part]:
    boundary = part.parameters.get("boundary", "").rstrip()
    if not boundary:
        _defect(shape, "no-boundary")
        return []
    spans = _spans(part, boundary.encode("utf-8", "surrogateescape"), shape)
    if not spans:
        _defect(shape, "boundary-missing")
    room = max(0, MAX_PARTS - len(shape.parts))
    if len(spans) > room:
        _defect(shape, "too-many-parts")
        shape.strays.append((part.source, spans[room][0], part.end))
        spans = spans[:room]
    return [
        _part(part.source, start, end, shape, depth=part.depth + 1, enclosed=part.enclosed, parent=part.type)
        for start, end in spans
    ]


def _spans(part: Part, boundary: bytes, shape: Shape) -> list[tuple[int, int]]:
    """The regions between delimiter lines; what stands outside them is a stray."""
    source, end = part.source, part.end
    delimiter = b"--" + boundary
    spans: list[tuple[int, int]] = []
    begun = -1
    position, tries = part.start, 0
    while len(spans) <= MAX_PARTS and tries < 20 * MAX_PARTS:
        tries += 1
        at = source.find(delimiter, position, end)
        if at < 0:
            break
        position = at + len(delimiter)
        if at > part.start and source[at - 1] not in b"\r\n":
            continue
        line_end = source.find(b"\n", position, min(end, position + 1000))
        line_end = min(end, position + 1000) if line_end < 0 else line_end
        rest = source[position:line_end].strip()
        if rest not in (b"", b"--"):
            continue
        if begun >= 0:
            spans.append((begun, _before_line_break(source, begun, at)))
        else:
            shape.strays.append((source, part.start, at))
        position = begun = min(end, line_end + 1)
        if rest == b"--":
            shape.strays.append((source, begun, end))
            begun = -1
            if spans:
                return spans
    if begun >= 0:
        _defect(shape, "boundary-unclosed")
        spans.append((begun, end))
    return spans


def _before_line_break(source: bytes, start: int, at: int) -> int:
    """The line break before a delimiter belongs to the delimiter (RFC 2046, 5.1.1)."""
    if at > start and source[at - 1] == 0x0A:
        at -= 1
    if at > start and source[at - 1] == 0x0D:
        at -= 1
    return at


def _part(source: bytes, start: int, end: int, shape: Shape, *, depth: int, enclosed: int, parent: str) -> Part:
    fields, body = read_fields(source, start, end, shape.defects)
    if body - start > MAX_HEAD_BYTES:
        shape.strays.append((source, start + MAX_HEAD_BYTES, body))
    if source.count(b"\r", start, body) != source.count(b"\r\n", start, body):
        shape.strays.extend((value, 0, len(value)) for _, value in fields if _BARE_CR.search(value))
    kind, parameters = _content_type(fields, parent)
    return Part(source, body, end, fields, kind, parameters, depth, enclosed, parent)


def _content_type(fields: tuple[Field, ...], parent: str) -> tuple[str, dict[str, str]]:
    value = next((raw for name, raw in fields if name == "content-type"), None)
    if value is None:
        return ("message/rfc822" if parent == "multipart/digest" else "text/plain"), {}
    text = plain(value)
    match = _TYPE.match(text)
    if match is None:
        return "text/plain", parameters_of(text)
    return f"{match[1]}/{match[2]}".lower(), parameters_of(text)


def read_fields(source: bytes, start: int, end: int, defects: list[str]) -> tuple[tuple[Field, ...], int]:
    """The header fields from ``start`` as (lower-case name, raw value), and where the body begins.

    A line that is no field is skipped when fields go on after it; otherwise the body begins there.
    """
    stop = after = _head_end(source, start, min(end, start + MAX_HEAD_BYTES))
    if stop - start >= MAX_HEAD_BYTES:
        _note(defects, "head-too-long")
        after = min((at for sign in _EMPTY_LINE if (at := source.find(sign, stop - 2, end)) >= 0), default=stop)
    lines = source[start:stop].split(b"\n")
    found: list[tuple[str, list[bytes]]] = []
    position = start
    for number, line in enumerate(lines):
        if line[:1] in (b" ", b"\t") and found:
            found[-1][1].append(line)
        elif (match := _FIELD_NAME.match(line)) is not None:
            if len(found) >= MAX_HEADERS:
                _note(defects, "too-many-headers")
                if len(found) >= 2 * MAX_HEADERS:
                    break
            name = match[1].decode("ascii").lower()
            if len(found) < MAX_HEADERS or name in _NEEDED:
                found.append((name, [line[match.end() :]]))
        elif line.strip() and not (number == 0 and line.startswith((b"From ", b">From "))):
            if not _goes_on(lines, number + 1):
                return _joined(found), position
            _note(defects, "header-garbage")
        position += len(line) + 1
    return _joined(found), min(end, _skip_blank(source, after, end))


def _head_end(source: bytes, start: int, limit: int) -> int:
    """Where the first empty line is, or ``limit``."""
    if source[start : start + 1] == b"\n" or source[start : start + 2] == b"\r\n":
        return start
    unix = source.find(b"\n\n", start, limit)
    wide = source.find(b"\n\r\n", start, limit if unix < 0 else unix + 1)
    found = [at for at in (unix, wide) if at >= 0]
    return min(found) if found else limit


def _skip_blank(source: bytes, at: int, end: int) -> int:
    """Past the end of the last header line and the empty line after it."""
    if source[at : at + 1] == b"\n" and source[at + 1 : at + 2] in (b"\n", b"\r") and at + 1 < end:
        at += 1
    if source[at : at + 2] == b"\r\n":
        return at + 2
    if source[at : at + 1] == b"\n":
        return at + 1
    return at


def _goes_on(lines: list[bytes], start: int) -> bool:
    return start < len(lines) and _FIELD_NAME.match(lines[start]) is not None


def _joined(found: list[tuple[str, list[bytes]]]) -> tuple[Field, ...]:
    return tuple((name, b"\n".join(lines)[:MAX_FIELD_BYTES].strip()) for name, lines in found)


def plain(value: bytes) -> str:
    """A field's value as text for its syntax: unfolded, 4 kB at most; bytes beyond ASCII become surrogates or UTF-8."""
    value = value[:4096].replace(b"\r", b"").replace(b"\n", b"")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("ascii", "surrogateescape")


def parameters_of(value: str) -> dict[str, str]:
    """``name=value`` parameters after the first semicolon, first occurrence first, names in lower case.

    RFC 2231 continuations (``name*0``) are joined and charset forms (``name*``) decoded.
    """
    found: dict[str, str] = {}
    begin = value.find(";")
    if begin < 0:
        return found
    position = begin
    for _ in range(MAX_PARAMETERS):
        match = _PARAMETER.match(value, position)
        if match is None:
            position = value.find(";", position + 1)
            if position < 0:
                break
            continue
        text = match[2] if match[2] is not None else match[3].strip()
        if match[2] is not None and "\\" in text:
            text = re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
        found.setdefault(match[1].lower(), text)
        position = value.find(";", match.end())
        if position < 0:
            break
    return _continued(found) if any("*" in name for name in found) else found


def _continued(found: dict[str, str]) -> dict[str, str]:
    """Join ``name*0``, ``name*1*`` … and decode ``charset'language'percent-encoded`` (RFC 2231)."""
    result = {name: text for name, text in found.items() if "*" not in name}
    pieces: dict[str, list[tuple[int, str, bool]]] = {}
    for name, text in found.items():
        base, star, rest = name.partition("*")
        if not star:
            continue
        number = rest.rstrip("*")
        if number.isdecimal() and number.isascii() and len(number) < 4:
            pieces.setdefault(base, []).append((int(number), text, rest.endswith("*")))
        elif not number:
            pieces.setdefault(base, []).append((0, text, True))
    for base, parts in pieces.items():
        result[base] = _percent_decoded(sorted(parts))
    return result


def _percent_decoded(parts: list[tuple[int, str, bool]]) -> str:
    charset, data = "utf-8", b""
    for number, text, encoded in parts:
        if encoded and number == 0 and text.count("'") >= 2:
            charset, _, value = text.split("'", 2)
        else:
            value = text
        raw = value.encode("utf-8", "surrogateescape")
        data += re.sub(rb"%([0-9A-Fa-f]{2})", lambda hit: bytes([int(hit[1], 16)]), raw) if encoded else raw
    return decode_bytes(data, charset)


def _defect(shape: Shape, name: str) -> None:
    _note(shape.defects, name)


def _note(defects: list[str], name: str) -> None:
    if name not in defects:
        defects.append(name)
