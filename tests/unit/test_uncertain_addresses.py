"""An address that nobody wrote gets nothing: letters that were guessed, an end that is cut off, words still encoded."""

from __future__ import annotations

import json
from email import message_from_bytes
from pathlib import Path

import pytest

from intake.compose.headers import addr_spec
from intake.decide.automatic import Own, is_deliverable, sender
from intake.deliver.envelope import path
from intake.model import Kind, MessageKind
from intake.receive.parse import parse

from .worlds import World

OWN = Own(frozenset({"help@example.org"}))
UMLAUT_IN_BOTH = b"Ren\xe9 <rita@m\xc3\xbcnchen.example>"  # the name in Latin-1, the address in UTF-8


def raw(*fields: bytes) -> bytes:
    head = (*fields, b"To: help@example.org", b"Subject: Code-of-conduct", b"Message-ID: <1@example.com>")
    return b"\r\n".join((*head, b"", b"Somebody shouted at me.", b""))


@pytest.mark.parametrize(
    ("author", "reason"),
    [
        (UMLAUT_IN_BOTH, "uncertain-from"),
        (b"Ren\xe9 <rita@stra\xc3\x9fe.example>", "uncertain-from"),
        (b"Ren\xc3\xa9 <rita@m\xfcnchen.example>", "uncertain-from"),
        (b"Ren\xe9 <ren\xe9@example.com>", "uncertain-from"),
        (b"," * 4082 + b"rita@example.com", "uncertain-from"),
        (b"=?utf-8?q?rita?= <=?utf-8?q?rita?=@example.com>", "invalid-address"),
        (b"Rita <=?utf-8?q?ri=ta@example.com>", "invalid-address"),
        ("Rita <rita@\uff45xample.com>".encode(), "invalid-address"),
        (f"Rita <rita@{'ä' * 60}.example>".encode(), "invalid-address"),
    ],
)
def test_an_author_whose_address_is_uncertain_is_not_answered(author: bytes, reason: str) -> None:
    found = sender(parse(raw(b"From: " + author)), OWN)
    assert (found.kind, found.acknowledge, found.reason, found.to) == (Kind.PERSON, False, f"author:{reason}", None)


@pytest.mark.parametrize("name", [b"Ren\xe9", b"Ren\xc3\xa9", b"R\xe9n\xc3\xa9"])
def test_a_name_in_whichever_charset_leaves_a_plain_address_certain(name: bytes) -> None:
    mail = parse(raw(b"From: " + name + b" <rita@example.com>", b"Reply-To: " + name + b" <rita+x@example.com>"))
    found = sender(mail, OWN)
    assert mail.defects == ()
    assert found.to is not None
    assert found.to.email == "rita+x@example.com"


@pytest.mark.parametrize(
    "wanted",
    [
        b"r\xe9ne@example.com",
        b"rita+\xe9@example.com",
        b"x@\xe9a.example.com",
        b"R\xe9 <x@\xc3\xbca.example.com>",
        b"," * 4083 + b"x@example.company",
        b"=?utf-8?q?ri?=@example.com",
    ],
)
def test_an_uncertain_reply_to_is_not_followed(wanted: bytes) -> None:
    found = sender(parse(raw(b"From: Rita <rita@example.com>", b"Reply-To: " + wanted)), OWN)
    assert found.acknowledge
    assert found.to is not None
    assert found.to.email == "rita@example.com"


@pytest.mark.parametrize(
    ("field", "address"),
    [
        (b"X-Original-From: Rita <rita@example.com>", "rita@example.com"),
        (b'X-Original-From: "victim@example.net" <rita@example.com>', "rita@example.com"),
        (b"X-Original-From: rita@example.com (Rita)", "rita@example.com"),
        (b"X-Original-From: Ren\xe9 <rita@m\xc3\xbcnchen.example>", None),
        (b"X-Original-From: rita@m\xc3\xa4nner.example, \xe9", None),
        (b"X-Original-From: " + b" " * 1000 + b"(" + b"a" * 1000 + b") <rita@example.com>", None),
        (b"Reply-To: Ren\xe9 <rita@m\xc3\xbcnchen.example>", None),
    ],
)
def test_an_uncertain_author_behind_a_list_of_ours_is_a_person_without_an_answer(
    field: bytes, address: str | None
) -> None:
    found = sender(parse(raw(b"From: help@example.org", b"List-Id: <help.example.org>", field)), OWN)
    assert found.kind is Kind.PERSON
    assert (found.to.email if found.to else None) == address


@pytest.mark.parametrize(
    ("email", "wire"),
    [
        ("rita@straße.example", "rita@xn--strae-oqa.example"),  # another name than strasse.example (RFC 5894, 7.2)
        ("rita@bu\u0308cher.example", "rita@xn--bcher-kva.example"),
        ("rita@उदाहरण.example", "rita@xn--p1b6ci4b4b3a.example"),
        ("rita@אa.example", "rita@xn--a-zhc.example"),
    ],
)
def test_header_and_envelope_name_the_domain_that_was_written(email: str, wire: str) -> None:
    assert is_deliverable(email)
    assert addr_spec(email) == path(email).text == wire


def test_organizers_get_the_mail_and_are_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.deliver(raw(b"From: " + UMLAUT_IN_BOTH).replace(b"help@example.org", b"help@eug.example"))
    world.run()
    assert world.sent(MessageKind.ACKNOWLEDGEMENT) == []
    copies = world.sent(MessageKind.REPORT)
    assert copies
    for copy in copies:
        parts = {part.get_filename(): part for part in message_from_bytes(copy.content).walk()}
        report = json.loads(parts["report.json"].get_payload(decode=True))  # type: ignore[arg-type]
        assert report["defects"] == ["uncertain-from"]
        assert report["acknowledgement"]["reason"] == "author:uncertain-from"
        assert b"xn--" not in copy.content
