"""What things are called in the ledger and in messages, and how cases and deliveries move from state to state."""

from __future__ import annotations

from enum import StrEnum


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
