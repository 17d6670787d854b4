"""``status``: healthy or not, and why."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from intake.cli.cases import open_ledger
from intake.cli.common import DONE, FINDING, Invocation, each_community, options, print_json
from intake.cli.tables import when
from intake.config import Config
from intake.decide.clock import BEFORE_ERASURE
from intake.model import DRILL, Delivery, DeliveryState

if TYPE_CHECKING:
    from intake.config import MailboxConfig, SmtpConfig
    from intake.ledger.ledger import Ledger

MISSED_POLLS = 10  # a mailbox that was not read for so many of its intervals (or an hour) is a problem
GRACE = timedelta(days=7)  # a mailbox may be out of reach for a while
OVERDUE = timedelta(hours=1)
# What a pass has raised an alarm for and nothing else here tells, by the alarm's name.
RAISED = {
    "unheard": "{} open case(s) that nobody has, and nobody is about to get; see: intake audit",
    "quarantine": "{} mail(s) of the last day could not be processed; the organizers were sent them as they came",
    "returned": "{} bounce(s) of the last day may be of messages of ours; see: intake cases machine",
    "pings": "{} organizer(s) whose other channels take no calls; see: intake outbox list",
}


@click.command()
@options
@each_community
def status(invocation: Invocation) -> int:
    """Last pass for each mailbox, queue, failures."""
    config = invocation.config()
    now = invocation.clock.now()
    with open_ledger(invocation) as book:
        answer = look(config, book, now)
    if invocation.json:
        print_json(answer)
    else:
        _show(answer, now)
    return DONE if answer["healthy"] else FINDING


def look(config: Config, book: Ledger, now: datetime) -> dict[str, object]:
    """The contract's ``healthy``, ``problems``, ``mailboxes``, ``outbox``."""
    problems: list[str] = []
    passes = {one.name: one for one in book.mailbox_health()}
    mailboxes: list[dict[str, object]] = []
    for settings in config.mailboxes:
        last = passes.get(settings.name)
        mailboxes.append(
            {
                "name": settings.name,
                "last_pass": last.last_pass if last else None,
                "error": (last.error or None) if last else None,
            }
        )
        patience = max(timedelta(seconds=settings.poll_seconds * MISSED_POLLS), OVERDUE)
        if last is None:
            problems.append(f"{settings.name}: has never been read; run: intake once")
        elif last.error:
            problems.append(f"{settings.name}: {last.error}")
        elif last.last_pass is None or now - last.last_pass > patience:
            problems.append(
                f"{settings.name}: was last read {when(last.last_pass, now)}; does cron or the service run?"
            )
    outbox = book.delivery_counts()
    if outbox["failed"]:
        problems.append(f"{outbox['failed']} message(s) were given up; see: intake outbox list")
    late = [d for d in book.deliveries((DeliveryState.PENDING, DeliveryState.UNKNOWN)) if _is_late(d, now)]
    if late:
        problems.append(f"{len(late)} message(s) wait for more than an hour; see: intake outbox list")
    if trouble := book.trouble_count():
        problems.append(f"{trouble} mail(s) could not be read from the server yet; look at them in the mailbox")
    problems += _raised(book)
    if outlived := _outlived(config, book, now):
        problems.append(f"{outlived} case(s) should have been erased by now; run: intake retention --apply")
    expires = _expires(config, now, problems)
    return {
        "healthy": not problems,
        "problems": problems,
        "mailboxes": mailboxes,
        "outbox": outbox,
        "expires": expires,
    }


def _is_late(delivery: Delivery, now: datetime) -> bool:
    """Whether a message waits for too long."""
    return now - delivery.created > OVERDUE and not delivery.asleep


def _raised(book: Ledger) -> list[str]:
    """What the passes have found and is not over: the alarm about it may have sent somebody here."""
    found: list[str] = []
    for name, trouble in book.alarms.open().items():
        if name == DRILL:
            found.append(f"the last self-check failed ({trouble.detail}); see: intake drill --every 1d")
        elif trouble.topic == "audit":
            found.append(f"{trouble.detail} mail(s) without an outcome; see: intake audit")
        elif name in RAISED:
            found.append(RAISED[name].format(trouble.detail))
    return found


def _outlived(config: Config, book: Ledger, now: datetime) -> int:
    """How many cases are still there long after their time was up, and after that became a rule here."""
    since = book.rule_since()
    if since is None or now < since + BEFORE_ERASURE + GRACE:
        return 0
    held = book.held()
    return len([one for one in book.outlived(now - config.retention.closed_cases - GRACE) if one.id not in held])


def _expires(config: Config, now: datetime, problems: list[str]) -> list[dict[str, object]]:
    """What ends by itself and then stops the log-in; ``problems`` gets what ends within weeks."""
    logins: list[MailboxConfig | SmtpConfig] = [*config.mailboxes, config.smtp]
    if all(login.auth != "microsoft" for login in logins):
        return []
    from intake.oauth import expiry

    known = expiry.expiries(logins)
    for one in known:
        if one.ends - now < expiry.SOON:
            verb = "ended" if one.ends <= now else "ends"
            problems.append(f"the {one.what} {verb} on {one.ends:%Y-%m-%d}; make a new one, see {one.place}")
    return [{"what": one.what, "ends": one.ends} for one in known]


def _show(answer: dict[str, object], now: datetime) -> None:
    click.echo("healthy" if answer["healthy"] else "not healthy")
    problems, mailboxes, outbox = answer["problems"], answer["mailboxes"], answer["outbox"]
    assert isinstance(problems, list)  # noqa: S101 - `look` made them, two lines above in the caller
    assert isinstance(mailboxes, list)  # noqa: S101
    assert isinstance(outbox, dict)  # noqa: S101
    for problem in problems:
        click.echo(f"  problem: {problem}")
    for one in mailboxes:
        click.echo(f"  mailbox {one['name']}: last read {when(one['last_pass'], now)}")
    counts = ", ".join(f"{name} {count}" for name, count in outbox.items() if count)
    click.echo(f"  outbox: {counts or 'empty'}")
