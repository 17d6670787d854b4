"""One whole pass: the steps in their order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from intake.decide.clock import next_due
from intake.steps.deliver import deliver
from intake.steps.digest import decide_digests
from intake.steps.parts import PassReport
from intake.steps.receive import read
from intake.steps.remind import remind

if TYPE_CHECKING:
    from intake.steps.parts import Parts

# A pass without news looks at nothing else for at most so long; what is late is then late by no more than this.
LONGEST_REST = timedelta(minutes=15)


def one_pass(parts: Parts, *, send: bool = True) -> PassReport:
    """Read every mailbox, decide what is due, and send until nothing is.

    Raises LedgerError when nothing can be written down; all that was sent is then recorded, or goes out again under
    the same Message-ID.
    """
    report = PassReport()
    bury(parts)
    for settings in parts.config.mailboxes:
        if not parts.stopping():
            report.mailboxes.append(read(parts, settings))
    settle(parts, report, send=send)
    return report


def settle(parts: Parts, report: PassReport, *, send: bool = True) -> None:
    """Everything that is due, whichever mailbox it came from."""
    remind(parts)
    decide_digests(parts)
    if send:
        deliver(parts, report)
    report.pending = parts.ledger.open_count()


def bury(parts: Parts) -> None:
    """Take over what processes have claimed that died on this machine, instead of waiting for their leases to end."""
    dead = [holder for holder in parts.ledger.orphaned() if parts.is_dead(holder)]
    if dead:
        parts.ledger.take_over(dead, parts.now)


def quiet_until(parts: Parts, since: datetime) -> datetime:
    """Until when nothing becomes due by the clock alone, after a pass that began at ``since``.

    Deliveries and mails that are tried again have their own times in the ledger.
    """
    schedule = parts.config.digest.schedule
    digest = next_due(schedule.days, schedule.at, parts.config.zone, since)
    clock = parts.ledger.next_clock()
    return min(moment for moment in (since + LONGEST_REST, digest, clock) if moment)
