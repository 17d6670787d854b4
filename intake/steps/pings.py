"""Calls to organizers over their other channels: that something waits in their mail, and nothing else.

A call is a row of the outbox. It is written down together with what became of the message that it is about, so that
neither exists without the other, and goes out after all mail: no channel holds back a message. Several that are due
at once go out as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from intake.decide.clock import CLAIM_LEASE, POISON_TRIES, next_try
from intake.decide.reminders import after_quiet
from intake.errors import TemplateError
from intake.ledger.outbox import Became
from intake.letters import Ping
from intake.model import DRILL, Case, Delivery, DeliveryDraft, DeliveryState, MessageKind, Urgency

if TYPE_CHECKING:
    from intake.config import OrganizerConfig
    from intake.steps.parts import Parts

CALLED_ABOUT = (MessageKind.REPORT, MessageKind.FOLLOW_UP, MessageKind.NOTICE, MessageKind.REMINDER)
JUST_NOW = ("confirmed", "kept-back")  # answers to a mail that they have sent a moment ago
BATCH = 500
MOST_TRIES = 12  # by then a day has passed
PATIENCE = timedelta(seconds=40)  # that a pass spends on calls


def call_about(parts: Parts, delivery: Delivery, *, over: bool) -> list[DeliveryDraft]:
    """The call about a message that was sent or given up (``over``), or that is urgent and could not be sent yet."""
    person = _person(parts, delivery.recipient)
    if person is None or not person.notify or delivery.kind not in CALLED_ABOUT or delivery.variant in JUST_NOW:
        return []
    if not over and not _is_urgent(_case(parts, delivery)):
        return []
    key = f"ping about delivery {delivery.id}"
    return [DeliveryDraft(MessageKind.PING, delivery.recipient, key, DeliveryState.PENDING, parts.now)]


def call(parts: Parts) -> None:
    """Make every call that is due."""
    until = parts.now + PATIENCE
    claimed = parts.ledger.claim_pings(parts.holder, parts.now, CLAIM_LEASE, BATCH)
    by_person = sorted(claimed, key=lambda one: one.recipient)
    for recipient, group in groupby(by_person, key=lambda one: one.recipient):
        theirs = list(group)
        if parts.stopping() or parts.now > until:
            parts.ledger.put_all_back([(one, parts.now) for one in theirs])
            continue
        person = _person(parts, recipient)
        hidden = [one for one in theirs if _must_not_know(parts, person, one)]
        if hidden:
            parts.ledger.record_all([Became(one, DeliveryState.WITHHELD) for one in hidden], parts.now)
        if person is not None:
            _call(parts, person, [one for one in theirs if one not in hidden])


def _must_not_know(parts: Parts, person: OrganizerConfig | None, one: Delivery) -> bool:
    """Who has left the team, wants no calls any more, or must not know of the case."""
    return person is None or not person.notify or one.recipient in parts.ledger.withheld(None, one.case_id)


def _call(parts: Parts, person: OrganizerConfig, waiting: Sequence[Delivery]) -> None:
    cases = {one.id: _case(parts, one) for one in waiting}
    morning = after_quiet(parts.now, parts.config.zone)
    if morning > parts.now:  # an urgent case knows no night
        parts.ledger.put_all_back([(one, morning) for one in waiting if not _is_urgent(cases[one.id])])
        waiting = [one for one in waiting if _is_urgent(cases[one.id])]
    if not waiting:
        return
    topic = _topic([cases[one.id] for one in waiting])
    problems = _told(parts, person, topic)
    parts.ledger.record_all(list(_outcomes(parts, waiting, problems)), parts.now)
    if any(problems):
        parts.say(f"an organizer's {next(filter(None, problems))}")


def _told(parts: Parts, person: OrganizerConfig, topic: str) -> list[str]:
    """For each channel what went wrong; empty where nothing did."""
    try:
        title, text = parts.composer().ping(Ping(parts.config.language_of(person), topic))
    except TemplateError as error:
        return [str(error)]
    return [parts.notify([url], title, text) for url in person.notify]


def _outcomes(parts: Parts, called: Sequence[Delivery], problems: Sequence[str]) -> Iterator[Became]:
    """One channel that takes it is enough."""
    taken = sum(not problem for problem in problems)
    for one in called:
        if taken:
            yield Became(one, DeliveryState.SENT, receipt=f"{taken} of {len(problems)} channels")
        elif one.tries >= MOST_TRIES or one.unreported > POISON_TRIES:
            yield Became(one, DeliveryState.FAILED, error=problems[0])
        else:
            again = next_try(one.tries, parts.now, parts.chance.fraction())
            yield Became(one, DeliveryState.PENDING, not_before=again, error=problems[0])


def _topic(cases: Sequence[Case | None]) -> str:
    if all(case is not None and case.rule == DRILL for case in cases):
        return "drill"
    return "urgent" if any(_is_urgent(case) for case in cases) else "waiting"


def _case(parts: Parts, one: Delivery) -> Case | None:
    return None if one.case_id is None else parts.ledger.case_context(one.case_id).case


def _is_urgent(case: Case | None) -> bool:
    return case is not None and case.urgency is Urgency.URGENT


def _person(parts: Parts, email: str) -> OrganizerConfig | None:
    return next((one for one in parts.config.organizers if one.email.lower() == email), None)
