"""The service: the steps of any number of communities on one schedule, an end within seconds, and word to systemd."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from intake.community import Community
from intake.decide.clock import KEPT_LEASE
from intake.errors import ConfigError, IntakeError, LedgerError, OutdatedError
from intake.idle import Watch
from intake.steps.alarm import call_home
from intake.steps.parts import PassReport
from intake.steps.receive import read
from intake.steps.tidy import tidy
from intake.steps.whole import bury, recover, settle
from intake.watchdog import Progress, notify

if TYPE_CHECKING:
    from intake.config import Config, MailboxConfig
    from intake.steps.parts import Parts

LONGEST_END = 3.0  # seconds that running steps get to end; what they had claimed is taken over later
TIDY_SECONDS = 600  # how often to look whether a case's time is up; it is looked for once a day
SETTLE_SECONDS = 20  # how often retries, digests and reminders are looked at between polls
HUNG_SECONDS = 900.0  # a step that has shown no progress for so long hangs: the slowest transfer takes half of it
ASTRAY = timedelta(seconds=5)  # a turn may be so much farther away than its interval: clocks are set right by little
MOST_THREADS = 24  # steps at the same time, whatever the number of mailboxes; threads are made when they are needed
MOST_AT_EASE = 20  # with more communities than this, none of them keeps a connection to its ledger between steps


class Wish(Enum):
    """What a signal asks for."""

    STOP = "stop"
    RELOAD = "reload"


@dataclass(frozen=True, slots=True)
class Outset:
    """How the service gets what it works with.

    ``lease`` is how long others wait for a machine that is cut off: what a step holds is prolonged meanwhile.

    ``load`` gives each community's configuration by the name of its file (one of no name, where there is only one),
    or what is wrong with it; it raises ConfigError when there is nothing to work with. ``say`` takes a line and the
    name of the community that it is about. ``note`` is told after each settling, for figures; ``gone`` when a community
    is worked for no more.
    """

    load: Callable[[], Mapping[str, Config | ConfigError]]
    build: Callable[[str, Config, Callable[[], bool]], Parts]
    say: Callable[[str, str], None]
    note: Callable[[Parts], None] = lambda _parts: None
    gone: Callable[[Parts], None] = lambda _parts: None
    lease: timedelta = KEPT_LEASE


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
        self._hung_seconds = hung_seconds
        self.outdated = False  # it has ended because the ledger became another one
        self._stop = threading.Event()
        self._progress = Progress()
        # A run that is late is still run, once; the scheduler's own default would drop one that is a second late.
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(MOST_THREADS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._at_work: dict[str, Community] = {}
        self._missing: dict[str, Config] = {}  # whose ledger could not be had when they were to begin
        self._leaving: list[Community] = []  # with a step that did not end in time

    def run(self) -> bool:
        """Until a wish to stop; False when a step did not end in time and has to be left behind."""
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # an exception's text may hold mail: see _crashed
        self._take_up(self._outset.load())
        self._scheduler.add_listener(self._crashed, EVENT_JOB_ERROR)
        self._scheduler.start()
        threading.Thread(target=self._prolong, daemon=True).start()
        notify("READY=1", self._environ)
        self._say("running")
        told = False
        while not self._stop.is_set():
            wish = self._next_wish()
            if wish is Wish.STOP:
                self._stop.set()
            elif wish is Wish.RELOAD:
                self._reload()
            self._put_right()
            self._begin_missing()
            if not self._progress.stands(self._hung_seconds):
                notify("WATCHDOG=1", self._environ)
                told = False
            elif not told:
                self._say(
                    f"a step has made no progress for {self._hung_seconds:g} s; systemd is not told that all is well"
                )
                told = True
        notify("STOPPING=1", self._environ)
        ended = self._end(list(self._at_work))
        self._scheduler.shutdown(wait=False)
        self._say("ended")
        return ended

    def _say(self, line: str) -> None:
        self._outset.say(line, "")

    def _next_wish(self) -> Wish | None:
        said = self._environ.get("WATCHDOG_USEC", "")
        seconds = int(said) / 1e6 / 4 if said.isdecimal() and int(said) else 30.0
        try:
            return self._wishes.get(timeout=min(seconds, 30.0))
        except queue.Empty:
            return None

    def _put_right(self) -> None:
        """Where the clock was put back, turns lie as far ahead as it was put back: nobody would be read until then."""
        now = datetime.now(self._scheduler.timezone)
        for job in self._scheduler.get_jobs():
            most = getattr(job.trigger, "interval", timedelta(0)) + ASTRAY
            if job.next_run_time and job.next_run_time - now > most:
                with contextlib.suppress(LookupError):  # its turn has just come
                    job.modify(next_run_time=now)

    def _stopping(self, over: threading.Event) -> bool:
        """Steps ask this between mails and batches, which shows that they go on."""
        self._progress.beat()
        return self._stop.is_set() or over.is_set()

    # --- beginning and ending ---

    def _take_up(self, found: Mapping[str, Config | ConfigError]) -> bool:
        """Begin, or begin anew, with each of them as a whole; one that is wrong goes on as it was. All were right?"""
        well = True
        for name, config in found.items():
            if self._stop.is_set():
                break
            over = threading.Event()
            try:
                if isinstance(config, ConfigError):
                    raise config
                parts = self._outset.build(name, config, partial(self._stopping, over))
                parts = replace(parts, mailbox_lease=self._outset.lease, claim_lease=self._outset.lease)
                bury(parts)
            except IntakeError as error:
                if not name and not self._at_work:
                    raise
                well = False
                if name not in self._at_work and isinstance(error, LedgerError) and not isinstance(config, ConfigError):
                    self._missing[name] = config
                for line in str(error).splitlines():
                    self._outset.say(line, name)
                continue
            community = Community(name, config, parts, self._outset.say, over)
            if name in self._at_work:
                community.follow(self._at_work[name])
            self._end([name])
            self._begin(community, len({*found, *self._at_work, *self._missing}))
        return well

    def _begin_missing(self) -> None:
        """Those whose ledger could not be had, from the time it can: at most one is waited for in vain at each look."""
        for name in list(self._missing):
            if not self._take_up({name: self._missing.pop(name)}):
                return

    def _begin(self, community: Community, count: int) -> None:
        mailboxes = community.config.mailboxes
        # A few begin at once. Many begin one after another within the time between two polls, and so stay apart.
        apart = 1 / len(mailboxes) if count * len(mailboxes) > MOST_THREADS else 0.0
        begin = datetime.now(self._scheduler.timezone)

        def add(step: Callable[..., None], every: float, first: float, *more: MailboxConfig) -> None:
            at = begin + timedelta(seconds=first)
            job = self._scheduler.add_job(step, "interval", (community, *more), seconds=every, next_run_time=at)
            community.jobs.append(job.remove)

        for position, settings in enumerate(mailboxes):
            add(self._poll, settings.poll_seconds, position * apart * settings.poll_seconds, settings)
        add(self._settle, SETTLE_SECONDS * max(1, count // MOST_AT_EASE), 1)
        add(self._tidy, TIDY_SECONDS, 30)
        self._at_work[community.name] = community
        self._listen(community)

    def _listen(self, community: Community) -> None:
        for settings in community.config.mailboxes:
            for folder in settings.folders if settings.idle else ():
                make, wake = partial(community.parts.mailbox, settings), partial(self._wake, community, settings)
                Watch(make, folder, wake, community.over, community.say).start()

    def _reload(self) -> None:
        """The new configuration of each community as a whole, or the old one as a whole."""
        notify("RELOADING=1", self._environ)
        try:
            found = self._outset.load()
        except ConfigError as error:
            for line in str(error).splitlines():
                self._say(line)
            well = False
        else:
            self._missing.clear()
            gone = [community for name, community in self._at_work.items() if name not in found]
            self._end([community.name for community in gone])
            for community in gone:
                self._outset.gone(community.parts)
            well = self._take_up(found)
        if well:
            self._say("the configuration was reloaded")
        else:
            self._say("the configuration was not reloaded, the old one goes on; correct it and reload again")
        notify("READY=1", self._environ)

    def _end(self, names: Sequence[str]) -> bool:
        """End the work for these communities, all of them within one deadline; False when a step is left behind."""
        ending = [*self._leaving, *(self._at_work.pop(name) for name in names if name in self._at_work)]
        for community in ending:
            community.end()
        deadline = monotonic() + LONGEST_END
        self._leaving = [community for community in ending if not community.ended(deadline - monotonic())]
        return not self._leaving

    def _prolong(self) -> None:
        """What is in hand stays in hand, for as long as the ledger can be told so.

        A thread of its own: all others may be waiting for servers.
        """
        while not self._stop.wait(self._outset.lease.total_seconds() / 4):
            for community in (*self._at_work.values(), *self._leaving):
                if community.busy:
                    with contextlib.suppress(LedgerError):  # the step itself meets it, and tells
                        parts = community.parts
                        parts.ledger.hold_on([parts.holder], parts.now + self._outset.lease)

    # --- the steps ---

    def _crashed(self, event: JobExecutionEvent) -> None:
        """Tell of an error in the program by its kind and place alone."""
        trace = event.exception.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "an unknown place"
        kind = type(event.exception).__name__
        self._say(f"a step failed ({kind} at {where}) and is run again; if this stays, report it")

    def _wake(self, community: Community, settings: MailboxConfig) -> None:
        """Read at once, beside the schedule; one waiting turn is enough for any number of wakings."""
        waiting = community.waiting[settings.name]
        if not waiting.is_set() and not community.over.is_set():
            waiting.set()
            with contextlib.suppress(RuntimeError):  # the scheduler has just been shut down
                self._scheduler.add_job(self._read, args=(community, settings))

    def _poll(self, community: Community, settings: MailboxConfig) -> None:
        """A turn by the schedule. Where several machines share the work, whoever comes first has done it for all."""

        def step() -> None:
            if not community.is_fresh(settings):
                self._read_now(community, settings)

        self._guarded(community, step)

    def _read(self, community: Community, settings: MailboxConfig) -> None:
        self._guarded(community, lambda: self._read_now(community, settings))

    def _read_now(self, community: Community, settings: MailboxConfig) -> None:
        with self._held(community.locks[settings.name]):
            community.waiting[settings.name].clear()
            report = PassReport([read(community.parts, settings)])
            community.read_at[settings.name] = community.parts.now
        for error in (one.error for one in report.mailboxes if one.error):
            community.say(error)
        community.reports.put(report)
        # By a job of its own: a mailbox whose turn went on to send what others have read would miss its next turns.
        if not community.sending.locked():  # else whoever is at it looks once more before it stops
            with contextlib.suppress(RuntimeError):  # the scheduler has just been shut down
                self._scheduler.add_job(self._guarded, args=(community, partial(self._send, community)))

    def _send(self, community: Community) -> None:
        """Settle what was read, unless another thread is at it: that one then does it before it stops.

        So no thread ever waits for a sender, and one busy mailbox does not keep the others from being read.
        """
        while not community.reports.empty() and community.sending.acquire(blocking=False):
            try:
                report = PassReport()
                while not community.reports.empty():
                    report.mailboxes += community.reports.get().mailboxes
                self._look_at_all(community, report)
                call_home(community.parts, report)
            finally:
                community.parts.memo.forget()
                community.sending.release()

    def _look_at_all(self, community: Community, report: PassReport) -> None:
        settle(community.parts, report)
        community.settled_at = monotonic()

    def _settle(self, community: Community) -> None:
        def step() -> None:
            if community.sending.acquire(blocking=False):  # else somebody is at it
                try:
                    # What a poll has just looked at has not become due since, but for what an error has left behind.
                    if recover(community.parts) or monotonic() - community.settled_at > SETTLE_SECONDS / 2:
                        self._look_at_all(community, PassReport())
                finally:
                    community.parts.memo.forget()
                    community.sending.release()
                self._send(community)
            if not community.over.is_set():
                self._outset.note(community.parts)

        self._guarded(community, step)

    def _tidy(self, community: Community) -> None:
        def step() -> None:
            # A case goes while none of its mail is being read or sent here; nobody else holds two of these at a time.
            with self._all_held((*community.locks.values(), community.sending)):
                tidy(community.parts, PassReport())
            self._send(community)

        self._guarded(community, step)

    @contextlib.contextmanager
    def _all_held(self, locks: Sequence[threading.Lock]) -> Iterator[None]:
        """Several at once. For a long step none of the others is held meanwhile: it would keep them waiting as well."""
        longest = locks[0]
        for _ in locks:
            with contextlib.ExitStack() as held:
                held.enter_context(self._held(longest))
                for lock in (other for other in locks if other is not longest):
                    if not lock.acquire(blocking=False):
                        break
                    held.callback(lock.release)
                else:
                    yield
                    return
                longest = lock
        with contextlib.ExitStack() as held:  # they are never all at rest: then one after the other
            for lock in locks:
                held.enter_context(self._held(lock))
            yield

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

    def _guarded(self, community: Community, step: Callable[[], object]) -> None:
        with community.step() as goes_on, self._progress.step():
            if not goes_on or self._stop.is_set():
                return
            try:
                step()
            except OutdatedError as error:
                community.say(str(error))
                self.outdated = True
                self._wishes.put(Wish.STOP)
            except IntakeError as error:
                community.say(str(error))
            finally:
                if len(self._at_work) > MOST_AT_EASE:
                    community.parts.ledger.rest()
