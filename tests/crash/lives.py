"""What must hold when everything has come to rest, whatever happened before; for any world of ``unit.worlds``."""

from __future__ import annotations

import itertools
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import timedelta
from email.message import Message
from pathlib import Path
from typing import Any, Self

from sqlalchemy import text
from unit.homes import InFile
from unit.worlds import ANN, BOARD, BOB, CARL, KEEPER, START, World, WorldTransport, header, message_id

from intake.letters import Acknowledgement, Alarm, Copy, Digest, Notice, Reminder
from intake.model import MessageKind, Outgoing
from intake.steps.parts import Memo

TEAM = {ANN, BOB, CARL}
PEOPLE = TEAM | {BOARD}
MEMO = Memo(100_000)  # the same bytes are the same mail in every life


class QuickComposer:
    """Messages with nothing but what the checks look at: composing is tested elsewhere, and thousands of lives are many."""

    def __init__(self, world: World) -> None:
        self.address = world.config.community.address

    def _message(self, letter: Any, kind: str, code: str = "") -> Outgoing:
        message = Message()
        message["Message-ID"], message["X-Intake-Kind"], message["X-Intake-Case"] = letter.thread.message_id, kind, code
        message["Subject"] = "hello"
        facts = " ".join(value for _, value in getattr(letter, "facts", ()))
        message["X-Facts"] = " ".join(re.findall(r"[\w-]+", facts))
        message["X-Variant"] = str(getattr(letter, "variant", getattr(letter, "topic", "")))
        return Outgoing(self.address, letter.to.email, message.as_bytes())

    def copy(self, letter: Copy, _now: object) -> Outgoing:
        return self._message(letter, letter.kind, letter.case.code)

    def acknowledgement(self, letter: Acknowledgement, _now: object) -> Outgoing:
        return self._message(letter, "acknowledgement", letter.code)

    def digest(self, letter: Digest, _now: object) -> Outgoing:
        return self._message(letter, "digest")

    def notice(self, letter: Notice, _now: object) -> Outgoing:
        return self._message(letter, "notice", letter.code)

    def reminder(self, letter: Reminder, _now: object) -> Outgoing:
        return self._message(letter, "reminder", letter.code)

    def alarm(self, letter: Alarm, _now: object) -> Outgoing:
        return self._message(letter, "alarm")

    def forget(self) -> None:
        return


class QuickWorld(World):
    """A world that is made once and begins again thousands of times: making its tables costs more than a life in it.

    ``key_of`` is the world whose ledger it is to read. Its ledger is a file, which can be copied in the middle of a
    transaction, unless another ``home`` is named.
    """

    def __init__(self, key_of: QuickWorld | None = None, **how: Any) -> None:
        shelf = Path("/dev/shm")
        folder = Path(tempfile.mkdtemp(prefix="lives", dir=shelf if shelf.is_dir() else None))
        if key_of:
            shutil.copy(key_of.folder / "intake.key", folder)
        self.look: Callable[[], None] = lambda: None  # called at every boundary
        super().__init__(folder, **{"home": InFile(folder), **how})
        self.first = self.backup()

    def _own(self, parts: Any) -> Any:
        quick: Any = QuickComposer(self)
        return replace(super()._own(parts), memo=MEMO, composer=lambda: quick)

    def begin_again(self) -> None:
        """Everything as it was at first."""
        self.restart()
        self.home.put_back(self.first)
        self.now = START
        for server in self.servers.values():
            server.__init__("INBOX", "Junk")  # type: ignore[misc]  # it begins again
        self.transport = WorldTransport(self)
        self.excused, self.said, self.passed = Counter(), [], []
        self.people, self.max_size = (lambda _server: None), 1 << 20

    def become(self, other: QuickWorld) -> None:
        """What another world would be if its process had ended just now: its disk, its servers, and no memory."""
        self._take_up(other.folder / "intake.db")
        self.now, self.max_size, self.people = other.now, other.max_size, (lambda _server: None)
        self.servers = deepcopy(other.servers)
        self.transport = WorldTransport(self)
        self.transport.taken = other.transport.taken[:]
        self.transport.answers, self.transport.calls = other.transport.answers, other.transport.calls
        self.excused = other.excused + Counter([other.unrecorded] if other.unrecorded else [])
        self.said, self.passed = [], []

    def remains(self) -> object:
        """All that a process leaves which ends now, for comparing: ``become`` takes nothing else."""
        ledger = self.folder / "intake.db"
        log = ledger.with_name("intake.db-wal")
        return (
            ledger.read_bytes(),
            log.read_bytes() if log.exists() else b"",
            {name: deepcopy(vars(server)) for name, server in self.servers.items()},
            len(self.transport.taken),
            self.transport.calls,
            self.unrecorded,
            self.now,
        )

    def _take_up(self, ledger: Path) -> None:
        self.restart()
        for end in ("", "-wal", "-shm"):
            (self.folder / f"intake.db{end}").unlink(missing_ok=True)
        for end in ("", "-wal"):  # the third is memory
            if (written := ledger.with_name(ledger.name + end)).exists():
                shutil.copy(written, self.folder / f"intake.db{end}")

    def boundary(self, name: str) -> None:
        super().boundary(name)
        self.look()

    def remove(self) -> None:
        """Leave nothing behind."""
        self.parts.ledger.close()
        self.home.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass
class Ends:
    """How often a process has ended, and how many of these ends left something else than the one before."""

    number: int = 0
    different: int = 0

    def __iadd__(self, other: Ends) -> Self:
        self.number += other.number
        self.different += other.different
        return self


def ends(world: QuickWorld, double: QuickWorld, wanted: Callable[[int], bool], then: Callable[[], None]) -> Ends:
    """One pass, and what follows if the process ends at each of the boundaries that are ``wanted``.

    ``double`` becomes what that process leaves, and ``then`` is called; but once for ends in a row that leave the very
    same, as most do between which the pass only asks for something. The pass itself goes on, and comes to its end.
    """
    numbers = itertools.count()
    ended = Ends()
    last: object = None

    def look() -> None:
        nonlocal last
        if not wanted(number := next(numbers)):
            return
        ended.number += 1
        if (remains := world.remains()) == last:
            return
        last = remains
        ended.different += 1
        double.become(world)
        try:
            then()
        except AssertionError as error:
            error.add_note(f"the process ended at boundary {number} ({world.passed[-1]})")
            raise

    world.look = look
    try:
        world.run()
    finally:
        world.look = lambda: None
    return ended


def rows(world: World, question: str) -> list[Any]:
    """What the ledger holds."""
    database: Any = world.parts.ledger._database
    with database.reading() as connection:
        return list(connection.execute(text(question)))


UNTOLD = "SELECT id FROM delivery WHERE state = 'failed' AND kind <> 'alarm' AND variant <> 'undelivered' AND alarmed IS NULL"

# --- the promises ---


def every_mail_has_one_outcome(world: World, delivered: Counter[bytes]) -> None:
    """One case or one recorded outcome for each content; copies of it are duplicates of that one."""
    key = world.parts.ledger.key
    known = Counter(row.content for row in rows(world, "SELECT content FROM mail WHERE duplicate_of IS NULL"))
    for raw in delivered:
        number = known[key.hash("content", raw)]
        assert number == 1, f"{number} outcomes for {raw[:60]!r}"


def every_delivery_has_ended(world: World) -> None:
    """Sent, withheld, or given up; nothing is on its way."""
    counts = Counter({row[0]: row[1] for row in rows(world, "SELECT state, count(*) FROM delivery GROUP BY state")})
    assert set(counts) <= {"sent", "withheld", "failed"}, counts


def every_case_is_in_front_of_a_person(world: World) -> None:
    """Somebody has a copy, or whoever looks after the program was told that nobody has."""
    for (code,) in rows(world, "SELECT code FROM case_file"):
        copies = [
            o
            for o in world.transport.taken
            if header(o, "X-Intake-Case") == code
            and o.recipient in PEOPLE
            and header(o, "X-Intake-Kind") in {"report", "follow-up", "notice"}
        ]
        told = [o for o in world.transport.taken if o.recipient == KEEPER]
        assert copies or told, f"nobody has {code}"


def given_up_is_told(world: World) -> None:
    """What was given up is known to whoever looks after the program."""
    untold = rows(world, UNTOLD)
    assert not untold, untold


def the_others_are_told(world: World) -> None:
    """Of a copy that was given up, everybody else on the team who may know of it; or that word was given up as well."""
    given_up = rows(
        world,
        "SELECT mail_id, case_id, code, recipient FROM delivery JOIN case_file ON case_id = case_file.id WHERE "
        "delivery.state = 'failed' AND kind IN ('report', 'follow-up') AND variant NOT LIKE 'team%'",
    )
    deaf = {row.recipient for row in rows(world, "SELECT recipient FROM delivery WHERE state = 'failed'")}
    for mail_id, case_id, code, recipient in given_up:
        for person in TEAM - deaf - {recipient} - world.parts.ledger.withheld(mail_id, case_id):
            words = [
                o
                for o in world.transport.to(person, MessageKind.NOTICE)
                if header(o, "X-Variant") == "delivery-problem"
            ]
            told = [o for o in words if code in (header(o, "X-Intake-Case"), *header(o, "X-Facts").split())]
            assert told, f"one of the team was not told that a copy of {code} was given up"


def nothing_happens_twice(world: World) -> None:
    """Each message once, but for the window between a server's 250 and our commit; then under the same Message-ID."""
    taken = Counter(message_id(o) for o in world.transport.taken)
    for one, number in taken.items():
        assert number <= 1 + world.excused[one], f"{one} was taken {number} times"
    keys = Counter(row.key for row in rows(world, "SELECT key FROM delivery"))
    assert all(number == 1 for number in keys.values())
    answers = rows(
        world,
        "SELECT case_id, count(*) FROM delivery WHERE kind = 'acknowledgement' GROUP BY case_id HAVING count(*) > 1",
    )
    assert not answers, answers
    copies = rows(
        world,
        "SELECT mail_id, recipient, count(*) FROM delivery WHERE kind IN ('report', 'follow-up') AND state = 'sent' "
        "GROUP BY mail_id, recipient HAVING count(*) > 1",
    )
    assert not copies, copies


def the_mailbox_is_filed(world: World, delivered: Counter[bytes]) -> None:
    """Nothing has vanished from the server, and what is done with no longer stands in a watched folder."""
    everything = Counter[bytes]()
    for server in world.servers.values():
        everything += server.all()
    assert not delivered - everything, "a mail has vanished from the server"
    due = rows(world, "SELECT folder, uid FROM mail WHERE filing = 'due'")
    assert not due, due
    key = world.parts.ledger.key
    stays = {row.content for row in rows(world, "SELECT content FROM mail WHERE filing = 'stays'")}
    for server in world.servers.values():
        for folder in ("INBOX", "Junk"):
            for raw in server.texts(folder):
                assert key.hash("content", raw) in stays, f"not filed: {raw[:60]!r} in {folder}"


def answers_are_truthful(world: World) -> None:
    """An acknowledgement with the full words leaves only after somebody's server has taken a copy of that case."""
    reached: set[str] = set()
    for one in world.transport.taken:
        code, kind = header(one, "X-Intake-Case"), header(one, "X-Intake-Kind")
        if kind in {"report", "follow-up", "notice"}:
            reached.add(code)
        if kind == "acknowledgement" and header(one, "X-Variant") != "unread":
            assert code in reached, f"answered before anybody had {code}"


def receipts_are_true(world: World) -> None:
    """Nothing counts as sent that no server has taken."""
    taken = {message_id(o) for o in world.transport.taken}
    sent = {row[0] for row in rows(world, "SELECT message_id FROM delivery WHERE state = 'sent'")}
    assert sent <= taken, f"{len(sent - taken)} count as sent and were not"


PROMISES: tuple[Callable[..., None], ...] = (
    every_delivery_has_ended,
    every_case_is_in_front_of_a_person,
    given_up_is_told,
    the_others_are_told,
    receipts_are_true,
    nothing_happens_twice,
    answers_are_truthful,
)


def check(world: World, delivered: Counter[bytes]) -> None:
    """All of them."""
    every_mail_has_one_outcome(world, delivered)
    for promise in PROMISES:
        promise(world)
    the_mailbox_is_filed(world, delivered)


def rest(world: World, most: int = 400) -> None:
    """Passes until nothing is left to do, whatever the servers say by then."""
    for count in range(most):
        report = world.run()
        assert report is not None
        waiting = rows(world, "SELECT count(*) FROM delivery WHERE state NOT IN ('sent', 'withheld', 'failed')")[0][0]
        trouble = rows(world, "SELECT count(*) FROM trouble")[0][0]
        untold = rows(world, UNTOLD)  # a storm of alarms is told together, after some hours
        if not (waiting or trouble or untold or any(one.error for one in report.mailboxes)):
            return
        world.now += timedelta(minutes=2) if count < 4 else timedelta(hours=5)
    raise AssertionError(f"no rest after {most} passes: {world.said[-3:]}")
