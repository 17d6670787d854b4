"""What ``intake.ports.Transport`` promises of TLS and of logging in: nothing in the clear, and a word on what to change."""

from __future__ import annotations

import socket
import ssl
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
from servers.base import tls_server_context, write_certificate
from servers.scripted_imap import Peer, ScriptedImap
from servers.scripted_smtp import USUAL, hang_up, only, opened, polite, result_of, settings, transport_to
from servers.smtp import Aiosmtpd, closed_port

from intake import greeting
from intake.credentials import CredentialError, Password, Token
from intake.deliver.smtp import SmtpTransport
from intake.errors import DeliveryError
from intake.model import Failed, Sent
from intake.tls import UnsafeError, expect_loopback


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
