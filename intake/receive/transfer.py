"""Transfer encodings undone (RFC 2045, 6), a piece at a time, whatever stands there. Nothing here raises."""

from __future__ import annotations

import binascii
from collections.abc import Iterator

_MOST_VALUES = 20_000  # of ASN.1; writers cut 8 MB into no more pieces than that
_OCTETS, _CONSTRUCTED = 0x04, 0x20  # tags of ASN.1
_WASTE = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))


def decoded(encoding: str, source: bytes, start: int, end: int, step: int) -> Iterator[bytes]:
    """What stands between two places of ``source``, in pieces of about ``step`` bytes: it is never held twice."""
    if encoding == "base64":
        yield from _base64(source, start, end, step)
    elif encoding == "quoted-printable":
        for at, stop in _lines(source, start, end, step):
            yield binascii.a2b_qp(source[at:stop])
    else:
        for at in range(start, end, step):
            yield source[at : min(at + step, end)]


def signed_content(der: bytes) -> bytes:
    """What stands in a SignedData (RFC 5652, 5.2: DER, or BER in pieces), or nothing."""
    pieces: list[bytes] = []
    at = 0
    for _ in range(_MOST_VALUES):
        if at + 1 >= len(der):
            break
        tag, length, head = der[at], der[at + 1], 2
        if length > 0x80:
            head += length & 0x7F
            length = int.from_bytes(der[at + 2 : at + head], "big")
        if tag == _OCTETS:
            pieces.append(der[at + head : at + head + length])
        elif pieces and tag:
            break  # the certificates
        at += head + (0 if tag & _CONSTRUCTED or not tag else length)
    return b"".join(pieces)


def _base64(source: bytes, start: int, end: int, step: int) -> Iterator[bytes]:
    left = b""
    for at, stop in _lines(source, start, end, step):
        if not left and (piece := _in_fours(source, at, stop)):
            yield piece
            continue
        text = left + source[at:stop].translate(None, _WASTE)
        padding = text.find(b"=")
        if padding >= 0:
            left = text[:padding]
            break
        whole = len(text) // 4 * 4
        left = text[whole:]
        yield binascii.a2b_base64(text[:whole])
    if len(left) % 4 == 1:  # a lone letter holds no byte
        left = left[:-1]
    if left:
        yield binascii.a2b_base64(left + b"=" * (-len(left) % 4))


def _in_fours(source: bytes, at: int, stop: int) -> bytes:
    """Lines of base64 decoded as they stand; nothing where they end within a group of four, or the whole ends."""
    if source.find(b"=", at, stop) >= 0:
        return b""
    try:
        return binascii.a2b_base64(memoryview(source)[at:stop])
    except binascii.Error:
        return b""


def _lines(source: bytes, start: int, end: int, step: int) -> Iterator[tuple[int, int]]:
    """Pieces of about that size that end with a line, where there is one."""
    at = start
    while at < end:
        stop = min(at + step, end)
        if stop < end:
            newline = source.rfind(b"\n", at, stop)
            stop = newline + 1 if newline >= 0 else stop
        yield at, stop
        at = stop
