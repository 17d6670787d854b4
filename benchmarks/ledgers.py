"""What the ledger's work costs by how much is in it already: ``MAILS…``, on SQLite and PostgreSQL.

Each time is the least of five, in milliseconds; 40 mails and as many claims at a time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from servers.databases import new_database
from unit.large import FIRST, MINUTE, grow
from unit.ledgers import NOW, ORGANIZERS, arrival, open_ledger, to_everyone, verdict

from benchmarks.arena import table
from benchmarks.machines import postgres
from intake.ledger.engine import Database
from intake.ledger.ledger import Ledger
from intake.model import CaseState, Withheld

ROUNDS = 5
LEASE, DAY = timedelta(minutes=10), timedelta(days=1)


@contextmanager
def filled(folder: Path, url: str, mails: int) -> Iterator[Ledger]:
    """A ledger that holds so many mails, and a few that wait."""
    ledger = open_ledger(folder, url=url)
    ledger.begin("help", "INBOX", 1, 1, NOW)
    ledger.accept([arrival(1, judged=verdict(recused=(Withheld(ORGANIZERS[1], "named"),)))], to_everyone, NOW)
    database = Database(url)
    with database.transaction() as connection:
        grow(connection, mails)
    database.close()
    yield ledger
    ledger.close()


def works(ledger: Ledger, mails: int) -> dict[str, Callable[[], object]]:
    """What is measured, by its name."""
    uids = iter(range(FIRST + mails + 1, 1 << 40))
    oldest = NOW - timedelta(milliseconds=MINUTE * max(0, mails - 100))
    return {
        "accept": lambda: ledger.accept([arrival(next(uids)) for _ in range(40)], to_everyone, NOW),
        "claim": lambda: ledger.claim("me", NOW, LEASE, 40),
        "what waits": ledger.open_count,
        "the clock": lambda: ledger.set_right(NOW, LEASE, LEASE, LEASE, period=""),
        "digest": lambda: ledger.overview(ORGANIZERS[0], NOW - DAY, NOW),
        "status": lambda: (ledger.delivery_counts(), ledger.trouble_count(), ledger.outlived(oldest)),
        "open cases": lambda: ledger.cases(states=(CaseState.NEW, CaseState.CLAIMED)),
        "audit: whom nobody has": ledger.unheard,
        "audit: 100 of a folder": lambda: ledger.recognise([bytes(16)] * 100, [bytes(16)] * 100),
    }


def least(work: Callable[[], object]) -> float:
    """Milliseconds."""
    found = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return 1000 * min(found)


def main() -> None:
    """One table, a column for each size and database."""
    sizes = [int(word) for word in sys.argv[1:]] or [1_000, 1_000_000]
    columns: list[tuple[str, dict[str, float]]] = []
    with postgres() as address:
        for kind in ("SQLite", "PostgreSQL"):
            for size in sizes:
                with TemporaryDirectory() as folder:
                    url = f"sqlite:///{folder}/intake.db"
                    if kind == "PostgreSQL":
                        url = new_database(address).render_as_string(hide_password=False)
                    with filled(Path(folder), url, size) as ledger:
                        did = {name: least(work) for name, work in works(ledger, size).items()}
                columns.append((f"{kind}, {size:,}", did))
                print(columns[-1], file=sys.stderr, flush=True)
    names = list(columns[0][1])
    print(
        table([["ms", *(head for head, _ in columns)], *([n, *(f"{did[n]:.1f}" for _, did in columns)] for n in names)])
    )


if __name__ == "__main__":
    main()
