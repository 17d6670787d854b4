"""Several who write into one ledger at the same time: nobody does anything twice, and nobody fails for it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from servers.databases import new_database
from sqlalchemy import update

from intake.ledger.engine import ConflictError, Database
from intake.ledger.schema import case
from intake.model import Arrival, History, Plan

from .ledgers import NOW, arrival, open_ledger, to_everyone

PATIENCE = 60.0  # seconds until a test that hangs fails


def test_who_adds_to_the_log_waits_for_the_others(tmp_path: Path, ledger_url: Callable[[], str]) -> None:
    url = ledger_url()
    open_ledger(tmp_path, url=url).close()
    writers, mails = 4, 10
    together = Barrier(writers)
    decided: list[int] = []

    def decide(given: Arrival, history: History) -> Plan:
        decided.append(given.raw.ref.uid)
        return to_everyone(given, history)

    def write(number: int) -> None:
        ledger = open_ledger(tmp_path, url=url)
        folder = f"folder {number}"
        ledger.begin("help", folder, 1, 1, NOW)
        for uid in range(1, mails + 1):
            name = f"{number}.{uid}"
            given = arrival(uid, folder=folder, body=name.encode(), message_id=f"<{name}@people.example>")
            together.wait(PATIENCE)
            ledger.accept([given], decide, NOW)
        ledger.close()

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(writers)))
    ledger = open_ledger(tmp_path, url=url)
    found = ledger.verify_log()
    ledger.close()
    assert (found.lines, found.problems) == (writers * mails, ())
    assert len(decided) == writers * mails, "some were decided again"


def test_of_two_who_wait_for_each_other_one_may_decide_anew(tmp_path: Path, postgres: str) -> None:
    url = new_database(postgres).render_as_string(hide_password=False)
    ledger = open_ledger(tmp_path, url=url)
    ledger.begin("help", "INBOX", 1, 1, NOW)
    ledger.accept([arrival(1), arrival(2)], to_everyone, NOW)
    cases = [one.id for one in ledger.cases()]
    ledger.close()
    database, together = Database(url), Barrier(2)

    def write(first: int, second: int) -> str:
        try:
            with database.transaction() as connection:
                connection.execute(update(case).where(case.c.id == first).values(event="a"))
                together.wait(PATIENCE)
                connection.execute(update(case).where(case.c.id == second).values(event="a"))
        except ConflictError:
            return "anew"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(write, cases, reversed(cases))) == ["anew", "done"]
    database.close()
