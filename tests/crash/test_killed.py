"""The real command, ended by SIGKILL: at statements of its ledger, at lines of IMAP, at lines of SMTP; then run again.

What came of it is read back where people would see it: in the mailbox, at the recipients, and in ``intake audit``.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from crash.proxy import Proxy
from servers.base import ImapServer, stop_process
from servers.databases import ON_POSTGRESQL
from servers.embedded import Pymap
from servers.smtp import Aiosmtpd
from unit.homes import Home, OnServer, home_of

HERE = Path(__file__).parent
KILLS = int(os.environ.get("INTAKE_KILLS", "8"))  # of each kind; 0: at every single one
PEOPLE = ("ann@example.org", "bob@example.org")
NUMBERS = itertools.count(1)
CONFIG = """
[community]
name = "Example User Group"
short_name = "EUG"
address = "help@eug.example"
languages = ["en"]
timezone = "Europe/Brussels"
[ledger]
url = "{ledger}"
[[mailbox]]
name = "help"
host = "127.0.0.1"
port = {imap}
security = "none"
user = "{user}"
password_file = "pw"
folders = ["INBOX"]
start = "all"
[smtp]
host = "127.0.0.1"
port = {smtp}
security = "none"
auth = "none"
connections = {connections}
max_per_minute = 100000
[[organizer]]
name = "Ann Example"
email = "ann@example.org"
[[organizer]]
name = "Bob Builder"
email = "bob@example.org"
[fallback]
name = "Board"
email = "board@example.net"
[digest]
schedule = "daily {digest}"
"""


def far_off() -> str:
    """A time of day at which no test is at work: a digest in the middle of one would count as a message."""
    return f"{datetime.now(ZoneInfo('Europe/Brussels')) + timedelta(hours=12):%H:%M}"


def report(number: int) -> bytes:
    return (
        f"From: rita{number}@people.example\r\nTo: help@eug.example\r\nSubject: Code of conduct\r\n"
        f"Message-ID: <{number}-{os.getpid()}@people.example>\r\nDate: Mon, 20 Apr 2026 10:00:00 +0200\r\n\r\n"
        f"Somebody shouted at me yesterday. ({number})\r\n"
    ).encode()


class Stage:
    """Servers, proxies before them, and the launcher."""

    def __init__(self, imap: ImapServer, smtp: Aiosmtpd, folder: Path, home: Callable[[Path], Home] = home_of) -> None:
        self.imap, self.smtp, self.root, self.home = imap, smtp, folder, home
        self.imap_proxy, self.smtp_proxy = Proxy(imap.imap_port), Proxy(smtp.port, replies_only=True)
        path = os.pathsep.join(sys.path)
        self.launcher = subprocess.Popen(
            [sys.executable, str(HERE / "launcher.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )

    def stop(self) -> None:
        stop_process(self.launcher)
        for pipe in (self.launcher.stdin, self.launcher.stdout):
            assert pipe is not None
            pipe.close()
        self.imap_proxy.close()
        self.smtp_proxy.close()

    def begin(self, mails: int = 2, connections: int = 1, *, tables: bool = True) -> list[bytes]:
        """A new community with mail in its mailbox; its ledger has ``tables``, or is not there yet."""
        self.user = self.imap.user()
        self.folder = self.root / f"run{next(NUMBERS)}"
        self.folder.mkdir()
        (self.folder / "pw").write_text(self.imap.password)
        (self.folder / "pw").chmod(0o600)
        home = self.home(self.folder)
        if tables:
            home.put_back(None)
        text = CONFIG.format(
            imap=self.imap_proxy.port, smtp=self.smtp_proxy.port, user=self.user, connections=connections,
            ledger=home.url, digest=far_off(),
        )  # fmt: skip
        (self.folder / "config.toml").write_text(text)
        self.mails = [report(next(NUMBERS)) for _ in range(mails)]
        self.imap.append(self.user, "INBOX", *self.mails)
        self.before = len(self.smtp.faults.taken)
        return self.mails

    def run(
        self,
        *argv: str,
        statement: int = 0,
        imap: int = 0,
        smtp: int = 0,
        forward: bool = True,
        bytes_: int = 0,
        cut: int = 0,
    ) -> int:
        """One run of the command; its exit code, negative when a signal ended it."""
        self.imap_proxy.arm(imap, forward=forward)
        self.smtp_proxy.arm(smtp, forward=forward)
        order = {
            "argv": [argv[0], "--config", str(self.folder / "config.toml"), *argv[1:]],
            "statement": statement,
            "bytes": bytes_,
            "cut": cut,
            "output": str(self.folder / "output"),
        }
        assert self.launcher.stdin is not None
        self.launcher.stdin.write(json.dumps(order).encode() + b"\n")
        self.launcher.stdin.flush()
        pid = self._told()["pid"]
        self.imap_proxy.started(pid)
        self.smtp_proxy.started(pid)
        return int(self._told()["status"])

    def _told(self) -> dict[str, Any]:
        assert self.launcher.stdout is not None
        told: dict[str, Any] = json.loads(self.launcher.stdout.readline())
        return told

    def output(self) -> str:
        return (self.folder / "output").read_text("utf-8")

    @property
    def statements(self) -> int:
        return int((self.folder / "output.count").read_text())

    def taken(self) -> list[tuple[str, str, str]]:
        """Recipient, kind and Message-ID of all that the way out has taken since ``begin``."""
        found = []
        for _, recipient, content in self.smtp.faults.taken[self.before :]:
            message = message_from_bytes(content)
            found.append((recipient, str(message["X-Intake-Kind"]), str(message["Message-ID"])))
        return found

    def check(self, most_repeated: int = 1, *, minutes: tuple[int, ...] = (3,)) -> int:
        """Come to rest, and hold every promise; says how many messages were repeated.

        A mail that was in hand twice when it ended is put off for a while: so many ``minutes``, one time after another.
        """
        code = self.run("once", "--json")
        for later in minutes:
            assert code in {0, 75}, self.output()
            if code:
                moment = datetime.now(UTC) + timedelta(minutes=later)
                code = self.run("once", "--now", moment.isoformat())
        assert code == 0, self.output()
        assert self.run("once", "--json") == 0, self.output()
        assert json.loads(self.output().splitlines()[-1])["sent"] == 0  # below what is said of the clock
        return self.holds(most_repeated)

    def holds(self, most_repeated: int = 1) -> int:
        """The promises alone, as the mailbox, the recipients and ``intake audit`` show them."""
        assert self.run("audit", "--json") == 0, self.output()
        audit = json.loads(self.output())
        assert (audit["mails"], audit["accounted"], audit["ok"]) == (len(self.mails), len(self.mails), True)
        assert self.imap.read(self.user, "INBOX") == []
        assert sorted(self.imap.read(self.user, "Processed")) == sorted(self.mails)
        taken = self.taken()
        ids = Counter(one for _, _, one in taken)
        for person in PEOPLE:
            assert len({i for who, kind, i in taken if (who, kind) == (person, "report")}) == len(self.mails)
        assert len({i for _, kind, i in taken if kind == "acknowledgement"}) == len(self.mails)
        assert len(ids) == 3 * len(self.mails), "the same under two Message-IDs"
        repeated = len(taken) - len(ids)
        assert repeated <= most_repeated, f"{repeated} repeated"
        return repeated


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Pymap() as imap, Aiosmtpd() as smtp:
        made = Stage(imap, smtp, tmp_path_factory.mktemp("killed"))
        yield made
        made.stop()


@pytest.fixture
def on_postgresql(tmp_path: Path, postgres: str) -> Iterator[Stage]:
    with Pymap() as imap, Aiosmtpd() as smtp:
        made = Stage(imap, smtp, tmp_path, lambda folder: OnServer(postgres, folder))
        yield made
        made.stop()


@pytest.fixture
def on_dovecot(dovecot: ImapServer, tmp_path: Path) -> Iterator[Stage]:
    with Aiosmtpd() as smtp:
        made = Stage(dovecot, smtp, tmp_path)
        yield made
        made.stop()


def test_what_is_lost_repeated_or_left_is_found(stage: Stage) -> None:
    """The checks of this file, broken once each."""
    stage.begin()
    assert stage.run("once") == 0, stage.output()
    assert stage.holds() == 0
    taken = stage.smtp.faults.taken
    honest = taken[stage.before :]
    renamed = (honest[0][0], honest[0][1], honest[0][2].replace(b"Message-ID: <", b"Message-ID: <another", 1))
    for wrong in (honest[1:], honest[:-1], [*honest, renamed], [*honest, honest[0], honest[0]], []):
        taken[stage.before :] = wrong
        with pytest.raises(AssertionError):
            stage.holds()
    taken[stage.before :] = honest
    stage.imap.append(stage.user, "INBOX", report(next(NUMBERS)))
    with pytest.raises(AssertionError):
        stage.holds()


def counted(stage: Stage) -> tuple[int, int, int]:
    """How many statements, lines of IMAP and lines of SMTP a whole pass has, the first one of a community."""
    stage.begin(tables=False)
    assert stage.run("once") == 0, stage.output()
    found = stage.statements, stage.imap_proxy.lines, stage.smtp_proxy.lines
    stage.check()
    return found


def kill_at(stage: Stage, what: str, points: range, *, forward: bool = True) -> tuple[int, int]:
    killed = repeated = 0
    for point in points:
        stage.begin(tables=what != "statement")
        code = stage.run("once", forward=forward, **{what: point})
        assert code in {-signal.SIGKILL, 0}, stage.output()
        killed += code == -signal.SIGKILL
        repeated += stage.check()
    return killed, repeated


@pytest.mark.parametrize(
    ("what", "forward"), [("statement", True), ("imap", True), ("imap", False), ("smtp", True), ("smtp", False)]
)
def test_killed_anywhere_nothing_is_lost_and_nothing_happens_twice(
    stage: Stage, what: str, forward: bool, tell: Callable[[str], None]
) -> None:
    whole = counted(stage)[("statement", "imap", "smtp").index(what)]
    step = max(1, whole // KILLS) if KILLS else 1
    points = range(1 + step // 2 * (not forward), whole + 1, step)
    killed, repeated = kill_at(stage, what, points, forward=forward)
    way = "after" if forward else "before"
    tell(f"killed: {killed} times, {way} {what}, of {whole}; {repeated} repeated under their own Message-ID")
    assert killed >= len(points) - 1


def test_killed_with_the_ledger_on_postgresql(on_postgresql: Stage, tell: Callable[[str], None]) -> None:
    """A few times; ``make test-postgresql`` does all of this with it."""
    whole, _, _ = counted(on_postgresql)
    points = range(whole // 6, whole, whole // 3)
    killed, repeated = kill_at(on_postgresql, "statement", points)
    tell(f"killed: {killed} times, after statement, of {whole} on PostgreSQL; {repeated} repeated")
    assert killed == len(points)


@pytest.mark.sqlite
def test_killed_in_the_middle_of_a_write(stage: Stage, tell: Callable[[str], None]) -> None:
    """The kernel writes what still fits, and ends the process: half a page, half a line of the write-ahead log."""
    points = range(3_001, 260_000, 4_099 if KILLS == 0 else 24_593)
    killed = repeated = 0
    for point in points:
        stage.begin(tables=False)
        code = stage.run("once", cut=point)
        assert code in {-signal.SIGXFSZ, 0}, stage.output()
        killed += code == -signal.SIGXFSZ
        repeated += stage.check()
    tell(f"killed: {killed} times, in the middle of a write; {repeated} repeated under their own Message-ID")
    assert killed > len(points) // 2


def test_killed_with_several_connections_repeats_no_more_than_were_on_their_way(stage: Stage) -> None:
    for point in (8, 14, 20, 26):
        stage.begin(connections=3)
        stage.run("once", smtp=point)
        stage.check(most_repeated=3)


@pytest.mark.parametrize("point", [13, 21])
def test_killed_on_dovecot(on_dovecot: Stage, point: int) -> None:
    on_dovecot.begin()
    on_dovecot.run("once", imap=point)
    on_dovecot.check()


def test_killed_again_and_again_while_recovering(stage: Stage) -> None:
    stage.begin(mails=3)
    for statement in (30, 55, 80, 31, 77, 120, 64):
        stage.run("once", statement=statement)
    # With PostgreSQL these statements are others, and a mail may be in hand at three of them.
    stage.check(most_repeated=3, minutes=(3, 12) if ON_POSTGRESQL else (3,))


@pytest.mark.sqlite
@pytest.mark.parametrize("room", [5_000, 9_000, 60_000, 120_000])
def test_a_full_disk_loses_nothing_and_says_so(stage: Stage, room: int) -> None:
    stage.begin(mails=1)
    assert stage.run("once") == 0, stage.output()
    stage.mails += [report(next(NUMBERS)) for _ in range(3)]
    stage.imap.append(stage.user, "INBOX", *stage.mails[1:])
    taken = 0
    for _ in range(3):
        code = stage.run("once", bytes_=room)
        assert code in {0, 75}, stage.output()
        if code:
            assert "ledger can't be used" in stage.output() or "can't be opened" in stage.output(), stage.output()
            assert "Traceback" not in stage.output()
        taken = len(stage.taken())
    assert taken <= 3 * 4 + 3 * 3
    soon = datetime.now(UTC) + timedelta(minutes=9)
    assert stage.run("once", "--now", soon.isoformat()) in {0, 75}
    later = datetime.now(UTC) + timedelta(minutes=13)
    assert stage.run("once", "--now", later.isoformat()) == 0, stage.output()
    assert sorted(stage.imap.read(stage.user, "Processed")) == sorted(stage.mails)
    ids = Counter(one for _, _, one in stage.taken())
    assert len(ids) == 3 * len(stage.mails)
