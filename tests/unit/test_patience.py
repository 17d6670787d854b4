"""What an authority says about when to ask again: whatever it says, nobody waits for longer than an hour."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from intake.oauth.patience import LONGEST_S, seconds

NOW = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("17", 17),
        (" 120 ", 120),
        ("0", 0),
        ("Fri, 06 Nov 2026 08:51:37 GMT", 120),
        ("Friday, 06-Nov-26 08:51:37 GMT", 120),
        ("Fri Nov  6 08:51:37 2026", 120),
        ("Fri, 06 Nov 2026 08:49:37 GMT", 0),
        ("Fri, 06 Nov 2026 08:00:00 GMT", 0),
        ("Sat, 07 Nov 2026 08:00:00 GMT", LONGEST_S),
        ("Fri, 31 Dec 9999 23:59:59 -2359", LONGEST_S),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0),
        ("9" * 5000, LONGEST_S),
        ("1" + "0" * 30, LONGEST_S),
        ("1e30", 0),
        ("-17", 0),
        ("1.5", 0),
        ("NaN", 0),
        ("inf", 0),
        ("\u0661\u0667", 0),
        ("", 0),
        ("soon", 0),
    ],
)
def test_both_forms_and_nonsense(said: str, left: float) -> None:
    assert seconds(said, NOW) == left


@given(
    st.text()
    | st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,9} \d{1,9}:\d\d:\d\d [+-]?\w{1,9}", fullmatch=True)
)
@example("Sun, 06 Nov 99999999999 08:51:37 GMT")
@example("Fri, 06 Nov 2026 08:51:37 +99999999999999999999")
def test_whatever_is_said_nobody_waits_for_longer_than_an_hour(said: str) -> None:
    assert 0 <= seconds(said, NOW) <= LONGEST_S
