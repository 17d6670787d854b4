"""One whole pass: the steps in their order."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from intake.decide.clock import CLAIM_LEASE, LONGEST_RETRY, MAILBOX_LEASE, period
from intake.model import DeliveryDraft, DeliveryState, MessageKind
from intake.steps import selfcheck
from intake.steps.alarm import call_home, tell, watch
from intake.steps.deliver import deliver
from intake.steps.digest import decide_digests, next_digest
from intake.steps.parts import PassReport
from intake.steps.pings import call
from intake.steps.receive import read
from intake.steps.remind import remind
from intake.steps.tidy import tidy

if TYPE_CHECKING:
    from intake.steps.parts import Parts

# Well within a mailbox's lease, and before its server ends a connection that says nothing.
MEANWHILE = timedelta(minutes=2)
# A pass without news looks at nothing else for at most so long; what is late is then late by no more than this.
LONGEST_REST = timedelta(minutes=15)


def one_pass(parts: Parts, *, send: bool = True) -> PassReport:
    """Read every mailbox, decide what is due, and send until nothing is.

    Raises LedgerError when nothing can be written down; all that was sent is then recorded, or goes out again under
    the same Message-ID.
    """
    report = PassReport()
    meanwhile = partial(deliver_meanwhile, parts, report) if send else lambda: None
    bury(parts)
    for settings in parts.config.mailboxes:
        if not parts.stopping():
            report.mailboxes.append(read(parts, settings, meanwhile))
    settle(parts, report, send=send)
    if send:
        tidy(parts, report)
        call_home(parts, report)
    return report


def deliver_meanwhile(parts: Parts, report: PassReport) -> None:
    """Send what a long folder has brought so far: nobody waits for the end of it, and what was understood is at hand.

    Reading goes on after a while; where the way out fails or the rate limit is reached, at once.
    """
    if not report.way_out_failed:
        deliver(parts, report, until=parts.now + MEANWHILE)
        parts.memo.forget()


def settle(parts: Parts, report: PassReport, *, send: bool = True) -> None:
    """Everything that is due, whichever mailbox it came from."""
    parts.ledger.drop_old_copies(parts.now)
    remind(parts)
    decide_digests(parts)
    selfcheck.run(parts)
    if send and parts.ledger.is_anything_open():
        deliver(parts, report)
        call(parts)
    news = watch(parts, report)
    if send:
        if news:
            deliver(parts, report)
        tell(parts)
    report.pending = parts.ledger.open_count()
    if put_off := parts.ledger.trouble_count():
        report.problems.append(f"{put_off} mail(s) could not be read or processed yet, and are tried again")


def bury(parts: Parts) -> AbstractSet[str]:
    """Take over what processes have claimed that died on this machine, instead of waiting for their leases to end.

    What living ones hold is prolonged: by a clock that has jumped ahead, their leases may seem to be over. Returns all
    who held something.
    """
    ledger, now = parts.ledger, parts.now
    answer_wait = parts.config.acknowledgement.after_fan_out_within
    waits = (answer_wait, LONGEST_RETRY * 1.25, max(CLAIM_LEASE, MAILBOX_LEASE))
    if ledger.set_right(now, *waits, period=period(now, parts.config.zone)):
        parts.say("the clock has been ahead of now: what was put off until then is due again")
        _tell_of_the_clock(parts)
    holders = ledger.orphaned()
    dead = [holder for holder in holders if parts.is_dead(holder)]
    if dead:
        ledger.take_over(dead, now)
    living = [holder for holder in holders if holder != parts.holder and parts.is_alive(holder)]
    if living:
        ledger.hold_on(living, now + CLAIM_LEASE)
    return holders


def _tell_of_the_clock(parts: Parts) -> None:
    """Once a day at the most: it is over already, and may well come again."""
    to, now = parts.config.alarm.email.lower(), parts.now
    if to:
        key = f"clock on {now.astimezone(parts.config.zone).date()}"
        draft = DeliveryDraft(MessageKind.ALARM, to, key, DeliveryState.PENDING, now, "clock")
        parts.ledger.add([draft], now)


def recover(parts: Parts) -> bool:
    """The same in a service, before it sends: what it claimed itself and has not reported on was left by an error.

    True when there was something of anybody's.
    """
    holders = bury(parts)
    if parts.holder in holders:
        parts.ledger.take_over([parts.holder], parts.now, leases=False)
    return bool(holders)


def quiet_until(parts: Parts, since: datetime) -> datetime:
    """Until when nothing becomes due by the clock alone, after a pass that began at ``since``.

    Deliveries and mails that are tried again have their own times in the ledger.
    """
    digest = next_digest(parts.config, since)
    clock = parts.ledger.next_clock()
    drill = selfcheck.next_look(parts)
    return min(moment for moment in (since + LONGEST_REST, digest, clock, drill) if moment)
