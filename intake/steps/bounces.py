"""Our own messages that come back: matched by their Message-ID with the delivery that they are about.

Our Message-IDs can't be guessed, and each went to one person alone: who can name one has seen that message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from intake.letters import named
from intake.model import Arrival, Kind, ParsedMail
from intake.steps.deliver import consequences

if TYPE_CHECKING:
    from intake.steps.parts import Parts

REASON = "came back as undeliverable"
MOST = 60  # Message-IDs looked at in one mail
_ACTION = re.compile(r"^action:\s*([a-z]+)", re.IGNORECASE | re.MULTILINE)  # RFC 3464, 2.3.3
_NOT_YET = re.compile(r"delay|not yet been delivered|still trying|warning|vertraagd|retard|verz.gert", re.IGNORECASE)


def take_back(parts: Parts, arrivals: Sequence[Arrival]) -> None:
    """Note deliveries that have come back, and what follows. Doing it again changes nothing."""
    for arrival in arrivals:
        if arrival.verdict.kind is not Kind.BOUNCE or not says_failed(arrival.mail):
            continue
        message_ids = _about(arrival.mail)
        for delivery in parts.ledger.with_ids(message_ids) if message_ids else ():
            if parts.ledger.came_back(delivery, REASON, parts.now, partial(consequences, parts, delivery)):
                parts.say(f"a message {REASON}; see: intake outbox list")


def says_failed(mail: ParsedMail) -> bool:
    """Whether a bounce says that it is over, and not that it takes longer or has arrived."""
    if mail.report_type in {"feedback-report", "abuse-report", "disposition-notification"}:
        return False
    actions = {found.lower() for text in (mail.text, *mail.all_text) for found in _ACTION.findall(text[: 64 << 10])}
    if actions:
        return "failed" in actions
    return not _NOT_YET.search(mail.subject)


def _about(mail: ParsedMail) -> tuple[str, ...]:
    """Message-IDs of what was returned. What it merely answers counts only where a mail system says what it is."""
    report = mail.report_type == "delivery-status" or bool(mail.first("x-failed-recipients"))
    answered = (*mail.in_reply_to, *mail.references) if report else ()
    return named((*mail.nested_message_ids, *answered))[:MOST]
