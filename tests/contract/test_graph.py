"""Sending through Microsoft Graph, against a server that looks at the request as it is documented."""

from __future__ import annotations

import base64
import email
import socket
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.authority import CLIENT, SECRET, TENANT, Authority, Orders

from intake import app
from intake.config import Config, loads
from intake.deliver import graph
from intake.deliver.graph import GraphTransport
from intake.errors import ConfigError, DeliveryError
from intake.model import Failed, Outgoing, Result, Sent, Shared, Unknown
from intake.oauth.logins import Logins

CONFIG = """
[community]
name = "Test Group"
address = "help@test.example"
[[mailbox]]
name = "help"
host = "localhost"
user = "help@test.example"
password_env = "P"
[smtp]
transport = "graph"
user = "help@test.example"
auth = "microsoft"
tenant = "{tenant}"
client_id = "{client}"
client_secret_env = "SECRET"
{more}
[[organizer]]
name = "Ann"
email = "ann@test.example"
"""
CONTENT = (
    b"From: help@test.example\r\nTo: Ann <ann@test.example>\r\nSubject: A\r\nMessage-ID: <1@test.example>\r\n\r\n"
    b".\r\nH\xc3\xa9\x00\r\n"
)


@pytest.fixture(scope="module")
def running() -> Iterator[Authority]:
    with Authority() as authority:
        yield authority


@pytest.fixture
def authority(running: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(running.ca_file))
    running.orders = Orders()
    running.sent.clear()
    running.issued.clear()
    return running


def config(folder: Path, more: str) -> Config:
    return loads(CONFIG.format(tenant=TENANT, client=CLIENT, more=more), folder / "config.toml")


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def make(tmp_path: Path, authority: Authority, now: list[float]) -> Callable[..., GraphTransport]:
    def made(**other: Any) -> GraphTransport:
        port, ca = other.pop("port", authority.port), other.pop("ca", authority.ca_file)
        more = f'host = "localhost"\nport = {port}\nca_file = "{ca}"\nauthority = "{authority.url}"'
        loaded = config(tmp_path, more)
        logins = Logins(tmp_path, {"SECRET": other.pop("secret", SECRET)})
        return GraphTransport(
            loaded.smtp, lambda: logins.credential(loaded.smtp), max_per_minute=30, monotonic=lambda: now[0], **other
        )

    return made


def outgoing(content: bytes = CONTENT, to: str = "ann@test.example") -> Outgoing:
    return Outgoing("help@test.example", to, content)


def test_a_message_goes_as_it_is(make: Callable[..., GraphTransport], authority: Authority) -> None:
    way_out = make()
    assert way_out.send(outgoing()) == Sent("202 r-1")
    assert way_out.send(outgoing()) == Sent("202 r-1")
    (one, _) = authority.sent
    assert one.path == "/v1.0/users/help%40test.example/sendMail"
    assert one.headers["content-type"] == "text/plain"
    assert base64.b64decode(one.body, validate=True) == CONTENT
    assert email.message_from_bytes(base64.b64decode(one.body))["Message-ID"] == "<1@test.example>"
    assert len(authority.issued) == 1


def test_the_way_out_of_the_configuration_is_this_one(tmp_path: Path) -> None:
    loaded = config(tmp_path, "")
    assert (loaded.smtp.host, loaded.smtp.port, loaded.smtp.security) == ("graph.microsoft.com", 443, "tls")
    assert config(tmp_path, 'cloud = "usgov"').smtp.host == "graph.microsoft.us"
    assert isinstance(app.transport(loaded, {}), GraphTransport)
    with pytest.raises(ConfigError, match="does not fit Microsoft Graph"):
        config(tmp_path, 'security = "starttls"')


@pytest.mark.parametrize(
    ("status", "code", "result"),
    [
        (400, "ErrorInvalidRecipients", Failed(permanent=True, reason="")),
        (403, "ErrorAccessDenied", Failed(permanent=False, reason="", way_out=True)),
        (404, "ErrorInvalidUser", Failed(permanent=False, reason="", way_out=True)),
        (413, "RequestEntityTooLarge", Failed(permanent=True, reason="", size=True)),
        (400, "ErrorMessageSizeExceeded", Failed(permanent=True, reason="", size=True)),
        (400, "ErrorQuotaExceeded", Failed(permanent=False, reason="", way_out=True)),
        (400, "ErrorSendAsDenied", Failed(permanent=False, reason="", way_out=True)),
        (429, "TooManyRequests", Failed(permanent=False, reason="", way_out=True)),
        (503, "ServiceUnavailable", Failed(permanent=False, reason="", way_out=True)),
        (302, "", Failed(permanent=False, reason="", way_out=True)),
        (500, "ErrorInternalServerError", Unknown("")),
        (504, "", Unknown("")),
        (0, "", Unknown("")),  # it breaks off after the whole request
    ],
)
def test_what_answers_mean(
    make: Callable[..., GraphTransport], authority: Authority, status: int, code: str, result: Result
) -> None:
    answer = {"error": {"code": code, "message": "ann@test.example canary-7f3a"}}
    authority.orders.graph = [(status, {"Location": "https://localhost:1/"}, answer)]
    found = make().send(outgoing())
    assert type(found) is type(result)
    if isinstance(found, Failed) and isinstance(result, Failed):
        assert (found.permanent, found.size, found.way_out) == (result.permanent, result.size, result.way_out)
    said = str(found)
    assert code in said
    assert "canary" not in said
    assert "ann@" not in said


def test_retry_after_is_waited_for(make: Callable[..., GraphTransport], authority: Authority, now: list[float]) -> None:
    way_out = make()
    authority.orders.graph = [
        (429, {"Retry-After": "17"}, {}),
        (503, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, {}),
    ]
    way_out.send(outgoing())
    assert way_out.may_send() == 17
    now[0] += 17
    assert way_out.may_send() == 0
    way_out.send(outgoing())
    assert way_out.may_send() == 60


def test_an_outdated_token_is_renewed_once(make: Callable[..., GraphTransport], authority: Authority) -> None:
    way_out = make()
    way_out.send(outgoing())
    authority.revoke()
    assert isinstance(way_out.send(outgoing()), Sent)
    assert len(authority.issued) == 2


def test_nobody_else_gets_it(make: Callable[..., GraphTransport], authority: Authority) -> None:
    for head in (b"To: eve@test.example\r\n", b"To: ann@test.example\r\nBcc: eve@test.example\r\n", b"",
                 b"To: ann@test.example\r\nTo: eve@test.example\r\n"):  # fmt: skip
        result = make().send(outgoing(head + b"Subject: A\r\n\r\nx\r\n"))
        assert result == Failed(permanent=True, reason="the message's To is not its one recipient")
    assert authority.sent == []


def test_what_is_too_large_is_known_before(make: Callable[..., GraphTransport], authority: Authority) -> None:
    result = make().send(outgoing(CONTENT + b"x" * graph.LARGEST))
    assert isinstance(result, Failed)
    assert result.size
    assert authority.issued == []


def test_what_is_too_large_is_not_put_together_to_see_that(
    make: Callable[..., GraphTransport], authority: Authority
) -> None:
    large = Outgoing("", "ann@test.example", CONTENT, (Shared(b"x" * graph.LARGEST), b"\r\n"))
    transport = make()
    tracemalloc.start()
    result = transport.send(large)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(result, Failed)
    assert result.size
    assert peak < graph.LARGEST // 4


def test_nobody_there(make: Callable[..., GraphTransport], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for way_out in (make(port=port), make(secret="wrong")):
        result = way_out.send(outgoing())
        assert isinstance(result, Failed)
        assert result.way_out
        assert not result.permanent
    with pytest.raises(DeliveryError, match="can't be reached"):
        make(port=port).check()


def test_a_certificate_that_nobody_vouches_for(make: Callable[..., GraphTransport], tmp_path: Path) -> None:
    with Authority() as other:
        result = make(ca=other.ca_file).send(outgoing())
    assert isinstance(result, Failed)
    assert "certificate can't be verified" in result.reason


def test_the_check_needs_no_more_rights_than_sending(make: Callable[..., GraphTransport], authority: Authority) -> None:
    make().check()
    assert authority.sent == []


def test_an_answer_that_never_comes(make: Callable[..., GraphTransport], authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        result = make(port=silent.getsockname()[1], seconds=0.3).send(outgoing())
    assert isinstance(result, Failed)  # TLS was never there: nothing can have been taken
    assert not result.permanent
