"""What ``intake.ports.Transport`` promises, against aiosmtpd, a real Postfix, and peers that do everything wrong."""

from __future__ import annotations

import itertools
import os
import socket
import ssl
import struct
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from servers.base import tls_server_context, write_certificate
from servers.scripted_imap import Peer, Script, ScriptedImap
from servers.smtp import Aiosmtpd, SmtpServer, closed_port

from intake import greeting
from intake.config import SmtpConfig
from intake.credentials import CredentialError, Password, Token
from intake.deliver.smtp import MOST_PER_CONNECTION, MOST_REFUSALS, SmtpTransport
from intake.errors import DeliveryError
from intake.model import Failed, Outgoing, Sent, Unknown
from intake.tls import UnsafeError, expect_loopback

COMMUNITY = "help@test.example"
HEAD = (
    b"Subject: hello\r\nMessage-ID: <a@test.example>\r\nFrom: help@test.example\r\nTo: you@test.example\r\n"
    b"Date: Sat, 18 Apr 2026 08:30:00 +0200\r\n"
)  # complete, so that no server adds to it
MAIL = HEAD + b"\r\n.first\r\n..second\r\n.\r\nthird\r\n"
NUMBERS = itertools.count(1)


class HandClock:
    """A monotonic clock that a test moves by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def someone() -> str:
    return f"r{next(NUMBERS)}-{os.getpid()}@test.example"


def settings(port: int, **more: Any) -> SmtpConfig:
    how = {"host": "localhost", "security": "none", "auth": "none", **more}
    return SmtpConfig(port=port, **how)


def transport_to(port: int, *, deadline_s: float = 20.0, secret: Any = None, **more: Any) -> SmtpTransport:
    monotonic = more.pop("monotonic", time.monotonic)
    most = more.pop("max_per_minute", 10_000)
    return SmtpTransport(
        settings(port, **more),
        lambda: secret,
        helo="test.example",
        max_per_minute=most,
        monotonic=monotonic,
        deadline_s=deadline_s,
    )


@contextmanager
def opened(transport: SmtpTransport) -> Iterator[SmtpTransport]:
    try:
        yield transport
    finally:
        transport.close()


def only(result: object, kind: type[Any]) -> Any:
    assert isinstance(result, kind), result
    return result


def without_trace(content: bytes) -> bytes:
    """A mail without the lines that servers put on top of it."""
    return content[content.index(b"Subject: ") :]


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


# --- peers that do what no good server does -----------------------------------------------------


EXTENSIONS = (b"SIZE 5000000", b"8BITMIME", b"SMTPUTF8")


def polite(
    answers: dict[bytes, bytes | Callable[[Peer], None]],
    extensions: tuple[bytes, ...] = EXTENSIONS,
    greeting: bytes = b"220 ready",
    contents: list[bytes] | None = None,
) -> Script:
    """A server that behaves, but for the verbs in ``answers``; the verb ``.`` is the end of the content."""

    def answer(peer: Peer, verb: bytes, usual: bytes) -> None:
        found = answers.get(verb, usual)
        if callable(found):
            found(peer)
        else:
            peer.say(found)

    def script(peer: Peer) -> None:
        peer.say(greeting)
        while line := peer.line():
            verb = line[:4].upper()
            if verb == b"EHLO":
                lines = [b"test.example", *extensions]
                answer(peer, verb, b"\r\n".join([b"250-" + one for one in lines[:-1]] + [b"250 " + lines[-1]]))
            elif verb == b"DATA":
                answer(peer, verb, b"354 go on")
                if verb not in answers:
                    (contents if contents is not None else []).append(content(peer))
                    answer(peer, b".", b"250 2.0.0 taken")
            else:
                answer(peer, verb, b"221 bye" if verb == b"QUIT" else b"250 ok")

    return script


def content(peer: Peer) -> bytes:
    """What stands between DATA and the last dot, as it came."""
    lines: list[bytes] = []
    while (line := peer._file.readline()) not in {b".\r\n", b""}:
        lines.append(line)
    return b"".join(lines)


def hang_up(peer: Peer) -> None:
    peer.connection.shutdown(socket.SHUT_RDWR)


def drip(peer: Peer) -> None:
    peer.drip(b"250-still here\r\n", 0.01)


def flood(peer: Peer) -> None:
    while True:
        peer.raw(b"250-and another line\r\n" * 500)


def result_of(script: Script, outgoing: Outgoing, **more: Any) -> Any:
    with ScriptedImap(script) as server, opened(transport_to(server.port, **more)) as transport:
        return transport.send(outgoing)


USUAL = Outgoing(COMMUNITY, "ann.example@people.example", MAIL)


@pytest.mark.parametrize("verb", [b"EHLO", b"MAIL", b"RCPT", b"DATA"])
@pytest.mark.parametrize("how", [hang_up, flood, b"nonsense", b"", b"299", b"9", b"x" * 5000, b"250" + b" y" * 3000])
def test_before_the_content_all_trouble_is_temporary(verb: bytes, how: bytes | Callable[[Peer], None]) -> None:
    result = result_of(polite({verb: how}), USUAL)
    if isinstance(how, bytes) and how.startswith(b"299"):  # an odd way to say yes
        assert isinstance(result, Sent | Failed)
        return
    failed = only(result, Failed)
    assert not failed.permanent
    assert failed.way_out is (verb == b"EHLO")


@pytest.mark.parametrize("verb", [b"EHLO", b"MAIL", b"RCPT", b"DATA"])
def test_a_drip_is_cut(verb: bytes) -> None:
    failed = only(result_of(polite({verb: drip}), USUAL, deadline_s=0.2), Failed)
    assert not failed.permanent
    assert "did not finish within 0.2 s" in failed.reason


@pytest.mark.parametrize("how", [hang_up, b"nonsense", b"354 more", b"", b"1", flood])
def test_after_the_last_dot_trouble_is_unknown(how: bytes | Callable[[Peer], None]) -> None:
    only(result_of(polite({b".": how}), USUAL), Unknown)


def test_a_drip_after_the_last_dot_is_unknown() -> None:
    assert "did not finish" in only(result_of(polite({b".": drip}), USUAL, deadline_s=0.2), Unknown).reason


def test_a_server_that_hangs_up_within_the_content_has_not_got_it() -> None:
    def hang_up_early(peer: Peer) -> None:
        peer.say(b"354 go on")
        peer.connection.recv(100)
        peer._file.close()
        peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST
        peer.connection.close()

    large = Outgoing(COMMUNITY, "ann@people.example", MAIL + b"x" * 70 * 60_000)
    assert not only(result_of(polite({b"DATA": hang_up_early}), large), Failed).permanent


def test_a_server_that_stops_reading_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    def stall(peer: Peer) -> None:
        peer.say(b"354 go on")
        peer.hang()

    large = Outgoing(COMMUNITY, "ann@people.example", MAIL + b"x" * 4_900_000)
    with ScriptedImap(polite({b"DATA": stall})) as server:
        monkeypatch.setattr("intake.deliver.smtp.SLOWEST_BYTES_S", 10**12)
        with opened(transport_to(server.port, deadline_s=0.2)) as transport:
            failed = only(transport.send(large), Failed)
    assert "did not finish" in failed.reason


@pytest.mark.parametrize(
    ("verb", "answer", "permanent", "size", "way_out"),
    [
        (b"MAIL", b"550 5.7.1 no", False, False, False),
        (b"MAIL", b"530 5.7.0 authentication required", False, False, True),
        (b"MAIL", b"552 5.3.4 too big", True, True, False),
        (b"MAIL", b"452 4.3.1 disk full", False, False, False),
        (b"MAIL", b"421 4.7.0 slow down", False, False, False),
        (b"RCPT", b"550 5.1.1 unknown", True, False, False),
        (b"RCPT", b"553 5.1.3 bad", True, False, False),
        (b"RCPT", b"452 4.2.2 full for now", False, False, False),
        (b"RCPT", b"552 5.2.2 full", True, False, False),
        (b"RCPT", b"550 5.7.1 Relaying denied", False, False, True),
        (b"DATA", b"451 4.3.0 later", False, False, False),
        (b"DATA", b"554 5.7.1 no", True, False, False),
        (b".", b"552 5.3.4 Message size exceeds fixed limit", True, True, False),
        (b".", b"552 message too large", True, True, False),
        (b".", b"554 5.2.3 too long", True, True, False),
        (b".", b"550 message size exceeds the limit", True, True, False),
        (b".", b"552-5.7.0 dangerous\r\n552 5.7.0 content", True, False, False),
        (b".", b"554 5.6.0 malformed", True, False, False),
        (b".", b"450 4.7.1 greylisted", False, False, False),
        # Exchange Online, about our own mailbox: nobody's copy may be given up for it
        (b".", b"432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/x", False, False, False),
        (b".", b"432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", False, False, False),
        (b".", b"554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; x", False, False, True),
        (b".", b"554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException", False, False, True),
        (b".", b"430 4.2.0 STOREDRV; mailbox logon failure; x.MapiExceptionLogonFailed; x", False, False, True),
        (b".", b"554 5.2.252 SendAsDenied; help@test.example not allowed to send as x", False, False, True),
        (b".", b"550 5.2.251 Sender throttled due to continuous mailbox full errors", False, False, True),
        (b".", b"550 5.7.60 SMTP; Client does not have permissions to send as this sender", False, False, True),
        (b"RCPT", b"550 5.1.90 the daily limit for message recipients is reached", False, False, True),
        (b"RCPT", b"550 5.7.708 Access denied, traffic not accepted from this IP", False, False, True),
        (b"MAIL", b"550 5.1.8 Access denied, bad outbound sender", False, False, False),
        (b".", b"554 5.2.2 mailbox full", True, False, False),
    ],
)
def test_the_table_of_outcomes(verb: bytes, answer: bytes, permanent: bool, size: bool, way_out: bool) -> None:
    for extensions in (EXTENSIONS, (*EXTENSIONS, b"PIPELINING")):
        failed = only(result_of(polite({verb: answer}, extensions), USUAL), Failed)
        assert (failed.permanent, failed.size, failed.way_out) == (permanent, size, way_out), failed


@pytest.mark.parametrize("greeting", [b"554 5.3.2 no service", b"421 4.3.2 busy", b"* OK IMAP4rev1", b"HTTP/1.1 400"])
def test_a_greeting_that_turns_us_away(greeting: bytes) -> None:
    failed = only(result_of(polite({}, greeting=greeting), USUAL), Failed)
    assert (failed.permanent, failed.way_out) == (False, True)


def test_the_null_sender_refused_says_what_to_change() -> None:
    failed = only(result_of(polite({b"MAIL": b"550 5.7.60 no"}), Outgoing("", "a@people.example", MAIL)), Failed)
    assert 'envelope_sender = "community"' in failed.reason
    assert not failed.permanent


@pytest.mark.parametrize(
    "said",
    [
        b"550 5.1.1 <ann.example@people.example>: unknown", b"550 5.1.1 no mailbox ANN.EXAMPLE at people.example",
        b"550 help@test.example may not write to ann.example@people.example here", b"550 bob%40home.example is unknown",
        b"550 \x1b[31mann.example@people.example\x1b[0m\x07", b'550 "ann example"@people.example', b"550 a@b " * 100,
        "550 ann.example@people.example\u202e\u0085".encode(),
    ],
)  # fmt: skip
def test_no_reason_and_no_receipt_shows_an_address(said: bytes) -> None:
    reason = only(result_of(polite({b"RCPT": said}), USUAL), Failed).reason
    receipt = only(result_of(polite({b".": b"250" + said[3:]}), USUAL), Sent).receipt
    for text in (reason, receipt):
        assert len(text) < 300
        assert text.isprintable()
        for personal in ("ann", "people", "help@", "bob", "home.example", "@"):
            assert personal not in text.lower()


def test_a_connection_that_died_between_two_messages_is_replaced_without_a_failure() -> None:
    taken = 0

    def count_then_die(peer: Peer) -> None:
        nonlocal taken
        taken += 1
        peer.say(b"250 2.0.0 taken")
        peer.connection.shutdown(socket.SHUT_RDWR)

    with ScriptedImap(polite({b".": count_then_die})) as server, opened(transport_to(server.port)) as transport:
        for _ in range(3):
            only(transport.send(USUAL), Sent)
    assert (taken, server.connections) == (3, 3)


@pytest.mark.parametrize("storm", [b"421 4.3.2 going down", b"452 4.5.3 too many"])
@pytest.mark.parametrize("verb", [b"MAIL", b"RCPT", b"DATA"])
def test_a_storm_after_the_first_message_costs_nothing(verb: bytes, storm: bytes) -> None:
    """A server that takes one message a connection and turns the second away in every way there is."""
    seen: dict[int, int] = {}

    def once_a_connection(peer: Peer) -> None:
        seen[id(peer)] = seen.get(id(peer), 0) + 1
        peer.say(storm if seen[id(peer)] > 1 else {b"DATA": b"354 go on"}.get(verb, b"250 ok"))
        if verb == b"DATA" and seen[id(peer)] == 1:
            content(peer)
            peer.say(b"250 taken")

    with ScriptedImap(polite({verb: once_a_connection})) as server, opened(transport_to(server.port)) as transport:
        for _ in range(4):
            only(transport.send(USUAL), Sent)
    assert server.connections == 4


def test_a_storm_from_the_start_is_temporary() -> None:
    for verb in (b"MAIL", b"RCPT", b"DATA", b"."):
        failed = only(result_of(polite({verb: b"421 4.3.2 no"}), USUAL), Failed)
        assert not failed.permanent


def test_a_refused_recipient_does_not_get_the_content_when_data_is_let_through_all_the_same() -> None:
    pipelining, contents = (*EXTENSIONS, b"PIPELINING"), list[bytes]()
    with (
        ScriptedImap(polite({b"RCPT": b"550 5.1.1 no"}, pipelining, contents=contents)) as server,
        opened(transport_to(server.port)) as transport,
    ):
        assert only(transport.send(USUAL), Failed).permanent
        assert only(transport.send(USUAL), Failed).permanent
    assert server.connections == 1
    assert contents == [b"", b""]


def test_without_smtputf8_an_address_beyond_ascii_is_refused_with_a_reason() -> None:
    outgoing = Outgoing(COMMUNITY, "rené@people.example", MAIL)
    failed = only(result_of(polite({}, (b"SIZE 100000",)), outgoing), Failed)
    assert failed.permanent
    assert "SMTPUTF8" in failed.reason


def test_what_is_offered_and_needed_is_used() -> None:
    mail = "Subject: hello\r\n\r\nça\r\n".encode()
    with ScriptedImap(polite({})) as server, opened(transport_to(server.port)) as transport:
        only(transport.send(Outgoing("", "a@people.example", MAIL)), Sent)
        only(transport.send(Outgoing("", "a@people.example", mail)), Sent)
        only(transport.send(Outgoing("", "rené@people.example", mail)), Sent)
    froms = [line for line in server.heard if line.startswith(b"MAIL")]
    # RFC 1870, 5: the size counts line ends as CRLF, and not the dots that are doubled; ours may count those too
    assert froms[0].startswith(b"MAIL FROM:<> SIZE=")
    assert b"BODY" not in froms[0]
    assert froms[1].endswith(b"BODY=8BITMIME")
    assert froms[2].endswith(b"BODY=8BITMIME SMTPUTF8")


def test_a_server_that_knows_only_helo() -> None:
    with (
        ScriptedImap(polite({b"EHLO": b"502 5.5.1 what?"})) as server,
        opened(transport_to(server.port)) as transport,
    ):
        only(transport.send(USUAL), Sent)
    assert b"helo test.example" in server.heard


def test_starttls_never_falls_back(tmp_path: Path) -> None:
    ca_file, _, _ = write_certificate(tmp_path, "localhost")
    how = {"security": "starttls", "ca_file": ca_file, "auth": "password", "user": "u", "secret": Password("hunter2")}
    for answers, extensions in (
        ({}, (b"AUTH PLAIN",)),
        ({b"STAR": b"454 4.7.0 not now"}, (b"AUTH PLAIN", b"STARTTLS")),
        ({b"STAR": b"220 go"}, (b"AUTH PLAIN", b"STARTTLS")),
        ({b"STAR": b"220 go\r\n250-injected\r\n250 AUTH PLAIN"}, (b"STARTTLS",)),
        ({b"STAR": hang_up}, (b"STARTTLS",)),
    ):
        script = polite(answers, extensions)  # type: ignore[arg-type]  # a table of several shapes
        with ScriptedImap(script) as server, opened(transport_to(server.port, deadline_s=2, **how)) as transport:
            failed = only(transport.send(USUAL), Failed)
        assert failed.way_out
        assert not any(line.startswith((b"AUTH", b"MAIL")) for line in server.heard)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_old_tls_is_refused(tmp_path: Path, security: str) -> None:
    ca_file, chain, key = write_certificate(tmp_path, "localhost")
    context = tls_server_context(chain, key)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the point of this test
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1

    def go(peer: Peer) -> None:
        peer.say(b"220 go")
        peer.start_tls(context)

    answers: dict[bytes, Any] = {b"STAR": go}
    script = polite(answers, (b"AUTH PLAIN", b"STARTTLS"))
    how: dict[str, Any] = {"security": security, "ca_file": ca_file, "auth": "password", "user": "u", "deadline_s": 5}
    with (
        ScriptedImap(script, tls=context if security == "tls" else None) as server,
        opened(transport_to(server.port, secret=Password("hunter2"), **how)) as transport,
        pytest.raises(DeliveryError, match="TLS"),
    ):
        transport.check()
    assert not any(line.startswith((b"AUTH", b"MAIL")) for line in server.heard)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [("127.0.0.1", True), ("127.8.9.10", True), ("::1", True), ("192.0.2.7", False), ("10.0.0.1", False),
     ("fe80::1%eth0", False), ("0.0.0.0", False), ("2001:db8::1", False)],
)  # fmt: skip
def test_plain_is_for_this_machine_only(address: str, allowed: bool) -> None:
    class Connected(socket.socket):
        def getpeername(self) -> Any:
            return (address, 25)

    with Connected() as connection:
        if allowed:
            expect_loopback(connection)
        else:
            with pytest.raises(UnsafeError, match="for this machine only"):
                expect_loopback(connection)


@pytest.mark.parametrize(
    ("offered", "auth", "secret", "said"),
    [
        (b"AUTH PLAIN LOGIN", "password", Password("pä ss"), [b"AUTH PLAIN AHUAcMOkIHNz"]),
        (b"AUTH LOGIN", "password", Password("pä ss"), [b"AUTH LOGIN", b"dQ==", b"cMOkIHNz"]),
        (b"AUTH=LOGIN", "password", Password("s"), [b"AUTH LOGIN", b"dQ==", b"cw=="]),
        (b"AUTH PLAIN XOAUTH2", "token", Token("t"), [b"AUTH XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ=="]),
        (b"AUTH OAUTHBEARER", "token", Token("t"), [b"AUTH OAUTHBEARER bixhPXUsAWF1dGg9QmVhcmVyIHQBAQ=="]),
    ],
)
def test_ways_to_log_in(offered: bytes, auth: str, secret: Any, said: list[bytes]) -> None:
    def log_in(peer: Peer) -> None:
        for _ in said[1:]:
            peer.say(b"334 bW9yZQ==")
            peer.line()
        peer.say(b"235 2.7.0 welcome")

    with (
        ScriptedImap(polite({b"AUTH": log_in}, (offered,))) as server,
        opened(transport_to(server.port, auth=auth, user="u", secret=secret)) as transport,
    ):
        only(transport.send(USUAL), Sent)
    start = next(place for place, line in enumerate(server.heard) if line.startswith(b"AUTH"))
    assert server.heard[start : start + len(said)] == said


def test_a_long_token_waits_for_the_servers_word_and_its_error_is_read_to_the_end() -> None:
    def refuse(peer: Peer) -> None:
        peer.say(b"334 ")
        assert len(peer.line()) > 4000
        peer.say(b"334 eyJzdGF0dXMiOiI0MDEifQ==")
        peer.line()
        peer.say(b"535 5.7.8 no")

    script = polite({b"AUTH": refuse}, (b"AUTH XOAUTH2",))
    failed = only(result_of(script, USUAL, auth="token", user="u", secret=Token("t" * 3000)), Failed)
    assert failed.way_out
    assert "token" in failed.reason
    assert "tttt" not in failed.reason


@pytest.mark.parametrize(
    ("answer", "secret", "words"),
    [
        (b"535 5.7.8 bad credentials", Password("s"), "check user and password"),
        (b"454 4.7.0 later", Password("s"), "it is tried again"),
        (
            b"550 5.7.30 Basic authentication is not supported for Client Submission.",
            Password("s"),
            'auth = "microsoft"',
        ),
        (
            b"535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
            Password("s"),
            'auth = "microsoft"',
        ),
        (b"535 5.7.139 SmtpClientAuthentication is disabled for the Tenant.", Password("s"), "allow SMTP AUTH"),
        (b"535 5.7.139 SmtpClientAuthentication is disabled for the Mailbox.", Token("t"), "allow SMTP AUTH"),
        (b"535 5.7.3 Authentication unsuccessful", Token("t"), "the server does not accept the token"),
    ],
)
def test_what_to_do_about_a_log_in_that_is_refused(answer: bytes, secret: Any, words: str) -> None:
    auth = "password" if isinstance(secret, Password) else "token"
    script = polite({b"AUTH": answer}, (b"AUTH PLAIN XOAUTH2",))
    failed = only(result_of(script, USUAL, auth=auth, user="u", secret=secret), Failed)
    assert failed.way_out
    assert words in failed.reason


def test_a_server_without_a_log_in_says_what_to_change() -> None:
    failed = only(result_of(polite({}), USUAL, auth="password", user="u", secret=Password("s")), Failed)
    assert 'auth = "none"' in failed.reason


def test_where_nobody_listens_and_hosts_that_are_none() -> None:
    for more, words in (
        ({}, "nothing listens there"),
        ({"host": "no-such-host.invalid"}, "host name not found"),
        ({"host": "x" * 70 + ".invalid"}, "host name not found"),
    ):
        transport = transport_to(closed_port(), **more)  # type: ignore[arg-type]  # a table of several shapes
        failed = only(transport.send(USUAL), Failed)
        assert (failed.permanent, failed.way_out) == (False, True)
        assert words in failed.reason
        with pytest.raises(DeliveryError, match=words):
            transport.check()
        transport.close()
        transport.close()


def test_tls_where_none_is_spoken_and_the_other_way_round(aiosmtpd_server: Aiosmtpd, tmp_path: Path) -> None:
    for port, more, words in (
        (aiosmtpd_server.port, {"security": "tls"}, "no TLS is spoken on this port"),
        (aiosmtpd_server.tls_port, {"deadline_s": 1.0}, "check host, port"),
        (
            aiosmtpd_server.tls_port,
            {"security": "tls", "host": "127.0.0.2", "ca_file": aiosmtpd_server.ca_file},
            "check host",
        ),
        (aiosmtpd_server.tls_port, {"security": "tls", "ca_file": tmp_path / "gone.pem"}, "ca_file can't be read"),
        (aiosmtpd_server.tls_port, {"security": "tls", "ca_file": Path(__file__)}, "ca_file holds no certificate"),
    ):
        transport = transport_to(port, **more)
        failed = only(transport.send(USUAL), Failed)
        assert failed.way_out
        assert words in failed.reason
        transport.close()


@pytest.mark.parametrize("security", ["starttls", "none"])
def test_tls_where_plain_words_are_expected_is_told_before_the_deadline(
    security: str, aiosmtpd_server: Aiosmtpd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(greeting, "TLS_PORTS", {aiosmtpd_server.tls_port: 0.1})
    with opened(transport_to(aiosmtpd_server.tls_port, security=security, deadline_s=30.0)) as transport:
        failed = only(transport.send(USUAL), Failed)
    assert failed.way_out
    assert 'speaks TLS from the first byte on this port: use security = "tls"' in failed.reason


def test_a_certificate_for_another_name(tmp_path: Path) -> None:
    from servers.base import tls_server_context

    ca_file, chain, key = write_certificate(tmp_path, "elsewhere.example")
    with (
        ScriptedImap(polite({}), tls=tls_server_context(chain, key)) as server,
        opened(transport_to(server.port, security="tls", ca_file=ca_file)) as transport,
        pytest.raises(DeliveryError, match="the certificate is not for localhost"),
    ):
        transport.check()


def test_a_secret_that_can_not_be_had_is_temporary(aiosmtpd_server: Aiosmtpd) -> None:
    def credential() -> Password:
        raise CredentialError("config.toml:7: token_command ended with status 1; run it by hand")

    how = settings(aiosmtpd_server.port, auth="token", user="u", token_command="false")
    transport = SmtpTransport(how, credential, helo="x", max_per_minute=1, monotonic=time.monotonic)
    failed = only(transport.send(USUAL), Failed)
    assert (failed.permanent, failed.way_out) == (False, True)
    assert "run it by hand" in failed.reason
    assert transport.may_send() == 0, "nothing was sent, so nothing counts against the rate"
