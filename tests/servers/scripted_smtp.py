"""A way out to servers for tests, and an SMTP server that says what a test makes it say."""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from intake.config import SmtpConfig
from intake.deliver.smtp import SmtpTransport
from intake.model import Outgoing
from servers.scripted_imap import Peer, Script, ScriptedImap

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
