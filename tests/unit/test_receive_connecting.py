"""Peers that stall, and all that comes before the first folder: greetings, TLS, logging in."""

from __future__ import annotations

import base64
import ssl
import threading
import time
import warnings
from pathlib import Path

import pytest
from servers.base import free_ports, tls_server_context, wait_for, write_certificate
from servers.mailboxes import Secret, Settings
from servers.scripted_imap import GREETING, Answer, Peer, Script, ScriptedImap, polite

from intake import greeting
from intake.errors import ConfigError, MailboxError
from intake.receive.imap import ImapMailbox

from .reading import AT_MOST_S, everything, fails, mailbox_at


def hang(peer: Peer, _: bytes) -> None:
    peer.hang()


def drip(peer: Peer, _: bytes) -> None:
    peer.drip(b"* OK still here\r\n")


def drip_a_literal(peer: Peer, _: bytes) -> None:
    peer.raw(b"* 1 FETCH (UID 1 BODY[] {900000}\r\n")
    peer.drip(b"x")


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda peer: peer.hang(), id="hangs before the greeting"),
        pytest.param(lambda peer: peer.drip(b"* OK nearly\t"), id="drips a greeting without end"),
        pytest.param(polite({"CAPABILITY": hang}), id="hangs in CAPABILITY"),
        pytest.param(polite({"LOGIN": hang}), id="hangs in LOGIN"),
        pytest.param(polite({"LOGIN": drip}), id="drips in LOGIN"),
        pytest.param(polite({"EXAMINE": drip}), id="drips in EXAMINE"),
        pytest.param(polite({"UID SEARCH": hang}), id="hangs in SEARCH"),
        pytest.param(polite({"UID FETCH .*SIZE": drip}), id="drips in the first FETCH"),
        pytest.param(polite({"UID FETCH .*BODY": hang}), id="hangs in FETCH"),
        pytest.param(polite({"UID FETCH .*BODY": drip_a_literal}), id="drips a literal"),
    ],
)
def test_a_server_that_stalls_is_cut(script: Script) -> None:
    with ScriptedImap(script) as server:
        assert "did not finish within 0.4 s" in fails(server.port, everything)


HALF_A_SERVER_HELLO = b"\x16\x03\x03\x0f\x00" + b"\x02" * 4096


def test_a_tls_handshake_that_drips_is_cut() -> None:
    with ScriptedImap(lambda peer: peer.drip(HALF_A_SERVER_HELLO, 0.1)) as server:
        assert "did not finish" in fails(server.port, lambda mailbox: mailbox.open(), security="tls")


def test_a_handshake_that_drips_after_starttls_is_cut() -> None:
    def stall(peer: Peer, tag: bytes) -> None:
        peer.say(tag + b" OK begin")
        peer.drip(HALF_A_SERVER_HELLO, 0.1)

    with ScriptedImap(polite({"STARTTLS": stall}, b"* OK ready\r\n", b"IMAP4rev1 STARTTLS")) as server:
        assert "did not finish" in fails(server.port, lambda mailbox: mailbox.open(), security="starttls")


def test_a_server_that_never_says_goodbye_is_left() -> None:
    with ScriptedImap(polite({"LOGOUT": hang})) as server:
        mailbox = mailbox_at(server.port)
        mailbox.open()
        began = time.monotonic()
        mailbox.close()
        assert time.monotonic() - began < AT_MOST_S


@pytest.mark.parametrize(
    ("greeting", "words"),
    [
        (b"", "closed the connection at once"),
        (b"* BYE [UNAVAILABLE] too busy\r\n", "UNAVAILABLE"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is no IMAP server at our service"),
        (b"220 mail.example ESMTP\r\n", "is no IMAP server at our service"),
        (b"\x15\x03\x01\x00\x02\x02\x16", "check host, port and security"),
        (b"* OK " + b"x" * 1_200_000 + b"\r\n", "is no IMAP server at our service"),
    ],
)
def test_a_wrong_greeting(greeting: bytes, words: str) -> None:
    with ScriptedImap(lambda peer: peer.raw(greeting)) as server:
        assert words in fails(server.port, lambda mailbox: mailbox.open(), deadline_s=5.0)


@pytest.mark.parametrize("security", ["none", "starttls"])
def test_a_server_that_calls_us_logged_in_is_left(security: str) -> None:
    with ScriptedImap(polite({}, b"* PREAUTH come in\r\n", b"IMAP4rev1 STARTTLS")) as server:
        assert "logged in before" in fails(
            server.port, lambda mailbox: mailbox.open(), security=security, deadline_s=5.0
        )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"TAG NO [AUTHENTICATIONFAILED] no\r\n", "check both"),
        (b"TAG NO [UNAVAILABLE] backend is down\r\n", "nothing to change here"),
        (b"TAG NO [LIMIT] too many\r\n", "too many connections"),
        (b"TAG NO go away\r\n", "refuses the log-in"),
        (b"TAG BAD what\r\n", "refuses the log-in"),
        (b"* BYE [UNAVAILABLE] gone\r\n", "closed the connection"),
        (b"garbage\r\n", "not IMAP"),
    ],
)
def test_a_log_in_that_fails_says_why(answer: bytes, words: str) -> None:
    said = answer if b"TAG" in answer else lambda peer, _: peer.raw(answer)
    with ScriptedImap(polite({"LOGIN": said})) as server:
        assert words in fails(server.port, lambda mailbox: mailbox.open(), deadline_s=5.0)


@pytest.mark.parametrize(
    ("capabilities", "answers"),
    [
        (b"IMAP4rev1", {}),
        (b"IMAP4rev1 STARTTLS", {"STARTTLS": b"TAG NO not today\r\n"}),
        (b"IMAP4rev1 STARTTLS", {"STARTTLS": b"TAG BAD what\r\n"}),
        (
            b"IMAP4rev1 STARTTLS",
            {"STARTTLS": lambda peer, tag: peer.raw(tag + b" OK begin\r\n* OK plain text goes on\r\n")},
        ),
    ],
)
def test_without_starttls_nothing_is_said_in_the_clear(capabilities: bytes, answers: dict[str, Answer]) -> None:
    with ScriptedImap(polite(answers, b"* OK ready\r\n", capabilities)) as server:
        text = fails(server.port, lambda mailbox: mailbox.open(), security="starttls")
        assert "TLS" in text or "did not finish" in text
        assert not any(b"LOGIN" in line or b"AUTHENTICATE" in line for line in server.heard)


def test_what_is_injected_before_tls_is_forgotten(tmp_path: Path) -> None:
    ca_file, chain, key = write_certificate(tmp_path, "127.0.0.1")
    context = tls_server_context(chain, key)

    def inject(peer: Peer, tag: bytes) -> None:
        peer.raw(tag + b" OK begin\r\n* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n")
        peer.start_tls(context)

    script = polite({"STARTTLS": inject}, b"* OK ready\r\n", b"IMAP4rev1 STARTTLS")
    with ScriptedImap(script) as server:
        mailbox = mailbox_at(server.port, security="starttls", ca_file=ca_file, deadline_s=5.0)
        mailbox.open()
        mailbox.close()


@pytest.mark.parametrize(
    ("names", "trusted", "words"),
    [
        (["127.0.0.1"], True, ""),
        (["other.example"], True, "certificate is not for 127.0.0.1"),
        (["127.0.0.1"], False, "no authority that we trust"),
    ],
)
def test_certificates(tmp_path: Path, names: list[str], trusted: bool, words: str) -> None:
    ca_file, chain, key = write_certificate(tmp_path, *names)
    with ScriptedImap(polite({}), tls=tls_server_context(chain, key)) as server:
        how = {"security": "tls", "ca_file": ca_file if trusted else None, "deadline_s": 5.0}
        if words:
            assert words in fails(server.port, lambda mailbox: mailbox.open(), **how)
            assert server.heard == []
        else:
            mailbox = mailbox_at(server.port, **how)  # type: ignore[arg-type]
            mailbox.open()
            mailbox.close()


def test_old_tls_is_refused(tmp_path: Path) -> None:
    ca_file, chain, key = write_certificate(tmp_path, "127.0.0.1")
    context = tls_server_context(chain, key)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the point of this test
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with ScriptedImap(polite({}), tls=context) as server:
        assert "TLS" in fails(
            server.port, lambda mailbox: mailbox.open(), security="tls", ca_file=ca_file, deadline_s=5.0
        )


def test_plain_where_tls_is_expected() -> None:
    with ScriptedImap(polite({})) as server:
        assert "no TLS is spoken on this port" in fails(
            server.port, lambda mailbox: mailbox.open(), security="tls", deadline_s=5.0
        )


@pytest.mark.parametrize("security", ["starttls", "none"])
def test_tls_where_plain_words_are_expected(security: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, chain, key = write_certificate(tmp_path, "127.0.0.1")
    with ScriptedImap(polite({}), tls=tls_server_context(chain, key)) as server:
        monkeypatch.setattr(greeting, "TLS_PORTS", {server.port: 0.1})
        told = fails(server.port, lambda mailbox: mailbox.open(), security=security, deadline_s=30.0)
    assert 'the server speaks TLS from the first byte on this port: use security = "tls"' in told


def test_a_server_that_greets_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    def late(peer: Peer) -> None:
        if asked.is_set():
            peer.raw(GREETING)  # to whoever looks whether TLS is spoken here
            return
        asked.set()
        wait_for(lambda: looked == [False], "a look")
        polite({})(peer)

    looked: list[bool] = []
    look = greeting._speaks_tls

    def noted(host: str, port: int) -> bool:
        looked.append(look(host, port))
        return looked[-1]

    monkeypatch.setattr(greeting, "_speaks_tls", noted)
    with ScriptedImap(late) as server:
        monkeypatch.setattr(greeting, "TLS_PORTS", {server.port: 0.1})
        mailbox = mailbox_at(server.port, deadline_s=30.0)
        mailbox.open()
        mailbox.close()


def test_a_ca_file_that_is_none(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    [port] = free_ports(1)
    assert "ca_file can't be read" in fails(port, lambda mailbox: mailbox.open(), security="tls", ca_file=empty)
    empty.write_text("nothing")
    assert "ca_file holds no certificate" in fails(port, lambda mailbox: mailbox.open(), security="tls", ca_file=empty)


def test_nobody_there() -> None:
    [port] = free_ports(1)
    assert "connection refused" in fails(port, lambda mailbox: mailbox.open(), deadline_s=5.0)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b.example", "x" * 300])
def test_an_unknown_host(host: str) -> None:
    mailbox = ImapMailbox(Settings(993, host=host), lambda: Secret("secret"), deadline_s=5.0)
    with pytest.raises(MailboxError, match=r"host name not found|did not finish"):
        mailbox.open()


@pytest.mark.parametrize("password", ["pâté en croûte", "日本", 'quo"te\\s', "two words", ""])
@pytest.mark.parametrize("user", ["desk@test.example", "two words", "zoë@test.example"])
def test_any_password_and_user_arrive_as_they_are(user: str, password: str) -> None:
    heard: list[bytes] = []

    def authenticate(peer: Peer, tag: bytes) -> None:
        peer.raw(b"+ \r\n")
        heard.append(peer.line())
        peer.say(tag + b" OK in")

    with ScriptedImap(polite({"AUTHENTICATE PLAIN": authenticate}, capabilities=b"IMAP4rev1 AUTH=PLAIN")) as server:
        mailbox = mailbox_at(server.port, user=user, password=password, deadline_s=5.0)
        mailbox.open()
        mailbox.close()
        if heard:
            assert base64.b64decode(heard[0]).decode() == f"\0{user}\0{password}"
        else:
            quoted = password.replace("\\", "\\\\").replace('"', '\\"')
            assert any(line.endswith(f'LOGIN {user} "{quoted}"'.encode()) for line in server.heard)


@pytest.mark.parametrize(
    ("capabilities", "password", "words"),
    [
        (b"IMAP4rev1 LOGINDISABLED", "secret", "LOGINDISABLED"),
        (b"IMAP4rev1", "pâté", "AUTH=PLAIN"),
    ],
)
def test_a_password_that_can_not_be_said_is_not_said(capabilities: bytes, password: str, words: str) -> None:
    with ScriptedImap(polite({}, b"* OK ready\r\n", capabilities)) as server:
        assert words in fails(server.port, lambda mailbox: mailbox.open(), password=password, deadline_s=5.0)
        assert not any(b"LOGIN" in line or b"AUTHENTICATE" in line for line in server.heard)


def test_a_secret_that_can_not_be_had_is_trouble_of_this_mailbox_only() -> None:
    def missing() -> Secret:
        raise ConfigError(["config.toml:3: no password", "config.toml:4: no more"])

    mailbox = ImapMailbox(Settings(993), missing)
    with pytest.raises(MailboxError, match=r"mailbox help .*can't log in: config.toml:3: no password config.toml:4"):
        mailbox.open()


def test_a_token_goes_by_xoauth2() -> None:
    def authenticate(peer: Peer, tag: bytes) -> None:
        peer.raw(b"+ \r\n")
        assert base64.b64decode(peer.line()) == b"user=desk@test.example\x01auth=Bearer token\x01\x01"
        peer.say(tag + b" OK in")

    with ScriptedImap(polite({"AUTHENTICATE XOAUTH2": authenticate})) as server:
        mailbox = mailbox_at(server.port, auth="microsoft", password="token", deadline_s=5.0)
        mailbox.open()
        mailbox.close()
