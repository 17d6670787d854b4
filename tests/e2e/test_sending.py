"""Several connections at once, and how few messages are on their way or unwritten at any moment."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import Pymap
from servers.smtp import Aiosmtpd
from servers.world import World, addresses, world

from intake import app
from intake.config import load
from intake.decide.recuse import Names
from intake.edge import Clock
from intake.ledger.follow import TOGETHER
from intake.ledger.outbox import UNDELIVERED
from intake.model import Delivery, DeliveryState, Failed, MessageKind, Outgoing, Result, Sent, Unknown
from intake.steps import senders
from intake.steps.deliver import deliver
from intake.steps.parts import Parts, PassReport
from intake.steps.receive import read
from intake.steps.senders import AT_HEELS, LARGE, QUICK, Senders

NUMBERS = itertools.count(1)
MAILS = 7
NOW = datetime(2026, 4, 20, 9, tzinfo=UTC)
OPEN = (DeliveryState.WAITING, DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.UNKNOWN)


class Way:
    """A way out that looks into the ledger whenever it is given a message."""

    def __init__(
        self, answers: Callable[[Outgoing], Result], settled: Callable[[str], bool], room: int = 10**6
    ) -> None:
        self._answers, self._settled, self._room = answers, settled, room
        self.unwritten: list[int] = []  # at each message, how many that left before are not written down yet
        self.sent: list[Outgoing] = []
        self.closed = False

    def send(self, outgoing: Outgoing) -> Result:
        self.unwritten.append(sum(not self._settled(_message_id(one)) for one in self.sent[-2 * AT_HEELS :]))
        self.sent.append(outgoing)
        return self._answers(outgoing)

    def may_send(self, ahead: int = 0) -> float:
        return 0.0 if len(self.sent) + ahead < self._room else 600.0

    def check(self) -> None:
        return

    def close(self) -> None:
        self.closed = True


def _message_id(outgoing: Outgoing) -> str:
    (line,) = [
        line for line in outgoing.content.partition(b"\r\n\r\n")[0].split(b"\r\n") if line.startswith(b"Message-ID: ")
    ]
    return line.removeprefix(b"Message-ID: ").decode()


@pytest.fixture
def place(pymap_server: Pymap, aiosmtpd_server: Aiosmtpd, tmp_path: Path) -> World:
    return world(pymap_server, aiosmtpd_server, tmp_path, addresses(f"sending{next(NUMBERS)}-"))


@pytest.fixture(params=[1, 3, 8])
def parts(place: World, request: pytest.FixtureRequest) -> Iterator[Parts]:
    """Everything put together, some mail written down, and nothing sent yet."""
    config = load(place.configure())
    for number in range(MAILS):
        place.imap.append(
            place.community, "INBOX",
            b"From: Rita <r%d@people.example>\r\nSubject: Code-of-conduct\r\nMessage-ID: <s%d@p.example>\r\n\r\nHe shouted %d.\r\n"
            % (number, number, number),
        )  # fmt: skip
    place.imap.create(place.community, "Junk")
    built = app.build(config)
    assert read(built, config.mailboxes[0]).accepted == MAILS
    yield replace(built, connections=request.param)
    built.ledger.close()


def through(parts: Parts, answers: Callable[[Outgoing], Result], room: int = 10**6) -> tuple[list[Way], PassReport]:
    """Empty the outbox through ways out of ours."""
    ways: list[Way] = []
    reader = app.build(parts.config)  # a second program: it sees only what is committed

    def settled(message_id: str) -> bool:
        return message_id not in {one.message_id for one in reader.ledger.deliveries((DeliveryState.CLAIMED,))}

    def make() -> Way:
        ways.append(Way(answers, settled, room))
        return ways[-1]

    report = PassReport()
    try:
        deliver(replace(parts, transport=make), report)
    finally:
        reader.ledger.close()
    assert all(way.closed for way in ways)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sender")]
    return ways, report


def test_each_outcome_is_written_down_before_the_next_message_leaves(parts: Parts) -> None:
    def slowly(_: Outgoing) -> Result:
        time.sleep(QUICK)
        return Sent("250 ok")

    ways, report = through(parts, slowly)
    everything = [_message_id(one) for way in ways for one in way.sent]
    people = len(parts.config.organizers)
    assert len(everything) == len(set(everything)) == report.sent == MAILS * (people + 1)
    assert {count for way in ways for count in way.unwritten} == {0}
    assert len(ways) <= parts.connections
    assert not parts.ledger.deliveries(OPEN)


def test_a_quick_way_out_gets_a_few_ahead_and_no_more(parts: Parts) -> None:
    ways, report = through(parts, lambda _: Sent("250 ok"))
    assert report.sent == MAILS * (len(parts.config.organizers) + 1)
    most = AT_HEELS if parts.connections > 1 else 1
    assert all(count < most for way in ways for count in way.unwritten)
    assert not parts.ledger.deliveries(OPEN)


ONE = Delivery(
    1, MessageKind.REPORT, 1, 1, "ann@example.org", "<1@test>", "", DeliveryState.CLAIMED, 1, NOW, NOW, "one"
)
SMALL = Outgoing("", "ann@example.org", b"Message-ID: <1@test>\r\n\r\n")


def test_what_has_waited_too_long_behind_others_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "PATIENCE", 0.0)
    way = Way(lambda _: Sent("250 ok"), lambda _: True)
    with Senders(lambda: way, 2) as lines:
        lines.send(ONE, SMALL)
        assert list(lines.finished(wait=True)) == [(ONE, None)]
    assert not way.sent


def test_what_was_not_tried_is_due_again_and_does_not_count(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    finished, seen = Senders.finished, set[int]()

    def once_untried(self: Senders, *, wait: bool) -> Iterator[tuple[Delivery, Result | None]]:
        for delivery, result in finished(self, wait=wait):
            yield delivery, result if delivery.id in seen else None
            seen.add(delivery.id)

    monkeypatch.setattr(Senders, "finished", once_untried)
    _, report = through(parts, lambda _: Sent("250 ok"))
    assert report.sent == MAILS * (len(parts.config.organizers) + 1)
    assert {one.attempts for one in parts.ledger.deliveries((DeliveryState.SENT,))} == {1}


def test_nothing_waits_behind_a_large_message() -> None:
    over = threading.Event()

    def wait(outgoing: Outgoing) -> Result:
        if len(outgoing.content) > LARGE:
            over.wait(30)
        return Sent("250 ok")

    with Senders(lambda: Way(wait, lambda _: True), 2) as lines:
        for _ in range(2):
            lines.send(ONE, SMALL)
        while lines.busy:
            list(lines.finished(wait=True))
        assert lines.free == 2 * AT_HEELS
        lines.send(ONE, Outgoing("", "ann@example.org", SMALL.beginning, (bytes(LARGE),)))
        assert lines.free == AT_HEELS
        over.set()


def test_every_kind_of_outcome_finds_its_row(parts: Parts) -> None:
    kinds: tuple[Result, ...] = (
        Sent("250 ok"), Failed(permanent=False, reason="later"), Failed(permanent=True, reason="never"), Unknown("gone"),
    )  # fmt: skip

    def answer(outgoing: Outgoing) -> Result:
        return kinds[sum(_message_id(outgoing).encode()) % len(kinds)]

    ways, _ = through(parts, answer)
    expected = {
        Sent: DeliveryState.SENT, Unknown: DeliveryState.UNKNOWN, True: DeliveryState.FAILED, False: DeliveryState.PENDING,
    }  # fmt: skip
    rows = {one.message_id: one for one in parts.ledger.deliveries(tuple(DeliveryState))}
    for outgoing in (one for way in ways for one in way.sent):
        result, row = answer(outgoing), rows[_message_id(outgoing)]
        assert row.state is expected[result.permanent if isinstance(result, Failed) else type(result)]
        assert row.attempts == 1


def test_a_dead_way_out_is_left_alone_and_nothing_stays_claimed(parts: Parts) -> None:
    said: list[str] = []
    dead = Failed(permanent=False, reason="connection refused", way_out=True)
    ways, report = through(replace(parts, say=said.append), lambda _: dead)
    assert sum(len(way.sent) for way in ways) <= parts.connections
    assert said == ["[smtp]: connection refused"]
    assert report.sent == report.failed == 0
    counts = parts.ledger.delivery_counts()
    assert counts["claimed"] == 0
    assert counts["pending"] == MAILS * len(parts.config.organizers)


def test_a_pass_in_which_everybody_is_refused_comes_to_an_end(parts: Parts) -> None:
    refused = Failed(permanent=True, reason="550 no such user")
    ways, report = through(parts, lambda _: refused)
    people = len(parts.config.organizers)
    tried = [_message_id(one) for way in ways for one in way.sent]
    assert len(tried) == len(set(tried)) == report.failed, "each once: a refusal is no reason to try again"
    # A copy for everybody and for the fallback, and word of each copy to the two others.
    assert report.failed <= MAILS * (people + 1 + (people + 1) * people)
    assert len(ways) <= parts.connections
    counts = parts.ledger.delivery_counts()
    assert counts["claimed"] == counts["unknown"] == 0
    assert len(parts.ledger.unheard()) == MAILS
    # What the fallback was refused after word had gone out is told together, later; nothing is due before.
    waiting = parts.ledger.deliveries((DeliveryState.PENDING,))
    assert len({one.recipient for one in waiting}) == len(waiting)
    assert {(one.variant, one.not_before > parts.now) for one in waiting} <= {(UNDELIVERED, True)}
    through(replace(parts, clock=Clock.at(parts.now + TOGETHER)), lambda _: refused)
    counts = parts.ledger.delivery_counts()
    assert counts["claimed"] == counts["pending"] == counts["unknown"] == 0


def test_the_rate_limit_counts_what_is_on_its_way(parts: Parts) -> None:
    ways, _ = through(parts, lambda _: Sent("250 ok"), room=1)
    assert [len(way.sent) for way in ways if way.sent] == [1] * sum(bool(way.sent) for way in ways)
    assert parts.ledger.delivery_counts()["claimed"] == 0


def test_what_breaks_in_a_connection_is_not_swallowed(parts: Parts) -> None:
    def broken(_: Outgoing) -> Result:
        raise RuntimeError("a mistake of ours")

    with pytest.raises(RuntimeError, match="a mistake of ours"):
        through(parts, broken)


class Somebody:
    def __init__(self, name: str, email: str, also_known_as: tuple[str, ...]) -> None:
        self.name, self.email, self.also_known_as = name, email, also_known_as


NAME = st.text(st.characters(categories=["L", "Zs", "Pd"]), min_size=1, max_size=24)


@given(name=NAME, other=NAME, local=st.text("abcdefgh.-_1", min_size=1, max_size=12))
def test_the_few_pieces_stand_in_every_form_of_a_name(name: str, other: str, local: str) -> None:
    names = Names(Somebody(name, f"{local}@example.org", (other,)))
    assert all(any(core in wanted for core in names._cores) for wanted in names._needles)
