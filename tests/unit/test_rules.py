"""Since when a rule is known, and who applies it: what tidying by itself hangs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from intake.ledger.ledger import Ledger

from .ledgers import NOW, open_ledger

DAY, PAUSE = timedelta(days=1), timedelta(hours=6)


@pytest.fixture
def ledger(tmp_path: Path, ledger_url: Callable[[], str]) -> Iterator[Ledger]:
    book = open_ledger(tmp_path, url=ledger_url())
    yield book
    book.close()


def test_a_rule_counts_from_when_it_was_last_made_shorter(ledger: Ledger) -> None:
    assert ledger.rule_since() is None
    assert ledger.note_rule(90 * DAY, NOW) == NOW
    assert ledger.note_rule(90 * DAY, NOW + DAY) == NOW
    assert ledger.note_rule(100 * DAY, NOW + 2 * DAY) == NOW  # longer: nobody loses by it
    assert ledger.note_rule(90 * DAY, NOW + 3 * DAY) == NOW + 3 * DAY  # and shorter again
    assert ledger.rule_since() == NOW + 3 * DAY
    assert ledger.note_rule(90 * DAY, NOW) == NOW  # the clock had been ahead


def test_one_of_many_gets_the_turn_and_the_next_after_a_pause(ledger: Ledger) -> None:
    assert [ledger.take_turn(NOW, PAUSE) for _ in range(3)] == [True, False, False]
    assert not ledger.take_turn(NOW + PAUSE - timedelta(seconds=1), PAUSE)
    assert ledger.take_turn(NOW + PAUSE, PAUSE)  # whoever had it has ended without a word
    ledger.next_turn(NOW + PAUSE + DAY)
    assert not ledger.take_turn(NOW + PAUSE + DAY - timedelta(seconds=1), PAUSE)
    assert ledger.take_turn(NOW + PAUSE + DAY, PAUSE)


def test_a_turn_by_a_clock_that_was_ahead_does_not_wait_for_it(ledger: Ledger) -> None:
    ledger.next_turn(NOW + 400 * DAY)
    assert ledger.take_turn(NOW, PAUSE)
