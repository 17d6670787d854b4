"""The schedule of the service, on a clock that the test alone moves: late turns, clocks that are set, slow passes."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
from apscheduler.events import EVENT_JOB_EXECUTED, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from servers.base import wait_for

from intake import service as module
from intake.service import Outset, Service, Wish
from intake.steps.reports import MailboxReport

from .worlds import START, World

A_TURN = timedelta(seconds=61)  # a mailbox is polled each minute


class TheTime(datetime):
    """What the scheduler takes for the time."""

    moment = START

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        return cls.moment.astimezone(tz)


@dataclass
class Reading:
    """A service that reads nothing, and how its turns go."""

    service: Service
    job: str = ""
    reads: int = 0
    at_once: int = 0
    most_at_once: int = 0
    events: Counter[int] = field(default_factory=Counter)
    may_end: threading.Event = field(default_factory=threading.Event)

    def read(self, _parts: object, settings: Any) -> MailboxReport:
        self.reads += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.may_end.wait(60)
        self.at_once -= 1
        return MailboxReport(settings.name)

    def happened(self, event: JobEvent) -> None:
        if event.job_id == self.job:
            self.events[event.code] += 1

    def clock(self, moment: datetime) -> None:
        TheTime.moment = moment
        self.service._scheduler.wakeup()

    def has_read(self, number: int) -> None:
        wait_for(lambda: self.events[EVENT_JOB_EXECUTED] == number, f"turn {number} of {self.events}")


@contextmanager
def running(folder: Path, monkeypatch: pytest.MonkeyPatch, *, may_end: bool = True) -> Iterator[Reading]:
    monkeypatch.setattr(TheTime, "moment", START)
    monkeypatch.setattr("apscheduler.schedulers.base.datetime", TheTime)
    monkeypatch.setattr(module, "datetime", TheTime)
    world = World(folder)
    wishes: queue.SimpleQueue[Wish] = queue.SimpleQueue()
    outset = Outset(lambda: {"": world.config}, lambda *_given: world.parts, lambda _line, _name: None)
    it = Reading(Service(outset, wishes, {"WATCHDOG_USEC": "80000"}))  # it looks about so often
    monkeypatch.setattr(module, "read", it.read)
    scheduler = it.service._scheduler
    scheduler.add_listener(it.happened, EVENT_JOB_EXECUTED | EVENT_JOB_MAX_INSTANCES | EVENT_JOB_MISSED)
    add = scheduler.add_job

    def noted(step: Any, *given: Any, **more: Any) -> Any:
        job = add(step, *given, **more)
        it.job = job.id if step == it.service._poll else it.job
        return job

    monkeypatch.setattr(scheduler, "add_job", noted)
    if may_end:
        it.may_end.set()
    thread = threading.Thread(target=it.service.run, daemon=True)
    thread.start()
    try:
        wait_for(lambda: it.reads == 1, "the first turn")
        yield it
    finally:
        it.may_end.set()
        wishes.put(Wish.STOP)
        thread.join(30)


def test_turns_that_were_missed_are_made_up_for_once_however_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, monkeypatch) as it:
        it.has_read(1)
        it.clock(START + timedelta(hours=3))  # a machine that slept, or a clock that was set
        it.has_read(2)
        it.clock(START + timedelta(hours=3) + A_TURN)
        it.has_read(3)
        assert it.reads == 3
        assert not it.events[EVENT_JOB_MISSED]


def test_a_pass_that_takes_longer_than_its_interval_is_alone_and_followed_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, monkeypatch, may_end=False) as it:
        for turn in (1, 2, 3):
            it.clock(START + turn * A_TURN)
            wait_for(lambda turn=turn: it.events[EVENT_JOB_MAX_INSTANCES] == turn, f"turn {turn} left out")  # type: ignore[misc]
        assert it.reads == it.most_at_once == 1
        it.may_end.set()
        it.has_read(1)
        it.clock(START + 4 * A_TURN)
        it.has_read(2)
        assert it.most_at_once == 1


def test_a_clock_that_is_put_back_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path, monkeypatch) as it:
        it.has_read(1)
        it.clock(START - timedelta(days=1))
        it.has_read(2)
        it.clock(START - timedelta(days=1) + A_TURN)
        it.has_read(3)
