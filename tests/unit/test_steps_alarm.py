"""Alarms: each once, and once when it is over; by every channel; never with anything of a report."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from intake.deliver.notify import notify, ping
from intake.deliver.second import SecondWay
from intake.ledger.follow import TOGETHER
from intake.model import Failed, Outgoing, Result

from .worlds import ALARM, ANN, BOARD, BOB, CARL, KEEPER, World, WorldTransport, header, mail, passed

OTHERWISE = (
    ALARM
    + 'notify = ["json://localhost/abc"]\nping_url = "https://ping.example/secret"\nsmtp_host = "localhost:2525"\n'
)


class Channels:
    """What was told, and how the channels answer."""

    def __init__(self, world: World) -> None:
        self.told: list[tuple[str, str]] = []
        self.pings = 0
        self.problem = ""
        self.second = WorldTransport(world)
        world.parts = replace(world.parts, notify=self.notify, ping=self.ping, second_way=lambda: self.second)

    def notify(self, _urls: Sequence[str], title: str, body: str) -> str:
        if not self.problem:
            self.told.append((title, body))
        return self.problem

    def ping(self, _url: str) -> str:
        self.pings += 1
        return ""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, more=OTHERWISE)


@pytest.fixture
def channels(world: World) -> Channels:
    return Channels(world)


def subjects(world: World) -> list[str]:
    return [header(o, "Subject") for o in world.sent("alarm")]


def test_a_mailbox_that_stays_unreadable_is_told_once_and_once_when_it_is_over(
    world: World, channels: Channels
) -> None:
    passed(world)
    assert channels.pings == 1
    world.server.broken = "the server does not answer"
    for minute in range(60):
        passed(world)
        if minute < 14:
            assert not subjects(world), "a server's restart is no alarm"
        world.now += timedelta(minutes=1)
    assert len(subjects(world)) == 1
    assert channels.pings == 1, "the dead-man's switch is not called"
    world.server.broken = ""
    passed(world)
    passed(world)
    assert len(subjects(world)) == 2
    assert "solved" in subjects(world)[1]
    assert [title for title, _ in channels.told] == subjects(world)
    assert channels.pings > 1


def test_a_credential_that_ends_is_told_weeks_before_and_again_when_it_is_near(tmp_path: Path) -> None:
    world = World(tmp_path, more=OTHERWISE)
    channels = Channels(world)
    config = world.parts.config
    begin = world.now
    ends = (begin + timedelta(days=40)).date()
    login = {"auth": "microsoft", "client_id": "an-application", "client_secret_expires": ends}
    smtp = config.smtp.model_copy(update=login)
    world.parts = replace(world.parts, config=replace(config, smtp=smtp))
    told: dict[int, int] = {}
    for day in (0, 9, 10, 20, 32, 33, 39, 40, 45):
        world.now = begin + timedelta(days=day)
        passed(world)
        told[day] = len(subjects(world))
    assert told == {0: 0, 9: 0, 10: 1, 20: 1, 32: 1, 33: 2, 39: 2, 40: 3, 45: 3}
    bodies = [o.content for o in world.sent("alarm")]
    for body in bodies:
        assert b"- Expires: Saturday 30 May 2026" in body.replace(b"=\r\n", b"")
        assert b"- Client secret of the application: an-application" in body.replace(b"=\r\n", b"")
    assert channels.pings == len(told), "nothing is wrong yet"
    later = smtp.model_copy(update={"client_secret_expires": ends + timedelta(days=700)})
    world.parts = replace(world.parts, config=replace(config, smtp=later))
    passed(world)
    assert "solved" in subjects(world)[-1]


def test_a_message_given_up_is_told_once_and_the_next_one_again(world: World, channels: Channels) -> None:
    refused: Result = Failed(permanent=True, reason="550")
    world.transport.answers = lambda o, _n: refused if o.recipient == BOB else None
    world.deliver(mail(1))
    passed(world)
    for _ in range(5):
        world.now += timedelta(minutes=1)
        passed(world)
    assert len(subjects(world)) == 1
    pings = channels.pings
    world.deliver(mail(2))
    passed(world)
    assert len(subjects(world)) == 1, "what is given up within hours is told together"
    world.now += TOGETHER
    passed(world)
    assert len(subjects(world)) == 2
    assert channels.pings == pings
    world.transport.answers = lambda _o, _n: None
    assert world.parts.ledger.retry([], world.now) == 2
    for _ in range(3):
        passed(world)
    assert len(subjects(world)) == 3, "and once when it is over"
    text = b"".join(o.content for o in world.sent("alarm")) + "".join(map(str, channels.told)).encode()
    for word in (b"EUG-", b"rita", b"shouted", BOB.encode()):
        assert word not in text


def test_alarms_take_the_second_way_when_the_first_is_closed(world: World, channels: Channels) -> None:
    world.transport.answers = lambda _o, _n: Failed(permanent=False, reason="421", way_out=True)
    world.deliver(mail(1))
    for _ in range(14):
        passed(world)
        world.now += timedelta(minutes=15)
    assert [o.recipient for o in channels.second.taken] == [KEEPER], "one alarm, whatever waits for the same thing"
    assert "Mail can't be delivered" in header(channels.second.taken[0], "Subject")
    assert channels.pings == 0
    world.transport.answers = lambda _o, _n: None
    world.now += timedelta(hours=5)
    passed(world)
    assert world.reached("report") == [ANN, BOB, CARL]
    passed(world)
    assert len(world.sent("alarm")) == 1, "that it is over goes the usual way"
    assert channels.pings > 0


def test_a_closed_way_out_is_told_after_a_quarter_of_an_hour_with_its_reason(world: World, channels: Channels) -> None:
    reason = "the log-in is refused (535): check user and password"
    world.transport.answers = lambda _o, _n: Failed(permanent=False, reason=reason, way_out=True)
    world.deliver(mail(1))
    told: dict[int, int] = {}
    for minute in range(31):
        passed(world)
        told[minute] = len(channels.second.taken)
        world.now += timedelta(minutes=1)
    assert {minute: told[minute] for minute in (0, 14, 30)} == {0: 0, 14: 0, 30: 1}
    assert told[17] == 1, "once it has been tried again"
    text = channels.second.taken[0].content.replace(b"=\r\n", b"")
    assert b"the log-in is refused\r\n" in text, "in the reader's words, too"
    assert reason.encode() in text
    assert list(world.parts.ledger.alarms.open()) == ["delivery"]


def test_a_template_that_can_not_be_used_is_told_with_its_place(tmp_path: Path) -> None:
    own = tmp_path / "words" / "acknowledgement"
    own.mkdir(parents=True)
    world = World(tmp_path, more=OTHERWISE + '[templates]\ndirectory = "words"\n')
    channels = Channels(world)
    (own / "report.en.txt").write_text("Subject: x\n\n{{ nonsense }}\n")
    world.deliver(mail(1))
    for _ in range(30):
        passed(world)
        world.now += timedelta(minutes=1)
    assert not world.reached("acknowledgement")
    assert world.reached("report") == [ANN, BOB, CARL]
    assert [title for title, _ in channels.told] == ["Intake of Example User Group: A template can't be used"]
    assert "report.en.txt:3" in channels.told[0][1]


def test_an_alarm_that_the_usual_way_refuses_takes_the_other(world: World, channels: Channels) -> None:
    refused: Result = Failed(permanent=True, reason="550")
    world.transport.answers = lambda o, _n: refused if o.recipient in {BOB, KEEPER} else None
    world.deliver(mail(1))
    passed(world)
    assert [o.recipient for o in channels.second.taken] == [KEEPER]


def test_an_alarm_that_is_refused_is_tried_again_for_there_is_nobody_else_to_tell(world: World) -> None:
    refused = {ANN, BOB, CARL, BOARD}
    ill = True

    def answer(outgoing: Outgoing, _number: int) -> Failed | None:
        if outgoing.recipient in refused or (ill and outgoing.recipient == KEEPER):
            return Failed(permanent=True, reason="550 5.7.1 looks like spam")
        return None

    world.transport.answers = answer
    world.deliver(mail(1))
    world.run()
    assert not world.sent("alarm")
    ill = False
    world.now += timedelta(minutes=5)
    world.run()
    assert len(world.sent("alarm")) == 2, "given up, and that nobody has it"
    for _ in range(6):
        world.now += timedelta(minutes=30)
        world.run()
    assert len(world.sent("alarm")) == 2


def test_a_channel_that_takes_nothing_is_tried_again_and_not_for_ever(world: World, channels: Channels) -> None:
    channels.problem = "notify: 1 of 1 channels did not take the message; it is tried again"
    world.server.broken = "the server does not answer"
    for _ in range(20):
        passed(world)
        world.now += timedelta(minutes=5)
    assert f"[alarm] {channels.problem}" in world.said
    channels.problem = ""
    world.now += timedelta(hours=5)
    passed(world)
    passed(world)
    assert len(channels.told) == 1
    assert len(world.parts.ledger.alarms.open()) == 1


def test_what_waits_for_hours_is_told(world: World, channels: Channels) -> None:
    world.transport.answers = lambda o, _n: Failed(permanent=False, reason="451") if o.recipient == BOB else None
    world.deliver(mail(1))
    for _ in range(12):
        passed(world)
        world.now += timedelta(minutes=30)
    assert subjects(world) == ["Intake of Example User Group: Mail is waiting for too long"]


def test_a_bounce_that_says_not_of_which_message_is_told_to_who_looks_after_the_program(
    world: World, channels: Channels
) -> None:
    head = "From: MAILER-DAEMON@mx.example\r\nReturn-Path: <>\r\nSubject: Undelivered Mail Returned to Sender\r\n\r\n"
    world.deliver(f"{head}Nobody has the address {BOB} here.\r\n".encode())
    passed(world)
    passed(world)
    assert subjects(world) == ["Intake of Example User Group: A message could not be delivered"]


@pytest.mark.parametrize("boundary", range(0, 24, 2))
def test_an_end_while_an_alarm_is_raised_loses_and_repeats_none(tmp_path: Path, boundary: int) -> None:
    world = World(tmp_path, more=OTHERWISE)
    Channels(world)
    world.server.broken = "the server does not answer"
    passed(world)
    world.now += timedelta(minutes=20)
    world.run(die_at=boundary)
    for _ in range(3):
        passed(world)
        world.now += timedelta(minutes=1)
    assert len(world.sent("alarm")) - sum(world.excused.values()) == 1


def test_pings_only_after_good_passes(world: World, channels: Channels) -> None:
    world.stopping = True
    passed(world)
    assert channels.pings == 0
    world.stopping = False
    passed(world)
    assert channels.pings == 1
    world.run(send=False)
    assert channels.pings == 1


# --- the channels themselves ---


class Site(http.server.BaseHTTPRequestHandler):
    """Answers as its path says."""

    seen: list[tuple[str, bytes]]

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((self.path, body))
        self.send_response(500 if "ill" in self.path else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *given: Any) -> None:
        return


@pytest.fixture
def site() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    seen: list[tuple[str, bytes]] = []
    handler = type("Seen", (Site,), {"seen": seen})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


def test_the_dead_mans_switch_is_called_and_its_address_never_told(site: tuple[str, list[tuple[str, bytes]]]) -> None:
    place, seen = site
    assert ping(f"http://{place}/secret") == ""
    assert [path for path, _ in seen] == ["/secret"]
    for url in (f"http://{place}/ill-secret", "https://127.0.0.1:1/secret", "file:///secret", "nonsense-secret"):
        problem = ping(url)
        assert problem
        assert "secret" not in problem


def test_apprise_carries_a_message_and_its_addresses_are_never_told(site: tuple[str, list[tuple[str, bytes]]]) -> None:
    place, seen = site
    assert notify([f"json://{place}/secret"], "A title", "A body") == ""
    assert b"A title" in seen[-1][1]
    for url in (f"json://{place}/ill-secret", "nonsense://secret"):
        problem = notify([url], "A title", "A body")
        assert problem
        assert "secret" not in problem


@pytest.mark.parametrize(
    ("place", "host", "port", "security"),
    [
        ("mail.example.org", "mail.example.org", 25, "starttls"),
        ("mail.example.org:465", "mail.example.org", 465, "tls"),
        ("mail.example.org:587", "mail.example.org", 587, "starttls"),
        ("localhost", "localhost", 25, "none"),
        ("127.0.0.1:2525", "127.0.0.1", 2525, "none"),
        ("[::1]:2525", "::1", 2525, "none"),
    ],
)
def test_the_second_way_is_encrypted_unless_it_is_here(place: str, host: str, port: int, security: str) -> None:
    way = SecondWay.of(place, None)
    assert (way.host, way.port, way.security, way.auth) == (host, port, security, "none")
