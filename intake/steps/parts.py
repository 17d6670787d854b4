"""What the steps work with, and what a pass has come to."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from intake.decide.clock import CLAIM_LEASE, FIRST_RETRY, MAILBOX_LEASE
from intake.edge import Chance, Clock
from intake.model import ParsedMail, Plan, Verdict
from intake.steps.reports import MailboxReport, PassReport

if TYPE_CHECKING:
    from intake.compose.composer import Composer
    from intake.config import Config, MailboxConfig
    from intake.ledger.ledger import Ledger
    from intake.model import Arrival, History
    from intake.ports import TextRecords, Transport, Watched

__all__ = ["Judge", "MailboxReport", "Memo", "Parse", "Parts", "PassReport", "Planner", "Rest"]


class Parse(Protocol):
    """Bytes to what can be understood of them; never raises."""

    def __call__(self, raw: bytes, *, truncated: bool = False, unreadable: bool = False) -> ParsedMail:
        """Understand a mail."""


class Planner(Protocol):
    """What follows from a mail."""

    def __call__(self, arrival: Arrival, history: History, now: datetime) -> Plan:
        """Decide."""


class Judge(Protocol):
    """What a mail is."""

    def __call__(self, mail: ParsedMail, arrived: datetime, own_words: Sequence[str] = ()) -> Verdict:
        """Decide; ``own_words`` are texts of ours that the mail may quote."""


@dataclass(slots=True)
class Memo:
    """Mails that were understood and judged, by their bytes, so that none is parsed twice in a pass. ``most`` bytes.

    What is read ahead of its delivery is kept while there is room; what is being delivered takes the place of the
    oldest, which has been.
    """

    most: int = 24 << 20
    _kept: OrderedDict[bytes, tuple[int, tuple[ParsedMail, Verdict]]] = field(default_factory=OrderedDict, repr=False)
    _bytes: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def get(self, mark: bytes) -> tuple[ParsedMail, Verdict] | None:
        """What is remembered, if anything."""
        found = self._kept.get(mark)
        return found[1] if found else None

    def put(self, mark: bytes, understood: tuple[ParsedMail, Verdict], *, ahead: bool) -> None:
        """Remember. ``ahead``: it is not delivered yet, and is no reason to forget another."""
        size = _size(understood[0])
        with self._lock:
            if mark in self._kept or (ahead and self._bytes + size > self.most):
                return
            self._kept[mark] = (size, understood)
            self._bytes += size
            while self._bytes > self.most and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1][0]

    def forget(self) -> None:
        """All of it has been delivered, as far as it can be now: nobody's words need to stand in memory for months."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0


def _size(mail: ParsedMail) -> int:
    """About what a mail takes in memory."""
    texts = (mail.text, mail.subject, *mail.all_text, *(value for _, value in mail.headers))
    return 4000 + sum(map(len, texts)) + 300 * (len(mail.headers) + len(mail.attachments))


@dataclass(slots=True)
class Rest:
    """The way out, after it has failed: until then this process claims nothing, so that others can have it."""

    _until: datetime | None = None

    def begin(self, until: datetime) -> None:
        """It has just failed."""
        self._until = until

    def lasts(self, now: datetime) -> bool:
        """Whether it is too early to try again. A clock that was put back makes it no longer."""
        return self._until is not None and timedelta(0) < self._until - now <= 2 * FIRST_RETRY


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a step needs. Factories stand for what is expensive to make and often not needed."""

    config: Config
    ledger: Ledger
    clock: Clock
    chance: Chance
    holder: str
    mailbox: Callable[[MailboxConfig], Watched]
    transport: Callable[[], Transport]
    parse: Callable[[], Parse]
    judge: Callable[[], Judge]
    planner: Callable[[], Planner]
    composer: Callable[[], Composer]
    is_dead: Callable[[str], bool]
    pause: Callable[[float], None]
    is_alive: Callable[[str], bool] = lambda _holder: False
    second_way: Callable[[], Transport | None] = lambda: None  # for alarms, when the usual way out fails
    notify: Callable[[Sequence[str], str, str], str] = lambda _urls, _title, _body: ""  # says what went wrong
    ping: Callable[[str], str] = lambda _url: ""  # the same
    keys: Callable[[], TextRecords | None] = lambda: None  # of DKIM signatures, where they are verified here
    stopping: Callable[[], bool] = lambda: False
    say: Callable[[str], None] = lambda _line: None
    memo: Memo = field(default_factory=Memo)
    rest: Rest = field(default_factory=Rest)
    mailbox_lease: timedelta = MAILBOX_LEASE
    claim_lease: timedelta = CLAIM_LEASE
    connections: int = 1  # messages that may be on their way at once; with one, no thread is started

    @property
    def now(self) -> datetime:
        """The time."""
        return self.clock.now()
