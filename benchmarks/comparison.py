"""Intake and its peers at the same work, in one run: ``comparison.py [--mails N] [--out FOLDER] [--docs] [NAME…]``.

On one Dovecot and one SMTP sink, each contestant empties a mailbox of its own: read, answer the author, tell five
organizers, file or delete. What is not installed is named and left out (``benchmarks/peers/install`` brings it). Writes
a page and a plot into FOLDER, and prints the page; ``--docs`` puts both into the documentation.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import throughput
from benchmarks.arena import ROOT, Cost, Dovecot, Sink, run, table
from benchmarks.peers import fetchmail, getmail, helpdesk, mbsync, roundup, sieve
from benchmarks.peers.ring import Arena, NotTheWorkError
from benchmarks.plot import bars

DOCS = ROOT / "docs"
BEGINS, ENDS = "<!-- made by benchmarks/comparison.py -->", "<!-- end of what it made -->"
RAW = Path(__file__).with_name("peers") / "raw.py"


@dataclass(frozen=True)
class Contestant:
    """Somebody who does the work, or part of it; ``share`` of the mails is enough for the slow."""

    name: str
    sends: int
    note: str
    compete: Callable[[Arena, int], Cost]
    missing: Callable[[], str] = lambda: ""
    share: float = 1.0


@dataclass(frozen=True)
class Result:
    """What a contestant needed."""

    who: Contestant
    mails: int
    cost: Cost

    @property
    def rate(self) -> float:
        """Mails a second."""
        return self.mails / self.cost.wall

    @property
    def cpu_ms(self) -> str:
        """CPU time for a mail, where it is known."""
        return f"{1000 * self.cost.cpu / self.mails:.1f}" if self.cost.cpu else "?"


def _naive(filing: str) -> Callable[[Arena, int], Cost]:
    return lambda arena, count: throughput.naive(arena.server, arena.sink, count, filing)


OURS = Contestant(
    "Intake", 6, "everything, durably", lambda arena, count: throughput.ours(arena.server, arena.sink, count)
)
CONTESTANTS = (
    OURS,
    Contestant("naive loop, MOVE", 6, "writes nothing down, looks at nothing but From", _naive("move")),
    Contestant("naive loop, no MOVE", 6, "the same, and files nothing", _naive("stay")),
    Contestant("naive loop, one message to five, no MOVE", 2, "the same; everybody sees everybody", _naive("two")),
    *(
        Contestant(one.NAME, one.SENDS, one.NOTE, one.compete, one.missing, share)
        for one, share in (
            (fetchmail, 1.0), (getmail, 1.0), (sieve, 1.0), (helpdesk, 0.5), (roundup, 0.1), (mbsync, 1.0),
        )
    ),
)  # fmt: skip


def contest(contestants: list[Contestant], mails: int) -> tuple[list[Result], list[str], dict[str, float]]:
    """Everybody who is here, one after the other; who is not, and why; and the limits of each part."""
    results: list[Result] = []
    absent: list[str] = []
    with Dovecot() as server, Sink() as sink:
        arena = Arena(server, sink)
        for one in contestants:
            if missing := one.missing():
                absent.append(f"{one.name}: not here; install {missing}")
                continue
            count = max(20, int(mails * one.share))
            try:
                results.append(Result(one, count, one.compete(arena, count)))
            except NotTheWorkError as error:
                absent.append(f"{one.name}: {error}")
            print(f"{one.name}: done", file=sys.stderr, flush=True)
        with arena.round(mails) as (user, _):
            secrets = [str(server.imaps_port), user, server.password, str(server.ca_file), str(sink.port), str(mails)]
            limits = json.loads(run([sys.executable, str(RAW), *secrets]).output)
    return results, absent, limits


def page(results: list[Result], absent: list[str], limits: dict[str, float], mails: int) -> str:
    """The results in Markdown; ratios are to Intake's own rate."""
    ours = next((one.rate for one in results if one.who is OURS), None)
    rows = [
        ["contestant", "mails", "mails/s", "Intake is … times as fast", "CPU ms a mail", "sends a mail", "does less"]
    ]
    rows += [
        [
            one.who.name, str(one.mails), f"{one.rate:.0f}" if one.rate >= 10 else f"{one.rate:.1f}",
            f"{ours / one.rate:.2g}" if ours else "?", one.cpu_ms, str(one.who.sends), one.who.note,
        ]
        for one in results
    ]  # fmt: skip
    parts = [["part alone", "a second"], *([name, f"{rate:,.0f}"] for name, rate in limits.items())]
    left_out = "".join(f"- {line}\n" for line in absent)
    return (
        f"{mails} mails of 3.4 kB (fewer for the slow), one run, Python {platform.python_version()}.\n\n"
        f"![Mails a second](benchmarks.svg)\n\n{table(rows)}\n\n"
        + (f"Left out:\n{left_out}\n" if left_out else "")
        + f"The limits of each part, by itself:\n\n{table(parts)}\n"
    )


def main() -> None:
    """Measure, write down, print."""
    wish = argparse.ArgumentParser(description="Intake and its peers at the same work.")
    wish.add_argument("--mails", type=int, default=1000)
    wish.add_argument("--out", type=Path, default=ROOT / "build" / "bench")
    wish.add_argument("--docs", action="store_true", help="write into docs/ as well")
    wish.add_argument("names", nargs="*", help="only contestants whose name holds one of these")
    given = wish.parse_args()
    chosen = [one for one in CONTESTANTS if not given.names or any(n.lower() in one.name.lower() for n in given.names)]
    results, absent, limits = contest(chosen, given.mails)
    text = page(results, absent, limits, given.mails)
    plot = bars([(one.who.name, one.rate, one.who.sends, one.who is OURS) for one in results])
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "comparison.md").write_text(text, "utf-8")
    (given.out / "benchmarks.svg").write_text(plot, "utf-8")
    if given.docs:
        (DOCS / "benchmarks.svg").write_text(plot, "utf-8")
        before, _, rest = (DOCS / "benchmarks.md").read_text("utf-8").partition(BEGINS)
        after = rest.partition(ENDS)[2]
        (DOCS / "benchmarks.md").write_text(f"{before}{BEGINS}\n{text}{ENDS}{after}", "utf-8")
    print(text)


if __name__ == "__main__":
    main()
