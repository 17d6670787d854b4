"""Rows of the ledger as the steps see them, messages ready to leave, and what became of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import TypeVar

from intake.model.decided import Withheld
from intake.model.states import CaseState, DeliveryState, MessageKind, Urgency


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the ledger's cases, without anything personal."""

    id: int
    code: str
    category: str
    rule: str
    urgency: Urgency
    urgency_reasons: tuple[str, ...]
    language: str
    event: str
    authentication: str
    state: CaseState
    opened: datetime
    claimed_by: str | None
    claimed_at: datetime | None
    first_human_reply: datetime | None
    closed_at: datetime | None
    mails: int
    recused: tuple[Withheld, ...] = ()
    linked_to: int | None = None
    outcome: str = ""
    clock_since: datetime | None = None  # when it was opened, or opened again
    last_human_reply: datetime | None = None
    reminders: int = 0  # of the clock that runs now
    reminded_at: datetime | None = None


# ``Delivery.attempts`` only ever grows, so that no late writer wins; a retry by a person begins at the next multiple.
RUN_OF_TRIES = 1_000_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of the outbox that was claimed: ``attempts`` is ours, and a late writer with another number loses."""

    id: int
    kind: MessageKind
    case_id: int | None
    mail_id: int | None
    recipient: str
    message_id: str
    variant: str
    state: DeliveryState
    attempts: int
    created: datetime
    not_before: datetime
    key: str
    sent_at: datetime | None = None
    error: str = ""
    receipt: str = ""
    unreported: int = 0  # how often it was claimed before without a word about what became of it

    @property
    def tries(self) -> int:
        """How often it was tried, since a person last asked for it to be tried again."""
        return self.attempts % RUN_OF_TRIES

    @property
    def asleep(self) -> bool:
        """Whether it is a call that only waits for the morning."""
        return self.kind is MessageKind.PING and not self.attempts


Found = TypeVar("Found")


class Shared:
    """A large piece of content that several messages have in common: what is found out about it is found out once.

    ``lines`` is what is known already: ``crlf``, no CR or LF in it stands alone; ``base64``, nor is there anything but
    lines of base64; or nothing.
    """

    __slots__ = ("_found", "_lock", "lines", "octets")

    def __init__(self, octets: bytes, lines: str = "") -> None:
        self.octets, self.lines = octets, lines
        self._found: dict[object, object] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self.octets)

    def once(self, ask: Callable[[bytes], Found]) -> Found:
        """What ``ask`` says of it; safe to use from several threads."""
        with self._lock:
            if ask not in self._found:
                self._found[ask] = ask(self.octets)
            return self._found[ask]  # type: ignore[return-value]  # it is what ask has returned


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message ready for SMTP: ``sender`` is the envelope's (empty: null), ``recipient`` exactly one.

    Its content is ``beginning``, mostly all of it, and then ``rest``: what is large is not copied for each recipient.
    """

    sender: str
    recipient: str
    beginning: bytes = field(repr=False)
    rest: tuple[bytes | Shared, ...] = field(repr=False, default=())

    @property
    def content(self) -> bytes:
        """The whole, in one piece."""
        if not self.rest:
            return self.beginning
        return b"".join([self.beginning, *(one.octets if isinstance(one, Shared) else one for one in self.rest)])


@dataclass(frozen=True, slots=True)
class Sent:
    """A server took the message; ``receipt`` is its last line, redacted of addresses."""

    receipt: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A server did not take it.

    ``size`` says that it was refused for being too large; ``way_out``, that the trouble is with the server or the
    log-in and not with this message, so that others would fare no better just now.
    """

    permanent: bool
    reason: str
    size: bool = False
    way_out: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """The connection broke after the message was handed over: it may or may not have been taken."""

    reason: str


Result = Sent | Failed | Unknown
