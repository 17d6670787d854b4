"""Mails a second: read, written down, acknowledged, one message to each of five organizers, filed.

``MAILS ROUNDS``, and ``--postfix`` for a real Postfix (needs root) as the way out instead of ``smtp-sink``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.arena import Cost, Dovecot, Postfix, Sink, community, fill, intake, relay, run, table

NAIVE = Path(__file__).with_name("naive.py")


def ours(server: Dovecot, sink: Sink | Postfix, count: int) -> Cost:
    """``intake once``: every mail committed before it is filed, every delivery recorded."""
    user = server.user()
    fill(server, user, "INBOX", count)
    with community(server, user, sink.port) as config:
        cost = run(intake("once", "--json", "-c", str(config)))
        answer = json.loads(cost.output)
    if (answer["accepted"], answer["filed"], answer["sent"], answer["failed"]) != (count, count, 6 * count, 0):
        sys.exit(f"not the whole work: {cost.output}")
    return cost


def naive(server: Dovecot, sink: Sink | Postfix, count: int, filing: str) -> Cost:
    """The loop of an afternoon."""
    user = server.user()
    fill(server, user, "INBOX", count)
    secrets = [str(server.imaps_port), user, server.password, str(server.ca_file), str(sink.port)]
    return run([sys.executable, str(NAIVE), *secrets, filing])


def main() -> None:
    """One table, a row for each contestant."""
    wish = argparse.ArgumentParser(description="Intake beside a naive loop.")
    wish.add_argument("mails", type=int, nargs="?", default=2000)
    wish.add_argument("rounds", type=int, nargs="?", default=2)
    wish.add_argument("--postfix", action="store_true")
    given = wish.parse_args()
    count, rounds = given.mails, given.rounds
    found: dict[str, Cost] = {}
    with Dovecot() as server, relay() if given.postfix else Sink() as sink:
        for _ in range(rounds):
            costs = {
                "intake": ours(server, sink, count),
                "naive loop, six sends and a MOVE": naive(server, sink, count, "move"),
                "naive loop, six sends, no MOVE": naive(server, sink, count, "stay"),
            }
            for name, cost in costs.items():
                found[name] = min(cost, found.get(name, cost), key=lambda one: one.wall)
    yardstick = found["naive loop, six sends and a MOVE"]
    rows = [["contestant", "mails/s", "times the naive loop", "CPU ms a mail", "of the naive loop's"]]
    for name, cost in found.items():
        rows.append([
            name, f"{count / cost.wall:.0f}", f"{yardstick.wall / cost.wall:.2f}",
            f"{1000 * cost.cpu / count:.2f}", f"{cost.cpu / yardstick.cpu:.2f}",
        ])  # fmt: skip
    print(f"{count} mails of 3.4 kB, the best of {rounds} rounds{', to a Postfix' * given.postfix}\n\n{table(rows)}")


if __name__ == "__main__":
    main()
