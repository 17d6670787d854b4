"""A copy that comes back, in the form that each kind of server gives it: it counts as not delivered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from intake.model import DeliveryState, MessageKind, Outgoing

from .worlds import ANN, BOB, CARL, World, header, mail

STATUS = (
    "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n"
    "Final-Recipient: rfc822; bob@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    "Diagnostic-Code: smtp; 550 5.1.1 user unknown\r\n"
)


def report(first: str, last: str, extra: str = "") -> str:
    """RFC 3464: a part for people, one for machines, and what was returned."""
    return (
        f"{extra}MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        f"--b\r\n{first}\r\n--b\r\n{STATUS}\r\n--b\r\n{last}\r\n--b--\r\n"
    )


def plain(extra: str, text: str) -> str:
    return f"{extra}MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n{text}\r\n"


PEOPLE = "Content-Type: text/plain\r\n\r\nI'm sorry to have to inform you that your message could not be delivered.\r\n"
PAGE = "Content-Type: text/html\r\n\r\n<p>Your message to <b>bob@example.org</b> couldn't be delivered.</p>\r\n"
# Each is given what we sent, whole and its head alone, and its Message-ID.
FORMS: dict[str, Callable[[str, str, str], str]] = {
    "postfix": lambda whole, _head, _id: report(PEOPLE, f"Content-Type: message/rfc822\r\n\r\n{whole}"),
    "postfix, head only": lambda _whole, head, _id: report(PEOPLE, f"Content-Type: text/rfc822-headers\r\n\r\n{head}"),
    "exchange": lambda whole, _head, one: report(
        PAGE, f"Content-Type: message/rfc822\r\n\r\n{whole}", f"In-Reply-To: {one}\r\nReferences: {one}\r\n"
    ),
    "exchange, without what was returned": lambda _whole, _head, one: report(
        PAGE, "Content-Type: text/plain\r\n\r\n", f"X-MS-Exchange-Message-Is-Ndr:\r\nIn-Reply-To: {one}\r\n"
    ),
    "gmail": lambda whole, _head, one: report(
        f"Content-Type: multipart/related; boundary=c\r\n\r\n--c\r\n{PEOPLE}\r\n--c\r\n{PAGE}\r\n--c--\r\n",
        f"Content-Type: message/rfc822\r\n\r\n{whole}",
        f"X-Failed-Recipients: bob@example.org\r\nAuto-Submitted: auto-replied\r\nIn-Reply-To: {one}\r\n",
    ),
    "exim, as it was long ago": lambda whole, _head, _id: plain(
        "X-Failed-Recipients: bob@example.org\r\nAuto-Submitted: auto-replied\r\n",
        "This message was created automatically by mail delivery software.\r\n\r\n  bob@example.org\r\n"
        "    user unknown\r\n\r\n------ This is a copy of the message, including all the headers. ------\r\n\r\n"
        + whole,
    ),
    "qmail": lambda whole, _head, _id: plain(
        "",
        "Hi. This is the qmail-send program at mx.example.net.\r\nI'm afraid I wasn't able to deliver your message.\r\n"
        "\r\n<bob@example.org>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n\r\n"
        "--- Below this line is a copy of the message.\r\n\r\nReturn-Path: <help@eug.example>\r\n" + whole,
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_copy_that_comes_back_is_known_in_every_form(tmp_path: Path, form: str) -> None:
    world = World(tmp_path)
    world.deliver(mail(1))
    world.run()
    (copy,) = world.transport.to(BOB, MessageKind.REPORT)
    world.deliver(returned(copy, form))
    world.run()
    failed = world.parts.ledger.deliveries([DeliveryState.FAILED])
    assert [(one.kind, one.recipient) for one in failed] == [(MessageKind.REPORT, BOB)]
    assert world.reached("notice") == [ANN, CARL]
    assert len(world.sent("report")) == 3, "and it is no report"


def returned(copy: Outgoing, form: str) -> bytes:
    whole = copy.content.decode("latin-1")
    head = whole.partition("\r\n\r\n")[0]
    made = FORMS[form](whole, head, header(copy, "Message-ID"))
    envelope = (
        "Return-Path: <>\r\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example.net>\r\nTo: help@eug.example\r\n"
    )
    return (
        envelope + "Subject: Undelivered Mail Returned to Sender\r\nMessage-ID: <b1@mx.example.net>\r\n" + made
    ).encode("latin-1")
