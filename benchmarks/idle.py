"""A pass without news over a folder of mails that stay where they are, by the size of the folder. ``SIZE…``."""

from __future__ import annotations

import os
import statistics
import sys
from pathlib import Path

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.arena import Cost, Dovecot, Sink, community, intake, mail, run, table

ROUNDS = 7
MOST_LINKS = 50_000  # ext4 takes 65,000 names for one file
BARE = """
import imaplib, ssl, sys, imapclient
imaplib._MAXLINE = 100_000_000
port, authority, user, password, search = sys.argv[1:]
context = ssl.create_default_context(cafile=authority)
client = imapclient.IMAPClient("127.0.0.1", port=int(port), ssl_context=context)
client.login(user, password)
client.select_folder("INBOX", readonly=True)
if search:
    client.search(search)
client.logout()
"""


def heap(server: Dovecot, user: str, count: int) -> None:
    """So many unread mails in INBOX, which are few files with many names: they are only counted here."""
    with server.client(user) as client:
        client.select_folder("INBOX")
    place = server.maildir(user) / "cur"
    owner = place.stat()
    for number in range(count):
        file, first = (place / f"{1763000000 + n}.M{n}P1.bench:2," for n in (number, number - number % MOST_LINKS))
        if file != first:
            os.link(first, file)
            continue
        file.write_bytes(mail(number))
        os.chown(file, owner.st_uid, owner.st_gid)


def median(command: list[str]) -> Cost:
    """The median of several runs; the first, which fills caches, is not counted."""
    costs = [run(command) for _ in range(ROUNDS + 1)][1:]
    return Cost(statistics.median(cost.wall for cost in costs), statistics.median(cost.cpu for cost in costs))


def main() -> None:
    """One table, a row for each size."""
    sizes = [int(size) for size in sys.argv[1:]] or [1_000, 10_000, 100_000]
    rows = [["mails in the folder", "intake once, ms", "CPU ms", "log-in and SELECT, ms", "CPU ms", "with UNSEEN, ms"]]
    with Dovecot(extra="default_vsz_limit = 0") as server, Sink() as sink:  # the index of a million is in memory
        for size in sizes:
            user = server.user()
            heap(server, user, size)
            bare = [sys.executable, "-c", BARE, str(server.imaps_port), str(server.ca_file), user, server.password]
            with community(server, user, sink.port, start='"now"', processed='""') as config:
                run([*bare, ""])  # Dovecot writes its index now, which takes minutes where there is much
                run(intake("once", "-c", str(config)))
                ours, least, unseen = (
                    median(command) for command in (intake("once", "-c", str(config)), [*bare, ""], [*bare, "UNSEEN"])
                )
            figures = (ours.wall, ours.cpu, least.wall, least.cpu, unseen.wall)
            rows.append([f"{size:,}", *(f"{1000 * figure:.0f}" for figure in figures)])
    print(table(rows))


if __name__ == "__main__":
    main()
