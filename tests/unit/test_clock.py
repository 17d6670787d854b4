"""When things are due."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.decide.clock import FIRST_RETRY, LEAST_TRIES, LONGEST_RETRY, gives_up, last_due, next_try

BRUSSELS = ZoneInfo("Europe/Brussels")
MON_FRI = frozenset(range(5))


@given(attempts=st.integers(-3, 10_000), jitter=st.floats(0, 1, exclude_max=True))
def test_retries_lie_between_a_minute_and_hours(attempts: int, jitter: float) -> None:
    now = datetime(2026, 4, 20, tzinfo=UTC)
    wait = next_try(attempts, now, jitter) - now
    assert FIRST_RETRY * 0.75 <= wait <= LONGEST_RETRY * 1.25


def test_retries_back_off() -> None:
    now = datetime(2026, 4, 20, tzinfo=UTC)
    waits = [next_try(n, now, 0.5) - now for n in range(1, 12)]
    assert waits == sorted(waits)
    assert waits[0] == timedelta(minutes=1)
    assert waits[-1] == timedelta(hours=4)


def test_gives_up_after_days_not_hours() -> None:
    now = datetime(2026, 4, 20, tzinfo=UTC)
    assert not gives_up(now - timedelta(days=3, hours=23), LEAST_TRIES, now)
    assert gives_up(now - timedelta(days=4), LEAST_TRIES, now)


def test_gives_up_only_what_was_tried() -> None:
    now = datetime(2026, 4, 20, 9, 0, tzinfo=UTC)
    assert not gives_up(now - timedelta(days=40), LEAST_TRIES - 1, now)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-04-20T08:00", "2026-04-20T08:00"),  # a Monday, on the dot
        ("2026-04-20T07:59", "2026-04-17T08:00"),  # before it: Friday's
        ("2026-04-19T23:00", "2026-04-17T08:00"),  # Sunday: Friday's
        ("2026-04-22T12:00", "2026-04-22T08:00"),
    ],
)
def test_the_latest_moment_of_the_schedule(now: str, expected: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=BRUSSELS)
    found = last_due(MON_FRI, time(8), BRUSSELS, moment)
    assert found is not None
    assert found.strftime("%Y-%m-%dT%H:%M") == expected


@given(
    now=st.integers(0, 3 * 365 * 24 * 60).map(
        lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    at=st.times(),
    days=st.frozensets(st.integers(0, 6), min_size=1),
)
def test_never_in_the_future_and_never_longer_ago_than_a_week(now: datetime, at: time, days: frozenset[int]) -> None:
    found = last_due(days, at.replace(tzinfo=None), BRUSSELS, now)
    assert found is not None
    assert found <= now
    assert now - found <= timedelta(days=7, hours=1)  # an hour for the night the clocks change
    assert found.weekday() in days


def test_two_years_of_nights_give_each_day_once() -> None:
    """02:30 exists twice in autumn and not at all in spring: each day has one period all the same."""
    now, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    periods: list[str] = []
    while now < end:
        due = last_due(frozenset(range(7)), time(2, 30), BRUSSELS, now)
        assert due is not None
        name = due.astimezone(BRUSSELS).strftime("%Y-%m-%d")
        if not periods or periods[-1] != name:
            periods.append(name)
        now += timedelta(minutes=15)
    assert len(periods) == len(set(periods))
    assert len(periods) == 365 * 2 + 1


def test_no_day_no_digest() -> None:
    assert last_due(frozenset(), time(8), BRUSSELS, datetime(2026, 4, 20, tzinfo=UTC)) is None
