"""Self-checks: drills that the passes send by themselves to an address that is nobody's, and watch to their end.

What is sent when stands in the outbox, like every message: the key of each names the one before it, so that of any
number of machines and restarts one sends it. Everything else is read out of the ledger anew each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from intake.model import DRILL, CaseState, Delivery, DeliveryDraft, DeliveryState, MessageKind, Outgoing
from intake.steps import drill

if TYPE_CHECKING:
    from intake.model import Case
    from intake.steps.parts import Parts

THROUGH, ON_ITS_WAY = "through", "on-its-way"
FAILURES = ("not-sent", "not-read", "no-case", "not-delivered")  # how far it has come
AGAIN = timedelta(hours=1)  # after one that failed, or the next interval if that is shorter
CLOCKS_DIFFER = timedelta(hours=1)  # by more than this, the clock was wrong when the last one was written down
HAND_OVER = timedelta(minutes=5)  # for the copies of one that was read late: the machine was off, and they go out now
MOST = 10  # that are looked back at


@dataclass(frozen=True, slots=True)
class Check:
    """One self-check: ``number`` is its delivery's, ``stage`` is THROUGH, ON_ITS_WAY or one of FAILURES.

    ``seconds`` is how long it took until the last copy was handed over, as far as that has happened.
    """

    number: int
    at: datetime
    stage: str
    seconds: float | None
    case: Case | None

    @property
    def decided(self) -> bool:
        """Whether it came through or failed."""
        return self.stage != ON_ITS_WAY


def run(parts: Parts) -> None:
    """Close the cases of self-checks that are over, and put the next one into the outbox if it is due."""
    settings = parts.config.drill
    if not settings.every or not settings.to:
        return
    found = checks(parts, settings.to)
    for check in found:
        over = check.stage == THROUGH or (check.decided and _quiet(parts, check))
        if over and check.case and check.case.state is not CaseState.CLOSED:
            drill.end(parts, check.case)
    start(parts, settings.to, settings.every, found)


def start(parts: Parts, to: str, every: timedelta, found: list[Check] | None = None) -> bool:
    """Put a self-check into the outbox unless the last one is younger than that; True when it was put there."""
    found = checks(parts, to) if found is None else found
    due = next_due(parts, every, found)
    if due is not None and due > parts.now:
        return False
    key = f"self-check after {found[0].number if found else 0} to {to.lower()}"
    draft = DeliveryDraft(MessageKind.DRILL, to.lower(), key, DeliveryState.PENDING, parts.now)
    if not parts.ledger.add([draft], parts.now):
        return False  # another machine has
    close_what_was_left(parts)
    return True


def close_what_was_left(parts: Parts) -> None:
    """Drills that nobody waits for any more: a second copy that a server made, or a command that was interrupted."""
    long_ago = parts.now - parts.config.drill.within
    for case in parts.ledger.cases(states=(CaseState.NEW, CaseState.CLAIMED)):
        if case.rule == DRILL and case.opened < long_ago:
            drill.end(parts, case)


def next_due(parts: Parts, every: timedelta, found: list[Check]) -> datetime | None:
    """When the next one is due; None: at once. After a failure it comes sooner, to see whether it is over."""
    if not found or found[0].at > parts.now + CLOCKS_DIFFER:
        return None
    newest = found[0]
    failed = newest.decided and newest.stage != THROUGH
    return newest.at + (min(every, max(AGAIN, parts.config.drill.within)) if failed else every)


def checks(parts: Parts, to: str) -> list[Check]:
    """The last self-checks to this address, the newest first, back to one that came through."""
    found: list[Check] = []
    for delivery in parts.ledger.self_checks(to, MOST):
        found.append(_check(parts, delivery))
        if found[-1].stage == THROUGH:
            break
    return found


def next_look(parts: Parts) -> datetime | None:
    """When time alone makes one due, or makes one fail; None without self-checks."""
    settings = parts.config.drill
    if not settings.every or not settings.to:
        return None
    found = checks(parts, settings.to)
    waits = [check.at + settings.within for check in found if not check.decided]
    return min((next_due(parts, settings.every, found) or parts.now, *waits))


def trouble(found: list[Check]) -> str | None:
    """How the last one failed that is decided; empty if it came through, None while nothing is known."""
    last = next((check for check in found if check.decided), None)
    return None if last is None else "" if last.stage == THROUGH else last.stage


def compose(parts: Parts, delivery: Delivery) -> Outgoing | None:
    """The mail to ourselves; None when its time is over, and another one follows it."""
    if parts.now >= delivery.created + parts.config.drill.within:
        return None
    sent = drill.written(parts, message_id(delivery), delivery.created, to=delivery.recipient)
    return drill.outgoing(parts, sent)


def message_id(delivery: Delivery) -> str:
    """Not the row's own: a mail that bears an id of ours is one that has come back to us."""
    return f"<drill-{delivery.message_id.removeprefix('<')}"


def _check(parts: Parts, delivery: Delivery) -> Check:
    seen = drill.watch(parts, drill.Sent(message_id(delivery), delivery.created, b""))
    times = [line.seconds for line in (*seen.lines, seen.acknowledgement) if line and line.seconds is not None]
    seconds = max(times, default=None)
    if seen.ok:
        return Check(delivery.id, delivery.created, THROUGH, seconds, seen.case)
    read = timedelta(seconds=seen.read_after) + HAND_OVER if seen.case and seen.read_after is not None else timedelta(0)
    late = parts.now >= delivery.created + max(parts.config.drill.within, read)
    if not late and not seen.finished and delivery.state not in {DeliveryState.FAILED, DeliveryState.WITHHELD}:
        return Check(delivery.id, delivery.created, ON_ITS_WAY, seconds, seen.case)
    if seen.read_after is not None:
        return Check(delivery.id, delivery.created, "not-delivered" if seen.case else "no-case", seconds, seen.case)
    stage = "not-read" if delivery.state is DeliveryState.SENT else "not-sent"
    return Check(delivery.id, delivery.created, stage, None, None)


def _quiet(parts: Parts, check: Check) -> bool:
    """Whether nothing more goes out for a case that has failed."""
    return check.case is None or all(
        one.state in {DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.WITHHELD}
        for one in parts.ledger.deliveries_of_case(check.case.id)
    )
