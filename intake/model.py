"""The values that pass from room to room.

A mail's life is a chain of them: ``RawMail`` is read, ``ParsedMail`` understood, a ``Verdict`` and a
``Plan`` decided, rows written, an ``Outgoing`` composed for each, and ``Sent``, ``Failed`` or ``Unknown``
recorded. All are frozen; all times are aware datetimes; all sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from threading import Lock
from typing import TypeVar

Found = TypeVar("Found")

# --- received -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MailRef:
    """Where one mail stands on the server: a UID means something only under its UIDVALIDITY (RFC 9051, 2.3.1.1)."""

    mailbox: str
    folder: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True)
class MailHead:
    """What is asked about a mail before its body is: enough to decide how to fetch it."""

    uid: int
    size: int
    internal_date: datetime


@dataclass(frozen=True, slots=True)
class RawMail:
    """A mail as the server gave it.

    ``body`` is byte for byte what ``BODY.PEEK[]`` returned. If ``truncated``, the mail is larger than
    ``max_size`` and ``body`` holds only its beginning (headers first); ``size`` is always the server's.
    If ``unreadable``, the server could not deliver it even by itself and ``body`` is what there was, or empty.
    """

    ref: MailRef
    internal_date: datetime
    size: int
    body: bytes = field(repr=False)
    truncated: bool = False
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox of RFC 5322, 3.4: ``email`` is ``local@domain`` with the domain in lower case."""

    name: str
    email: str

    @property
    def domain(self) -> str:
        """The part after the last ``@``, in lower case; empty when there is none."""
        return self.email.rpartition("@")[2].lower() if "@" in self.email else ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part of the mail that is not its text. ``name`` is clean of controls and path parts, possibly empty."""

    name: str
    type: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Signatures:
    """What a mail's DKIM signatures prove: the ``domains`` that have signed it; ``failed`` if one does not hold."""

    domains: tuple[str, ...] = ()
    failed: bool = False


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """What could be understood of a mail. Every field has an honest empty value; nothing here is trusted.

    ``headers`` holds every header in order as ``(lower-case name, unfolded value)``, decoded as text with
    controls removed. ``text`` is the author's own text (from text/plain, else from HTML); ``all_text`` holds
    one entry for each other text found anywhere: alternatives, nested messages, HTML seen as text, file names.
    ``content`` names of special content are among ``encrypted``, ``smime``, ``signed``, ``tnef``, ``report``,
    ``calendar-reply``.
    ``defects`` are short ids (``no-from``, ``too-deep``), never text out of the mail.
    """

    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    subject: str = ""
    authors: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    return_path: str | None = None  # "" is the null sender; None when the header is absent
    date: datetime | None = None
    headers: tuple[tuple[str, str], ...] = ()
    text: str = ""
    all_text: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    content_type: str = "text/plain"
    report_type: str = ""  # of multipart/report (RFC 6522)
    content: frozenset[str] = frozenset()
    nested_message_ids: tuple[str, ...] = ()  # Message-IDs met in enclosed messages and returned headers
    signatures: Signatures = Signatures()  # verified here, where that is configured
    defects: tuple[str, ...] = ()

    def values(self, name: str) -> tuple[str, ...]:
        """Every value of the header ``name`` (lower case), in order."""
        return tuple([value for key, value in self.headers if key == name])

    def first(self, name: str) -> str:
        """The topmost value of the header ``name`` (lower case), or an empty string."""
        for key, value in self.headers:
            if key == name:
                return value
        return ""


# --- decided ------------------------------------------------------------------------------------


class Kind(StrEnum):
    """What sent a mail."""

    PERSON = "person"
    AUTOMATIC = "automatic"
    BOUNCE = "bounce"
    LIST = "list"
    OURS = "ours"


class Urgency(StrEnum):
    """How soon people must look. Signals only ever raise it."""

    NORMAL = "normal"
    URGENT = "urgent"


@dataclass(frozen=True, slots=True)
class Sender:
    """What kind of sender a mail has, and whether it may be answered; ``reason`` is a short id."""

    kind: Kind
    acknowledge: bool
    reason: str
    to: Address | None = None


@dataclass(frozen=True, slots=True)
class Withheld:
    """An organizer who must not see a case. ``reason`` is a short id such as ``named-in-body``."""

    organizer: str  # address, lower case
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a mail is. Everything here can be shown: ``rule``, ``evidence`` and reasons never quote free text.

    ``evidence`` holds the configured phrases (not the mail's words) that matched.
    """

    kind: Kind
    category: str
    rule: str
    evidence: tuple[str, ...]
    urgency: Urgency
    urgency_reasons: tuple[str, ...]
    language: str
    event: str
    acknowledge: bool
    acknowledge_reason: str
    acknowledge_to: Address | None
    recused: tuple[Withheld, ...]
    authentication: str = "none"  # pass | fail | none
    matched: bool = True  # False when only the last category, which has no rule, took it


class Outcome(StrEnum):
    """What became of a mail; each mail has exactly one."""

    CASE = "case"  # opened a case
    FOLLOW_UP = "follow-up"  # joined one
    RECORDED = "recorded"  # machine mail: counted and shown in the digest
    DUPLICATE = "duplicate"  # the same bytes were accepted before
    BEFORE = "before"  # was there at first contact
    TEAM = "team"  # an organizer's reply or command, or an answer to the reporter
    SENT = "sent"  # stands in the folder of sent mail, and is no answer to a reporter
    QUARANTINED = "quarantined"  # could not be processed; people have it
    ERASED = "erased"  # belonged to a case that was erased; nothing else is known of it


class CaseState(StrEnum):
    """new -> claimed -> closed; a follow-up reopens."""

    NEW = "new"
    CLAIMED = "claimed"
    CLOSED = "closed"


class CaseAction(StrEnum):
    """Everything that changes a case; each is a line of the log that ``audit`` verifies."""

    OPENED = "opened"
    FOLLOW_UP = "follow-up"  # the reporter wrote again
    CLAIM = "claim"
    CLOSE = "close"
    NOTE = "note"
    RECUSE = "recuse"
    RELEASE = "release"
    REPLY = "reply"  # a person answered the reporter
    REPLY_BOUNCED = "reply-bounced"
    REMINDED = "reminded"
    ERASED = "erased"  # the last line about a case; those before it tell nobody's name any more


# What each action makes of a case in each state; what stands in no row leaves the state as it is.
CASE_MOVES: dict[tuple[CaseState, CaseAction], CaseState] = {
    (CaseState.NEW, CaseAction.CLAIM): CaseState.CLAIMED,
    (CaseState.NEW, CaseAction.CLOSE): CaseState.CLOSED,
    (CaseState.CLAIMED, CaseAction.CLOSE): CaseState.CLOSED,
    (CaseState.CLOSED, CaseAction.CLAIM): CaseState.CLAIMED,
    (CaseState.CLOSED, CaseAction.FOLLOW_UP): CaseState.NEW,
}

# How a case may end: what a transparency report can count without telling anything about anyone.
OUTCOMES = (
    "no-action", "conversation", "warning", "exclusion", "support", "referred", "withdrawn", "not-a-report", "other",
)  # fmt: skip
DRILL = "drill"  # the rule of a case that only shows whether everything works
OPERATOR = "operator"  # in the log: whoever runs the program, at its command line
PROGRAM = "intake"  # in the log: the program by itself


def moved(state: CaseState, action: CaseAction) -> CaseState:
    """The state of a case after an action."""
    return CASE_MOVES.get((state, action), state)


# Why a command is not carried out. ``proof`` stands for everything that must look the same: no proof, a case that is
# withheld, no such case.
REFUSALS = (
    "proof", "no-name", "unknown-name", "several-names", "withheld-already", "not-withheld", "nobody-left", "closed",
)  # fmt: skip
# Notices about a case that carry no mail of a reporter to anyone.
ABOUT_A_CHANGE = ("claimed", "closed", "released", "withheld")


@dataclass(frozen=True, slots=True)
class CaseChange:
    """One change that somebody made to a case, decided and not written down yet.

    ``by`` is an organizer's address, or who did it by role; ``about`` whom a recusal concerns; ``outcome`` one of
    OUTCOMES or empty; ``text`` a note's words. ``also_to`` must get what there is of the case.
    """

    action: CaseAction
    by: str
    about: str = ""
    outcome: str = ""
    text: str = field(repr=False, default="")
    also_to: tuple[str, ...] = ()


class DeliveryState(StrEnum):
    """States of one delivery.

    ========  ==========================================================  =======================
    state     meaning                                                     may become
    ========  ==========================================================  =======================
    waiting   until a copy has reached an organizer, or its time is up    pending, withheld
    pending   due at ``not_before``                                       claimed, withheld
    claimed   somebody tries until ``lease_until``                        sent, failed, unknown,
                                                                          pending, withheld
    unknown   the connection broke after the last dot; tried again        claimed, withheld
              under the same Message-ID
    sent      a server took it: it said 250                               failed (by a bounce)
    failed    given up; people are told                                   pending (``outbox retry``)
    withheld  the recipient must not have it                              --
    ========  ==========================================================  =======================
    """

    WAITING = "waiting"
    PENDING = "pending"
    CLAIMED = "claimed"
    UNKNOWN = "unknown"
    SENT = "sent"
    FAILED = "failed"
    WITHHELD = "withheld"


FINAL_STATES = frozenset({DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.WITHHELD})


class MessageKind(StrEnum):
    """Value of ``X-Intake-Kind``."""

    ACKNOWLEDGEMENT = "acknowledgement"
    REPORT = "report"
    FOLLOW_UP = "follow-up"
    NOTICE = "notice"
    REMINDER = "reminder"
    DIGEST = "digest"
    ALARM = "alarm"
    DRILL = "drill"  # in the outbox alone: a self-check's mail to ourselves looks like a reporter's
    PING = "ping"  # goes over an organizer's other channels and is no mail: the header never says so


REPORTER = "reporter"  # recipient of an acknowledgement: the address itself stays in the mail


@dataclass(frozen=True, slots=True)
class DeliveryDraft:
    """One message to one person, decided but not composed.

    ``recipient`` is an organizer's address or ``REPORTER``; ``key`` makes it happen once; ``variant`` selects
    the words (``full``, ``generic``, ``unread`` …).
    """

    kind: MessageKind
    recipient: str
    key: str
    state: DeliveryState
    not_before: datetime
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail that was read, understood and judged, and is not written down yet."""

    raw: RawMail
    mail: ParsedMail
    verdict: Verdict
    before: bool = False  # it was there at first contact, and is met again under a new UIDVALIDITY
    sent: bool = False  # it stands in the folder of sent mail


@dataclass(frozen=True, slots=True)
class KnownCase:
    """A case as the ledger knows it, in what a decision needs."""

    id: int
    code: str
    state: CaseState
    urgency: Urgency
    participants: frozenset[bytes]  # keyed hashes of the addresses that wrote in it
    withheld: frozenset[str]  # organizers' addresses
    category: str = ""
    event: str = ""
    claimed_by: str = ""
    holders: frozenset[str] = frozenset()  # who has a copy, or is about to
    answered_by: frozenset[str] = frozenset()  # who has written to the reporter, or signed what was written


@dataclass(frozen=True, slots=True)
class History:
    """What the ledger knows about a mail that arrives."""

    duplicate_of: int | None = None
    thread: KnownCase | None = None  # a mail of ours, or of the reporter, is referred to
    thread_by: str = ""  # ours | theirs | code
    token_of: str = ""  # with ``ours``: who alone received the mail that is referred to
    known_sender: bool = False  # the sender already takes part in that case
    acknowledged_sender: int = 0  # acknowledgements in the last day to this sender,
    acknowledged_domain: int = 0  # to this domain,
    acknowledged_all: int = 0  # and in all
    recent_from_sender: int = 0  # mails of this sender in the last day,
    recent_unseen: tuple[frozenset[str], ...] = ()  # and from whom each of those is withheld that is withheld at all
    returned_about: int | None = None  # a bounce returns a message of ours about this case
    alarm_answered: bool = False  # it returns, or answers, an alarm of ours
    ours_returned: bool = False  # the mail bears a Message-ID of ours,
    ours_about: int | None = None  # and this is the case of that message
    answer_known: bool = False  # it bears the Message-ID of an answer to a reporter that is written down
    reporter_addressed: bool = False  # it goes to somebody who wrote in that case, or where they asked to be answered
    refused_today: int = 0  # commands in the name of this sender that were refused in the last day
    bounced_reply: KnownCase | None = None  # it returns an organizer's answer to the reporter of this case


@dataclass(frozen=True, slots=True)
class Plan:
    """All that follows from one mail; written down in one transaction."""

    outcome: Outcome
    reason: str
    case_id: int | None = None  # an existing case
    duplicate_of: int | None = None
    opens: bool = False  # or a new one
    linked_to: int | None = None  # a case that people should look at beside it
    raises_urgency: bool = False
    urgency_reasons: tuple[str, ...] = ()  # for the case, beside those it has
    reopens: bool = False
    human_reply: bool = False
    signed_by: tuple[str, ...] = ()  # with ``human_reply``: organizers whose names stand below it
    reply_bounced: bool = False
    change: CaseChange | None = None
    also_to: tuple[str, ...] = ()  # who must get what there is of the case, besides this mail
    withheld: tuple[Withheld, ...] = ()
    deliveries: tuple[DeliveryDraft, ...] = ()
    acknowledge_reason: str = ""
    keep_original: bool = True
    file: bool = True  # move it to the processed folder


# --- written down and sent ----------------------------------------------------------------------


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
