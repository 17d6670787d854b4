"""The service: steps on a schedule, an end within seconds, and word to systemd (sd_notify(3)) about both."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from intake.errors import IntakeError
from intake.steps.parts import PassReport
from intake.steps.receive import read
from intake.steps.whole import bury, settle

if TYPE_CHECKING:
    from intake.config import Config, MailboxConfig
    from intake.steps.parts import Parts

LONGEST_END = 4.0  # seconds that running steps get to end; what they had claimed is taken over later
SETTLE_SECONDS = 20  # how often retries, digests and reminders are looked at between polls


class Service:
    """Polls each mailbox at its own pace; sends, digests and retries in between."""

    def __init__(
        self,
        config: Config,
        build: Callable[[], Parts],
        stop: threading.Event,
        say: Callable[[str], None],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.config, self.stop, self.say, self.environ = config, stop, say, environ
        self._build = build
        self._sending = threading.Lock()  # one sender is enough for one way out

    def run(self) -> None:
        """Until ``stop`` is set."""
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        parts = self._build()
        bury(parts)
        # A run that is late is still run, once; its default would drop one that is a second late.
        scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(max(2, min(8, len(self.config.mailboxes) + 1)))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        at_once = datetime.now(scheduler.timezone)
        for settings in self.config.mailboxes:
            scheduler.add_job(
                self._read, "interval", (parts, settings), seconds=settings.poll_seconds, next_run_time=at_once
            )
        scheduler.add_job(
            self._settle, "interval", (parts,), seconds=SETTLE_SECONDS, next_run_time=at_once + timedelta(seconds=1)
        )
        scheduler.start()
        notify("READY=1", self.environ)
        self.say("running")
        self.stop.wait()
        notify("STOPPING=1", self.environ)
        self._end(scheduler)
        parts.ledger.close()
        self.say("ended")

    def _end(self, scheduler: BackgroundScheduler) -> None:
        # shutdown(wait=True) would wait for a hung step for ever: give it a deadline instead.
        ending = threading.Thread(target=scheduler.shutdown, daemon=True)
        ending.start()
        ending.join(LONGEST_END)

    def _read(self, parts: Parts, settings: MailboxConfig) -> None:
        def step() -> None:
            report = PassReport([read(parts, settings)])
            for error in (one.error for one in report.mailboxes if one.error):
                self.say(error)
            with self._sending:
                settle(parts, report)

        self._guarded(step)

    def _settle(self, parts: Parts) -> None:
        def step() -> None:
            with self._sending:
                settle(parts, PassReport())

        self._guarded(step)

    def _guarded(self, step: Callable[[], object]) -> None:
        if self.stop.is_set():
            return
        try:
            step()
        except IntakeError as error:
            self.say(str(error))
        notify("WATCHDOG=1", self.environ)


def notify(state: str, environ: Mapping[str, str]) -> None:
    """Tell systemd, if it listens; a datagram to ``$NOTIFY_SOCKET`` as sd_notify(3) says."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.connect("\0" + address[1:] if address.startswith("@") else address)
            channel.sendall(state.encode())
        except OSError:
            return  # systemd is gone, or never was there: the service itself does not depend on it
