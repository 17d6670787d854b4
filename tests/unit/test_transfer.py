"""Base64 is undone a piece at a time: what comes out is the same however it is cut, and whatever stands in between."""

from __future__ import annotations

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.receive.transfer import decoded

LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def undone(source: bytes, step: int, start: int = 0, end: int | None = None) -> bytes:
    return b"".join(decoded("base64", source, start, len(source) if end is None else end, step))


def by_letters(source: bytes) -> bytes:
    """The definition: letters up to the first padding, in fours; a lone one at the end holds no byte."""
    letters = bytes(byte for byte in source.partition(b"=")[0] if byte in LETTERS)
    letters = letters[:-1] if len(letters) % 4 == 1 else letters
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


@given(
    st.lists(st.sampled_from([b"QUJD", b"Q", b"QU", b"\r\n", b"\n", b"=", b"==", b"-", b"\0", b" "]), max_size=40),
    st.integers(1, 30),
)
def test_it_is_the_same_however_it_is_cut(pieces: list[bytes], step: int) -> None:
    source = b"".join(pieces)
    assert undone(source, step) == by_letters(source)


@pytest.mark.parametrize("width", [4, 57, 75, 76, 77, 998])
def test_lines_of_any_width(width: int) -> None:
    content = bytes(range(256)) * 50
    encoded = base64.b64encode(content)
    lines = b"\r\n".join(encoded[at : at + width] for at in range(0, len(encoded), width))
    for step in (100, 1000, 1 << 20):
        assert undone(b"head" + lines + b"tail", step, 4, 4 + len(lines)) == content
