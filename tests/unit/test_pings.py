"""Calls to organizers over other channels: that something waits, to whom it may be told, and nothing else."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest

from intake import app
from intake.cli.status import look
from intake.decide.casework import Casework
from intake.decide.command import parse
from intake.model import DeliveryState, Failed, MessageKind, Outgoing, Result
from intake.receive.parse import parse as understood
from intake.steps.pings import MOST_TRIES

from .worlds import ANN, BOB, CARL, World, header, mail, passed

URGENT = "He has a knife and he is here right now, I am afraid."
NIGHT = timedelta(hours=13)  # worlds begin in the morning: 23:00 or so


class Telephones:
    """What everybody was called about, by channel."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.called: list[tuple[str, str, str]] = []
        self.deaf: set[str] = set()
        world.config = with_telephones(world)
        world.parts = replace(world.parts, config=world.config, notify=self.notify)

    def notify(self, urls: Sequence[str], title: str, body: str) -> str:
        (url,) = urls
        self.world.boundary("call")
        if url in self.deaf:
            return "notify: 1 of 1 channels did not take the message; it is tried again"
        self.called.append((url, title, body))
        self.world.boundary("called")
        return ""

    def of(self, name: str) -> int:
        return sum(url == f"json://{name}" for url, _, _ in self.called)


def with_telephones(world: World) -> Any:
    organizers = tuple(
        one.model_copy(update={"notify": (f"json://{one.name.split()[0].lower()}",)}) for one in world.config.organizers
    )
    return replace(world.config, organizers=organizers)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def phones(world: World) -> Telephones:
    return Telephones(world)


def test_everybody_who_gets_a_copy_is_called_once_and_told_nothing(world: World, phones: Telephones) -> None:
    world.deliver(mail(1))
    world.until_quiet()
    assert sorted(url for url, _, _ in phones.called) == ["json://ann", "json://bob", "json://carl"]
    code = header(world.sent("report")[0], "X-Intake-Case")
    for word in (code, code.partition("-")[2], "rita", "shouted", "meetup", "Code-of-conduct", "report", "melding"):
        assert word.lower() not in str(phones.called).lower()
    assert "er wacht iets op je" in str(phones.called)
    world.until_quiet()
    assert len(phones.called) == 3


def test_who_is_withheld_is_not_called(world: World, phones: Telephones) -> None:
    world.deliver(mail(1, "Bob Builder shouted at me."))
    world.until_quiet()
    assert (phones.of("ann"), phones.of("bob"), phones.of("carl")) == (1, 0, 1)


def test_who_is_withheld_before_the_call_is_not_called(world: World, phones: Telephones) -> None:
    world.now += NIGHT
    world.deliver(mail(1))
    world.until_quiet()
    case = world.parts.ledger.cases()[0]
    by_hand(world, case.code)
    world.now += timedelta(hours=11)
    world.until_quiet()
    assert (phones.of("ann"), phones.of("bob"), phones.of("carl")) == (1, 0, 1)
    assert {d.state for d in pings(world, BOB)} == {DeliveryState.WITHHELD}


def by_hand(world: World, code: str) -> None:
    command = parse(understood(b"Subject: x\r\n\r\nrecuse Bob Builder\r\n"))
    assert command is not None
    casework = Casework(world.config)
    world.parts.ledger.change(code, lambda known: casework.decide(command, "operator", known, world.now), world.now)


def subject(outgoing: Outgoing) -> str:
    unfolded = header(outgoing, "Subject").replace("\r\n", "")
    return str(make_header(decode_header(unfolded)))


def pings(world: World, *recipients: str) -> list[Any]:
    found = world.parts.ledger.deliveries(tuple(DeliveryState))
    return [d for d in found if d.kind is MessageKind.PING and (not recipients or d.recipient in recipients)]


def test_many_mails_at_once_are_one_call(world: World, phones: Telephones) -> None:
    for number in range(30):
        world.deliver(mail(number))
    world.until_quiet()
    assert phones.of("ann") == 1
    assert {d.state for d in pings(world)} == {DeliveryState.SENT}
    assert len(pings(world, ANN)) == 30


def test_nobody_is_called_at_night_unless_it_is_urgent(world: World, phones: Telephones) -> None:
    world.now += NIGHT
    world.deliver(mail(1))
    report = passed(world)
    assert not report.left, "what only waits for the morning is not left undone"
    at_night = look(world.config, world.parts.ledger, world.now + timedelta(hours=2))
    assert "message(s) wait" not in str(at_night["problems"])
    assert phones.called == []
    assert world.parts.ledger.tidy() == 0, "the original does not wait for the morning"
    assert world.parts.ledger.original(1) is None
    world.deliver(mail(2, URGENT))
    world.until_quiet()
    assert [title for _, title, _ in phones.called if "urgent" in title or "dringend" in title]
    assert len(phones.called) == 3
    world.now = world.now.replace(hour=7, minute=0) + timedelta(days=1)
    world.until_quiet()
    assert phones.of("ann") == 2


def test_an_urgent_call_does_not_wait_for_a_mail_server(world: World, phones: Telephones) -> None:
    refused: Result = Failed(permanent=False, reason="451 greylisted")
    world.transport.answers = lambda _o, _n: refused
    world.deliver(mail(1))
    world.run()
    assert phones.called == [], "nothing is there to be looked at yet"
    world.deliver(mail(2, URGENT))
    world.run()
    assert phones.of("ann") == phones.of("bob") == 1
    world.transport.answers = lambda _o, _n: None
    world.now += timedelta(hours=2)
    world.until_quiet()
    assert phones.of("ann") == 2, "once for each mail, however often it was tried"


def test_a_copy_that_is_given_up_calls_too(world: World, phones: Telephones) -> None:
    refused: Result = Failed(permanent=True, reason="550 no such user")
    world.transport.answers = lambda o, _n: refused if o.recipient == BOB else None
    world.deliver(mail(1))
    world.until_quiet()
    assert phones.of("bob") == 1


def test_a_channel_that_takes_nothing_holds_back_no_mail_and_is_alarmed(world: World, phones: Telephones) -> None:
    phones.deaf = {"json://bob"}
    world.deliver(mail(1))
    report = passed(world)
    assert world.reached("report") == sorted([ANN, BOB, CARL])
    assert world.reached("acknowledgement")
    assert phones.of("ann") == 1
    assert report.failed == 0
    for _ in range(60):
        world.now += timedelta(hours=1)
        world.run()
    (given_up,) = [d for d in pings(world, BOB) if d.kind is MessageKind.PING and d.state is DeliveryState.FAILED][:1]
    assert given_up.attempts == MOST_TRIES
    told = [subject(o) for o in world.sent("alarm")]
    assert sum("other channels take no calls" in one for one in told) == 1
    assert not any("could not be delivered" in one for one in told)
    phones.deaf = set()
    world.now = world.now.replace(hour=9) + timedelta(days=1)
    world.deliver(mail(2))
    world.until_quiet()
    assert "solved" in subject(world.sent("alarm")[-1])
    assert not [line for line in world.said if "json" in line]


def test_one_channel_of_several_is_enough(world: World, phones: Telephones) -> None:
    both = {"notify": ("json://ann", "json://second")}
    config = replace(world.config, organizers=(world.config.organizers[0].model_copy(update=both),))
    world.parts = replace(world.parts, config=config)
    phones.deaf = {"json://ann"}
    world.deliver(mail(1))
    world.until_quiet()
    assert {(one.state, one.receipt) for one in pings(world, ANN)} == {(DeliveryState.SENT, "1 of 2 channels")}


def test_what_they_just_asked_for_is_no_news(world: World, phones: Telephones) -> None:
    world.deliver(mail(1))
    world.until_quiet()
    (copy,) = [o for o in world.sent("report") if o.recipient == ANN]
    token = header(copy, "Message-ID")
    before = phones.of("ann")
    refers = f"In-Reply-To: {token}\r\nReferences: {token}\r\n"
    world.deliver(mail("c", "claim", "Re: x", ANN, refers))
    world.until_quiet()
    assert phones.of("ann") == before
    assert phones.of("bob") == 2


def test_a_reminder_calls(world: World, phones: Telephones) -> None:
    world.deliver(mail(1))
    world.until_quiet()
    world.now += timedelta(hours=5)
    world.until_quiet()
    assert phones.of("ann") == 2


def test_who_wants_no_calls_any_more_gets_none(world: World, phones: Telephones) -> None:
    world.now += NIGHT
    world.deliver(mail(1))
    world.until_quiet()
    silent = tuple(one.model_copy(update={"notify": ()}) for one in world.config.organizers)
    world.parts = replace(world.parts, config=replace(world.config, organizers=silent))
    world.now += timedelta(hours=11)
    world.until_quiet()
    assert phones.called == []
    assert {d.state for d in pings(world)} == {DeliveryState.WITHHELD}


def test_the_machine_may_end_at_any_boundary(tmp_path: Path) -> None:
    """Everybody is called, also then; and twice only if it ends between the channel's answer and our commit."""
    boundaries = 0
    while True:
        folder = tmp_path / str(boundaries)
        folder.mkdir()
        world = World(folder)
        phones = Telephones(world)
        world.deliver(mail(1))
        ended = world.run(die_at=boundaries) is None
        last = world.passed[-1] if ended else ""
        world.parts = replace(world.parts, config=world.config, notify=phones.notify)
        world.now += timedelta(minutes=11)
        world.until_quiet()
        for name in ("ann", "bob", "carl"):
            assert phones.of(name) >= 1, (boundaries, last)
        assert len(phones.called) <= 3 + (last in {"called", "commit"}), (boundaries, last)
        assert {d.state for d in pings(world)} == {DeliveryState.SENT}
        world.parts.ledger.close()
        if not ended:
            break
        boundaries += 11  # a world of its own for each; the steps of a pass are more than a hundred
    assert boundaries > 40


# --- the real thing ---


class Listens(http.server.BaseHTTPRequestHandler):
    """Takes what apprise posts."""

    seen: list[dict[str, str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(json.loads(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_given: Any) -> None:
        """Says nothing."""


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[dict[str, str]]]]:
    seen: list[dict[str, str]] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Listens,), {"seen": seen}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_apprise_carries_it(world: World, endpoint: tuple[str, list[dict[str, str]]]) -> None:
    place, seen = endpoint
    ann = world.config.organizers[0].model_copy(update={"notify": (f"json://{place}/ann",)})
    config = replace(world.config, organizers=(ann, *world.config.organizers[1:]))
    world.parts = replace(world.parts, config=config, notify=app.notify)
    world.deliver(mail(1, URGENT))
    world.until_quiet()
    (call,) = seen
    assert "urgent" in call["title"]
    assert "knife" not in str(call)
