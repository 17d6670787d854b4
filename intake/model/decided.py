"""What is made of a mail, and what follows from it: decided, and not written down yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from intake.model.received import Address, ParsedMail, RawMail
from intake.model.states import CaseAction, CaseState, DeliveryState, Kind, MessageKind, Outcome, Urgency


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
class Unseen:
    """An acknowledgement in a case that is withheld: from whom, and whether this sender or this domain got it."""

    withheld: frozenset[str]
    sender: bool
    domain: bool


@dataclass(frozen=True, slots=True)
class Beside:
    """Another case that a mail refers to, or whose code stands in it: from whom it is withheld."""

    withheld: frozenset[str]
    takes_part: bool  # the mail's sender does


@dataclass(frozen=True, slots=True)
class History:
    """What the ledger knows about a mail that arrives."""

    duplicate_of: int | None = None
    thread: KnownCase | None = None  # a mail of ours, or of the reporter, is referred to
    thread_by: str = ""  # ours | theirs | code
    token_of: str = ""  # with ``ours``: who alone received the mail that is referred to
    known_sender: bool = False  # the sender already takes part in that case
    beside: tuple[Beside, ...] = ()  # other cases that it is about as well, of those that are withheld from somebody
    acknowledged_sender: int = 0  # acknowledgements in the last day to this sender,
    acknowledged_domain: int = 0  # to this domain,
    acknowledged_all: int = 0  # and in all;
    acknowledged_unseen: tuple[Unseen, ...] = ()  # those of them whose case is withheld from somebody
    recent_from_sender: int = 0  # mails of this sender in the last day,
    recent_unseen: tuple[frozenset[str], ...] = ()  # and from whom each of those is withheld that is withheld at all
    recent_case: int | None = None  # the case in which they were, if it is one
    returned_about: int | None = None  # a bounce returns a message of ours about this case
    alarm_answered: bool = False  # it returns, or answers, an alarm of ours, or a word that may be about any case
    ours_named: bool = False  # it says which message of ours it returns
    wrote_to_us: bool = False  # of machine mail: it comes from, or tells of, an address that has written in some case
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
