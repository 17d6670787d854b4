"""Figures about the program's health in Prometheus' text format, in a file or on loopback.

Nothing in them is about a case: who may look at figures may be somebody who must not know that a case exists.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from intake import __version__
from intake.model import DRILL, DeliveryState
from intake.oauth import expiry

if TYPE_CHECKING:
    from intake.config import Config, MailboxConfig, SmtpConfig
    from intake.ledger.ledger import Ledger
    from intake.steps.parts import Parts

ALARMS = ("audit", "credential", "delivery", DRILL, "mailbox", "template")  # those that no case makes begin
TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Figure:
    """One gauge. Figures of one ``name`` stand together and differ in their label."""

    name: str
    about: str
    value: float
    label: tuple[str, str] = ("", "")


def figures(config: Config, ledger: Ledger, now: datetime) -> Iterator[Figure]:
    """Everything that ``docs/operations.md`` tells an operator to look at. Raises LedgerError."""
    yield Figure("intake_info", "Always 1; the version of the program.", 1, ("version", __version__))
    health = {one.name: one for one in ledger.mailbox_health()}
    names = [one.name for one in config.mailboxes]
    for name in names:
        last = health[name].last_pass if name in health else None
        about = "When the mailbox was last read, in seconds since 1970; 0 for never."
        yield Figure("intake_mailbox_last_pass_seconds", about, last.timestamp() if last else 0, ("mailbox", name))
    for name in names:
        failing = float(bool(name in health and health[name].error))
        yield Figure("intake_mailbox_failing", "1 when the last pass failed there.", failing, ("mailbox", name))
    open_ones = ledger.deliveries((DeliveryState.PENDING, DeliveryState.UNKNOWN))
    oldest = max(((now - one.created).total_seconds() for one in open_ones if not one.asleep), default=0.0)
    yield Figure("intake_outbox_open", "Messages that still have to go out.", ledger.open_count())
    yield Figure("intake_outbox_oldest_seconds", "How long the oldest of them has been waiting.", max(oldest, 0.0))
    given_up = ledger.deliveries((DeliveryState.FAILED,))
    yield Figure("intake_outbox_failed", "Messages that were given up.", len(given_up))
    yield Figure("intake_unreadable_mails", "Mails that the server could not hand over yet.", ledger.trouble_count())
    opened = {trouble.topic for trouble in ledger.alarms.open().values()}
    for topic in ALARMS:
        yield Figure("intake_alarm_open", "1 while such an alarm is open.", topic in opened, ("about", topic))
    if config.drill.every and config.drill.to:
        yield Figure("intake_self_check_failing", "1 when the last drill did not come through.", DRILL in opened)
    logins: list[MailboxConfig | SmtpConfig] = [*config.mailboxes, config.smtp]
    for one in expiry.expiries(logins):
        about = "When a secret or certificate of the log-in ends, in seconds since 1970."
        yield Figure("intake_login_expires_seconds", about, one.ends.timestamp(), ("what", one.what))
    yield Figure("intake_written_seconds", "When these figures were taken, in seconds since 1970.", now.timestamp())


def exposition(found: Iterator[Figure]) -> str:
    """The text format of Prometheus, version 0.0.4."""
    lines: list[str] = []
    last = ""
    for one in found:
        if one.name != last:
            lines += [f"# HELP {one.name} {one.about}", f"# TYPE {one.name} gauge"]
            last = one.name
        name, value = one.label
        escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        label = f'{{{name}="{escaped}"}}' if name else ""
        lines.append(f"{one.name}{label} {one.value:.15g}")
    return "\n".join([*lines, ""])


class Metrics:
    """Writes the figures to ``[metrics] textfile``; one that ``serves`` answers on ``listen``, too.

    ``say`` hears what goes wrong.
    """

    def __init__(self, say: Callable[[str], None], *, serves: bool = True) -> None:
        self._say, self._serves = say, serves
        self._told = ""
        self._text = ""
        self._listens = ""
        self._server: ThreadingHTTPServer | None = None

    def note(self, parts: Parts) -> None:
        """Take the figures anew. Trouble with the file or the address is told once; it stops nothing."""
        wanted = parts.config.metrics
        if wanted.textfile is None and not wanted.listen:
            self.end()
            return
        self._text = exposition(figures(parts.config, parts.ledger, parts.now))
        try:
            if wanted.textfile is not None:
                _write(wanted.textfile, self._text)
            self._serve(wanted.listen if self._serves else "")
        except OSError as error:
            what = (
                f"{wanted.place()}: the figures can't be written or served ({error.strerror}); check textfile, listen"
            )
            if what != self._told:
                self._say(what)
            self._told = what

    def end(self) -> None:
        """Serve nothing any more."""
        self._serve("")

    def _serve(self, listen: str) -> None:
        if listen == self._listens:
            return
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server, self._listens = None, ""
        if not listen:
            return
        host, _, port = listen.rpartition(":")
        text = self._current

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = text().encode()
                self.send_response(200)
                self.send_header("Content-Type", TYPE)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Nothing: who asks is of no interest."""

        self._server = ThreadingHTTPServer((host.strip("[]"), int(port)), Answer)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="figures", daemon=True).start()
        self._listens = listen

    def _current(self) -> str:
        return self._text


class EachMetrics:
    """The figures of any number of communities, each known by the file of its configuration."""

    def __init__(self, say: Callable[[str], None], *, serves: bool) -> None:
        self._say, self._serves = say, serves
        self._each: dict[Path, Metrics] = {}

    def note(self, parts: Parts) -> None:
        """Take a community's figures anew."""
        self._each.setdefault(parts.config.path, Metrics(self._say, serves=self._serves)).note(parts)

    def gone(self, parts: Parts) -> None:
        """A community is served no more, nor are its figures: they would be old ones for ever."""
        if found := self._each.pop(parts.config.path, None):
            found.end()


def _write(path: Path, text: str) -> None:
    """In one step, so that nobody ever reads half of it. Others may read it: that is what it is for."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, "utf-8")
        beside.chmod(0o644)
        beside.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
