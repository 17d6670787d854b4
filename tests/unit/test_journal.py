"""The log of what happened to cases: whoever touches it is seen, and it ends where the cases are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers.databases import ask

from intake.ledger.ledger import Ledger
from intake.model import CASE_MOVES, CaseAction, CaseChange, CaseState, KnownCase, moved

from .ledgers import NOW, ORGANIZERS, arrival, open_ledger, to_everyone

ANN, BOB = ORGANIZERS


ADDED = (
    "INSERT INTO change (code, at, by, what, about, previous, hash) "
    "SELECT code, at, by, 'note', '', hash, (SELECT max(content) FROM mail) FROM change ORDER BY id DESC LIMIT 1"
)


@dataclass(frozen=True)
class Decided:
    change: CaseChange | None
    notices: tuple[()] = ()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    found = open_ledger(tmp_path)
    found.accept([arrival(1), arrival(2)], to_everyone, NOW)
    yield found
    found.close()


def change(ledger: Ledger, action: CaseAction, by: str = ANN, **more: object) -> None:
    code = ledger.cases()[0].code
    ledger.change(code, lambda _: Decided(CaseChange(action, by, **more)), NOW + timedelta(hours=1))  # type: ignore[arg-type]


def work(ledger: Ledger) -> None:
    change(ledger, CaseAction.CLAIM)
    change(ledger, CaseAction.RECUSE, about=BOB)
    change(ledger, CaseAction.NOTE, text="the canary-4711")
    change(ledger, CaseAction.RELEASE, about=BOB)
    change(ledger, CaseAction.CLOSE, outcome="conversation", text="a talk")


def test_every_change_is_a_line_and_all_is_well(ledger: Ledger) -> None:
    work(ledger)
    found = ledger.verify_log()
    assert found.problems == ()
    assert found.lines == 7
    code = ledger.cases()[0].code
    told = [(line.entry.what, line.entry.by, line.entry.about) for line in ledger.case_log(code)]
    assert told == [
        ("opened", "intake", "case"),
        ("claim", ANN, ""),
        ("recuse", ANN, BOB),
        ("note", ANN, ""),
        ("release", ANN, BOB),
        ("close", ANN, "conversation"),
    ]
    assert [text for _, _, text in ledger.notes(ledger.cases()[0].id)] == ["the canary-4711", "a talk"]


@pytest.mark.parametrize(
    "touch",
    [
        "UPDATE change SET by = 'mallory@x.example' WHERE what = 'claim'",
        "UPDATE change SET at = at + 1 WHERE id = 3",
        "UPDATE change SET about = 'warning' WHERE what = 'close'",
        "UPDATE change SET code = (SELECT max(code) FROM case_file)",
        "DELETE FROM change WHERE what = 'recuse'",
        "DELETE FROM change WHERE id = 1",
        "DELETE FROM change WHERE id = (SELECT max(id) FROM change)",
        "DELETE FROM change",
        ADDED,
        "UPDATE case_file SET state = 'new' WHERE state = 'closed'",
        "UPDATE case_file SET claimed_by = 'mallory@x.example' WHERE claimed_by IS NOT NULL",
        "UPDATE recusal SET released = NULL",
        "INSERT INTO recusal (case_id, organizer, reason, since) VALUES (1, 'ann@example.org', 'x', 0)",
    ],
)
def test_whoever_touches_it_without_the_key_is_seen(ledger: Ledger, tmp_path: Path, touch: str) -> None:
    work(ledger)
    ask(tmp_path, touch)
    found = ledger.verify_log()
    assert found.problems
    assert all("4711" not in problem and "\n" not in problem for problem in found.problems)


def test_notes_are_nowhere_to_be_read(ledger: Ledger, tmp_path: Path) -> None:
    work(ledger)
    ledger.close()
    for file in tmp_path.iterdir():
        assert b"canary-4711" not in file.read_bytes()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    actions=st.lists(
        st.sampled_from([CaseAction.CLAIM, CaseAction.CLOSE, CaseAction.NOTE, CaseAction.RECUSE, CaseAction.RELEASE]),
        max_size=8,
    )
)
def test_whatever_is_done_the_log_ends_where_the_case_is(
    tmp_path_factory: pytest.TempPathFactory, actions: list[CaseAction]
) -> None:
    ledger = open_ledger(tmp_path_factory.mktemp("log"))
    ledger.accept([arrival(1)], to_everyone, NOW)
    state, withheld = CaseState.NEW, False
    for number, action in enumerate(actions):
        if (action is CaseAction.RECUSE and withheld) or (action is CaseAction.RELEASE and not withheld):
            continue
        about = BOB if action in {CaseAction.RECUSE, CaseAction.RELEASE} else ""

        def decide(
            known: KnownCase, state: CaseState = state, action: CaseAction = action, about: str = about
        ) -> Decided:
            assert known.state is state
            also = (BOB,) if action is CaseAction.RELEASE else ()
            return Decided(CaseChange(action, ANN, about=about, also_to=also))

        ledger.change(ledger.cases()[0].code, decide, NOW + timedelta(minutes=number))
        state = moved(state, action)
        withheld = {CaseAction.RECUSE: True, CaseAction.RELEASE: False}.get(action, withheld)
        case = ledger.cases()[0]
        assert case.state is state
        assert bool(case.recused) is withheld
    assert ledger.verify_log().problems == ()
    ledger.close()


def test_the_table_of_moves_names_states_and_actions_that_exist() -> None:
    for (before, action), after in CASE_MOVES.items():
        assert before in CaseState
        assert after in CaseState
        assert moved(before, action) is after
    assert moved(CaseState.CLOSED, CaseAction.NOTE) is CaseState.CLOSED


def test_two_writers_make_one_chain(tmp_path: Path) -> None:
    first, second = open_ledger(tmp_path), open_ledger(tmp_path)
    first.accept([arrival(1)], to_everyone, NOW)
    second.accept([arrival(2)], to_everyone, NOW)
    change(first, CaseAction.CLAIM)
    change(second, CaseAction.CLOSE, by=BOB)
    assert first.verify_log().problems == ()
    assert first.verify_log().lines == 4
    first.close()
    second.close()
