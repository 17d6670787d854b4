"""Parts, boundaries and the original: what goes in comes out, byte for byte, also after a trip over SMTP."""

from __future__ import annotations

import base64
import email
import email.policy
import os
import smtplib
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.compose import mime
from intake.deliver import envelope
from intake.model import Outgoing, Shared

CORPUS = Path(os.environ.get("INTAKE_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))


@given(
    st.lists(
        st.text(alphabet=st.sampled_from("ab .=~\té\0") | st.characters(exclude_categories=["Cs"]), max_size=170)
        | st.integers(70, 160).map(lambda length: "x" * length + ".")
        | st.integers(70, 160).map(lambda length: "x" * length + " "),
        max_size=5,
    ).map("\n".join)
)
def test_lines_are_encoded_as_the_whole_is(body: str) -> None:
    lines = mime.Lines()
    assert lines.quoted_printable(body) == mime.quoted_printable(body)
    assert lines.quoted_printable(body) == mime.quoted_printable(body), "and when they are remembered"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=400))
def test_quoted_printable_comes_back(body: str) -> None:
    encoded = mime.quoted_printable(body)
    assert encoded.isascii()
    assert encoded.count(b"\n") == encoded.count(b"\r") == encoded.count(b"\r\n")
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
    part = email.message_from_bytes(mime.text_part("plain", encoded), policy=email.policy.default)
    wanted = body.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n").encode()
    assert part.get_payload(decode=True) == wanted


@pytest.mark.parametrize(
    ("body", "transparent"),
    [
        (b"", True),
        (b"a: b\r\n\r\nhello\r\n", True),
        (b"no end", True),
        (b"\xe9\xff\r\n", True),
        (b"x" * 998 + b"\r\n", True),
        (b"x" * 999 + b"\r\n", False),
        (b"x" * 998, True),
        (b"x" * 999, False),
        (b"ok\r\n" + b"x" * 998 + b"\r\n" + b"y" * 998 + b"\r\n", True),
        (b"ok\r\n" * 400 + b"x" * 1200 + b"\r\n" + b"ok\r\n" * 400, False),
        (b"bare\nline feed", False),
        (b"bare\rreturn", False),
        (b"ends bare\r", False),
        (b"\r\r\n", False),
        (b"nul\0", False),
        (b"apart\r.\n", False),
    ],
)
def test_only_what_smtp_carries_unchanged_is_transparent(body: bytes, transparent: bool) -> None:
    assert mime.is_transparent(body) is transparent


PIECES = st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"..", b"x", b"\0", b"\r\n.\r\n", b"a" * 998])
OCTETS = st.lists(PIECES, max_size=6).map(b"".join)


@given(OCTETS)
def test_transparent_is_what_the_definition_says(body: bytes) -> None:
    lines = body.split(b"\r\n")
    alone = any(letter in line for line in lines for letter in (b"\r", b"\n", b"\0"))
    assert mime.is_transparent(body) is (not alone and all(len(line) <= mime.LONGEST_LINE for line in lines))


@given(OCTETS, st.lists(OCTETS, max_size=3))
def test_what_leaves_in_pieces_is_what_would_leave_in_one(beginning: bytes, more: list[bytes]) -> None:
    """However it is cut, no line end stands alone and no dot ends the message early (RFC 5321, 4.5.2)."""
    rest = tuple(Shared(one, "crlf" if mime.is_transparent(one) else "") for one in more)
    outgoing = Outgoing("", "ann@example.org", beginning, rest)
    carried = b"".join(envelope.wire_of(outgoing))
    assert carried == envelope.wire(outgoing.content)
    assert carried.count(b"\r\n") == carried.count(b"\r") == carried.count(b"\n")
    assert b"\r\n.\r\n" not in carried
    assert not carried.startswith(b".\r\n")


def whole(pieces: Iterable[mime.Piece]) -> bytes:
    return Outgoing("", "", *mime.joined(pieces)).content


def embedded(body: bytes) -> tuple[bytes, mime.Original]:
    original = mime.original_part(body, "original-TEST")
    mark = mime.boundary("<seed@example.org>", [*original.part, *original.again])
    parts = [(b"Content-Type: text/plain\r\n\r\nbefore",), original.part, *([original.again] if original.again else [])]
    return b"MIME-Version: 1.0\r\n" + whole(mime.multipart("mixed", mark, parts)), original


def recovered(message: bytes) -> list[bytes]:
    """What a program that follows the encoding finds in the parts that hold the original."""
    parsed = email.message_from_bytes(message)
    boundary = b"--" + str(parsed.get_boundary()).encode()
    found = []
    for piece in message.split(b"\r\n\r\n", 1)[1].split(boundary)[1:]:
        head, _, body = piece.partition(b"\r\n\r\n")
        if b"original-TEST" in head:
            body = body.removesuffix(b"\r\n")
            found.append(__import__("base64").b64decode(body) if b"base64" in head else body)
    return found


@given(st.binary(max_size=3000))
def test_any_original_is_found_again_byte_for_byte(body: bytes) -> None:
    message, original = embedded(body)
    assert all(found == body for found in recovered(message))
    assert recovered(message)
    assert bool(original.again) == (original.encoding == "base64")


def over_smtp(message: bytes) -> bytes:
    """What is left after smtplib has made the line ends and dots, and a server has undone them."""
    wire = smtplib._quote_periods(smtplib._fix_eols(message.decode("latin-1")).encode("latin-1"))  # type: ignore[attr-defined]
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in wire.split(b"\r\n"))


@given(st.binary(max_size=2000))
def test_the_original_survives_line_end_repair_and_dots(body: bytes) -> None:
    message, _ = embedded(body)
    assert recovered(over_smtp(message)) == recovered(message)
    assert all(len(line) <= 998 for line in message.split(b"\r\n"))


@pytest.mark.corpus
def test_every_mail_of_the_corpus_is_embedded_unchanged() -> None:
    if not CORPUS.is_dir():
        pytest.fail(f"no corpus at {CORPUS}: set INTAKE_CORPUS, or leave this test out with -m 'not corpus'")
    mails = [path for path in sorted(CORPUS.rglob("*")) if path.is_file() and path.suffix not in {".md", ".jsonl"}]
    assert len(mails) > 400
    for path in mails:
        for body in (path.read_bytes(), path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")):
            if len(body) < 3_000_000:
                found = recovered(over_smtp(embedded(body)[0]))
                assert found
                assert all(each == body for each in found), path.name


def test_a_boundary_is_the_same_at_every_retry_and_in_no_part() -> None:
    first = mime.boundary("<a@b>", [b"hello"])
    assert first == mime.boundary("<a@b>", [b"hello"]) != mime.boundary("<c@d>", [b"hello"])
    assert mime.boundary("<a@b>", [b"x" + first + b"x"]) not in b"x" + first + b"x"
    assert len(first) <= 60, "with its suffix below the 70 that RFC 2046 allows"


def test_json_with_a_long_line_goes_as_base64() -> None:
    assert b"7bit" in mime.json_part('{"a": 1}', "report.json")
    long = mime.json_part('"' + "a" * 1200 + '"', "report.json")
    assert b"base64" in long
    assert all(len(line) < 998 for line in long.split(b"\r\n"))
    assert email.message_from_bytes(long).get_payload(decode=True) == b'"' + b"a" * 1200 + b'"'


def test_forty_megabytes_are_embedded_in_a_few_copies() -> None:
    body = (b"x" * 74 + b"\r\n") * 526_000
    original = mime.original_part(body, "big")
    assert original.encoding == "7bit"
    assert isinstance(original.part[1], Shared)
    assert original.part[1].octets is body


PIECES = st.lists(
    st.sampled_from([b"\r\n", b".", b"..", b"x", b"\n", b"\r", b"", b"\r\n.\r\n", b"\xe9", b"=_"]), max_size=6
).map(b"".join)


def shared(octets: bytes) -> Shared:
    return Shared(octets, "crlf" if octets.count(b"\r\n") == octets.count(b"\r") == octets.count(b"\n") else "")


@given(PIECES, st.lists(PIECES | PIECES.map(Shared) | PIECES.map(shared), max_size=4))
def test_a_message_in_pieces_goes_over_the_wire_as_it_would_in_one(beginning: bytes, rest: list[mime.Piece]) -> None:
    outgoing = Outgoing("", "a@b.example", beginning, tuple(rest))
    assert b"".join(envelope.wire_of(outgoing)) == envelope.wire(outgoing.content)
    assert whole([beginning, *rest]) == outgoing.content
    assert envelope.is_8bit(envelope.wire_of(outgoing)) == (not outgoing.content.isascii())


@given(st.binary(max_size=300) | st.integers(0, 5).map(lambda more: b"\xe9" * ((57 << 12) * 2 + more)))
def test_base64_of_any_length_has_lines_of_76(body: bytes) -> None:
    encoded = base64.b64encode(body)
    lines = [encoded[at : at + 76] for at in range(0, len(encoded), 76)] or [b""]
    assert mime.wrapped_base64(body) == b"".join(line + b"\r\n" for line in lines)
