"""Whose word about a sender counts: our own server's topmost one, and nobody else's."""

from __future__ import annotations

import pytest

from intake.decide.authenticate import result
from intake.receive.parse import parse


def judged(*fields: str, authserv_id: str = "mx.example.org", author: str = "Rita <rita@example.com>") -> str:
    lines = "".join(f"Authentication-Results: {value}\n" for value in fields)
    return result(parse(f"{lines}From: {author}\n\nhi\n".encode()), authserv_id)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("mx.example.org; dmarc=pass header.from=example.com", "pass"),
        ("MX.example.ORG 1; dmarc=pass (p=none) header.from=Example.com", "pass"),
        ("mx.example.org; dkim=pass header.d=example.com; dmarc=none", "pass"),
        ("mx.example.org; dkim=pass header.i=@mail.example.com header.s=x", "pass"),
        ("mx.example.org;\n\tspf=pass smtp.mailfrom=rita@example.com", "pass"),
        ("mx.example.org; spf=pass smtp.mailfrom=example.com; dkim=fail header.d=example.com", "pass"),
        ("mx.example.org; dkim=pass header.d=example.net; dmarc=fail header.from=example.com", "fail"),
        ("mx.example.org; spf=pass smtp.mailfrom=bounce@lists.example.net", "none"),
        ("mx.example.org; dkim=pass header.d=notexample.com", "none"),
        ("mx.example.org; dkim=pass header.d=com", "none"),
        ("mx.example.org; spf=fail smtp.mailfrom=example.com", "fail"),
        ("mx.example.org; dmarc=pass header.from=example.net", "none"),
        ("mx.example.org; spf=fail (dkim=pass header.d=example.com) smtp.mailfrom=example.com", "fail"),
        ('mx.example.org; spf=fail smtp.mailfrom="x; dkim=pass header.d=example.com"@example.com', "fail"),
        ("mx.example.org; spf=fail smtp.mailfrom==?utf-8?q?x;_dkim=3Dpass_header.d=3Dexample.com?=", "fail"),
        ("mx.example.org; none", "none"),
        ("other.example; dmarc=pass header.from=example.com", "none"),
        ("", "none"),
    ],
)
def test_one_field(value: str, expected: str) -> None:
    assert judged(value) == expected


def test_only_the_topmost_of_our_server_counts() -> None:
    ours, forged = (
        "mx.example.org; dmarc=fail header.from=example.com",
        "mx.example.org; dmarc=pass header.from=example.com",
    )
    assert judged(ours, forged) == "fail"
    assert judged("relay.example.net; dmarc=fail header.from=example.com", forged) == "pass"


def test_microsofts_form_has_no_name() -> None:
    value = "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.com; dkim=none; dmarc=pass action=none header.from=example.com;compauth=pass reason=100"
    assert judged(value, authserv_id="microsoft") == "pass"
    assert judged(value) == "none"
    assert judged("mx.example.org; dmarc=pass header.from=example.com", authserv_id="microsoft") == "none"


def test_nothing_is_judged_without_a_name_or_without_one_author() -> None:
    value = "mx.example.org; dmarc=pass header.from=example.com"
    assert judged(value, authserv_id="") == "none"
    assert judged(value, author="a@example.com, b@example.com") == "none"
    assert judged(value, author="Rita <rita@EXAMPLE.com>") == "pass"
