"""Whole passes against servers that fail in every way there is, at any line; and a ledger that can't be written.

A proxy stands before a real server and, at a line of the server's, does something else. After each such pass the
server is well again, passes go on until nothing is left, and everything must be as if nothing had happened.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from crash.proxy import Between
from crash.test_killed import CONFIG, PEOPLE, far_off, report
from servers.databases import ledger_of
from servers.embedded import Pymap
from servers.smtp import Aiosmtpd
from sqlalchemy import event
from unit.worlds import ANN, BOB, CARL, World, mail

from intake import app
from intake.config import loads
from intake.credentials import Password
from intake.deliver.smtp import SmtpTransport
from intake.edge import Clock, utc_now
from intake.errors import LedgerError, OutdatedError
from intake.receive.imap import ImapMailbox
from intake.steps.whole import one_pass

DEADLINE = 0.5
COPIES = {"report", "follow-up", "notice"}  # a line in the middle of a mail may have become anything
NUMBERS = itertools.count(10_000)
Fault = Callable[[socket.socket, bytes, threading.Event], bool]  # whether the connection goes on


def drop(_client: socket.socket, _line: bytes, _over: threading.Event) -> bool:
    return False


def half_a_line(client: socket.socket, line: bytes, _over: threading.Event) -> bool:
    client.sendall(line[: len(line) // 2])
    return False


def hang(_client: socket.socket, _line: bytes, over: threading.Event) -> bool:
    over.wait(30)
    return False


def drip(client: socket.socket, _line: bytes, over: threading.Event) -> bool:
    for _ in range(3_000):
        client.sendall(b"*")
        if over.wait(0.02):
            break
    return False


def garbage(client: socket.socket, _line: bytes, _over: threading.Event) -> bool:
    client.sendall(b"\x00\xff{{{((( \r\n")
    return True


def bye(client: socket.socket, _line: bytes, _over: threading.Event) -> bool:
    client.sendall(b"* BYE going down\r\n")
    return False


def broken_promise(client: socket.socket, _line: bytes, _over: threading.Event) -> bool:
    client.sendall(b"* 1 FETCH (UID 1 BODY[] {99999}\r\nonly this")
    return False


def nothing(client: socket.socket, line: bytes, _over: threading.Event) -> bool:
    client.sendall(b"* 1 FETCH (UID 1 BODY[] NIL)\r\n" if b"BODY[]" in line else line)
    return True


def says(text: bytes) -> Fault:
    def fault(client: socket.socket, _line: bytes, _over: threading.Event) -> bool:
        client.sendall(text + b"\r\n")
        return True

    fault.__name__ = text.split()[0].decode()
    return fault


IMAP = [
    drop,
    half_a_line,
    hang,
    drip,
    garbage,
    bye,
    broken_promise,
    nothing,
    says(b"* NO [ALERT] full"),
    says(b"+ go on"),
]
SMTP = [
    drop,
    half_a_line,
    hang,
    drip,
    garbage,
    says(b"421 4.3.2 closing"),
    says(b"451 4.7.1 later"),
    says(b"452 4.3.1 full"),
]


class Faulty(Between):
    """At the ``at``-th line of the server it has ``fault`` instead, once."""

    def __init__(self, target: int) -> None:
        self.well()
        super().__init__(target)

    def ill(self, fault: Fault, at: int) -> None:
        self.fault, self.at, self.lines, self.over = fault, at, 0, threading.Event()

    def well(self) -> None:
        """From now on."""
        getattr(self, "over", threading.Event()).set()
        self.ill(drop, 0)

    def close(self) -> None:
        self.over.set()
        super().close()

    def hand_on(self, line: bytes, sink: socket.socket, *, from_server: bool) -> bool:
        self.lines += from_server
        if from_server and self.lines == self.at:
            return self.fault(sink, line, self.over)
        sink.sendall(line)
        return True


class Place:
    """A community on servers that can be made to fail, with short patience and a clock that can be put on."""

    def __init__(self, imap: Pymap, smtp: Aiosmtpd, ill_imap: Faulty, ill_smtp: Faulty, folder: Path) -> None:
        self.imap, self.smtp = imap, smtp
        self.user, self.before, self.ahead = imap.user(), len(smtp.faults.taken), timedelta(0)
        text = CONFIG.format(
            imap=ill_imap.port, smtp=ill_smtp.port, user=self.user, connections=1, ledger=ledger_of(folder),
            digest=far_off(),
        )  # fmt: skip
        (folder / "pw").write_text(imap.password)
        (folder / "pw").chmod(0o600)
        config = loads(text, folder / "config.toml")
        parts = app.build(config, app.Outside(clock=Clock(lambda: utc_now() + self.ahead)), {})
        transport = SmtpTransport(
            config.smtp, lambda: None, helo="eug.example", max_per_minute=10_000, monotonic=lambda: 0.0,
            deadline_s=DEADLINE,
        )  # fmt: skip
        self.parts = replace(
            parts,
            mailbox=lambda settings: ImapMailbox(settings, lambda: Password(imap.password), deadline_s=DEADLINE),
            transport=lambda: transport,
        )
        self.mails = [report(next(NUMBERS)) for _ in range(2)]
        imap.append(self.user, "INBOX", *self.mails)

    def recover(self) -> None:
        for _ in range(40):
            if not one_pass(self.parts).left:
                return
            self.ahead += timedelta(minutes=2)
        raise AssertionError("not quiet")

    def check(self) -> int:
        """How many messages were repeated."""
        assert self.imap.read(self.user, "INBOX") == []
        assert sorted(self.imap.read(self.user, "Processed")) == sorted(self.mails)
        taken = [(to, message_from_bytes(content)) for _, to, content in self.smtp.faults.taken[self.before :]]
        ids = Counter(str(message["Message-ID"]) for _, message in taken)
        for person in PEOPLE:
            own = {str(m["Message-ID"]) for to, m in taken if to == person and m["X-Intake-Kind"] in COPIES}
            assert len(own) == len(self.mails), f"{len(own)} for one person"
        assert max(ids.values()) <= 2
        repeated = sum(ids.values()) - len(ids)
        assert repeated <= 1
        return repeated


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Pymap, Aiosmtpd, Faulty, Faulty]]:
    with Pymap() as imap, Aiosmtpd() as smtp:
        found = imap, smtp, Faulty(imap.imap_port), Faulty(smtp.port)
        yield found
        found[2].close()
        found[3].close()


@pytest.fixture
def place(servers: tuple[Pymap, Aiosmtpd, Faulty, Faulty], tmp_path: Path) -> Iterator[Callable[[], Place]]:
    made: list[Place] = []

    def make() -> Place:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Place(*servers, folder))
        return made[-1]

    yield make
    for one in made:
        one.parts.ledger.close()


@pytest.mark.parametrize("fault", IMAP, ids=lambda fault: fault.__name__)
def test_a_mailbox_that_fails_at_any_line(
    servers: tuple[Pymap, Aiosmtpd, Faulty, Faulty], place: Callable[[], Place], fault: Fault
) -> None:
    for at in (1, 9, 18, 23, 28, 34):
        one = place()
        servers[2].ill(fault, at)
        one_pass(one.parts)
        servers[2].well()
        one.recover()
        assert one.check() == 0


@pytest.mark.parametrize("fault", SMTP, ids=lambda fault: fault.__name__)
def test_a_way_out_that_fails_at_any_line(
    servers: tuple[Pymap, Aiosmtpd, Faulty, Faulty],
    place: Callable[[], Place],
    fault: Fault,
    tell: Callable[[str], None],
) -> None:
    repeated = 0
    for at in (1, 3, 8, 10, 11, 12):
        one = place()
        servers[3].ill(fault, at)
        one_pass(one.parts)
        servers[3].well()
        one.recover()
        repeated += one.check()
    tell(f"faults of SMTP: {fault.__name__} at 6 lines; {repeated} repeated under their own Message-ID")


def test_what_is_lost_repeated_or_left_is_found(place: Callable[[], Place]) -> None:
    """The check of these, broken once each."""
    one = place()
    one.recover()
    assert one.check() == 0
    taken = one.smtp.faults.taken
    honest = taken[one.before :]
    for wrong in ([], honest[1:], honest * 2, [*honest, *honest[:1] * 2]):
        taken[one.before :] = wrong
        with pytest.raises(AssertionError):
            one.check()
    taken[one.before :] = honest
    one.imap.append(one.user, "INBOX", report(next(NUMBERS)))
    with pytest.raises(AssertionError):
        one.check()


# --- the ledger ---


@pytest.mark.sqlite
def test_a_locked_ledger_is_waited_for_in_the_next_pass(tmp_path: Path) -> None:
    world = World(tmp_path)
    engine = _impatient(world)
    world.deliver(mail(1))
    with contextlib.closing(sqlite3.connect(tmp_path / "intake.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerError, match="locked"):
            one_pass(world.parts)
    engine.dispose()
    assert world.server.texts("INBOX") == [mail(1)]
    world.until_quiet()
    assert world.reached("report") == [ANN, BOB, CARL]


def _impatient(world: World) -> Any:
    engine = world.parts.ledger._database._engine
    engine.dispose()
    event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA busy_timeout=50") and None)
    return engine


@pytest.mark.sqlite
def test_a_read_only_ledger_files_and_sends_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.deliver(mail(1))
    engine: Any = world.parts.ledger._database._engine
    engine.dispose()

    def only_read(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA query_only=ON")

    event.listen(engine, "connect", only_read)
    with pytest.raises(LedgerError, match="read-only"):
        one_pass(world.parts)
    assert world.server.texts("INBOX") == [mail(1)]
    assert not world.transport.taken
    event.remove(engine, "connect", only_read)
    engine.dispose()
    world.until_quiet()
    assert world.reached("report") == [ANN, BOB, CARL]


@pytest.mark.sqlite
@pytest.mark.parametrize("removed", [False, True])
@pytest.mark.parametrize("reading", [False, True])
def test_a_ledger_whose_file_is_replaced_or_removed_takes_no_mail_along(
    tmp_path: Path, *, reading: bool, removed: bool
) -> None:
    world = World(tmp_path)
    world.deliver(mail(1))
    world.until_quiet()
    file, kept = tmp_path / "intake.db", tmp_path / "kept.db"
    world.parts.ledger.copy(kept)

    def replace_it(_server: object = None) -> None:
        world.people = lambda _server: None
        kept.replace(file)
        if removed:
            file.replace(kept)

    world.deliver(mail(2))
    if reading:
        world.people = replace_it
    else:
        replace_it()
    sent = len(world.transport.taken)
    with pytest.raises(OutdatedError, match="ledger's file was replaced or taken away while it was open"):
        one_pass(world.parts)
    assert world.server.texts("INBOX") == [mail(2)]
    assert len(world.transport.taken) == sent
    world.parts.ledger.close()
    for name in ("intake.db-wal", "intake.db-shm"):
        file.with_name(name).unlink(missing_ok=True)
    if removed:
        kept.replace(file)
    world.restart()
    world.until_quiet()
    assert world.server.texts("INBOX") == []
    assert world.reached("report") == [one for one in (ANN, BOB, CARL) for _ in range(2)]
