"""Many mailboxes shared by three machines, of which one has bad luck: ``FAULT… [--in-turn] [--mailboxes N]``.

Each machine is a service in namespaces of its own for network, host name and processes; Dovecot, PostgreSQL with a
synchronous replica, and a way out that counts are reached over the network. A fault strikes when a third of the mail is
out; then each mailbox gets one more mail, and it is measured how long it takes until all has reached everybody. With
``--in-turn`` all faults are one trial: each strikes in the middle of a share of the mail, when the one before is over
and whoever had it is back. The first mailbox is flooded with a tenth of all mail. At the end nothing may be lost,
nothing may have come twice but under its own Message-ID, and ``intake audit`` must be content. Needs root. Prints a
table; ends with 1 when something was lost.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psycopg
from servers.base import ServerTroubleError
from servers.cluster import Cluster
from servers.databases import new_database
from servers.sink import CountingSink, Taken

from benchmarks.arena import COMMUNITY, ORGANIZERS, ROOT, Dovecot, fill, intake, table
from benchmarks.network import Host, alone, service_address

MACHINES = 3
LONGEST = 3600.0  # seconds for one trial
OUTAGE = 150.0  # seconds that somebody is cut off or asleep: longer than a lease
COPIES = {"report", "follow-up"}
HEAD = f"""[community]
name = "Azure User Group"
address = "{COMMUNITY}"
languages = ["en"]
[acknowledgement]
per_day = 10000000
per_domain_per_day = 10000000
[digest]
schedule = "sun 03:00"
"""
BOX = """[[mailbox]]
name = "{name}"
host = "{host}"
port = {port}
ca_file = "{ca}"
user = "{name}"
password_file = "password"
folders = ["INBOX"]
start = "all"
poll_seconds = {poll}
"""


@dataclass
class Trial:
    """One community on the three machines, from its first mail to its audit."""

    imap: Dovecot
    imap_address: str
    sink: CountingSink
    cluster: Cluster
    hosts: list[Host]
    mailboxes: int
    mails: int
    folder: Path
    poll_seconds: int
    delivered: int = 0
    most: Counter[str] = field(default_factory=Counter)
    taken: list[Taken] = field(default_factory=list)  # copies, those that came twice included
    cases: set[str] = field(default_factory=set)  # those that the first organizer has
    over: float = 0.0  # when all was out, in seconds since 1970
    idle: float = 0.0  # how long nothing was left to be done

    def __post_init__(self) -> None:
        self.boxes = [self.imap.user() for _ in range(self.mailboxes)]
        self.database = str(new_database(self.cluster.first.url).database)
        self.node = self.cluster.first
        self.looked_at = len(self.sink.taken)
        (self.folder / "password").write_text(self.imap.password)
        (self.folder / "password").chmod(0o600)
        facts = {"host": self.imap_address, "port": self.imap.imaps_port, "ca": self.imap.ca_file}
        facts["poll"] = self.poll_seconds
        people = "".join(
            f'[[organizer]]\nname = "{name}"\nemail = "{name.split()[0].lower()}@example.org"\n' for name in ORGANIZERS
        )
        self.config = self.folder / "config.toml"
        self.config.write_text(
            HEAD + f'[ledger]\nurl = "{self.cluster.url(self.database)}"\n'
            + "".join(BOX.format(name=box, **facts) for box in self.boxes)
            + f'[smtp]\nhost = "{self.sink.address}"\nport = {self.sink.port}\nsecurity = "tls"\nauth = "none"\n'
            f'ca_file = "{self.sink.ca_file}"\nmax_per_minute = 10000000\n' + people
        )  # fmt: skip
        self.environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        self.environment["PYTHONPATH"] = str(ROOT)

    def deliver(self, box: str, count: int) -> None:
        """So many new mails for a mailbox."""
        fill(self.imap, box, "INBOX", count, first=self.delivered)
        self.delivered += count

    def deliver_to_all(self, count: int) -> None:
        """So many new mails for each mailbox."""
        for box in self.boxes:
            self.deliver(box, count)

    def start(self, host: Host) -> subprocess.Popen[bytes]:
        """The service on a machine."""
        return host.start(intake("run", "-c", str(self.config)), self.environment, str(self.folder / host.name))

    def copies(self) -> int:
        """Of how many cases the first organizer has a copy."""
        first = f"{ORGANIZERS[0].split()[0].lower()}@example.org"
        fresh = self.sink.taken[self.looked_at :]
        self.looked_at += len(fresh)
        self.taken += (one for one in fresh if one.kind in COPIES)
        self.cases.update(one.case for one in fresh if one.kind in COPIES and one.recipient == first)
        return len(self.cases)

    def wait(self, ready: Callable[[], bool], what: str) -> float:
        """Until then; how long it took. Looks at the connections meanwhile."""
        begin = time.monotonic()
        while not ready():
            if time.monotonic() - begin > LONGEST:
                raise ServerTroubleError(f"{what}: not within {LONGEST:g} s")
            for host in self.hosts:
                for name, port in (("IMAP", self.imap.imaps_port), ("SMTP", self.sink.port)):
                    self.most[name] = max(self.most[name], host.connections(port))
                self.most["database"] = max(self.most["database"], self.has_database(host))
            time.sleep(0.5)
        return time.monotonic() - begin

    def has_database(self, host: Host) -> int:
        """How many connections to the database a machine has."""
        return max(host.connections(node.port) for node in (self.cluster.first, self.cluster.second))

    def wait_for_copies(self, count: int) -> None:
        """Until the first organizer has a copy of so many cases."""
        self.wait(lambda: self.copies() >= count, f"{count} of {self.delivered} mails")

    def twice(self) -> int:
        """How many copies came a second time."""
        return len(self.taken) - len({(one.recipient, one.case) for one in self.taken})

    def asked(self, query: str, facts: Mapping[str, object] | None = None) -> list[int]:
        """The one row that the ledger answers with."""
        with psycopg.connect(f"{self.node.url.rpartition('/')[0]}/{self.database}") as connection:
            return [int(value) for value in connection.execute(query, facts).fetchone() or ()]

    def command(self, *words: str) -> str:
        """Run a command on the servers' side."""
        done = subprocess.run(
            intake(*words, "-c", str(self.config)), env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode not in {0, 75}:
            print(f"{words}: {done.returncode} {done.stderr[-500:]}", file=sys.stderr)
        return done.stdout


def killed(trial: Trial) -> Callable[[], object]:
    """The first machine loses its power, and is started again."""
    trial.hosts[0].signal(signal.SIGKILL)
    return lambda: trial.start(trial.hosts[0])


def cut_from_database(trial: Trial) -> Callable[[], object]:
    """The first machine can't reach the database."""
    addresses = (trial.cluster.first.address, trial.cluster.second.address)
    trial.hosts[0].cut(*addresses)
    return lambda: trial.hosts[0].mend(*addresses)


def cut_from_mail_server(trial: Trial) -> Callable[[], object]:
    """The first machine can't reach the way out."""
    trial.hosts[0].cut(trial.sink.address)
    return lambda: trial.hosts[0].mend(trial.sink.address)


def asleep(trial: Trial) -> Callable[[], object]:
    """The first machine stops in the middle of whatever it does, and wakes up late."""
    trial.hosts[0].signal(signal.SIGSTOP)
    return lambda: trial.hosts[0].signal(signal.SIGCONT)


def restarted_database(trial: Trial) -> None:
    """PostgreSQL is started again."""
    trial.cluster.first.stop()
    trial.cluster.first.start()


def failed_over(trial: Trial) -> None:
    """The database's machine loses its power, and the replica takes its place."""
    trial.cluster.first.stop("immediate")
    trial.cluster.second.promote()
    trial.node = trial.cluster.second


def nothing(_trial: Trial) -> None:
    """To compare with."""


FAULTS: dict[str, Callable[[Trial], Callable[[], object] | None]] = {
    one.__name__: one
    for one in (nothing, killed, cut_from_database, cut_from_mail_server, asleep, restarted_database, failed_over)
}

# When the other mailboxes had their first mail out, and when the flood was: in milliseconds since 1970.
FAIRNESS = """
SELECT (SELECT max(first) FROM (SELECT min(sent_at) AS first FROM delivery JOIN mail ON mail.id = mail_id
        WHERE delivery.kind = 'report' AND mailbox <> %(flooded)s GROUP BY mailbox) AS others),
       (SELECT max(sent_at) FROM delivery JOIN mail ON mail.id = mail_id
        WHERE delivery.kind = 'report' AND mailbox = %(flooded)s AND uid <= %(flood)s)
"""
READ = "SELECT max(accepted) FROM mail"


def tried(trial: Trial, faults: Sequence[str]) -> tuple[list[list[str]], bool]:
    """A row of the table for each fault, and whether all was well at the end."""
    flood = max(1, trial.mails // 10)
    trial.deliver(trial.boxes[0], flood)
    share = max(1, (trial.mails - flood) // trial.mailboxes // len(faults) - 1)
    trial.deliver_to_all(share)
    began = time.time()
    for host in trial.hosts:
        trial.start(host)
    trial.wait(lambda: all(map(trial.has_database, trial.hosts)), "all services have begun")
    rows = []
    for number, fault in enumerate(faults):
        if number:
            trial.deliver_to_all(share)
        read = struck(trial, fault)
        rows.append([fault.replace("_", " "), *read])
        print(f"{datetime.now(UTC):%H:%M:%S} {trial.copies()} out; {' '.join(rows[-1])}", file=sys.stderr, flush=True)
    rate = trial.delivered / (trial.over - began - trial.idle)
    for host in trial.hosts:
        if host.processes[-1].poll() is None:
            host.signal(signal.SIGTERM)
            host.processes[-1].wait(60)
    found = trial.asked(FAIRNESS, {"flooded": trial.boxes[0], "flood": flood})
    others, flooded = (f"{moment / 1000 - began:.0f}" for moment in found)
    lost, well = checked(trial)
    most = [str(trial.most[name]) for name in ("IMAP", "SMTP", "database")]
    rows[-1] += [f"{rate:.0f}", others, flooded, *most, str(lost), "yes" if well else "NO"]
    return rows, well


def struck(trial: Trial, fault: str) -> list[str]:
    """One fault in the middle of what has just come in; seconds until all was out, and read, and what came twice."""
    trial.wait_for_copies(trial.delivered - 2 * (trial.delivered - trial.copies()) // 3)
    twice = trial.twice()
    began = time.time()
    undo = FAULTS[fault](trial)
    trial.deliver_to_all(1)
    trial.wait_for_copies(trial.delivered)
    trial.over = time.time()
    (read,) = trial.asked(READ)
    if undo is not None:  # whoever comes back late finds nothing that is left to be done, or done twice
        trial.wait(lambda: time.time() - began > OUTAGE, "the end of the outage")
        undo()
        trial.wait(lambda: time.time() - began > OUTAGE + 20, "whoever comes back")
    trial.idle += time.time() - trial.over
    return [f"{trial.over - began:.0f}", f"{read / 1000 - began:.0f}", str(trial.twice() - twice)]


def checked(trial: Trial) -> tuple[int, bool]:
    """How many messages are missing, and whether all is well."""
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    trial.command("once", "--now", later)
    audit = json.loads(trial.command("audit", "--json"))
    trial.copies()
    people = [f"{name.split()[0].lower()}@example.org" for name in ORGANIZERS]
    different = {(one.recipient, one.case) for one in trial.taken}
    each = Counter(recipient for recipient, _ in different)
    lost = sum(trial.delivered - each[person] for person in people)
    same = len({(one.recipient, one.message_id) for one in trial.taken}) == len(different)
    return lost, audit["ok"] and audit["mails"] == trial.delivered and not lost and same


def main() -> int:
    """Every fault that is named, or all of them, each as a trial of its own or all in one."""
    wish = argparse.ArgumentParser(description="Three machines, of which one has bad luck.")
    wish.add_argument("faults", nargs="*", choices=[*FAULTS, []], default=[])
    wish.add_argument("--mailboxes", type=int, default=100)
    wish.add_argument("--mails", type=int, default=2000)
    wish.add_argument("--poll-seconds", type=int, default=0, help="for 25 mailboxes a second, unless it is given")
    wish.add_argument("--in-turn", action="store_true", help="all of them in one trial, one after the other")
    given = wish.parse_args()
    poll = given.poll_seconds or max(5, given.mailboxes // 25)
    alone()
    imap_address, smtp_address, *databases = (service_address(number) for number in range(1, 5))
    hosts = [Host(number) for number in range(1, MACHINES + 1)]
    rows = [[
        "fault", "s until all was out", "s until all mailboxes were read", "twice",
        "mails/s", "others' first mail after s", "flood over after s", "most IMAP", "most SMTP", "most database",
        "lost", "well",
    ]]  # fmt: skip
    faults = given.faults or list(FAULTS)
    well = True
    with Dovecot(address=imap_address) as imap, CountingSink(smtp_address) as sink:
        for together in [faults] if given.in_turn else [[fault] for fault in faults]:
            with Cluster(*databases) as cluster, TemporaryDirectory() as folder:
                made = Trial(imap, imap_address, sink, cluster, hosts, given.mailboxes, given.mails, Path(folder), poll)
                lines, fine = tried(made, together)
            rows += lines
            well = well and fine
    print(
        f"{given.mailboxes} mailboxes, {given.mails} mails, {MACHINES} machines, a poll every {poll} s\n\n{table(rows)}"
    )
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
