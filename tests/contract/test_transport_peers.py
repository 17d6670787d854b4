"""What ``intake.ports.Transport`` promises, against peers that do what no good server does."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

import pytest
from servers.scripted_imap import Peer, ScriptedImap
from servers.scripted_smtp import (
    COMMUNITY,
    EXTENSIONS,
    MAIL,
    USUAL,
    content,
    drip,
    flood,
    hang_up,
    only,
    opened,
    polite,
    result_of,
    transport_to,
)

from intake.model import Failed, Outgoing, Sent, Unknown


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


LARGE = Outgoing(COMMUNITY, "ann@people.example", MAIL + b"x" * 70 * 60_000)


def breaks_off(*words: bytes) -> Callable[[Peer], None]:
    """Takes the beginning of the content, says something, and is gone."""

    def script(peer: Peer) -> None:
        peer.say(b"354 go on")
        peer.connection.recv(100)
        for said in words:
            peer.say(said)
        peer._file.close()
        peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST
        peer.connection.close()

    return script


def test_a_server_that_hangs_up_within_the_content_has_not_got_it() -> None:
    assert not only(result_of(polite({b"DATA": breaks_off()}), LARGE), Failed).permanent


def test_a_server_that_accepts_what_it_has_not_got_to_the_end_is_not_believed() -> None:
    only(result_of(polite({b"DATA": breaks_off(b"250 2.0.0 taken")}), LARGE), Unknown)


@pytest.mark.parametrize(("said", "permanent"), [(b"452 4.3.1 disk full", False), (b"554 5.6.0 malformed", True)])
def test_a_server_that_refuses_before_the_end_is_heard(said: bytes, permanent: bool) -> None:
    failed = only(result_of(polite({b"DATA": breaks_off(said)}), LARGE), Failed)
    assert (failed.permanent, said.decode() in failed.reason) == (permanent, True)


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
