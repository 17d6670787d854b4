"""The service: steps on a schedule, an end within seconds, and word to systemd (sd_notify(3)) about both."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from intake.errors import IntakeError
from intake.idle import Watch
from intake.steps.alarm import call_home
from intake.steps.parts import PassReport
from intake.steps.receive import read
from intake.steps.whole import bury, recover, settle

if TYPE_CHECKING:
    from intake.config import Config, MailboxConfig
    from intake.steps.parts import Parts

LONGEST_END = 3.0  # seconds that running steps get to end; what they had claimed is taken over later
SETTLE_SECONDS = 20  # how often retries, digests and reminders are looked at between polls
HUNG_SECONDS = 900.0  # a step that has shown no progress for so long hangs: the slowest transfer takes half of it
MOST_THREADS = 24


class Wish(Enum):
    """What a signal asks for."""

    STOP = "stop"
    RELOAD = "reload"


class Progress:
    """When each running step last showed that it goes on. A step is a thread's; it ``beat``s between its parts."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._running: dict[int, float] = {}
        self._last = monotonic()

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """Around a step."""
        me = threading.get_ident()
        with self._lock:
            self._running[me] = self._monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._last = self._monotonic()
                del self._running[me]

    def beat(self) -> None:
        """The calling thread goes on."""
        me = threading.get_ident()
        with self._lock:
            if me in self._running:
                self._running[me] = self._monotonic()

    def stands(self, seconds: float) -> bool:
        """Whether a step hangs, or none has been run, for so long."""
        now = self._monotonic()
        with self._lock:
            oldest = min(self._running.values(), default=self._last)
        return now - oldest > seconds


@dataclass(frozen=True, slots=True)
class _Round:
    """Everything that belongs to one configuration."""

    config: Config
    parts: Parts
    scheduler: BackgroundScheduler
    locks: Mapping[str, threading.Lock]
    waiting: Mapping[str, threading.Event]
    over: threading.Event
    watches: list[Watch]


@dataclass(frozen=True, slots=True)
class Outset:
    """How the service gets what it works with; ``note`` is told after each settling, for figures."""

    load: Callable[[], Config]
    build: Callable[[Config, Callable[[], bool]], Parts]
    say: Callable[[str], None]
    note: Callable[[Parts], None] = lambda _parts: None


class Service:
    """Polls each mailbox at its own pace, listens where that is configured; sends, digests and retries in between."""

    def __init__(
        self,
        outset: Outset,
        wishes: queue.SimpleQueue[Wish],
        environ: Mapping[str, str] = os.environ,
        *,
        hung_seconds: float = HUNG_SECONDS,
    ) -> None:
        self._outset, self._wishes, self._environ = outset, wishes, environ
        self._say = outset.say
        self._hung_seconds = hung_seconds
        self._stop = threading.Event()
        self._sending = threading.Lock()  # one sender is enough for one way out
        self._progress = Progress()

    def run(self) -> bool:
        """Until a wish to stop; False when a step did not end in time and has to be left behind."""
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # an exception's text may hold mail: see _crashed
        config = self._outset.load()
        at_work = self._begin(config, self._build(config))
        notify("READY=1", self._environ)
        self._say("running")
        told = False
        while not self._stop.is_set():
            wish = self._next_wish()
            if wish is Wish.STOP:
                self._stop.set()
            elif wish is Wish.RELOAD:
                at_work = self._reload(at_work)
            if not self._progress.stands(self._hung_seconds):
                notify("WATCHDOG=1", self._environ)
                told = False
            elif not told:
                self._say(
                    f"a step has made no progress for {self._hung_seconds:g} s; systemd is not told that all is well"
                )
                told = True
        notify("STOPPING=1", self._environ)
        ended = self._end(at_work)
        self._say("ended")
        return ended

    def _next_wish(self) -> Wish | None:
        said = self._environ.get("WATCHDOG_USEC", "")
        seconds = int(said) / 1e6 / 4 if said.isdecimal() and int(said) else 30.0
        try:
            return self._wishes.get(timeout=min(seconds, 30.0))
        except queue.Empty:
            return None

    def _build(self, config: Config) -> Parts:
        return self._outset.build(config, self._stopping)

    def _stopping(self) -> bool:
        """Steps ask this between mails and batches, which shows that they go on."""
        self._progress.beat()
        return self._stop.is_set()

    def _begin(self, config: Config, parts: Parts) -> _Round:
        bury(parts)
        # A run that is late is still run, once; its default would drop one that is a second late.
        listened = sum(len(one.folders) for one in config.mailboxes if one.idle)
        scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(min(MOST_THREADS, 2 * len(config.mailboxes) + 1))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        names = [settings.name for settings in config.mailboxes]
        at_work = _Round(
            config, parts, scheduler, {name: threading.Lock() for name in names},
            {name: threading.Event() for name in names}, threading.Event(), [],
        )  # fmt: skip
        at_once = datetime.now(scheduler.timezone)
        for settings in config.mailboxes:
            scheduler.add_job(
                self._read, "interval", (at_work, settings), seconds=settings.poll_seconds, next_run_time=at_once
            )
        scheduler.add_job(
            self._settle, "interval", (at_work,), seconds=SETTLE_SECONDS, next_run_time=at_once + timedelta(seconds=1)
        )
        scheduler.add_listener(self._crashed, EVENT_JOB_ERROR)
        scheduler.start()
        if listened:
            self._listen(at_work)
        return at_work

    def _crashed(self, event: JobExecutionEvent) -> None:
        """Tell of an error in the program by its kind and place alone."""
        trace = event.exception.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "an unknown place"
        kind = type(event.exception).__name__
        self._say(f"a step failed ({kind} at {where}) and is run again; if this stays, report it")

    def _listen(self, at_work: _Round) -> None:
        for settings in at_work.config.mailboxes:
            for folder in settings.folders if settings.idle else ():
                watch = Watch(
                    partial(at_work.parts.mailbox, settings),
                    folder,
                    partial(self._wake, at_work, settings),
                    at_work.over,
                    self._say,
                )
                at_work.watches.append(watch)
                watch.start()

    def _wake(self, at_work: _Round, settings: MailboxConfig) -> None:
        """Read at once, beside the schedule; one waiting turn is enough for any number of wakings."""
        waiting = at_work.waiting[settings.name]
        if not waiting.is_set() and not at_work.over.is_set():
            waiting.set()
            with contextlib.suppress(RuntimeError):  # the scheduler has just been shut down
                at_work.scheduler.add_job(self._read, args=(at_work, settings))

    def _reload(self, at_work: _Round) -> _Round:
        """The new configuration as a whole, or the old one as a whole."""
        notify("RELOADING=1", self._environ)
        try:
            config = self._outset.load()
            parts = self._build(config)
        except IntakeError as error:
            for line in str(error).splitlines():
                self._say(line)
            self._say("the configuration was not reloaded, the old one goes on; correct it and reload again")
        else:
            self._end(at_work)
            at_work = self._begin(config, parts)
            self._say("the configuration was reloaded")
        notify("READY=1", self._environ)
        return at_work

    def _end(self, at_work: _Round) -> bool:
        # shutdown(wait=True) would wait for a hung step for ever: give it a deadline instead.
        at_work.over.set()
        ending = threading.Thread(target=at_work.scheduler.shutdown, daemon=True)
        ending.start()
        ending.join(LONGEST_END)
        if ending.is_alive():
            return False
        at_work.parts.ledger.close()
        return True

    def _read(self, at_work: _Round, settings: MailboxConfig) -> None:
        def step() -> None:
            with self._held(at_work.locks[settings.name]):
                at_work.waiting[settings.name].clear()
                report = PassReport([read(at_work.parts, settings)])
            for error in (one.error for one in report.mailboxes if one.error):
                self._say(error)
            with self._held(self._sending):
                settle(at_work.parts, report)
            call_home(at_work.parts, report)

        self._guarded(at_work, step)

    def _settle(self, at_work: _Round) -> None:
        def step() -> None:
            with self._held(self._sending):
                recover(at_work.parts)
                settle(at_work.parts, PassReport())
            self._outset.note(at_work.parts)

        self._guarded(at_work, step)

    @contextlib.contextmanager
    def _held(self, lock: threading.Lock) -> Iterator[None]:
        """Waiting for another step is no standstill of one's own: whoever holds the lock has to show progress."""
        while not lock.acquire(timeout=1.0):
            self._progress.beat()
        try:
            self._progress.beat()
            yield
        finally:
            lock.release()

    def _guarded(self, at_work: _Round, step: Callable[[], object]) -> None:
        if self._stop.is_set() or at_work.over.is_set():
            return
        with self._progress.step():
            try:
                step()
            except IntakeError as error:
                self._say(str(error))


def notify(state: str, environ: Mapping[str, str]) -> None:
    """Tell systemd, if it listens; a datagram to ``$NOTIFY_SOCKET`` as sd_notify(3) says."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.settimeout(1.0)  # a manager that does not read must not hold us up
        try:
            channel.connect("\0" + address[1:] if address.startswith("@") else address)
            channel.sendall(state.encode())
        except OSError:
            return  # systemd is gone, or never was there: the service itself does not depend on it
