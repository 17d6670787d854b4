"""The clock of a case: until when somebody must have taken or answered it, and who is reminded. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Protocol

from intake.model import Case, CaseState, Urgency

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

QUIET_FROM, QUIET_TO = time(22), time(8)  # in the community's zone; an urgent case knows no night
CLAIM, REPLY = "claim", "reply"
TO_ALL = 3  # from this reminder on they go to all who may see the case,
TO_FALLBACK = 4  # and from this one on to the fallback too
DAILY, WEEKLY = timedelta(days=1), timedelta(days=7)
DAILY_UNTIL = 10  # reminders; after so many they come weekly, and never end by themselves


class Promises(Protocol):
    """What a category promises (``CategoryConfig``)."""

    @property
    def claim_within(self) -> timedelta | None:
        """Until somebody has taken a case; None: no clock."""

    @property
    def reply_within(self) -> timedelta | None:
        """Until a person has answered."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is due: ``topic`` claim or reply, at ``at``; ``remind_at`` is when reminder ``count`` goes out."""

    topic: str
    at: datetime
    count: int
    remind_at: datetime


def answered(case: Case) -> bool:
    """Whether a person has answered since the case was opened, or opened again."""
    since = case.clock_since or case.opened
    return case.last_human_reply is not None and case.last_human_reply >= since


def due_of(case: Case, promises: Promises | None) -> tuple[datetime | None, str]:
    """Until when somebody must have taken or answered the case, and which of the two; None when no clock runs."""
    if promises is None or case.state is CaseState.CLOSED or answered(case):
        return None, ""
    since = case.clock_since or case.opened
    if case.state is CaseState.NEW and promises.claim_within is not None:
        return since + promises.claim_within, CLAIM
    if promises.reply_within is not None:
        return since + promises.reply_within, REPLY
    return None, ""


def next_reminder(case: Case, promises: Promises | None, zone: ZoneInfo) -> Due | None:
    """The next reminder of a case.

    The first comes when the time is up, the next three after as long again each, then one a day, then one a week.
    After an outage they do not come all at once: each keeps its distance from the one before.
    """
    at, topic = due_of(case, promises)
    if at is None:
        return None
    count = case.reminders + 1
    since = case.clock_since or case.opened
    step = max(at - since, timedelta(minutes=1))
    if count > TO_FALLBACK:
        step = max(step, DAILY if count <= DAILY_UNTIL else WEEKLY)
    moment = at if case.reminded_at is None else max(at, case.reminded_at + step)
    if case.urgency is not Urgency.URGENT:
        moment = after_quiet(moment, zone)
    return Due(topic, at, count, moment)


def after_quiet(moment: datetime, zone: ZoneInfo) -> datetime:
    """The same moment, or the end of the quiet hours that it falls into."""
    local = moment.astimezone(zone)
    if QUIET_TO <= local.time() < QUIET_FROM:
        return moment
    day = local.date() + timedelta(days=1 if local.time() >= QUIET_FROM else 0)
    return datetime.combine(day, QUIET_TO, zone)
