"""One of the communities that a service works for: what belongs to its configuration, and which steps are running."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from intake.config import Config, MailboxConfig
    from intake.steps.parts import Parts
    from intake.steps.reports import PassReport

FRESH = 0.75  # of the time between two polls: a mailbox that another machine has read since is not read again


@dataclass(slots=True)
class Community:
    """Everything that belongs to one configuration. ``over``: no step begins any more, and those that run stop."""

    name: str
    config: Config
    parts: Parts
    say_of: Callable[[str, str], None]
    over: threading.Event
    locks: dict[str, threading.Lock] = field(default_factory=dict)
    waiting: dict[str, threading.Event] = field(default_factory=dict)
    read_at: dict[str, datetime] = field(default_factory=dict)  # when this process last had read each mailbox
    reports: queue.SimpleQueue[PassReport] = field(default_factory=queue.SimpleQueue)  # of passes not settled yet
    sending: threading.Lock = field(default_factory=threading.Lock)  # one sender is enough for one way out
    settled_at: float = -inf  # on the monotonic clock: when everything that was due was last looked at
    jobs: list[Callable[[], None]] = field(default_factory=list)  # what takes each out of the schedule
    _quiet: threading.Condition = field(default_factory=threading.Condition)
    _running: int = 0

    def __post_init__(self) -> None:
        for settings in self.config.mailboxes:
            self.locks[settings.name] = threading.Lock()
            self.waiting[settings.name] = threading.Event()

    def follow(self, before: Community) -> None:
        """Take the place of ``before``. A step of that one which goes on is waited for: what it holds is not up."""
        self.sending = before.sending
        self.locks |= {name: lock for name, lock in before.locks.items() if name in self.locks}

    def say(self, line: str) -> None:
        """Tell the operator."""
        self.say_of(line, self.name)

    def is_fresh(self, settings: MailboxConfig) -> bool:
        """Whether somebody else has read a mailbox since this process has, and not long ago."""
        mine = self.read_at.get(settings.name)
        if mine is None:
            return False
        last = self.parts.ledger.last_good_pass(settings.name)
        lately = timedelta(seconds=FRESH * settings.poll_seconds)
        return last is not None and last > mine and self.parts.now - last < lately

    @contextlib.contextmanager
    def step(self) -> Iterator[bool]:
        """Around a step; False when the community's time is over."""
        with self._quiet:
            self._running += 1
        try:
            yield not self.over.is_set()
        finally:
            with self._quiet:
                self._running -= 1
                self._quiet.notify_all()

    @property
    def busy(self) -> bool:
        """Whether a step is running."""
        return self._running > 0

    def end(self) -> None:
        """No step begins any more."""
        self.over.set()
        for remove in self.jobs:
            with contextlib.suppress(LookupError):  # it has gone with the scheduler
                remove()

    def ended(self, seconds: float) -> bool:
        """Wait so long for the running steps; whether all have ended."""
        with self._quiet:
            quiet = self._quiet.wait_for(lambda: not self._running, max(0.0, seconds))
        if quiet:
            self.parts.ledger.close()
        return quiet
