"""Signatures verified here: what holds, what does not, and what hostile ones may cost."""

from __future__ import annotations

import re
import time
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.decide.authenticate import aligned, result
from intake.model import MessageKind, Signatures
from intake.receive.dkim import MAX_ASKED, verify
from intake.receive.parse import parse
from intake.steps.understand import signed as looked_at

from .judging import config, judge
from .signing import Key, Names, ed25519, record, rsa, signed
from .worlds import World, header

ARRIVED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
THEN = int(ARRIVED.timestamp())
MAIL = (
    b"From: Rita  <rita@example.com>\r\nTo: help@example.org\r\nSubject: Code-of-conduct:\r\n\ta  folded one \r\n"
    b"Date: Mon, 2 Mar 2026 09:00:00 +0000\r\n\r\nSomething  happened. \r\n\r\n\tYesterday.\r\n\r\n\r\n"
)
PROVED = Signatures(("example.com",))
FAILED = Signatures((), failed=True)
NOTHING = Signatures()


def names(key: Key, more: str = "", domain: str = "example.com") -> Names:
    return Names({f"sel._domainkey.{domain}": (record(key, more),)})


@pytest.mark.parametrize("c", ["simple/simple", "relaxed/relaxed", "simple/relaxed", "relaxed/simple", "relaxed"])
@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
@pytest.mark.parametrize("body", ["as it is", "empty", "no line end", "LF"])
def test_what_was_signed_is_proved(c: str, kind: str, body: str) -> None:
    key: Key = rsa() if kind == "rsa" else ed25519()
    raw = MAIL
    if body == "empty":
        raw = MAIL.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    mail = signed(raw, key, c=c)
    if body == "no line end":
        mail = signed(raw + b"x\r\n", key, c=c).removesuffix(b"\r\n")
    elif body == "LF":
        mail = mail.replace(b"\r\n", b"\n")
    assert verify(mail, ARRIVED, names(key)) == PROVED


@pytest.mark.parametrize("c", ["simple/simple", "relaxed/relaxed"])
def test_a_long_body_is_read_in_pieces(c: str) -> None:
    raw = MAIL + b"".join(b"line  %d \t\r\n\r\n" % number for number in range(90_000)) + b"\r\n" * 600_000 + b"end\r\n"
    assert len(raw) > 2 << 20
    assert verify(signed(raw, rsa(), c=c), ARRIVED, names(rsa())) == PROVED


def test_an_endless_line_proves_nothing_and_costs_little() -> None:
    raw = MAIL + b"x" * (6 << 20) + b"\r\n"
    mail = signed(MAIL, rsa()).replace(MAIL, raw)
    tracemalloc.start()
    assert verify(mail, ARRIVED, names(rsa())) == FAILED
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_the_example_of_the_standard_holds() -> None:
    """RFC 8463, appendix A."""
    mail = (
        b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
        b" d=football.example.com; i=@football.example.com;\r\n"
        b" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
        b" subject : date : message-id : from : subject : date;\r\n"
        b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
        b" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
        b" Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
        b"From: Joe SixPack <joe@football.example.com>\r\n"
        b"To: Suzie Q <suzie@shopping.example.net>\r\n"
        b"Subject: Is dinner ready?\r\n"
        b"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
        b"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\n"
        b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"
    )
    key = b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    known = Names({"brisbane._domainkey.football.example.com": (key,)})
    assert verify(mail, ARRIVED, known) == Signatures(("football.example.com",))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"rita@example.com", b"mona@example.com"),
        (b"Yesterday", b"Tomorrow"),
        (b"a  folded", b"another"),
        (b"d=example.com", b"d=example.com; d=example.com"),
        (b"v=1;", b""),
        (b"v=1;", b"v=2;"),
        (b"h=from:to:subject", b"h=to:subject"),
        (b"h=from:to:subject", b"h=from:to:subject:"),
        (b"c=relaxed/relaxed", b"c=relaxed/other"),
        (b"a=rsa-sha256", b"a=rsa-sha512"),
        (b"a=rsa-sha256", b"a=ed25519-sha256"),
        (b"s=sel", b"s=sel; i=@example.net"),
        (b"s=sel", b"s=sel; i=@notexample.com"),
        (b"s=sel", b"s=sel; q=http"),
        (b"s=sel", b"s=../sel"),
        (b"\tb=", b"\tb=AAAA"),
        (b"\tb=", b"\tb=!"),
        (b"bh=", b"bh=AAAA"),
    ],
)
def test_what_was_changed_is_not(old: bytes, new: bytes) -> None:
    mail = signed(MAIL, rsa()).replace(old, new, 1)
    assert verify(mail, ARRIVED, names(rsa())).domains == ()


@pytest.mark.parametrize(
    "more",
    [
        "l=0;", "l=500;", f"x={THEN - 60};", f"t={THEN + 86_400};", f"t={THEN - 60}; x={THEN - 120};", "t=yesterday;", "x=-1;",
    ],
)  # fmt: skip
def test_partial_expired_and_future_ones_prove_nothing(more: str) -> None:
    """Each is soundly signed: only what it says of itself is refused."""
    assert verify(signed(MAIL, rsa(), more=more), ARRIVED, names(rsa())) == FAILED


@pytest.mark.parametrize("more", [f"t={THEN - 60}; x={THEN + 60};", f"t={THEN + 30};", "i=rita@example.com;"])
def test_those_in_their_time_do(more: str) -> None:
    assert verify(signed(MAIL, rsa(), more=more), ARRIVED, names(rsa())) == PROVED


def test_from_must_be_signed_and_a_second_one_is_noticed() -> None:
    assert verify(signed(MAIL, rsa(), headers="to:subject"), ARRIVED, names(rsa())) == FAILED
    twice = b"From: Mona <mona@example.com>\r\n" + signed(MAIL, rsa())
    assert verify(twice, ARRIVED, names(rsa())) == PROVED, "the lower one was signed"
    assert authentication(twice, names(rsa())) == "none", "but nobody can say whose mail it is"
    oversigned = b"From: Mona <mona@example.com>\r\n" + signed(MAIL, rsa(), headers="from:from:to")
    assert verify(oversigned, ARRIVED, names(rsa())) == FAILED


def test_sha1_proves_nothing() -> None:
    assert verify(signed(MAIL, rsa(), algorithm="rsa-sha1"), ARRIVED, names(rsa())) == FAILED


# A key of 1,000 bits and what it made of MAIL, by openssl: our own library makes none so small.
SMALL_KEY = (
    b"v=DKIM1; k=rsa; p=MIGbMA0GCSqGSIb3DQEBAQUAA4GJADCBhQJ+ALeL0FiXGPa3tycdFhrgaM4qQJztU3Q54g9xNvobuwx92z774r5RDpRaJZxN"
    b"/VyZoAB9Ipbwmia9tjjwUjG94ZB2ykCHYv5EQC3XFFmOt0E9yBF4/3SSziSRnvGcRlT1jURAFfvgWgWfiF+e/vb+ennFmvZLccRx8DVdsaXFAgMBAAE="
)
SMALL_MADE = (
    b"k9+nsLp1CU3dQDwXPEFPXWIbGDsvQJy4h89AkmC/X7NYnmjqkTDVGp3mHTq+S9BpaCn9ZdgkDkLLCyqR8YJGR9YVSTL9OkdTuJ7hu/x812fJQKki"
    b"QzWQZYU0Tz6EcGKHGdyCpHTYbKXj6UN0MOIBItPt/7hZUsOOuKsRKPo="
)


def test_a_small_key_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = re.sub(rb"\tb=[^:]+?\r\nFrom", b"\tb=" + SMALL_MADE + b"\r\nFrom", signed(MAIL, rsa()))
    known = Names({"sel._domainkey.example.com": (SMALL_KEY,)})
    assert verify(made, ARRIVED, known) == FAILED
    monkeypatch.setattr("intake.receive.dkim.LEAST_RSA_BITS", 1000)
    assert verify(made, ARRIVED, known) == PROVED, "there was nothing else wrong with it"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("t=y; ", FAILED),
        ("t=s; ", PROVED),
        ("h=sha1; ", FAILED),
        ("h=sha1:sha256; ", PROVED),
        ("s=tlsrpt; ", FAILED),
        ("s=email:x; ", PROVED),
        ("p=; ", FAILED),
        ("n=notes; ", PROVED),
    ],
)
def test_what_a_domain_says_of_its_key(more: str, expected: Signatures) -> None:
    assert verify(signed(MAIL, rsa()), ARRIVED, names(rsa(), more)) == expected


def test_a_key_for_the_domain_only_does_not_speak_for_names_below_it() -> None:
    mail = signed(MAIL, rsa(), more="i=@sub.example.com;")
    assert verify(mail, ARRIVED, names(rsa())) == PROVED
    assert verify(mail, ARRIVED, names(rsa(), "t=s; ")) == FAILED


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (None, NOTHING),
        ((), FAILED),
        ((b"",), FAILED),
        ((b"v=spf1 -all",), FAILED),
        ((b"p=\xff\xfe",), FAILED),
        ((b"v=DKIM1; p=" + b"A" * 9000,), FAILED),
        ((b"v=DKIM1; p=", record(rsa())), PROVED),
    ],
)
def test_what_the_dns_answers(records: tuple[bytes, ...] | None, expected: Signatures) -> None:
    assert verify(signed(MAIL, rsa()), ARRIVED, Names({"sel._domainkey.example.com": records})) == expected


def test_only_what_could_prove_the_author_is_asked_for() -> None:
    known = names(rsa(), domain="example.net")
    mail = signed(MAIL, rsa(), domain="example.net")
    assert authentication(mail, known) == "none"
    assert known.asked == []


def test_hostile_heaps_of_signatures_ask_for_a_few_keys() -> None:
    mail = MAIL
    for number in range(60):
        mail = signed(mail, rsa(), more=f"n=x{number};")
    known = Names()
    assert verify(mail, ARRIVED, known).domains == ()
    assert len(known.asked) == MAX_ASKED


@pytest.mark.parametrize(
    "field",
    [
        b"DKIM-Signature: " + b"a=b; " * 200_000,
        b"DKIM-Signature: " + b";" * 900_000,
        b"DKIM-Signature: v=1; d=example.com; h=" + b"from:" * 3000,
        b"DKIM-Signature: v=1; d=" + b"a." * 7000 + b"com",
        b"DKIM-Signature: v=1; d=example.com; b=" + b" \t" * 7000,
        b"DKIM-Signature:" + b"\r\n " * 300_000,
        b"DKIM-Signature: v=1; d=\xc3\xa9\xff.example; s=\x00",
    ],
)
def test_hostile_fields_cost_little_and_prove_nothing(field: bytes) -> None:
    begun = time.process_time()
    assert verify(field + b"\r\n" + MAIL, ARRIVED, names(rsa())).domains == ()
    assert time.process_time() - begun < 1


@given(st.binary(max_size=300), st.binary(max_size=60))
def test_nothing_makes_it_raise(tags: bytes, found: bytes) -> None:
    lookup = Names({"sel._domainkey.example.com": (found,)})
    verify(b"DKIM-Signature: " + tags + b"\r\n" + MAIL, ARRIVED, lookup)
    verify(signed(MAIL, rsa()).replace(b"h=from", tags + b"h=from"), ARRIVED, lookup)
    verify(tags, ARRIVED, lookup)


# --- what follows from it ---------------------------------------------------------------------------

VERIFIED = "[acknowledgement]\ndkim = true\n"


def authentication(raw: bytes, known: Names, more: str = VERIFIED) -> str:
    settings = config(more)
    return result(looked_at(known, settings, parse(raw), raw, ARRIVED), settings.acknowledgement.authserv_id)


@pytest.mark.parametrize(
    ("proved", "author", "one"),
    [
        ("example.com", "example.com", True),
        ("example.com", "mail.example.com", True),
        ("mail.example.com", "example.com", True),
        ("example.co.uk", "mail.example.co.uk", True),
        ("Example.COM.", "example.com", True),
        ("b\u00fccher.example", "xn--bcher-kva.example", True),
        ("xn--strae-oqa.example", "stra\u00dfe.example", True),
        ("com", "example.com", False),
        ("co.uk", "example.co.uk", False),
        ("example.co.uk", "co.uk", False),
        ("ac.be", "example.ac.be", False),
        ("notexample.com", "example.com", False),
        ("a.example.com", "b.example.com", False),
        ("", "example.com", False),
        ("example.com", "", False),
        ("com", "com", False),
    ],
)
def test_alignment(proved: str, author: str, one: bool) -> None:
    assert aligned(proved, author) is one


def test_it_is_a_pass_or_a_fail_only_where_it_is_configured() -> None:
    good, bad = signed(MAIL, rsa()), signed(MAIL, rsa()).replace(b"Yesterday", b"Tomorrow")
    assert authentication(good, names(rsa())) == "pass"
    assert authentication(bad, names(rsa())) == "fail"
    assert authentication(MAIL, names(rsa())) == "none"
    unused = names(rsa())
    assert authentication(good, unused, "") == "none"
    assert unused.asked == []


def test_our_servers_word_and_a_signature_are_each_enough() -> None:
    both = '[acknowledgement]\ndkim = true\nauthserv_id = "mx.example.org"\n'
    good, failing = (
        signed(MAIL, rsa()),
        b"Authentication-Results: mx.example.org; dmarc=fail header.from=example.com\r\n",
    )
    passing = failing.replace(b"fail", b"pass")
    assert authentication(failing + good, names(rsa()), both) == "pass"
    assert authentication(passing + MAIL, names(rsa()), both) == "pass"
    assert authentication(passing + good.replace(b"Yesterday", b"x"), names(rsa()), both) == "pass"
    assert authentication(failing + MAIL, names(rsa()), both) == "fail"


def test_who_is_not_proved_gets_the_generic_words() -> None:
    good = signed(MAIL, rsa())
    seen = looked_at(names(rsa()), config(VERIFIED), parse(good), good, ARRIVED)
    assert judge(VERIFIED).judge(seen, ARRIVED).authentication == "pass"


def _world(folder: Path, known: Names) -> World:
    world = World(folder, more='[acknowledgement]\ndkim = true\n[alarm]\nemail = "keeper@example.net"\n')
    world.parts = replace(world.parts, keys=lambda: known)
    return world


def test_the_whole_line(tmp_path: Path) -> None:
    """Category words for the proved sender, generic ones for the other, and one question to the DNS for each."""
    known = names(rsa())
    world = _world(tmp_path, known)
    good = signed(MAIL.replace(b"help@example.org", b"help@eug.example"), rsa())
    world.deliver(good)
    world.deliver(good.replace(b"Yesterday", b"Tomorrow"))
    world.run()
    first, second = world.transport.to("rita@example.com", MessageKind.ACKNOWLEDGEMENT)
    assert known.asked == ["sel._domainkey.example.com"], "a broken body is known without its key"
    assert first.content != second.content
    copies = [o for o in world.transport.taken if header(o, "X-Intake-Kind") == "report"]
    assert sum(b'"authentication": "pass"' in o.content for o in copies) == 3
    assert sum(b'"authentication": "fail"' in o.content for o in copies) == 3
