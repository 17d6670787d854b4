"""The service between its steps: a new configuration, a ledger that is away, and what need not be looked at again."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from servers.base import wait_for

from intake import service as module
from intake.community import Community
from intake.config import Config
from intake.errors import LedgerError
from intake.model import DeliveryDraft, DeliveryState, MessageKind, Outgoing
from intake.service import Outset, Service, Wish
from intake.steps.parts import Parts, PassReport
from intake.steps.whole import settle

from .worlds import KEEPER, World, mail, message_id


def test_what_is_being_sent_during_a_reload_goes_out_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_END", 0.1)
    monkeypatch.setattr(module, "SETTLE_SECONDS", 1)
    world = World(tmp_path)
    world.deliver(mail(1))
    begun, go_on = threading.Event(), threading.Event()
    settled: list[Parts] = []
    built: list[Callable[[], bool]] = []
    wishes: queue.SimpleQueue[Wish] = queue.SimpleQueue()

    def slow(_outgoing: Outgoing, _number: int) -> None:
        begun.set()
        go_on.wait(60)

    def build(_name: str, _config: Config, stopping: Callable[[], bool]) -> Parts:
        built.append(stopping)
        return replace(world.parts, stopping=stopping)

    world.transport.answers = slow
    outset = Outset(lambda: {"": world.config}, build, lambda _line, _name: None, settled.append)
    thread = threading.Thread(target=Service(outset, wishes, {}).run, daemon=True)
    thread.start()
    try:
        assert begun.wait(30)
        wishes.put(Wish.RELOAD)
        wait_for(lambda: len(built) == 2, "the new configuration")
        wait_for(built[0], "the step of the old one to be asked to end")
        known = len(settled)
        wait_for(lambda: len(settled) > known, "a look at the outbox with the new one")
        assert world.transport.calls == 1
        go_on.set()
        wait_for(lambda: len(world.transport.taken) == 4, "all that is to be sent")
    finally:
        go_on.set()
        wishes.put(Wish.STOP)
        thread.join(30)
    assert set(Counter(map(message_id, world.transport.taken)).values()) == {1}


def test_a_ledger_that_does_not_answer_at_a_turn_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    said: list[str] = []

    def refuse(_name: str) -> None:
        raise LedgerError("the ledger can't be read; see its server")

    monkeypatch.setattr(world.parts.ledger, "last_good_pass", refuse)
    outset = Outset(dict, lambda *_: world.parts, lambda line, _name: said.append(line))
    community = Community("", world.config, world.parts, lambda line, _name: said.append(line), threading.Event())
    (settings,) = world.config.mailboxes
    community.read_at[settings.name] = world.now
    Service(outset, queue.SimpleQueue(), {})._poll(community, settings)
    assert said == ["the ledger can't be read; see its server"]


def test_what_has_just_been_looked_at_is_not_looked_at_again_unless_something_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    parts, looks, clock = world.parts, list[float](), [1000.0]

    def look(parts: Parts, report: PassReport) -> None:
        looks.append(clock[0])
        settle(parts, report)

    monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    monkeypatch.setattr(module, "settle", look)
    service = Service(Outset(dict, lambda *_: parts, lambda *_: None), queue.SimpleQueue(), {})
    community = Community("", world.config, parts, lambda *_: None, threading.Event())
    service._read(community, *world.config.mailboxes)
    service._send(community)
    assert looks == [1000.0], "what a poll has brought is settled"
    clock[0] += 1
    service._settle(community)
    assert looks == [1000.0]

    draft = DeliveryDraft(MessageKind.ALARM, KEEPER, "alarm", DeliveryState.PENDING, world.now, "clock")
    parts.ledger.add([draft], world.now)
    assert parts.ledger.claim(parts.holder, world.now, timedelta(minutes=2), 10)
    service._settle(community)
    assert looks == [1000.0, 1001.0]
    assert world.reached("alarm") == [KEEPER], "what a step claimed before it failed goes out"

    clock[0] += module.SETTLE_SECONDS
    service._settle(community)
    assert looks == [1000.0, 1001.0, 1021.0]


def test_who_could_not_begin_without_a_ledger_begins_when_it_is_there(tmp_path: Path) -> None:
    """A database is started after the service, or has no connection left while all communities ask for one."""
    names = ("first", "second", "third")
    worlds = {}
    for name in names:
        (tmp_path / name).mkdir()
        worlds[name] = World(tmp_path / name)
        worlds[name].deliver(mail(1))
    absent = set(names)
    said: list[tuple[str, str]] = []
    wishes: queue.SimpleQueue[Wish] = queue.SimpleQueue()

    def build(name: str, _config: Config, stopping: Callable[[], bool]) -> Parts:
        if name in absent:
            raise LedgerError("its server does not answer")
        return replace(worlds[name].parts, stopping=stopping)

    outset = Outset(
        lambda: {name: world.config for name, world in worlds.items()}, build, lambda *told: said.append(told[::-1])
    )
    service = Service(outset, wishes, {"WATCHDOG_USEC": "200000"})  # it looks every 50 ms
    thread = threading.Thread(target=service.run, daemon=True)
    thread.start()
    try:
        told = [(name, "its server does not answer") for name in names]
        wait_for(lambda: all(said.count(line) > 1 for line in told), "another look at each")
        absent.remove("second")
        wait_for(lambda: len(worlds["second"].transport.taken) == 4, "the mail of the second one")
        assert not worlds["first"].transport.taken
        absent.clear()
        wait_for(lambda: all(len(world.transport.taken) == 4 for world in worlds.values()), "everybody's mail")
    finally:
        wishes.put(Wish.STOP)
        thread.join(30)
