"""The facts that each kind of message states: what the steps hand to ``compose``.

Nothing here is text for people; the templates find the words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from intake.model import Address, Case, MessageKind, ParsedMail, Verdict


@dataclass(frozen=True, slots=True)
class Thread:
    """The headers that make a thread: ids with their angle brackets, oldest first in ``references``."""

    message_id: str
    in_reply_to: str = ""
    references: tuple[str, ...] = ()


_MARK = ".kept@"


def kept(message_id: str) -> str:
    """Our Message-ID in the form in which it also stands in References.

    Exchange Online, for one, may give a message another Message-ID on its way. References it leaves alone, and a
    reply carries them back: so a thread, the proof of a command, and a bounce are known all the same.
    """
    return message_id.replace("@", _MARK, 1)


def named(ids: Iterable[str]) -> tuple[str, ...]:
    """Message-IDs, each that is in that form followed by the one it stands for; each once, in order."""
    both = ((one, one.replace(_MARK, "@", 1)) for one in ids)
    return tuple(dict.fromkeys(name for pair in both for name in pair))


@dataclass(frozen=True, slots=True)
class Reader:
    """Someone who will read the report: how an acknowledgement may name them."""

    name: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """An automatic answer to a reporter.

    ``variant`` is ``full`` (the category's words), ``generic`` (nothing that tells the category) or ``unread``
    (stored, but no copy has reached a person yet). ``event_phone`` is set only when it may be told.
    ``nobody``: no copy is on its way to anybody; ``keeper``: somebody who looks after the program is told of that.
    ``insiders_only``: nothing is said of the fallback, who must not have the mail.
    """

    to: Address
    thread: Thread
    language: str
    category: str
    code: str
    received: datetime
    variant: str
    readers: tuple[Reader, ...]
    truncated: bool = False
    event: str = ""
    event_phone: str = ""
    nobody: bool = False
    keeper: bool = False
    insiders_only: bool = False


@dataclass(frozen=True, slots=True)
class AcknowledgementState:
    """What a copy can say about the acknowledgement: ``sent``, ``waiting`` or ``not-sent``, and the reason's id."""

    state: str
    reason: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """A report or follow-up for one organizer.

    ``original`` is byte for byte what the mailbox holds; empty when it is not attached, and ``original_note`` is
    then ``too-large``, ``refused-for-size`` or ``unreadable``. ``team_reply`` marks mail from an organizer. ``lead`` is
    the name of who has taken the case.
    """

    kind: MessageKind
    to: Address
    language: str
    thread: Thread
    case: Case
    mail: ParsedMail
    verdict: Verdict
    received: datetime
    mailbox: str
    folder: str
    size: int
    recipients: tuple[Reader, ...]
    others_withheld: int
    acknowledgement: AcknowledgementState
    original: bytes = field(repr=False, default=b"")
    original_note: str = ""
    linked_code: str = ""
    team_reply: bool = False
    lead: str = ""
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class DigestCase:
    """One line of a digest: nothing personal.

    ``state`` is the case's, ``lead`` the claimer's name; ``due`` is when somebody must have claimed or answered it
    and ``due_for`` says which (``claim`` | ``reply``); ``new_mails`` counts since the organizer's last digest.
    """

    code: str
    category: str
    urgency: str
    event: str
    state: str
    opened: datetime
    lead: str
    human_reply: bool
    mails: int
    new_mails: int
    due: datetime | None = None
    due_for: str = ""
    closed_at: datetime | None = None
    delivery_problems: int = 0
    withheld_others: int = 0
    erase_on: datetime | None = None


@dataclass(frozen=True, slots=True)
class MailboxHealth:
    """How reading one mailbox went: ``error`` is one line without anything personal, empty when well."""

    name: str
    last_pass: datetime | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Expiry:
    """Something that ends by itself: ``what`` is ``secret`` or ``certificate`` (of the log-in), or ``key`` (PGP).

    ``name`` is whose key it is; without ``ends`` it can't be used now.
    """

    what: str
    ends: datetime | None
    name: str = ""


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """The last drill that came through: when it was sent, and how many seconds it took."""

    at: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Digest:
    """All that one organizer may know about the cases since ``since``; computed after recusal."""

    to: Address
    language: str
    thread: Thread
    period: str  # the idempotency key's date, e.g. 2026-04-20
    since: datetime | None
    now: datetime
    cases: tuple[DigestCase, ...]  # open, most pressing first
    closed: tuple[DigestCase, ...]  # since the last digest
    not_fanned_out: tuple[tuple[str, int], ...]  # (automatic | bounce | list | ours | junk | before, count) since then
    silenced: int  # acknowledgements that a cap held back
    undelivered: int  # deliveries given up or overdue
    mailboxes: tuple[MailboxHealth, ...]
    problems: tuple[str, ...] = ()  # topics of open alarms that are about no case
    erased_soon: tuple[str, ...] = ()  # codes of closed cases whose time is up within two weeks
    expiries: tuple[Expiry, ...] = ()  # within weeks, the soonest first
    places: tuple[tuple[str, tuple[str, ...]], ...] = ()  # mailbox/folder, for each kind in ``not_fanned_out``
    silenced_codes: tuple[str, ...] = ()  # the cases of the acknowledgements that were held back
    self_check: SelfCheck | None = None
    answers_counted: bool = True  # programs' answers that name no message, too


@dataclass(frozen=True, slots=True)
class Notice:
    """A short message about a case to an organizer; ``topic`` selects the words (``waiting`` …)."""

    to: Address
    language: str
    thread: Thread
    topic: str
    code: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    original: bytes = field(repr=False, default=b"")


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that whoever looks after the program must see: no content, no case.

    ``topic`` selects the words; ``over`` says that it has ended. One that is not ``lasting`` is of a moment: there will
    be no word of its end.
    """

    to: Address
    language: str
    thread: Thread
    topic: str
    facts: tuple[tuple[str, str], ...] = ()
    over: bool = False
    lasting: bool = True


@dataclass(frozen=True, slots=True)
class Ping:
    """A call over a channel that is not mail: all it tells is its ``topic``, waiting, urgent or drill."""

    language: str
    topic: str


@dataclass(frozen=True, slots=True)
class Reminder:
    """Something about a case is overdue: ``topic`` is ``claim`` (nobody took it) or ``reply`` (nobody answered).

    ``count`` is the number of this reminder, from 1; ``lead`` the name of who took the case.
    """

    to: Address
    language: str
    thread: Thread
    topic: str
    code: str
    category: str
    urgency: str
    opened: datetime
    due: datetime
    count: int = 1
    lead: str = ""
