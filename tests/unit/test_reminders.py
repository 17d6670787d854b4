"""The clock of a case."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.decide.reminders import CLAIM, REPLY, after_quiet, answered, due_of, next_reminder
from intake.model import Case, CaseState, Urgency

BRUSSELS = ZoneInfo("Europe/Brussels")
MORNING = datetime(2026, 4, 20, 9, 0, tzinfo=BRUSSELS)
HOUR = timedelta(hours=1)
CASE = Case(
    1, "AZUG-ABCDEF", "report", "r", Urgency.NORMAL, (), "en", "", "none", CaseState.NEW, MORNING, None, None, None, None, 1,
    clock_since=MORNING,
)  # fmt: skip


@dataclass(frozen=True)
class Promised:
    claim_within: timedelta | None = 4 * HOUR
    reply_within: timedelta | None = 24 * HOUR


@pytest.mark.parametrize(
    ("case", "promises", "due", "topic"),
    [
        (CASE, Promised(), MORNING + 4 * HOUR, CLAIM),
        (replace(CASE, state=CaseState.CLAIMED), Promised(), MORNING + 24 * HOUR, REPLY),
        (replace(CASE, state=CaseState.CLOSED), Promised(), None, ""),
        (replace(CASE, last_human_reply=MORNING + HOUR), Promised(), None, ""),
        (replace(CASE, last_human_reply=MORNING - HOUR), Promised(), MORNING + 4 * HOUR, CLAIM),  # before it reopened
        (CASE, Promised(claim_within=None), MORNING + 24 * HOUR, REPLY),
        (CASE, Promised(None, None), None, ""),
        (replace(CASE, state=CaseState.CLAIMED), Promised(reply_within=None), None, ""),
        (CASE, None, None, ""),
        (replace(CASE, clock_since=MORNING + 50 * HOUR), Promised(), MORNING + 54 * HOUR, CLAIM),
    ],
)
def test_what_is_due(case: Case, promises: Promised | None, due: datetime | None, topic: str) -> None:
    assert due_of(case, promises) == (due, topic)
    assert answered(case) is (case.last_human_reply is not None and case.last_human_reply >= MORNING)


@pytest.mark.parametrize(
    ("moment", "then"),
    [
        ("2026-04-20T12:00", "2026-04-20T12:00"),
        ("2026-04-20T08:00", "2026-04-20T08:00"),
        ("2026-04-20T07:59", "2026-04-20T08:00"),
        ("2026-04-20T21:59", "2026-04-20T21:59"),
        ("2026-04-20T22:00", "2026-04-21T08:00"),
        ("2026-04-20T00:00", "2026-04-20T08:00"),
        ("2026-03-29T02:30", "2026-03-29T08:00"),  # a time that does not exist
        ("2026-12-31T23:59", "2027-01-01T08:00"),
    ],
)
def test_quiet_hours(moment: str, then: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=BRUSSELS)
    assert after_quiet(at, BRUSSELS) == datetime.fromisoformat(then).replace(tzinfo=BRUSSELS)


def test_an_urgent_case_is_called_out_at_night_and_another_is_not() -> None:
    evening = replace(CASE, opened=MORNING + 12 * HOUR, clock_since=MORNING + 12 * HOUR)
    normal = next_reminder(evening, Promised(), BRUSSELS)
    urgent = next_reminder(replace(evening, urgency=Urgency.URGENT), Promised(), BRUSSELS)
    assert normal is not None
    assert urgent is not None
    assert normal.remind_at == MORNING + 23 * HOUR
    assert urgent.remind_at == MORNING + 16 * HOUR


def test_after_an_outage_reminders_keep_their_distance() -> None:
    late = MORNING + 100 * HOUR
    second = next_reminder(replace(CASE, reminders=1, reminded_at=late), Promised(), BRUSSELS)
    assert second is not None
    assert second.remind_at >= late + 4 * HOUR
    assert second.count == 2


@given(
    reminders=st.integers(0, 40),
    ago=st.integers(0, 10_000),
    within=st.integers(1, 5_000),
    state=st.sampled_from([CaseState.NEW, CaseState.CLAIMED]),
    urgency=st.sampled_from(list(Urgency)),
)
def test_a_clock_that_runs_never_stops_by_itself_and_never_calls_early(
    reminders: int, ago: int, within: int, state: CaseState, urgency: Urgency
) -> None:
    last = MORNING + timedelta(minutes=ago) if reminders else None
    case = replace(CASE, reminders=reminders, reminded_at=last, state=state, urgency=urgency)
    span = timedelta(minutes=within)
    due = next_reminder(case, Promised(span, span), BRUSSELS)
    assert due is not None
    assert due.remind_at >= MORNING + span
    assert due.remind_at > (last or MORNING)
    assert (
        due.remind_at.astimezone(UTC) <= max(last or MORNING, MORNING + span) + max(span, timedelta(days=7)) + 10 * HOUR
    )
