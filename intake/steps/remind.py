"""Reminders: a case that nobody has taken, or nobody has answered, calls again, and in the end reaches more people."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from intake.decide.casework import Casework
from intake.decide.reminders import TO_ALL, TO_FALLBACK, Due, next_reminder
from intake.model import DRILL, Case, DeliveryDraft, DeliveryState, MessageKind

if TYPE_CHECKING:
    from intake.steps.parts import Parts

LOOK_AGAIN = timedelta(hours=1)  # at most: the configuration may promise something else by then


def remind(parts: Parts) -> int:
    """Put every reminder that is due into the outbox, each once; say how many cases were reminded of."""
    now, config = parts.now, parts.config
    reminded = 0
    later: list[tuple[Case, datetime | None]] = []
    for found in parts.ledger.clocks(now):
        # A reminder that is yet to come was none: the clock was wrong then.
        case = replace(found, reminded_at=None) if found.reminded_at and found.reminded_at > now else found
        due = None if case.rule == DRILL else next_reminder(case, config.category(case.category), config.zone)
        if due is None:
            later.append((case, None))
        elif due.remind_at > now:
            later.append((case, min(due.remind_at, now + LOOK_AGAIN)))
        elif parts.ledger.remind(case, drafts(parts, case, due), now, now + LOOK_AGAIN):
            reminded += 1
    parts.ledger.look_again(later)
    return reminded


def drafts(parts: Parts, case: Case, due: Due) -> list[DeliveryDraft]:
    """A reminder for everyone whom this one reaches; never for anybody from whom the case is withheld."""
    casework = Casework(parts.config)
    hidden = frozenset(withheld.organizer for withheld in case.recused)
    everyone = casework.everyone(hidden)
    holders = parts.ledger.holders(case.id) - hidden
    people = list(everyone) if due.count >= TO_ALL else [email for email in everyone if email in holders]
    fallback = parts.config.fallback
    if fallback and fallback.email.lower() not in hidden:
        email = fallback.email.lower()
        if due.count >= TO_FALLBACK or email in holders or not everyone:
            people.append(email)
    since = round((case.clock_since or case.opened).timestamp() * 1000)
    return [
        DeliveryDraft(
            MessageKind.REMINDER,
            email,
            f"reminder {due.count} of {case.code} to {due.topic} since {since} for {email}",
            DeliveryState.PENDING,
            parts.now,
            f"{due.topic}:{due.count}",
        )
        for email in people or everyone
    ]
