"""A pass without news over a folder of mails that stay where they are, by the size of the folder. ``SIZE…``."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.arena import Cost, Dovecot, Sink, community, fill, intake, run, table

ROUNDS = 7
BARE = """
import ssl, sys, imapclient
port, authority, user, password, search = sys.argv[1:]
context = ssl.create_default_context(cafile=authority)
client = imapclient.IMAPClient("127.0.0.1", port=int(port), ssl_context=context)
client.login(user, password)
client.select_folder("INBOX", readonly=True)
if search:
    client.search(search)
client.logout()
"""


def median(command: list[str]) -> Cost:
    """The median of several runs; the first, which fills caches, is not counted."""
    costs = [run(command) for _ in range(ROUNDS + 1)][1:]
    return Cost(statistics.median(cost.wall for cost in costs), statistics.median(cost.cpu for cost in costs))


def main() -> None:
    """One table, a row for each size."""
    sizes = [int(size) for size in sys.argv[1:]] or [1_000, 10_000, 100_000]
    rows = [["mails in the folder", "intake once, ms", "CPU ms", "log-in and SELECT, ms", "CPU ms", "with UNSEEN, ms"]]
    with Dovecot() as server, Sink() as sink:
        for size in sizes:
            user = server.user()
            fill(server, user, "INBOX", size)
            bare = [sys.executable, "-c", BARE, str(server.imaps_port), str(server.ca_file), user, server.password]
            with community(server, user, sink.port, start='"now"', processed='""') as config:
                run(intake("once", "-c", str(config)))
                ours, least, unseen = (
                    median(command) for command in (intake("once", "-c", str(config)), [*bare, ""], [*bare, "UNSEEN"])
                )
            figures = (ours.wall, ours.cpu, least.wall, least.cpu, unseen.wall)
            rows.append([f"{size:,}", *(f"{1000 * figure:.0f}" for figure in figures)])
    print(table(rows))


if __name__ == "__main__":
    main()
