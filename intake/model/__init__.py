"""The values that pass from room to room.

A mail's life is a chain of them: ``RawMail`` is read, ``ParsedMail`` understood, a ``Verdict`` and a
``Plan`` decided, rows written, an ``Outgoing`` composed for each, and ``Sent``, ``Failed`` or ``Unknown``
recorded. All are frozen; all times are aware datetimes; all sizes are bytes.
"""

from __future__ import annotations

from intake.model.decided import (
    Arrival,
    CaseChange,
    DeliveryDraft,
    History,
    KnownCase,
    Plan,
    Sender,
    Verdict,
    Withheld,
)
from intake.model.received import (
    Address,
    Attachment,
    MailHead,
    MailRef,
    ParsedMail,
    RawMail,
    Signatures,
)
from intake.model.sent import (
    RUN_OF_TRIES,
    Case,
    Delivery,
    Failed,
    Outgoing,
    Result,
    Sent,
    Shared,
    Unknown,
)
from intake.model.states import (
    ABOUT_A_CHANGE,
    CASE_MOVES,
    DRILL,
    FINAL_STATES,
    OPERATOR,
    OUTCOMES,
    PROGRAM,
    REFUSALS,
    REPORTER,
    CaseAction,
    CaseState,
    DeliveryState,
    Kind,
    MessageKind,
    Outcome,
    Urgency,
    moved,
)

__all__ = [
    "ABOUT_A_CHANGE",
    "CASE_MOVES",
    "DRILL",
    "FINAL_STATES",
    "OPERATOR",
    "OUTCOMES",
    "PROGRAM",
    "REFUSALS",
    "REPORTER",
    "RUN_OF_TRIES",
    "Address",
    "Arrival",
    "Attachment",
    "Case",
    "CaseAction",
    "CaseChange",
    "CaseState",
    "Delivery",
    "DeliveryDraft",
    "DeliveryState",
    "Failed",
    "History",
    "Kind",
    "KnownCase",
    "MailHead",
    "MailRef",
    "MessageKind",
    "Outcome",
    "Outgoing",
    "ParsedMail",
    "Plan",
    "RawMail",
    "Result",
    "Sender",
    "Sent",
    "Shared",
    "Signatures",
    "Unknown",
    "Urgency",
    "Verdict",
    "Withheld",
    "moved",
]
