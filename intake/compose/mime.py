"""MIME parts as bytes: bodies quoted-printable, the original untouched, boundaries that can't be guessed.

A part here is its headers, an empty line and its body, ready to stand between boundaries.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from io import BytesIO
from struct import unpack
from typing import TypeVar

from intake.model import Shared

Piece = bytes | Shared
Held = TypeVar("Held", bound=Piece)
LONGEST_LINE = 998  # RFC 5322, 2.1.1: what SMTP must carry
SOFT_BREAK = 75  # of the 76 of RFC 2045, 6.7: the last one is the sign of the break
MOST_LINES = 2000  # remembered
LARGE = 256 << 10  # what is larger is not copied into each message
_STEP = 57 << 12  # of what becomes base64: whole lines
_MARK = b"=_"  # begins every boundary; base64 has no such thing
_NO_BREAKS = bytes(set(range(256)) - set(b"\0\r\n"))
SECOND_COPY = 10_000_000  # up to this size an original in base64 is attached a second time, as a plain file


def quoted_printable(body: str) -> bytes:
    """``body`` in UTF-8 with CRLF line ends, quoted-printable (RFC 2045, 6.7): it survives any server."""
    lines = body.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n").encode("utf-8", "replace")
    encoded = binascii.b2a_qp(lines, istext=True)
    # Its soft line breaks follow the first line end in the data; without one they would be bare line feeds.
    return encoded if b"\r\n" in lines else encoded.replace(b"\n", b"\r\n")


class Lines:
    """Quoted-printable by lines, each encoded once: most lines of our messages are the same in every one.

    It remembers whatever it is given, also of people's mail; ``forget`` when a pass has ended.
    """

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def quoted_printable(self, body: str) -> bytes:
        """The same bytes as the function of this name."""
        lines = body.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        last, known = lines.pop(), self._known
        pieces = [known.get(line) or self._encoded(line) for line in lines]
        if last:
            pieces.append(quoted_printable(last))
        return b"".join(pieces)

    def forget(self) -> None:
        """Forget every line."""
        self._known.clear()

    def _encoded(self, line: str) -> bytes:
        if len(self._known) >= MOST_LINES:
            self._known.clear()
        encoded = self._known[line] = _quoted_line(line)
        return encoded


def _quoted_line(line: str) -> bytes:
    """One line with its end. What needs no encoding is only broken: that is quicker than looking at each byte."""
    if line.isascii() and line.isprintable() and "=" not in line and line[-1:] != " " and line != ".":
        if len(line) <= SOFT_BREAK:
            return line.encode("ascii") + b"\r\n"
        pieces = [line[at : at + SOFT_BREAK] for at in range(0, len(line), SOFT_BREAK)]
        return "=\r\n".join(pieces).encode("ascii") + b"\r\n"
    return binascii.b2a_qp(f"{line}\r\n".encode("utf-8", "replace"), istext=True)


def text_part(subtype: str, encoded: bytes, parameters: str = "") -> bytes:
    """A text part around a body that is already quoted-printable."""
    head = f"Content-Type: text/{subtype}; charset=utf-8{parameters}\r\n"
    return head.encode("ascii") + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + encoded


def json_part(body: str, filename: str) -> bytes:
    """An attached JSON document. ``body`` is ASCII; lines too long for SMTP make it base64."""
    wire = body.replace("\n", "\r\n").encode("ascii")
    long = max(map(len, wire.split(b"\r\n"))) > LONGEST_LINE
    encoding = b"base64" if long else b"7bit"
    name = filename.encode("ascii")
    return b"".join(
        (
            b'Content-Type: application/json; name="' + name + b'"\r\n',
            b"Content-Transfer-Encoding: " + encoding + b"\r\n",
            b'Content-Disposition: attachment; filename="' + name + b'"\r\n\r\n',
            wrapped_base64(wire) if long else wire,
        )
    )


def wrapped_base64(body: bytes) -> bytes:
    """``body`` in base64 lines of 76 with CRLF (RFC 2045, 6.8); beside the result it takes a few hundred kB."""
    wrapped, octets = BytesIO(), memoryview(body)
    letters = (len(body) + 2) // 3 * 4
    wrapped.seek(max(0, letters + (letters + 75) // 76 * 2 - 1))  # all of its room at once: growing leaves holes
    wrapped.write(b"\n")
    wrapped.seek(0)
    for start in range(0, len(octets), _STEP):
        wrapped.write(_wrapped(octets[start : start + _STEP]))
    return wrapped.getvalue() if body else b"\r\n"


def _wrapped(octets: memoryview) -> bytes:
    encoded = binascii.b2a_base64(octets, newline=False)
    whole = len(encoded) // 76
    lines = list(unpack("76s" * whole, encoded[: whole * 76]))  # the quickest way to cut lines
    if len(encoded) % 76:
        lines.append(encoded[whole * 76 :])
    return b"\r\n".join(lines) + b"\r\n"


@dataclass(frozen=True, slots=True)
class Original:
    """How an original travels.

    ``name`` is what its files are called, ``encoding`` is 7bit, 8bit or base64; ``part`` is the message/rfc822 part;
    ``again`` the same bytes as a plain file, or empty.
    """

    name: str
    encoding: str
    part: tuple[Piece, ...] = field(repr=False)
    again: tuple[Piece, ...] = field(repr=False, default=())


def csv_part(body: str, filename: str) -> bytes:
    """An attached table (RFC 4180). It begins with a mark, by which spreadsheets know that it is UTF-8."""
    name = filename.encode("ascii")
    return b"".join(
        (
            b'Content-Type: text/csv; charset=utf-8; header=present; name="' + name + b'"\r\n',
            b"Content-Transfer-Encoding: base64\r\n",
            b'Content-Disposition: attachment; filename="' + name + b'"\r\n\r\n',
            wrapped_base64(body.encode("utf-8-sig", "replace")),
        )
    )


def is_transparent(body: bytes) -> bool:
    """Whether SMTP carries ``body`` unchanged (RFC 5321, 2.3.8 and 4.5.3.1.6): CRLF only, no NUL, lines to 998."""
    # As many CR, LF and NUL as two for each CRLF: then there is no NUL, and none of the others stands alone.
    if len(body.translate(None, _NO_BREAKS)) != 2 * body.count(b"\r\n"):
        return False
    start, size = 0, len(body)
    while size - start > LONGEST_LINE:  # every window of one longest line with its CRLF must hold a line end
        end = body.rfind(b"\n", start, start + LONGEST_LINE + 2)
        if end < 0:
            return False
        start = end + 1
    return True


def original_part(body: bytes, name: str) -> Original:
    """The original as message/rfc822: unchanged where SMTP allows it, else in base64.

    RFC 2046, 5.2.1 allows only 7bit, 8bit and binary there; docs/decisions/0023 says why base64 is the lesser evil
    for a mail that no server would carry unchanged, and why such a mail is attached a second time as a file.
    """
    if is_transparent(body):
        encoding = "7bit" if body.isascii() else "8bit"
        head = _original_head("message/rfc822", encoding, f"{name}.eml")
        return Original(name, encoding, (head, _piece(body, "crlf")))
    encoded = _piece(wrapped_base64(body), "base64")
    again: tuple[Piece, ...] = ()
    if len(body) <= SECOND_COPY:
        again = (_original_head("application/octet-stream", "base64", f"{name}-as-received.eml"), encoded)
    return Original(name, "base64", (_original_head("message/rfc822", "base64", f"{name}.eml"), encoded), again)


def _piece(octets: bytes, lines: str) -> Piece:
    return Shared(octets, lines) if len(octets) > LARGE else octets


def _original_head(content_type: str, encoding: str, filename: str) -> bytes:
    return (
        f'Content-Type: {content_type}; name="{filename}"\r\n'
        f"Content-Transfer-Encoding: {encoding}\r\n"
        f'Content-Disposition: attachment; filename="{filename}"\r\n\r\n'
    ).encode("ascii")


def boundary(seed: str, bodies: Sequence[Piece]) -> bytes:
    """A boundary that is the same at every retry, can't be known before ``seed`` is, and is in none of ``bodies``.

    ``seed`` is the message's unguessable Message-ID, which is made after the mail came in: its author can't know it.
    """
    for salt in range(1000):
        mark = _MARK + blake2b(f"{salt} {seed}".encode("utf-8", "replace"), digest_size=18).hexdigest().encode("ascii")
        if not any(_holds(body, mark) for body in bodies):
            return mark
    raise AssertionError("a thousand hashes of 144 bits all occur in one mail")


def _holds(body: Piece, mark: bytes) -> bool:
    if isinstance(body, Shared):
        return body.lines != "base64" and mark in body.octets
    return mark in body


def joined(pieces: Iterable[Piece]) -> tuple[bytes, tuple[Piece, ...]]:
    """The pieces as ``Outgoing`` has them: what is small is joined, what is shared stays as it is."""
    found: list[Piece] = []
    run: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, Shared):
            found += [b"".join(run), piece]
            run = []
        else:
            run.append(piece)
    last = b"".join(run)
    if not found:
        return last, ()
    beginning = found[0]
    assert isinstance(beginning, bytes)  # noqa: S101 - what is small was put before each that is not
    return beginning, (*found[1:], last)


def multipart(subtype: str, mark: bytes, parts: Sequence[Sequence[Held]]) -> list[bytes | Held]:
    """The pieces of a multipart entity, headers first."""
    pieces: list[bytes | Held] = [
        b"Content-Type: multipart/" + subtype.encode("ascii") + b'; boundary="' + mark + b'"\r\n\r\n'
    ]
    for part in parts:
        pieces.append(b"--" + mark + b"\r\n")
        pieces.extend(part)
        pieces.append(b"\r\n")
    pieces.append(b"--" + mark + b"--\r\n")
    return pieces
