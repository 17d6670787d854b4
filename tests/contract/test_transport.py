"""What ``intake.ports.Transport`` promises, against aiosmtpd and a real Postfix."""

from __future__ import annotations

import os
from typing import Any

import pytest
from servers.scripted_imap import ScriptedImap
from servers.scripted_smtp import (
    COMMUNITY,
    HEAD,
    MAIL,
    NUMBERS,
    HandClock,
    only,
    opened,
    polite,
    someone,
    transport_to,
    without_trace,
)
from servers.smtp import Aiosmtpd, SmtpServer

from intake.credentials import Password
from intake.deliver.smtp import MOST_PER_CONNECTION, MOST_REFUSALS
from intake.errors import DeliveryError
from intake.model import Failed, Outgoing, Sent, Unknown

# --- what every server does ---------------------------------------------------------------------


def test_a_message_arrives_byte_for_byte_with_a_receipt(way_out: SmtpServer) -> None:
    recipient = someone()
    with opened(transport_to(way_out.port)) as transport:
        receipt = only(transport.send(Outgoing(COMMUNITY, recipient, MAIL)), Sent).receipt
    assert receipt.startswith("250 2.")
    assert recipient not in receipt
    assert [without_trace(mail) for mail in way_out.wait_for(recipient)] == [MAIL]


def test_the_null_sender_is_null(way_out: SmtpServer) -> None:
    recipient = someone()
    with opened(transport_to(way_out.port)) as transport:
        only(transport.send(Outgoing("", recipient, MAIL)), Sent)
    (mail,) = way_out.wait_for(recipient)
    if isinstance(way_out, Aiosmtpd):
        assert way_out.faults.taken[-1][0] in {"", "<>"}
    else:
        assert b"Return-Path: <>" in mail


def test_one_connection_carries_many_messages(way_out: SmtpServer) -> None:
    recipient = someone()
    with opened(transport_to(way_out.port)) as transport:
        for _ in range(20):
            only(transport.send(Outgoing(COMMUNITY, recipient, MAIL)), Sent)
    assert len(way_out.wait_for(recipient, 20)) == 20


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_log_in_over_tls(way_out: SmtpServer, security: str) -> None:
    recipient = someone()
    port = way_out.tls_port if security == "tls" else way_out.starttls_port
    how: dict[str, Any] = {"security": security, "auth": "password", "user": way_out.user, "ca_file": way_out.ca_file}
    with opened(transport_to(port, secret=Password(way_out.password), **how)) as transport:
        transport.check()
        only(transport.send(Outgoing(COMMUNITY, recipient, MAIL)), Sent)
    assert len(way_out.wait_for(recipient)) == 1


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_wrong_password_is_for_the_operator_not_for_the_recipient(way_out: SmtpServer, security: str) -> None:
    port = way_out.tls_port if security == "tls" else way_out.starttls_port
    how: dict[str, Any] = {"security": security, "auth": "password", "user": way_out.user, "ca_file": way_out.ca_file}
    with opened(transport_to(port, secret=Password("wrong"), **how)) as transport:
        with pytest.raises(DeliveryError, match="check user and password") as caught:
            transport.check()
        assert caught.value.permanent
        failed = only(transport.send(Outgoing(COMMUNITY, someone(), MAIL)), Failed)
    assert failed.way_out
    assert not failed.permanent
    assert way_out.user not in failed.reason
    assert "wrong" not in failed.reason


def test_the_certificate_is_verified(way_out: SmtpServer) -> None:
    for security, port in (("tls", way_out.tls_port), ("starttls", way_out.starttls_port)):
        with (
            opened(transport_to(port, security=security)) as transport,
            pytest.raises(DeliveryError, match="no authority that we trust"),
        ):
            transport.check()


@pytest.mark.parametrize(
    ("who", "permanent", "code"),
    [("refuse", True, "550"), ("full", True, "552"), ("defer", False, "451"), ("drop", False, "421")],
)
def test_a_refused_recipient_spoils_nobody_elses_mail(
    way_out: SmtpServer, who: str, permanent: bool, code: str
) -> None:
    before, after = someone(), someone()
    with opened(transport_to(way_out.port)) as transport:
        only(transport.send(Outgoing(COMMUNITY, before, MAIL)), Sent)
        failed = only(transport.send(Outgoing(COMMUNITY, f"{who}@test.example", MAIL)), Failed)
        only(transport.send(Outgoing(COMMUNITY, after, MAIL)), Sent)
    assert failed.permanent is permanent
    assert not failed.way_out
    assert not failed.size
    assert code in failed.reason
    assert f"{who}@" not in failed.reason
    assert "test.example" not in failed.reason
    for recipient in (before, after):
        assert len(way_out.wait_for(recipient)) == 1


@pytest.mark.parametrize(("who", "permanent"), [("eod451", False), ("eod421", False), ("eod550", True)])
def test_a_refusal_after_the_last_dot(way_out: SmtpServer, who: str, permanent: bool) -> None:
    recipient, after = someone(), someone()
    with opened(transport_to(way_out.port)) as transport:
        failed = only(transport.send(Outgoing(f"{who}@test.example", recipient, MAIL)), Failed)
        only(transport.send(Outgoing(COMMUNITY, after, MAIL)), Sent)
    assert failed.permanent is permanent
    assert len(way_out.wait_for(after)) == 1
    assert way_out.arrived(recipient) == []


def test_a_message_beyond_the_servers_size_is_not_even_sent(way_out: SmtpServer) -> None:
    recipient = someone()
    with opened(transport_to(way_out.port)) as transport:
        failed = only(transport.send(Outgoing(COMMUNITY, recipient, MAIL + b"x" * 70 * 40_000)), Failed)
        assert (failed.permanent, failed.size) == (True, True)
        only(transport.send(Outgoing(COMMUNITY, recipient, MAIL)), Sent)
    assert len(way_out.wait_for(recipient)) == 1


def test_eight_bit_content_and_an_address_beyond_ascii(way_out: SmtpServer) -> None:
    mail = HEAD + "\r\nça va, één\r\n".encode()
    plain, beyond = someone(), f"rené{next(NUMBERS)}-{os.getpid()}@test.example"
    with opened(transport_to(way_out.port)) as transport:
        only(transport.send(Outgoing(COMMUNITY, plain, mail)), Sent)
        result = transport.send(Outgoing(COMMUNITY, beyond, mail))
    assert without_trace(way_out.wait_for(plain)[0]) == mail
    if isinstance(way_out, Aiosmtpd):  # LMTP to this Dovecot knows no SMTPUTF8
        only(result, Sent)
        assert way_out.arrived(beyond)


def test_bare_line_ends_never_leave(way_out: SmtpServer) -> None:
    recipient = someone()
    smuggled = HEAD + b"\nfirst\n.\nMAIL FROM:<x@y.example>\r.\rsecond\r\n.\nthird\n.\r\nlast"
    with opened(transport_to(way_out.port)) as transport:
        only(transport.send(Outgoing(COMMUNITY, recipient, smuggled)), Sent)
    wanted = smuggled.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n") + b"\r\n"
    assert [without_trace(mail) for mail in way_out.wait_for(recipient)] == [wanted]


# --- what aiosmtpd can be told to do ------------------------------------------------------------


def test_an_answer_that_never_comes_is_unknown(aiosmtpd_server: Aiosmtpd) -> None:
    recipient = someone()
    with opened(transport_to(aiosmtpd_server.port)) as transport:
        only(transport.send(Outgoing("lostack@test.example", recipient, MAIL)), Unknown)
        only(transport.send(Outgoing(COMMUNITY, recipient, MAIL)), Sent)
    assert len(aiosmtpd_server.wait_for(recipient, 2)) == 2


def test_a_server_that_takes_only_so_many_gets_a_new_connection(aiosmtpd_server: Aiosmtpd) -> None:
    recipient = someone()
    aiosmtpd_server.faults.most_per_connection = 3
    try:
        with opened(transport_to(aiosmtpd_server.port)) as transport:
            results = [transport.send(Outgoing(COMMUNITY, recipient, MAIL)) for _ in range(8)]
    finally:
        aiosmtpd_server.faults.most_per_connection = 0
    assert [type(result) for result in results] == [Sent, Sent, Sent, Failed, Sent, Sent, Sent, Failed]
    assert all(not result.permanent for result in results if isinstance(result, Failed))


def test_refusals_do_not_wear_out_a_connection(way_out: SmtpServer) -> None:
    before = way_out.faults.connections if isinstance(way_out, Aiosmtpd) else 0
    with opened(transport_to(way_out.port)) as transport:
        for _ in range(3 * MOST_REFUSALS + 1):  # Postfix would close a single connection before the last one
            failed = only(transport.send(Outgoing(COMMUNITY, "refuse@test.example", MAIL)), Failed)
            assert failed.permanent
        only(transport.send(Outgoing(COMMUNITY, someone(), MAIL)), Sent)
    if isinstance(way_out, Aiosmtpd):
        assert way_out.faults.connections - before == 4


def test_a_relay_that_does_not_let_us_send_is_for_the_operator(aiosmtpd_server: Aiosmtpd) -> None:
    with opened(transport_to(aiosmtpd_server.port)) as transport:
        failed = only(transport.send(Outgoing(COMMUNITY, "relay@elsewhere.example", MAIL)), Failed)
    assert (failed.permanent, failed.way_out) == (False, True)
    assert "elsewhere" not in failed.reason


def test_a_connection_is_not_trusted_for_ever(aiosmtpd_server: Aiosmtpd) -> None:
    recipient, clock, faults = someone(), HandClock(), aiosmtpd_server.faults
    with opened(transport_to(aiosmtpd_server.port, monotonic=clock)) as transport:
        before = faults.connections
        for _ in range(MOST_PER_CONNECTION + 1):
            only(transport.send(Outgoing(COMMUNITY, recipient, MAIL)), Sent)
        assert faults.connections == before + 2
        clock.at += 31
        only(transport.send(Outgoing(COMMUNITY, recipient, MAIL)), Sent)
        assert faults.connections == before + 3


def test_a_burst_goes_at_once_and_a_minute_is_kept(aiosmtpd_server: Aiosmtpd) -> None:
    recipient, clock = someone(), HandClock()
    with opened(transport_to(aiosmtpd_server.port, monotonic=clock, max_per_minute=30)) as transport:
        for _ in range(30):
            assert transport.may_send() == 0
            only(transport.send(Outgoing(COMMUNITY, recipient, MAIL)), Sent)
            clock.at += 0.1
        assert transport.may_send() == pytest.approx(57)
        clock.at += 57
        assert transport.may_send() == 0
        only(transport.send(Outgoing(COMMUNITY, recipient, MAIL)), Sent)
        assert transport.may_send() == pytest.approx(0.1)


@pytest.mark.parametrize(
    "address",
    [
        "a b@test.example", "a@test.example\r\nRCPT TO:<x@y.example>", "a@test.example\n", "a,b@test.example",
        "a@b.example, c@test.example", "<a@test.example>", "a@", "@test.example", "a", "", "a@test..example",
        "a@-test.example", "a\0@test.example", "a\u202e@test.example", "a@test.example>", "a@te st.example",
        "a\u00a0b@test.example", "x" * 65 + "@test.example", "a@" + "x" * 64 + ".example", "a@b\u2028.example",
        "a@x.\u200bexample", ".a@test.example", "a..b@test.example", 'a"b@test.example', "a@[::1]", "a@1_2.example",
    ],
)  # fmt: skip
def test_what_is_no_address_is_not_made_one(aiosmtpd_server: Aiosmtpd, address: str) -> None:
    before = len(aiosmtpd_server.faults.taken)
    with opened(transport_to(aiosmtpd_server.port)) as transport:
        failed = only(transport.send(Outgoing(COMMUNITY, address, MAIL)), Failed)
    assert (failed.permanent, failed.way_out, failed.size) == (True, False, False)
    assert failed.reason.startswith("the recipient's address can't be used")
    assert len(aiosmtpd_server.faults.taken) == before


@pytest.mark.parametrize(
    ("address", "wire"),
    [
        ("a@Bücher.example", "a@xn--bcher-kva.example"),
        ("a@BÜCHER.example", "a@xn--bcher-kva.example"),
        ("a@bu\u0308cher.example", "a@xn--bcher-kva.example"),
        ("a@straße.example", "a@xn--strae-oqa.example"),
        ("a@日本語.example", "a@xn--wgv71a119e.example"),
        ('"a b"@test.example', '"a b"@test.example'),
        ("o'neil+tag@test.example", "o'neil+tag@test.example"),
        ("A.B@Test.Example", "A.B@test.example"),
    ],
)
def test_addresses_as_they_go_over_the_wire(address: str, wire: str) -> None:
    with ScriptedImap(polite({})) as server, opened(transport_to(server.port)) as transport:
        only(transport.send(Outgoing("", address, MAIL)), Sent)
    assert f"RCPT TO:<{wire}>".encode() in server.heard
