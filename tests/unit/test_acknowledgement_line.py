"""The acknowledgement on the whole line: odd scripts and lengths come out right, and no mail makes it do harm."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from intake.deliver import envelope
from intake.model import MessageKind, Outgoing

from .worlds import ANN, BOB, CARL, START, World, header, mail

SECRET = "Grabowski"  # stands in every attack, in From, Subject, body, and everywhere else a mail has words


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def answers(world: World) -> list[Outgoing]:
    return world.sent(MessageKind.ACKNOWLEDGEMENT)


def only_answer(world: World) -> tuple[Outgoing, Message]:
    (one,) = answers(world)
    return one, message_from_bytes(one.content)


def raw(*fields: str, body: str = "Somebody shouted at me.") -> bytes:
    return "\r\n".join(("To: help@eug.example", *fields, "", body, "")).encode()


# --- what comes out right -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "subject",
    [
        "=?ISO-2022-JP?B?GyRCOVRGMDUsSE8kSyREJCQkRhsoQg==?=",
        "=?utf-8?B?6KGM5YuV6KaP56+E44Gr44Gk44GE44Gm?=\r\n =?utf-8?B?44Gu5aCx5ZGK?=",
        "\u884c\u52d5\u898f\u7bc4\u306b\u3064\u3044\u3066",
        "=?Shift_JIS?B?jXOTroxp?= " + "x" * 900,
    ],
)
def test_japanese_and_endless_subjects(world: World, subject: str) -> None:
    sent = raw(
        "From: =?ISO-2022-JP?B?GyRCOzNFRBsoQg==?= <yamada@example.jp>",
        f"Subject: {subject}",
        "Message-ID: <j@example.jp>",
    )
    world.deliver(sent)
    world.run()
    outgoing, answer = only_answer(world)
    assert outgoing.recipient == "yamada@example.jp"
    assert answer["In-Reply-To"] == "<j@example.jp>"
    assert outgoing.content.isascii()
    assert b"yamada" not in outgoing.content.replace(b"yamada@example.jp", b"")
    for copy in world.sent(MessageKind.REPORT):
        assert sent.replace(b"\r\n", b"") in copy.content.replace(b"\r\n", b"") or b"base64" in copy.content


@pytest.mark.parametrize(
    ("author", "wire"),
    [
        ("rita@b\u00fccher.example", "rita@xn--bcher-kva.example"),
        ("rita@xn--bcher-kva.example", "rita@xn--bcher-kva.example"),
        (
            "\u0440\u0438\u0442\u0430@\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444",
            "\u0440\u0438\u0442\u0430@xn--e1afmkfd.xn--p1ai",
        ),
        ("\u7528\u6237@example.cn", "\u7528\u6237@example.cn"),
    ],
)
def test_international_addresses(world: World, author: str, wire: str) -> None:
    world.deliver(raw(f"From: Rita <{author}>", "Subject: Code-of-conduct", "Message-ID: <i@x.example>"))
    world.run()
    outgoing, answer = only_answer(world)
    path = envelope.path(outgoing.recipient)
    assert path.text == wire
    assert path.beyond_ascii is not wire.isascii()
    assert not answer.defects


def test_long_lines_and_long_references(world: World) -> None:
    """Lines at the limit of 998 octets, and Outlook's ids, too long for one line and never encoded."""
    outlook = f"<{'A' * 240}@{'prod.outlook' * 8}.example>"
    older = [f"<{'b' * 150}{number}@mail.example>" for number in range(60)]
    world.deliver(
        raw(
            "From: Rita <rita@example.com>", "Subject: Code-of-conduct", f"Message-ID:\r\n {outlook}",
            "References: " + "\r\n\t".join(older), f"X-Long: {'x' * 980}", body="y" * 998 + "\r\n" + "z" * 5000,
        )
    )  # fmt: skip
    world.run()
    outgoing, _ = only_answer(world)
    assert max(map(len, outgoing.content.split(b"\r\n"))) <= 998
    assert re.search(rb"^In-Reply-To:\s+" + re.escape(outlook.encode()), outgoing.content, re.MULTILINE)
    references = re.search(rb"^References:((?:[^\r\n]|\r\n[ \t])*)", outgoing.content, re.MULTILINE)
    assert references
    assert outlook.encode() in references[1]
    assert b"=?" not in references[1]


@pytest.mark.parametrize(
    "field",
    [
        "References: <m1@example.com>, <other@x.example>",
        "References: <other@x.example>,<m1@example.com>",
        'References: "<other@x.example>", "<m1@example.com>"',
        "References: " + "\r\n ".join(f"<{n}{'x' * 90}@x.example>" for n in range(80)) + "\r\n\t<m1@example.com>",
        "In-Reply-To: <m1@example.com> from Rita",
        "In-Reply-To: =?utf-8?q?=3Cm1=40example=2Ecom=3E?=",
        "In-Reply-To: m1@example.com",
    ],
)
def test_a_follow_up_joins_its_case_and_gets_no_second_answer(world: World, field: str) -> None:
    world.deliver(mail(1))
    world.run()
    world.deliver(
        raw(
            "From: Rita <rita1@example.com>",
            "Subject: Re: Code-of-conduct",
            "Message-ID: <m2@example.com>",
            field,
            body="One more thing.",
        )
    )
    world.run()
    assert len(answers(world)) == 1
    assert len(world.sent(MessageKind.FOLLOW_UP)) == 3
    assert world.parts.ledger.outcomes() == {"case": 1, "follow-up": 1}


# --- attacks --------------------------------------------------------------------------------------

ATTACKS: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "two addresses in From": (("From: a@x.example, b@y.example",), set()),
    "two From fields": (("From: a@x.example", "From: b@y.example"), set()),
    "a From in folded whitespace": (("From: a@x.example\r\n\t, b@y.example",), set()),
    "a group": (("From: friends: a@x.example, b@y.example;",), set()),
    "a route": (("From: <@relay.example:a@x.example>",), {"a@x.example"}),
    "percent": (("From: a%y.example@x.example",), {"a%y.example@x.example"}),
    "a bang": (("From: y.example!a@x.example",), {"y.example!a@x.example"}),
    "quoted local part": (('From: "a@y.example b"@x.example',), set()),
    "an address in the name": (('From: "b@y.example" <a@x.example>',), {"a@x.example"}),
    "encoded line break in the name": (("From: =?utf-8?q?x=0D=0ABcc:_b=40y.example?= <a@x.example>",), set()),
    "encoded line break in the address": (("From: a=?utf-8?q?=0D=0A?=@x.example",), set()),
    "a null in the address": (("From: a\0b@x.example",), set()),
    "an encoded address": (("From: =?utf-8?q?a=40x.example=2C_b=40y.example?=",), set()),
    "Reply-To of a stranger": (("From: a@x.example", "Reply-To: b@y.example"), {"a@x.example"}),
    "Reply-To of two": (("From: a@x.example", "Reply-To: a@x.example, b@y.example"), {"a@x.example"}),
    "Reply-To with a line break": (("From: a@x.example", "Reply-To: =?utf-8?q?a=40x.example=0D=0ATo=3A_b=40y.example?="), {"a@x.example"}),
    "Sender, Errors-To, Return-Receipt-To": (
        ("From: a@x.example", "Sender: b@y.example", "Errors-To: b@y.example", "Return-Receipt-To: b@y.example", "Disposition-Notification-To: b@y.example"),
        {"a@x.example"},
    ),
    "X-Original-From without our list": (("From: a@x.example", "X-Original-From: b@y.example", "X-Original-Sender: b@y.example"), {"a@x.example"}),
    "our list in one of two List-Ids": (
        ("From: help@eug.example", "List-Id: <help.eug.example>", "List-Id: <evil.y.example>", "X-Original-From: b@y.example"), set(),
    ),
    "Mail-Followup-To and Apparently-To": (("From: a@x.example", "Mail-Followup-To: b@y.example", "Apparently-To: b@y.example"), {"a@x.example"}),
    "from an organizer": ((f"From: {ANN}",), {ANN}),
    "from ourselves": (("From: help@eug.example",), set()),
    "from ourselves, tagged and in capitals": (("From: HELP+x@EUG.example",), set()),
    "a Message-ID with a line break": (("From: a@x.example", "Message-ID: <x=?utf-8?q?=0D=0ABcc=3A_b=40y.example?=@x>"), {"a@x.example"}),
    "References with a header in it": (("From: a@x.example", "References: <x>\r\n Bcc: b@y.example <z@z>"), {"a@x.example"}),
    "a role": (("From: postmaster@x.example",), set()),
    "a list's request address": (("From: friends-request@x.example",), set()),
    "nowhere": (("From: a@localhost", "Reply-To: a@localhost.localdomain"), set()),
    "an address of numbers": (("From: a@[127.0.0.1]",), set()),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_no_mail_sends_two_or_to_another_or_its_own_words(world: World, name: str) -> None:
    fields, expected = ATTACKS[name]
    body = f"{SECRET} shouted. {{{{ {SECRET} }}}} https://{SECRET}.example b@y.example"
    world.deliver(
        raw(
            *fields,
            f"Subject: Code-of-conduct {SECRET} [EUG-ABCDEF]",
            f"X-Case: {SECRET}",
            f"Cc: {SECRET} <c@y.example>",
            body=body,
        )
    )
    world.run()
    sent = answers(world)
    assert {one.recipient for one in sent} == expected
    assert len(sent) == len(expected)
    for one in sent:
        answer = message_from_bytes(one.content)
        assert [answer[field] for field in ("To", "Cc", "Bcc")] == [one.recipient, None, None]
        assert answer["Auto-Submitted"] == "auto-replied"
        assert one.sender == ""
        text = b"".join(part.get_payload(decode=True) or b"" for part in answer.walk() if not part.is_multipart())  # type: ignore[misc]
        for hidden in (SECRET.encode(), b"y.example b", b"b@y.example"):
            assert hidden.lower() not in text.lower()
            assert hidden not in str(answer["Subject"]).encode()
        assert not [
            value for value in answer.values() if re.search("[\x00-\x08\x0a-\x1f]", str(value).replace("\r\n ", ""))
        ]


def test_a_flood_of_one_sender_gets_a_few_answers_and_every_report_arrives(world: World) -> None:
    for number in range(12):
        world.deliver(mail(number, sender="rita@example.com"))
    world.run()
    assert len(answers(world)) == world.config.acknowledgement.per_sender_per_day == 4
    assert {one.recipient for one in world.sent(MessageKind.REPORT)} == {ANN, BOB, CARL}
    assert len(world.sent(MessageKind.REPORT)) == 36


def test_tags_and_capitals_do_not_make_another_sender(world: World) -> None:
    for number, sender in enumerate(["rita@example.com", "RITA@example.com", "rita@EXAMPLE.com"] * 3):
        world.deliver(mail(number, sender=sender))
    world.run()
    assert len(answers(world)) == 4


def test_the_same_mail_again_and_a_robot_that_answers_get_nothing(world: World) -> None:
    world.deliver(mail(1))
    world.run()
    world.deliver(mail(1), folder="Junk")
    (first,) = answers(world)
    ours = header(first, "Message-ID")
    for number in range(3):
        world.deliver(
            raw("From: Rita <rita1@example.com>", "Subject: Re: We received your message", f"Message-ID: <r{number}@x.example>",
                f"In-Reply-To: {ours}", body="I am away until Monday. In urgent cases please contact Ann.")
        )  # fmt: skip
        world.run()
    assert len(answers(world)) == 1
    assert world.now >= START
