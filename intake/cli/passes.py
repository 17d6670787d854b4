"""``once`` and ``run``: the passes themselves."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from intake.cli import light
from intake.cli.common import DONE, FINDING, LEFT, Invocation, collect_less, each_community, options, print_json
from intake.errors import LedgerError
from intake.steps.reports import PassReport


@click.command()
@options
@click.option("--no-send", is_flag=True, help="Read, decide, record and file, but let everything wait in the outbox.")
@each_community
def once(invocation: Invocation, no_send: bool) -> int:
    """One whole pass: read, decide, record, file, send, reminders, digests that are due.

    For cron. Overlapping runs do each other no harm.
    """
    stop = threading.Event()
    try:
        with ending_on_signals(stop):
            report = light.look(invocation.path(), invocation.clock.now(), os.environ)
            if report is None:
                report = _whole(invocation, stop, send=not no_send)
            elif not no_send:  # as a full pass: who only looks has not shown that mail goes out
                light.call_home(invocation.path(), _say)
    except LedgerError as error:
        click.echo(f"intake: {error}", err=True)
        return LEFT
    _show(invocation, report)
    if stop.is_set():
        _say("ended before the pass was over; the next pass does what is left")
        raise click.exceptions.Exit(LEFT)  # of several communities, no other one begins
    return exit_code(report)


def _whole(invocation: Invocation, stop: threading.Event, *, send: bool) -> PassReport:
    from intake import app
    from intake.credentials import demand_available
    from intake.steps.alarm import is_good
    from intake.steps.whole import one_pass

    path = invocation.path()
    read_before = _read(path)
    config = invocation.config()
    for settings in config.mailboxes:
        demand_available(settings)
    demand_available(config.smtp)
    outside = app.Outside(clock=invocation.clock, stopping=stop.is_set, say=_say)
    parts = app.build(config, outside, os.environ)
    collect_less()
    try:
        since = parts.now
        report = one_pass(parts, send=send)
        well = is_good(report) and not (stop.is_set() or any(one.busy for one in report.mailboxes))
        if config.metrics.textfile:
            app.metrics(outside, serves=False).note(parts)
        if well and read_before is not None and read_before == _read(path):
            light.remember(path, read_before, parts, since, os.environ)
    finally:
        parts.ledger.close()
    return report


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None  # loading it says what is wrong


def exit_code(report: PassReport) -> int:
    """75 while something is left to be tried again, 1 when something was given up, else 0."""
    if report.left:
        return LEFT
    return FINDING if report.failed else DONE


@contextmanager
def ending_on_signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT ask for an end after the message or batch in hand."""
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(line: str) -> None:
    click.echo(f"intake: {line}", err=True)


_SHOWN = ("name", "error", "seen", "accepted", "duplicates", "filed", "busy")


def answer(report: PassReport) -> dict[str, object]:
    """The pass as the contract's JSON."""
    return {
        "seen": report.total("seen"),
        "accepted": report.total("accepted"),
        "duplicates": report.total("duplicates"),
        "filed": report.total("filed"),
        "sent": report.sent,
        "failed": report.failed,
        "pending": report.pending,
        "erased": report.erased,
        "mailboxes": [{name: getattr(one, name) for name in _SHOWN} for one in report.mailboxes],
    }


def _show(invocation: Invocation, report: PassReport) -> None:
    for one in report.mailboxes:
        if one.error:
            _say(one.error)
    if invocation.json:
        print_json(answer(report))
    elif report.total("seen") or report.sent or report.failed or report.erased:
        counts = ", ".join(f"{k} {v}" for k, v in answer(report).items() if isinstance(v, int))
        click.echo(counts)
