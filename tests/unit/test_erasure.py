"""What is left of a case that was erased: numbers, a stone without a name, and a log that still adds up."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from servers.databases import ask

from intake.decide.casework import Decision
from intake.errors import LedgerError
from intake.ledger.erasure import Gone, InUseError, PastRow
from intake.ledger.ledger import Ledger
from intake.ledger.recall import JUNK
from intake.model import (
    Arrival,
    CaseAction,
    CaseChange,
    DeliveryState,
    History,
    MailRef,
    Outcome,
    Plan,
    Withheld,
)

from .ledgers import NOW, arrival, open_ledger, record, to_everyone, verdict

YEAR = timedelta(days=365)


@pytest.fixture
def ledger(tmp_path: Path, ledger_url: Callable[[], str]) -> Iterator[Ledger]:
    book = open_ledger(tmp_path, url=ledger_url())
    book.begin("help", "INBOX", 1, 1, NOW)
    yield book
    book.close()


def change(ledger: Ledger, code: str, what: CaseAction, **more: Any) -> None:
    made = CaseChange(what, "ann@example.org", **more)
    assert ledger.change(code, lambda _known: Decision(made), NOW + timedelta(hours=1))


def one_case(ledger: Ledger) -> str:
    """A case with a follow-up, a duplicate, a note and a recusal; beside it another one, linked to it."""
    hidden = verdict(recused=(Withheld("bob@example.org", "named-in-body"),))
    ledger.accept([arrival(1, judged=hidden), arrival(2, refers=("<1@example.com>",))], to_everyone, NOW)
    ledger.accept([arrival(3, body=b"mail 1")], to_everyone, NOW)
    ledger.accept([arrival(4, sender="else@example.com", message_id="<else@example.com>")], to_everyone, NOW)
    [code, _] = [one.code for one in ledger.cases()]
    change(ledger, code, CaseAction.NOTE, text="spoke to her on the phone")
    change(ledger, code, CaseAction.CLOSE, outcome="warning")
    ledger.remember_places([(MailRef("help", "Processed", 7, 3), 1)])
    return code


def test_erasing_takes_all_of_one_case_and_nothing_of_another(ledger: Ledger) -> None:
    code = one_case(ledger)
    [_, other] = ledger.cases()
    rest = ledger.deliveries_of_case(other.id)
    assert ledger.erase(code, "operator", "request", NOW) == Gone(mails=3, originals=2, messages=5, notes=1)
    assert [one.code for one in ledger.cases()] == [other.code]
    assert ledger.deliveries_of_case(other.id) == rest
    assert ledger.outcomes() == {"erased": 3, "case": 1}
    assert ledger.original(4) == b"mail 4"
    assert ledger.accounts("help", "Processed", 7) == {}
    assert {a.outcome for uid, a in ledger.accounts("help", "INBOX", 1).items() if uid < 4} == {"erased"}


@pytest.mark.parametrize("cases", [1, 2])
def test_a_responder_that_says_not_what_it_answers_goes_with_the_one_case_that_woke_it(
    ledger: Ledger, cases: int
) -> None:
    found: list[int | None] = []

    def decide(_arrival: Arrival, known: History) -> Plan:
        found.append(known.recent_case)
        return Plan(Outcome.RECORDED, "may-answer-ours", case_id=known.recent_case)

    for number in range(1, cases + 1):
        ledger.accept([arrival(number)], to_everyone, NOW)
    ledger.accept([arrival(8)], decide, NOW)
    ledger.accept([arrival(9, sender="else@example.com")], decide, NOW)
    first = ledger.cases()[0]
    assert found == [first.id if cases == 1 else None, None]
    assert ledger.erase(first.code, "operator", "request", NOW).mails == (2 if cases == 1 else 1)


def fetched_out_of_junk(ledger: Ledger) -> str:
    """A mail that was set aside as junk, moved to the inbox by somebody, and copied once more."""
    ledger.begin("help", "Junk", 1, 1, NOW)
    aside = Plan(Outcome.RECORDED, JUNK)
    assert ledger.accept([arrival(1, body=b"x", folder="Junk")], lambda _arrival, _known: aside, NOW).outcomes == (
        Outcome.RECORDED,
    )
    assert ledger.accept([arrival(1, body=b"x")], to_everyone, NOW).outcomes == (Outcome.CASE,)
    assert ledger.accept([arrival(2, body=b"x")], to_everyone, NOW).outcomes == (Outcome.DUPLICATE,)
    ledger.accept([arrival(3, sender="else@example.com")], to_everyone, NOW)
    return ledger.cases()[0].code


def test_erasing_reaches_what_was_set_aside_as_junk_and_every_copy(ledger: Ledger) -> None:
    code = fetched_out_of_junk(ledger)
    [case, other] = ledger.cases()
    found = {(one.places[-1].folder, one.places[-1].uid): one.outcome for one in ledger.traces(case.id)}
    assert found == dict.fromkeys([("Junk", 1), ("INBOX", 1), ("INBOX", 2)], Outcome.CASE)
    assert ledger.erase(code, "operator", "request", NOW).mails == 3
    assert ledger.outcomes() == {"erased": 3, "case": 1}
    assert [one.code for one in ledger.cases()] == [other.code]
    again = [arrival(9, body=b"x"), arrival(10, body=b"x")]
    assert ledger.accept(again, to_everyone, NOW).outcomes == (Outcome.DUPLICATE, Outcome.DUPLICATE)
    assert ledger.fade(NOW + YEAR) == 3  # the mark of its bytes; and the two copies that came back, of their sender


def test_the_log_still_adds_up_and_names_nobody(ledger: Ledger) -> None:
    code = one_case(ledger)
    ledger.erase(code, "operator", "request", NOW)
    assert ledger.verify_log().problems == ()
    lines = ledger.case_log(code)
    assert [line.entry.what for line in lines] == [
        CaseAction.OPENED, CaseAction.RECUSE, CaseAction.FOLLOW_UP, CaseAction.NOTE, CaseAction.CLOSE, CaseAction.ERASED
    ]  # fmt: skip
    assert {(line.entry.by, line.entry.about) for line in lines[:-1]} == {("", "")}
    assert (lines[-1].entry.by, lines[-1].entry.about) == ("operator", "request")
    assert ledger.erased_before(code) == NOW
    assert ledger.erased_before("AZUG-XXXXXX") is None
    one_more = arrival(9, sender="new@example.com")
    ledger.accept([one_more], to_everyone, NOW)
    assert ledger.verify_log().problems == ()


def test_a_log_without_names_is_only_believed_of_erased_cases(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.begin("help", "INBOX", 1, 1, NOW)
    code = one_case(ledger)
    ledger.close()
    ask(tmp_path, f"UPDATE change SET by = '', about = '' WHERE code = '{code}'")
    ledger = open_ledger(tmp_path)
    assert any("was changed" in problem for problem in ledger.verify_log().problems)
    ledger.close()
    # And whoever has no key can't say that it was erased.
    ask(tmp_path, f"UPDATE change SET what = 'erased' WHERE code = '{code}' AND what = 'close'")
    ledger = open_ledger(tmp_path)
    assert any("was changed" in problem for problem in ledger.verify_log().problems)
    ledger.close()


def test_erased_mail_that_comes_back_is_known_and_answered_by_nobody(ledger: Ledger) -> None:
    ledger.erase(one_case(ledger), "operator", "request", NOW)
    before = ledger.delivery_counts()
    again = ledger.accept([arrival(1, body=b"mail 1", uidvalidity=2), arrival(2, uidvalidity=2)], to_everyone, NOW)
    assert again.outcomes == (Outcome.DUPLICATE, Outcome.DUPLICATE)
    assert ledger.delivery_counts() == before


def test_a_follow_up_to_an_erased_case_is_a_new_case(ledger: Ledger) -> None:
    code = one_case(ledger)
    ledger.erase(code, "operator", "request", NOW)
    late = arrival(12, refers=("<1@example.com>",), subject=f"Re: [{code}]")
    assert ledger.accept([late], to_everyone, NOW).outcomes == (Outcome.CASE,)


def test_a_held_case_stays(ledger: Ledger) -> None:
    code = one_case(ledger)
    [case, _] = ledger.cases()
    ledger.keep(case.id, NOW)
    ledger.keep(case.id, NOW + YEAR)
    assert ledger.held() == {case.id: NOW}
    with pytest.raises(LedgerError, match=f"intake hold {code} --end"):
        ledger.erase(code, "operator", "request", NOW)
    assert len(ledger.cases()) == 2
    ledger.let_go(case.id)
    ledger.erase(code, "operator", "request", NOW)
    assert ledger.held() == {}


def test_what_is_not_there_is_not_erased(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="no case has the code"):
        ledger.erase("AZUG-NOSUCH", "operator", "request", NOW)


def test_a_case_is_counted_before_it_goes(ledger: Ledger) -> None:
    ledger.erase(one_case(ledger), "operator", "request", NOW)
    [other] = ledger.cases()
    ledger.erase(other.code, "intake", "retention", NOW)
    ledger.accept([arrival(20, sender="new@example.com")], to_everyone, NOW)
    [last] = ledger.cases()
    ledger.erase(last.code, "intake", "retention", NOW)
    open_ones = PastRow("2026-04", "report", "", 2, 2, 0, 0, 0, 0)
    assert ledger.past() == [open_ones, PastRow("2026-04", "report", "warning", 1, 2, 1, 0, 0, 1)]


def test_a_message_in_somebody_s_hands_is_seen(ledger: Ledger) -> None:
    one_case(ledger)
    [case, other] = ledger.cases()
    ledger.claim("somebody", NOW, timedelta(minutes=5), 100)
    assert ledger.being_sent(other.id, NOW)
    assert not ledger.being_sent(other.id, NOW + timedelta(minutes=6))
    assert not ledger.being_sent(case.id + 100, NOW)


def test_whoever_was_sending_meanwhile_writes_nothing_down(ledger: Ledger) -> None:
    code = one_case(ledger)
    claimed = [one for one in ledger.claim("somebody", NOW, timedelta(minutes=5), 100) if one.mail_id in {1, 2}]
    with pytest.raises(InUseError, match="try again"):
        ledger.erase(code, "operator", "request", NOW)
    ledger.erase(code, "operator", "request", NOW + timedelta(minutes=5))
    assert claimed
    assert not any(record(ledger, one, DeliveryState.SENT, NOW) for one in claimed)
    assert not any(replace(one).mail_id in {1, 2} for one in ledger.deliveries(tuple(DeliveryState)))


def test_closed_cases_whose_time_is_up(ledger: Ledger) -> None:
    code = one_case(ledger)
    closed = NOW + timedelta(hours=1)
    assert [one.code for one in ledger.outlived(closed + timedelta(seconds=1))] == [code]
    assert ledger.outlived(closed) == []


def test_a_case_that_was_opened_again_meanwhile_is_not_outlived(ledger: Ledger) -> None:
    code = one_case(ledger)
    year = NOW + YEAR
    change(ledger, code, CaseAction.CLAIM)
    with pytest.raises(InUseError, match="opened again"):
        ledger.erase(code, "intake", "retention", year, closed_before=year)
    change(ledger, code, CaseAction.CLOSE, outcome="warning")
    assert ledger.erase(code, "intake", "retention", year, closed_before=year).mails == 3


def test_marks_fade_from_mail_that_belongs_to_no_case(ledger: Ledger) -> None:
    ledger.erase(one_case(ledger), "operator", "request", NOW)
    assert ledger.fade(NOW - timedelta(days=2)) == 0
    assert ledger.fade(NOW + YEAR) == 2  # of the stones; the duplicate's had none
    assert ledger.fade(NOW + YEAR) == 0
    again = ledger.accept([arrival(1, uidvalidity=3)], to_everyone, NOW + YEAR)
    assert again.outcomes == (Outcome.CASE,)  # nobody knows it any more
    assert ledger.accept([arrival(4, uidvalidity=3)], to_everyone, NOW).outcomes == (Outcome.DUPLICATE,)


@pytest.mark.sqlite
def test_nothing_of_it_is_left_in_the_file(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.begin("help", "INBOX", 1, 1, NOW)
    code = one_case(ledger)
    sealed = sealed_in(tmp_path)
    assert len(sealed) == 3
    assert ids(tmp_path, code)
    wanted = [*sealed[:2], *ids(tmp_path, code)]
    assert all(one in everything(tmp_path) for one in wanted)  # that they could be found
    ledger.erase(code, "operator", "request", NOW)
    assert not [one for one in wanted if one in everything(tmp_path)]
    assert sealed[2] in everything(tmp_path)
    ledger.close()


@pytest.mark.sqlite
def test_who_reads_meanwhile_keeps_it_in_the_file_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intake.ledger.engine.BUSY_SECONDS", 0.1)
    ledger = open_ledger(tmp_path)
    ledger.begin("help", "INBOX", 1, 1, NOW)
    code = one_case(ledger)
    wanted = ids(tmp_path, code)
    with closing(sqlite3.connect(tmp_path / "intake.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM mail").fetchall()
        assert not ledger.erase(code, "operator", "request", NOW).emptied
        assert [one for one in wanted if one in everything(tmp_path)]
        reader.execute("COMMIT")
    ledger.fade(NOW)
    assert not [one for one in wanted if one in everything(tmp_path)]
    ledger.close()


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def sealed_in(folder: Path) -> list[bytes]:
    with closing(sqlite3.connect(folder / "intake.db")) as raw:
        return [row[0] for row in raw.execute("SELECT sealed FROM original ORDER BY mail_id")]


def ids(folder: Path, code: str) -> list[bytes]:
    """Our Message-IDs and the reporter's marks of a case."""
    with closing(sqlite3.connect(folder / "intake.db")) as raw:
        ours = raw.execute(
            "SELECT message_id FROM delivery WHERE case_id = (SELECT id FROM case_file WHERE code = ?)", (code,)
        )
        theirs = raw.execute(
            "SELECT message_id FROM mail WHERE case_id = (SELECT id FROM case_file WHERE code = ?)", (code,)
        )
        return [row[0].encode() for row in ours] + [row[0] for row in theirs]
