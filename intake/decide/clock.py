"""When things are due: retries, leases and digests. Pure: the time and the jitter are arguments."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from zoneinfo import ZoneInfo

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=4)
GIVE_UP_AFTER = timedelta(days=4)  # RFC 5321, 4.5.4.1: at least 4 to 5 days
LEAST_TRIES = 3  # in those days: a machine that was off for a week has not tried at all
CLAIM_LEASE = timedelta(minutes=10)  # longer than any one delivery may take
MAILBOX_LEASE = timedelta(minutes=15)  # longer than any one step on a mailbox may take; renewed between steps
KEPT_LEASE = timedelta(minutes=2)  # of a service, which prolongs what it holds four times in that time
SUSPECT_WAIT = timedelta(seconds=90)  # longer than cron waits: a pass in between gets its work done
BEFORE_ERASURE = timedelta(days=14)  # for so long digests name a case before its time is up and it goes
POISON_TRIES = 5  # so often a mail may end a pass, or be unreadable, before people get it as it is


def next_try(attempts: int, now: datetime, jitter: float) -> datetime:
    """When to try again after ``attempts`` failures: from a minute to hours, spread by ``jitter`` in [0, 1)."""
    doublings: int = min(max(attempts - 1, 0), 16)
    wait = min(FIRST_RETRY * (1 << doublings), LONGEST_RETRY)
    return now + wait * (0.75 + 0.5 * jitter)


def gives_up(created: datetime, attempts: int, now: datetime) -> bool:
    """Whether a delivery that keeps failing has been tried for long enough, and often enough."""
    return now - created >= GIVE_UP_AFTER and attempts >= LEAST_TRIES


def period(at: datetime, zone: ZoneInfo) -> str:
    """How a digest is known by the moment at which it was due: ``2026-04-18 08:00``, in the community's zone."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def last_due(days: Collection[int], at: time, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The latest scheduled moment that is not after ``now``; days count from Monday, 0.

    Works on the calendar of ``zone``: a time that does not exist on the night the clocks go forward is taken at the
    same distance from midnight, one that exists twice is taken once, the first time.
    """
    if not days:
        return None
    today = now.astimezone(zone).date()
    for back in range(9):
        day: date = today - timedelta(days=back)
        if day.weekday() in days:
            due = datetime.combine(day, at, zone)
            if due <= now:
                return due
    return None


def next_due(days: Collection[int], at: time, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The first scheduled moment after ``now``: ``last_due`` gives the same until then."""
    today = now.astimezone(zone).date()
    moments = (datetime.combine(today + timedelta(days=ahead), at, zone) for ahead in range(-1, 9))
    return next((moment for moment in moments if moment.weekday() in days and moment > now), None)
