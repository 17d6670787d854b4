"""Header lines: parsed back by the standard library they say what was meant, and nothing can be smuggled into them."""

from __future__ import annotations

import email
import email.policy
import re
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.compose import headers
from intake.errors import DeliveryError
from intake.model import Address

ANYTHING = st.text(alphabet=st.characters(exclude_categories=()), max_size=200)


def decoded(line: bytes) -> str:
    message = email.message_from_bytes(line + b"\r\n")
    return str(make_header(decode_header(next(iter(message.values())))))


@given(ANYTHING)
def test_any_text_makes_one_header_without_controls(value: str) -> None:
    line = headers.text("Subject", value)
    assert line.startswith(b"Subject:")
    assert line.endswith(b"\r\n")
    message = email.message_from_bytes(line + b"\r\nbody")
    assert message.keys() == ["Subject"]
    assert message.get_payload() == "body"
    assert all(len(part) <= 998 for part in line.split(b"\r\n"))
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", line)
    assert re.fullmatch(rb"(?:[^\r\n]*\r\n)(?:[ \t][^\r\n]*\r\n)*", line), "every continuation is folded"


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cf")), max_size=150))
def test_text_comes_back_as_it_was(value: str) -> None:
    assert decoded(headers.text("Subject", value)) == " ".join(value.split())


@pytest.mark.parametrize(
    "subject",
    [
        "日本語の件名がここにあります、とても長いのでひとつの単語には収まりません",
        "Ä" * 300,
        "a" * 3000,
        "=?utf-8?q?forged?=",
        "x =?broken",
    ],
)
def test_hard_subjects_come_back(subject: str) -> None:
    line = headers.text("Subject", subject)
    assert decoded(line) == subject
    assert all(len(part) <= 998 for part in line.split(b"\r\n"))


def test_no_encoded_word_is_longer_than_75_and_none_splits_a_character() -> None:
    for word in headers.encoded_words("😀é日" * 40):
        assert len(word) <= 75
        assert decode_header(word)[0][0].decode("utf-8")


LONG = "<" + "a" * 120 + "." + "B7+/=" * 20 + "@" + "mail.prod.outlook.example" + ">"


def test_long_ids_are_never_encoded_and_fold_only_between_them() -> None:
    ids = [LONG.replace("a", letter, 1) for letter in "bcdef"]
    line = headers.message_ids("References", ids)
    assert b"=?" not in line
    assert [part.strip() for part in line.decode().removeprefix("References:").split("\r\n") if part.strip()] == ids
    message = email.message_from_bytes(line + b"\r\n", policy=email.policy.default)
    assert str(message["References"]).split() == ids


@pytest.mark.parametrize(
    ("given_id", "written"),
    [
        ("<a@b>", "<a@b>"),
        ("a@b", "<a@b>"),
        ("  <a@b>\t", "<a@b>"),
        ("<a@b>\r\nBcc: x@y", ""),
        ("<a b@c>", ""),
        ("<é@b>", ""),
        ("<a@b><c@d>", ""),
        ("", ""),
        ("<>", ""),
        ("<" + "x" * 980 + ">", ""),
    ],
)
def test_an_id_is_written_unchanged_or_not_at_all(given_id: str, written: str) -> None:
    assert headers.message_id(given_id) == written


def test_a_long_thread_keeps_its_first_id_and_the_newest() -> None:
    ids = [f"<{number}@example.org>" for number in range(500)]
    kept = headers.message_ids("References", ids).decode().split()[1:]
    assert len(kept) == headers.REFERENCES
    assert kept[0] == ids[0]
    assert kept[-1] == ids[-1]


@given(st.lists(ANYTHING, max_size=8))
def test_no_id_can_smuggle_a_header(ids: list[str]) -> None:
    line = headers.message_ids("References", ids)
    assert not line or email.message_from_bytes(line + b"\r\n").keys() == ["References"]
    assert line.isascii()


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("ann@example.org", "ann@example.org"),
        ("Ann@EXAMPLE.org", "Ann@example.org"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann+tag@sub.example.org", "ann+tag@sub.example.org"),
        ('"a b"@example.org', '"a b"@example.org'),
        ("jürgen@example.org", "jürgen@example.org"),
        ("用户@例子.example", "用户@xn--fsqu00a.example"),
        ("ann@[192.0.2.1]", "ann@[192.0.2.1]"),
    ],
)
def test_addresses_in_the_form_for_the_wire(address: str, written: str) -> None:
    assert headers.addr_spec(address) == written


@pytest.mark.parametrize(
    "address",
    ["", "@", "a@", "@b", "a", "a@b, c@d", "a@b\r\nBcc: c@d", "a\0@b.c", "a b@c.d", "<a@b.c>", "a@b c.d", "a@-b.c", "a@b..c",
     "a..b@c.d", "a@" + "x" * 64 + ".org", "a@" + "x." * 200 + "org", "x" * 200 + "@b.c", "a@b\u2028c", "é,b@c.d", "a@ü" + "x" * 80 + ".de"],
)  # fmt: skip
def test_an_address_that_could_go_elsewhere_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(DeliveryError) as error:
        headers.addr_spec(address)
    assert error.value.permanent
    assert not address or len(address) < 4 or address not in str(error.value)


@given(ANYTHING, ANYTHING)
def test_exactly_one_recipient_whatever_the_name_and_address(name: str, address: str) -> None:
    try:
        line = headers.mailbox("To", Address(name, address))
    except DeliveryError:
        return
    message = email.message_from_bytes(line + b"\r\nbody")
    assert message.keys() == ["To"]
    assert message.get_payload() == "body"
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", line)


@given(st.text(max_size=80))
def test_a_display_name_never_becomes_an_address(name: str) -> None:
    line = headers.mailbox("To", Address(name, "ann@example.org"))
    message = email.message_from_bytes(line + b"\r\n", policy=email.policy.default)
    assert [each.addr_spec for each in message["To"].addresses] == ["ann@example.org"]
