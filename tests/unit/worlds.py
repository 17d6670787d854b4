"""A whole world in memory for the steps: a mailbox, a way out and a clock, on a real ledger.

Everything that a pass does outside its own memory goes through ``World.boundary``, once before and once after. A test
may end the process there (``Killed``); until ``World.restart`` nothing is then written or sent any more, as if by
SIGKILL.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from functools import lru_cache
from pathlib import Path
from typing import Any

from intake import app
from intake.config import Config, MailboxConfig, loads
from intake.edge import Chance, Clock
from intake.errors import MailboxError
from intake.model import MailHead, MailRef, MessageKind, Outgoing, RawMail, Result, Sent, Unknown
from intake.ports import Filed, Folder
from intake.steps.parts import Parts, PassReport
from intake.steps.whole import one_pass

from .homes import Home, home_of

START = datetime(2026, 4, 20, 9, 0, tzinfo=UTC)
ANN, BOB, CARL, BOARD = "ann@example.org", "bob@example.org", "carl@example.org", "board@example.net"
KEEPER = "keeper@example.net"

CONFIG = """
[community]
name = "Example User Group"
short_name = "EUG"
address = "help@eug.example"
languages = ["en", "nl", "fr"]
timezone = "Europe/Brussels"
[ledger]
url = "{ledger}"
key_file = "intake.key"
{mailboxes}
[smtp]
host = "localhost"
security = "none"
auth = "none"
max_per_minute = 100000
[[organizer]]
name = "Ann Example"
email = "ann@example.org"
[[organizer]]
name = "Bob Builder"
email = "bob@example.org"
language = "nl"
[[organizer]]
name = "Carl Cox"
email = "carl@example.org"
language = "fr"
[fallback]
name = "Board of the federation"
email = "board@example.net"
[digest]
schedule = "{digest}"
{more}
"""
MAILBOX = """
[[mailbox]]
name = "{name}"
host = "localhost"
security = "none"
user = "{name}@eug.example"
password_env = "NONE"
folders = ["INBOX", "Junk"]
start = "{start}"
processed = "{processed}"
"""
ALARM = f"""
[alarm]
email = "{KEEPER}"
"""


class Killed(BaseException):
    """The process has been ended by force."""


@dataclass
class Shelf:
    """A folder of the server."""

    uidvalidity: int
    next_uid: int = 1
    mails: dict[int, tuple[bytes, datetime]] = field(default_factory=dict)

    def put(self, raw: bytes, when: datetime) -> int:
        """Store a mail; its UID."""
        uid = self.next_uid
        self.next_uid += 1
        self.mails[uid] = (raw, when)
        return uid


class Server:
    """What stands on the IMAP server of one mailbox; people may do with it what they like."""

    def __init__(self, *folders: str) -> None:
        self._validity = 100
        self.shelves = {name: self.new_shelf() for name in folders}
        self.unreadable: set[bytes] = set()
        self.broken = ""  # what the server says to everybody, when it is ill
        self.immovable: set[bytes] = set()

    def new_shelf(self) -> Shelf:
        """Empty, and with a UIDVALIDITY of its own."""
        self._validity += 1
        return Shelf(self._validity)

    def renumber(self, name: str) -> None:
        """Give every mail of a folder a new UID under a new UIDVALIDITY."""
        old = self.shelves[name]
        new = self.shelves[name] = self.new_shelf()
        for raw, when in old.mails.values():
            new.put(raw, when)

    def move(self, name: str, uid: int, to: str) -> None:
        """What a person does in a mail program: the date goes with the mail, the UID does not."""
        raw, when = self.shelves[name].mails.pop(uid)
        if to not in self.shelves:
            self.shelves[to] = self.new_shelf()
        self.shelves[to].put(raw, when)

    def all(self) -> Counter[bytes]:
        """Every mail on the server."""
        return Counter(raw for shelf in self.shelves.values() for raw, _ in shelf.mails.values())

    def texts(self, name: str) -> list[bytes]:
        """The mails of a folder in order."""
        return [raw for raw, _ in self.shelves[name].mails.values()] if name in self.shelves else []


class WorldMailbox:
    """``ports.Mailbox`` on a ``Server``."""

    def __init__(self, world: World, name: str, server: Server) -> None:
        self.world, self.name, self.server = world, name, server
        self._selected: str | None = None

    @contextmanager
    def _command(self, name: str) -> Iterator[None]:
        self.world.boundary(f"imap {name}")
        if self.server.broken:
            raise MailboxError(f"mailbox {self.name}: {self.server.broken}")
        yield
        self.world.boundary(f"imap {name} answered")

    def open(self) -> None:
        with self._command("open"):
            self._selected = None

    def close(self) -> None:
        self._selected = None

    def select(self, folder: str) -> Folder:
        with self._command("select"):
            shelf = self.server.shelves.get(folder)
            if shelf is None:
                raise MailboxError(f"mailbox {self.name}: folder {folder} does not exist")
            self._selected = folder
            return Folder(folder, shelf.uidvalidity, shelf.next_uid, len(shelf.mails))

    def ensure_folder(self, folder: str) -> None:
        with self._command("create"):
            if folder not in self.server.shelves:
                self.server.shelves[folder] = self.server.new_shelf()

    @property
    def _shelf(self) -> Shelf:
        assert self._selected is not None, "no folder is selected"
        return self.server.shelves[self._selected]

    def uids(self, first: int, last: int | None = None) -> list[int]:
        with self._command("search"):
            return [uid for uid in self._shelf.mails if first <= uid and (last is None or uid <= last)]

    def heads(self, uids: Sequence[int]) -> list[MailHead]:
        with self._command("heads"):
            return [
                MailHead(uid, len(self._shelf.mails[uid][0]), self._shelf.mails[uid][1])
                for uid in uids
                if uid in self._shelf.mails
            ]

    def dates(self, uids: Sequence[int]) -> dict[int, datetime]:
        with self._command("dates"):
            return {uid: self._shelf.mails[uid][1] for uid in uids if uid in self._shelf.mails}

    def fetch(self, heads: Iterable[MailHead], most: int | None = None) -> Iterator[RawMail]:
        with self._command("fetch"):
            self.world.people(self.server)
        for head in heads:
            if head.uid not in self._shelf.mails:
                continue
            raw, when = self._shelf.mails[head.uid]
            ref = MailRef(self.name, self._selected or "", self._shelf.uidvalidity, head.uid)
            bad = raw in self.server.unreadable
            cut = raw[:100] if len(raw) > self.world.max_size else raw[: most or len(raw)]
            yield RawMail(ref, when, len(raw), b"" if bad else cut, len(cut) < len(raw), bad)

    def file(self, uids: Sequence[int], destination: str) -> Filed:
        with self._command("move"):
            left = []
            for uid in uids:
                if uid in self._shelf.mails and self._shelf.mails[uid][0] in self.server.immovable:
                    left.append(uid)
                elif uid in self._shelf.mails:
                    self.server.move(self._selected or "", uid, destination)
            self.world.boundary("imap moved, not answered")
            return Filed(tuple(u for u in uids if u not in left), tuple(left))


class WorldTransport:
    """``ports.Transport``: ``answers`` decides by recipient and kind, ``taken`` is what the servers said 250 to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.taken: list[Outgoing] = []
        self.answers: Callable[[Outgoing, int], Result | None] = lambda _outgoing, _number: None
        self.calls = 0
        self.wait = 0.0
        self.opened = 0

    def send(self, outgoing: Outgoing) -> Result:
        self.world.boundary("smtp send")
        self.calls += 1
        answer = self.answers(outgoing, self.calls)
        if answer is None:
            answer = Sent("250 2.0.0 Ok")
        if isinstance(answer, Sent):
            self.taken.append(outgoing)
            self.world.unrecorded = message_id(outgoing)
        elif isinstance(answer, Unknown) and answer.reason.startswith("taken"):
            self.taken.append(outgoing)
            self.world.excused[message_id(outgoing)] += 1
        self.world.boundary("smtp answered")
        return answer

    def may_send(self, ahead: int = 0) -> float:
        return self.wait

    def check(self) -> None:
        return

    def close(self) -> None:
        return

    def to(self, recipient: str, kind: MessageKind | None = None) -> list[Outgoing]:
        """What arrived for somebody."""
        return [
            o for o in self.taken if o.recipient == recipient and (kind is None or header(o, "X-Intake-Kind") == kind)
        ]


def message_id(outgoing: Outgoing) -> str:
    """Our Message-ID."""
    return header(outgoing, "Message-ID")


def header(outgoing: Outgoing, name: str) -> str:
    """A header of a message of ours."""
    return str(_message(outgoing.content)[name] or "")


@lru_cache(1000)
def _message(content: bytes) -> Message:
    return message_from_bytes(content)


class World:
    """Server, way out, clock, and the parts that work on them. ``folder`` holds the ledger and its key."""

    max_size = 1 << 20

    def __init__(
        self,
        folder: Path,
        *,
        start: str = "all",
        processed: str = "Processed",
        mailboxes: Sequence[str] = ("help",),
        more: str = "",
        digest: str = "daily 08:00",
        now: datetime = START,
        home: Home | None = None,
    ) -> None:
        self.folder, self.home = folder, home or home_of(folder)
        self.now = now
        self.servers = {name: Server("INBOX", "Junk") for name in mailboxes}
        self.countdown = -1  # boundaries until the end; never, if negative
        self.dead = False
        self.passed: list[str] = []
        self.excused: Counter[str] = Counter()  # how often each message may have arrived once more, and why not oftener
        self.unrecorded = ""
        self.said: list[str] = []
        self.people: Callable[[Server], None] = lambda _server: None
        self.stopping = False
        self.others: set[str] = set()  # processes elsewhere, of which nothing is known
        self.lives = itertools.count(1)
        self.paused = 0.0
        text = CONFIG.format(
            mailboxes="".join(MAILBOX.format(name=name, start=start, processed=processed) for name in mailboxes),
            more=more or ALARM,
            digest=digest,
            ledger=self.home.url,
        )
        self.config: Config = loads(text, folder / "config.toml")
        self.transport = WorldTransport(self)
        self.home.put_back(None)
        self.parts = self._build()

    @property
    def server(self) -> Server:
        """The first mailbox's."""
        return next(iter(self.servers.values()))

    def _build(self) -> Parts:
        outside = app.Outside(
            clock=Clock(lambda: self.now),
            chance=Chance(fraction=lambda: 0.5),
            pause=self._pause,
            stopping=lambda: self.stopping,
            say=self.said.append,
        )
        parts = app.build(self.config, outside, {})
        self._watch_commits(parts)
        return self._own(parts)

    def _own(self, parts: Parts) -> Parts:
        return replace(
            parts,
            holder=f"life {next(self.lives)}",
            connections=1,  # in one thread, so that an end is an end
            mailbox=self._mailbox,
            transport=lambda: self.transport,
            is_dead=lambda holder: holder != self.parts.holder and holder not in self.others,
        )

    def _mailbox(self, settings: MailboxConfig) -> Any:
        return WorldMailbox(self, settings.name, self.servers[settings.name])

    def _pause(self, seconds: float) -> None:
        self.paused += seconds
        self.now += timedelta(seconds=seconds)
        self.transport.wait = max(0.0, self.transport.wait - seconds)

    def _watch_commits(self, parts: Parts) -> None:
        database: Any = parts.ledger._database
        whole = database.transaction

        @contextmanager
        def transaction(*args: Any, **more: Any) -> Iterator[Any]:
            if self.dead:
                raise Killed
            with whole(*args, **more) as connection:
                yield connection
                self.boundary("commit")
            recorded = self.unrecorded
            self.unrecorded = ""
            try:
                self.boundary("committed")
            finally:
                self.unrecorded = "" if recorded else self.unrecorded

        database.transaction = transaction

    # --- dying ---

    def boundary(self, name: str) -> None:
        """A place at which the process may end."""
        if self.dead:
            raise Killed
        self.passed.append(name)
        if self.countdown == 0:
            self.kill()
        if self.countdown > 0:
            self.countdown -= 1

    def kill(self) -> None:
        """End here."""
        self.dead = True
        if self.unrecorded:  # the window between the server's 250 and our commit
            self.excused[self.unrecorded] += 1
        raise Killed

    def restart(self) -> None:
        """A new process on the same ledger."""
        self.dead, self.countdown, self.unrecorded = False, -1, ""
        database: Any = self.parts.ledger._database
        database._engine.dispose()
        self.parts = self._own(self.parts)

    # --- living ---

    def deliver(self, raw: bytes, folder: str = "INBOX", when: datetime | None = None, mailbox: str = "") -> int:
        """A mail comes in."""
        server = self.servers[mailbox] if mailbox else self.server
        return server.shelves[folder].put(raw, when or self.now)

    def run(self, *, die_at: int = -1, send: bool = True) -> PassReport | None:
        """One pass; None if it was killed. ``die_at`` counts boundaries from 0."""
        self.countdown = die_at
        try:
            return one_pass(self.parts, send=send)
        except Killed:
            self.restart()
            return None
        finally:
            self.countdown = -1

    def until_quiet(self, most: int = 200) -> int:
        """Pass after pass, the clock going on from one thing that is due to the next, until nothing is."""
        for count in range(most):
            report = self.run()
            assert report is not None
            if not report.left:
                return count + 1
            self.now += timedelta(minutes=1) if count < 20 else timedelta(hours=5)
        raise AssertionError(f"not quiet after {most} passes")

    def sent(self, kind: MessageKind | str) -> list[Outgoing]:
        """What the servers took of a kind."""
        return [o for o in self.transport.taken if header(o, "X-Intake-Kind") == kind]

    def reached(self, kind: MessageKind | str) -> list[str]:
        """Who got a kind of message."""
        return sorted(o.recipient for o in self.sent(kind))

    def backup(self) -> int:
        """A copy of the ledger as it is now."""
        database: Any = self.parts.ledger._database
        database._engine.dispose()
        return self.home.copy()

    def restore(self, copy: int | None) -> None:
        """Put a backup in the ledger's place, or nothing at all."""
        self.parts.ledger.close()
        self.home.put_back(copy)
        self.parts = self._build()


def passed(world: World, **how: Any) -> PassReport:
    """One pass that was not killed."""
    report = world.run(**how)
    assert report is not None
    return report


def mail(
    number: int | str, body: str = "", subject: str = "Code-of-conduct", sender: str = "", extra: str = ""
) -> bytes:
    """A report; each number is another mail."""
    sender = sender or f"rita{number}@example.com"
    body = body or f"Somebody shouted at me at the meetup yesterday. {number}"
    return (
        f"From: Rita <{sender}>\r\nTo: help@eug.example\r\nSubject: {subject}\r\nMessage-ID: <m{number}@example.com>\r\n"
        f"Date: Mon, 20 Apr 2026 10:00:00 +0200\r\n{extra}\r\n{body}\r\n"
    ).encode()
