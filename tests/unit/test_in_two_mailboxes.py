"""One mail that a server delivers to two mailboxes of a community: once for each, and never held back for its id."""

from __future__ import annotations

from email import message_from_bytes
from pathlib import Path

import pytest

from intake.model import MessageKind

from .worlds import World, header

PROCESSED = "Processed"
WRITTEN = (
    b"From: Rita <rita@example.com>\r\nTo: help@eug.example, board@eug.example\r\nSubject: Code-of-conduct\r\n"
    b"Message-ID: <one@example.com>\r\nDate: Sat, 18 Apr 2026 10:00:00 +0000\r\n\r\nSomebody shouted at me.\r\n"
)


def delivered(to: str, *more: bytes, written: bytes = WRITTEN) -> bytes:
    """The mail as a server leaves it in that mailbox."""
    trace = (*more, b"Return-Path: <rita@example.com>", f"Delivered-To: {to}@eug.example".encode())
    return b"\r\n".join((*trace, written))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, mailboxes=("help", "board"))


def copies(world: World) -> list[tuple[str, str]]:
    """Who got a copy, and of which original, in order."""
    return [
        (message.recipient, str(part.get_payload()))
        for message in world.transport.taken
        for part in message_from_bytes(message.content).walk()
        if part["Delivered-To"]
    ]


def test_the_same_bytes_are_the_same_mail_and_filed_in_both(world: World) -> None:
    for mailbox in ("help", "board"):
        world.deliver(delivered("help"), mailbox=mailbox)
    world.until_quiet()
    assert [len(server.texts(PROCESSED)) for server in world.servers.values()] == [1, 1]
    assert len(world.sent(MessageKind.ACKNOWLEDGEMENT)) == 1
    assert sorted(world.reached(MessageKind.REPORT)) == sorted(set(world.reached(MessageKind.REPORT)))
    assert world.sent(MessageKind.FOLLOW_UP) == []


def test_other_traces_make_a_follow_up_in_the_same_case_and_no_second_answer(world: World) -> None:
    for mailbox in ("help", "board"):
        world.deliver(delivered(mailbox), mailbox=mailbox)
    world.until_quiet()
    assert [len(server.texts(PROCESSED)) for server in world.servers.values()] == [1, 1]
    assert len(world.sent(MessageKind.ACKNOWLEDGEMENT)) == 1
    assert sorted(world.reached(MessageKind.FOLLOW_UP)) == sorted(world.reached(MessageKind.REPORT))
    both = (*world.sent(MessageKind.REPORT), *world.sent(MessageKind.FOLLOW_UP))
    assert len({header(copy, "X-Intake-Case") for copy in both}) == 1


@pytest.mark.parametrize(
    "first",
    [
        pytest.param((b"X-Mailer: another",), id="by another program"),
        pytest.param((b"Return-Path: <>",), id="as a bounce"),
        pytest.param((b"Auto-Submitted: auto-replied",), id="as a machine's"),
        pytest.param((b"List-Id: <friends.example>",), id="as a list's"),
    ],
)
def test_who_sends_the_words_and_the_id_before_keeps_them_from_nobody(world: World, first: tuple[bytes, ...]) -> None:
    world.deliver(delivered("help", *first), mailbox="help")
    world.until_quiet()
    before = len(copies(world))
    world.deliver(delivered("board"), mailbox="board")
    world.until_quiet()
    assert len({recipient for recipient, _ in copies(world)[before:]}) == 3


def test_another_text_under_the_same_id_reaches_everybody(world: World) -> None:
    world.deliver(delivered("help", written=WRITTEN.replace(b"shouted at me", b"said hello")), mailbox="help")
    world.deliver(delivered("board"), mailbox="board")
    world.until_quiet()
    for text in ("said hello", "shouted at me"):
        assert len({recipient for recipient, original in copies(world) if text in original}) == 3
