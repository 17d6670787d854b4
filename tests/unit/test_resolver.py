"""Keys from the DNS: whatever a server does, the wait has an end."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from intake import app, resolver
from intake.cli import advice, trials
from intake.cli.findings import Level
from intake.resolver import MOST_KEPT, PATIENCE, Resolver

from .judging import config
from .test_dkim import VERIFIED

Answer = Callable[[dns.message.Message], bytes | None]


@dataclass
class Server:
    """A name server on a port of its own; ``answer`` makes the bytes, None is silence."""

    answer: Answer
    asked: list[str] = field(default_factory=list)
    socket: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    def serve(self) -> None:
        while True:
            raw, sender = self.socket.recvfrom(4096)
            if raw == b"stop":
                return
            query = dns.message.from_wire(raw)
            self.asked.append(query.question[0].name.to_text())
            made = self.answer(query)
            if made is not None:
                self.socket.sendto(made, sender)


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server(lambda query: None)
    one.socket.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=one.serve)
    thread.start()
    yield one
    one.socket.sendto(b"stop", one.socket.getsockname())
    thread.join()
    one.socket.close()


def asking(server: Server, clock: Callable[[], float] = lambda: 0.0) -> Resolver:
    return Resolver(clock, ("127.0.0.1",), server.socket.getsockname()[1], seconds=0.3)


def txt(query: dns.message.Message, *records: str) -> bytes:
    response = dns.message.make_response(query)
    if records:
        response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "TXT", *records))
    return response.to_wire()


def failing(code: dns.rcode.Rcode) -> Answer:
    def answer(query: dns.message.Message) -> bytes:
        response = dns.message.make_response(query)
        response.set_rcode(code)
        return response.to_wire()

    return answer


def test_records_come_whole_and_once(server: Server) -> None:
    server.answer = lambda query: txt(query, '"v=DKIM1; p=" "AAAA"', '"other"')
    ask = asking(server)
    assert set(ask("sel._domainkey.example.com") or ()) == {b"v=DKIM1; p=AAAA", b"other"}
    assert set(ask("sel._domainkey.example.com") or ()) == {b"v=DKIM1; p=AAAA", b"other"}
    assert server.asked == ["sel._domainkey.example.com."]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (failing(dns.rcode.NXDOMAIN), ()),
        (txt, ()),
        (failing(dns.rcode.SERVFAIL), None),
        (failing(dns.rcode.REFUSED), None),
        (lambda _query: None, None),
        (lambda _query: b"nonsense", None),
    ],
)
def test_what_servers_do(server: Server, answer: Answer, expected: tuple[bytes, ...] | None) -> None:
    server.answer = answer
    assert asking(server)("sel._domainkey.example.com") == expected


@pytest.mark.parametrize("name", ["a" * 70 + ".example", "x." * 140 + "example", "..", "a..b", "\u00e9\udcff.example"])
def test_names_that_are_none(server: Server, name: str) -> None:
    server.answer = failing(dns.rcode.NXDOMAIN)
    assert not asking(server)(name)


def test_patience_ends_and_comes_back(server: Server) -> None:
    """Slow servers, of somebody's choosing, cost a minute no more than ``PATIENCE``."""
    moments = [0.0]

    def slow(query: dns.message.Message) -> bytes:
        moments[0] += PATIENCE / 2
        return txt(query, '"v=DKIM1"')

    server.answer = slow
    ask = asking(server, lambda: moments[0])
    assert [ask(f"{number}.example") is not None for number in range(4)] == [True, True, False, False]
    moments[0] += 61
    assert ask("9.example") is not None


def test_memory_has_an_end(server: Server) -> None:
    server.answer = lambda query: txt(query, '"x"')
    ask = asking(server)
    for number in range(MOST_KEPT + 5):
        ask(f"{number}.example")
    assert len(ask._known) == MOST_KEPT


def test_without_the_extra_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolver.is_installed()
    monkeypatch.setitem(sys.modules, "dns.resolver", None)
    assert not resolver.is_installed()
    said: list[str] = []
    (finding,) = advice.signatures(config(VERIFIED))
    assert finding.level is Level.FAILURE
    assert "pip install 'conduct-intake[dkim]'" in finding.action
    assert app.keys(config(VERIFIED), said.append) is None
    assert len(said) == 1
    assert list(trials.names(config(VERIFIED))) == []


@pytest.mark.parametrize(("answer", "level"), [((), Level.OK), (None, Level.WARNING)])
def test_check_tells_whether_the_dns_answers(
    monkeypatch: pytest.MonkeyPatch, answer: tuple[bytes, ...] | None, level: Level
) -> None:
    assert list(advice.signatures(config(VERIFIED))) == list(trials.names(config())) == []
    monkeypatch.setattr(Resolver, "_ask", lambda _self, _name: answer)
    (finding,) = trials.names(config(VERIFIED))
    assert finding.level is level
