"""Digests: one for each organizer and period, decided once, composed when it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from intake.decide.clock import BEFORE_ERASURE, last_due, next_due, period
from intake.decide.reminders import answered, due_of
from intake.errors import EncryptionError
from intake.ledger.folders import NOT_FILED
from intake.letters import Digest, DigestCase, Expiry, SelfCheck, Thread
from intake.model import DRILL, Address, Case, CaseState, Delivery, DeliveryDraft, DeliveryState, MessageKind, Outgoing
from intake.oauth import expiry
from intake.steps import selfcheck

if TYPE_CHECKING:
    from intake.config import Config
    from intake.ledger.views import Overview
    from intake.steps.parts import Parts

CLOCKS_DIFFER = timedelta(hours=1)  # by more than this, the clock was wrong when the ledger was made
# Alarms that everybody may know of: no case, and no mail of anybody, makes them begin.
ABOUT_NO_CASE = ("drill", "audit")
_PRESSING = {"overdue": 0, "urgent": 1, "unassigned": 2, "waiting": 3}


def decide_digests(parts: Parts) -> int:
    """Put every digest that is due into the outbox, each once for its period; say how many were new."""
    config, now = parts.config, parts.now
    created = parts.ledger.created()
    drafts: list[DeliveryDraft] = []
    for organizer in config.organizers:
        schedule = organizer.digest or config.digest.schedule
        due = last_due(schedule.days, schedule.at, config.zone, now)
        if due is None or due <= created <= now + CLOCKS_DIFFER:
            continue
        which, email = period(due, config.zone), organizer.email.lower()
        key = f"digest {which} for {email}"
        drafts.append(DeliveryDraft(MessageKind.DIGEST, email, key, DeliveryState.PENDING, now, variant=which))
    return parts.ledger.add(drafts, now) if drafts else 0


def next_digest(config: Config, now: datetime) -> datetime | None:
    """When the next digest of anybody is due."""
    schedules = {config.digest.schedule, *(one.digest for one in config.organizers if one.digest)}
    moments = [next_due(one.days, one.at, config.zone, now) for one in schedules]
    return min((moment for moment in moments if moment), default=None)


def compose_digest(parts: Parts, delivery: Delivery) -> Outgoing:
    """The digest as of the moment it was decided, for one organizer."""
    letter = digest_for(
        parts,
        delivery.recipient,
        Thread(delivery.message_id),
        period=delivery.variant,
        now=parts.now,
        since=parts.ledger.last_digest(delivery.recipient, delivery.created),
    )
    return parts.composer().digest(letter, parts.now)


def digest_for(
    parts: Parts, email: str, thread: Thread, *, period: str, now: datetime, since: datetime | None
) -> Digest:
    """All that one organizer may know."""
    config = parts.config
    person = next((o for o in config.organizers if o.email.lower() == email.lower()), None)
    view = parts.ledger.overview(email, since, now, answers=config.digest.count_answers)
    cases = [_line(parts, view, case) for case in view.cases if case.rule != DRILL]
    return Digest(
        to=Address(person.name, person.email) if person else Address("", email),
        language=config.language_of(person) if person else config.community.languages[0],
        thread=thread,
        period=period[:10],
        since=since,
        now=now,
        cases=tuple(sorted(cases, key=lambda line: _pressing(line, now))),
        closed=tuple(_line(parts, view, case) for case in view.closed if case.rule != DRILL),
        not_fanned_out=tuple(sorted(view.not_fanned_out.items())),
        silenced=len(view.silenced),
        undelivered=sum(view.problems.values()),
        # What can't be filed may be a mail that they must not know of: that is for whoever looks after the program.
        mailboxes=tuple(replace(one, error="") if one.error.startswith(NOT_FILED) else one for one in view.mailboxes),
        erased_soon=_erased_soon(parts, email, now),
        problems=tuple(sorted(one.topic for one in parts.ledger.alarms.open().values() if one.topic in ABOUT_NO_CASE)),
        expiries=tuple(sorted((*_logins(config, now), *_keys(config, now)), key=lambda one: one.ends or now)),
        places=tuple((name, tuple(sorted(where))) for name, where in sorted(view.places.items())),
        silenced_codes=tuple(dict.fromkeys(view.silenced)),
        self_check=_self_check(parts),
        answers_counted=config.digest.count_answers,
    )


def _logins(config: Config, now: datetime) -> Iterator[Expiry]:
    """Ends of secrets and certificates, weeks before they come; organizers are those who notice."""
    for one in expiry.ending(config, now):
        yield Expiry("certificate" if one.what.startswith("certificate") else "secret", one.ends)


def _keys(config: Config, now: datetime) -> Iterator[Expiry]:
    """Keys that end within weeks, or are no good already: their owners then get notices without content."""
    people = [
        (person.name, person.pgp_key)
        for person in config.organizers
        if person.content == "encrypted" and person.pgp_key is not None
    ]
    if not people:
        return
    from intake.compose.encrypt import SOON, read_key  # noqa: PLC0415 - few have a key

    for name, file in people:
        try:
            until = read_key(file, now).until
        except EncryptionError:
            yield Expiry("key", None, name)
        else:
            if until is not None and until - now < SOON:
                yield Expiry("key", until, name)


def _self_check(parts: Parts) -> SelfCheck | None:
    settings = parts.config.drill
    if not settings.every or not settings.to:
        return None
    found = selfcheck.checks(parts, settings.to)
    well = (SelfCheck(one.at, one.seconds or 0.0) for one in found if one.stage == selfcheck.THROUGH)
    return next(well, None)


def _erased_soon(parts: Parts, email: str, now: datetime) -> tuple[str, ...]:
    """Closed cases of theirs whose time is up within ``BEFORE_ERASURE``, or is up already; none that must be kept."""
    keep, held = parts.config.retention.closed_cases, parts.ledger.held()
    soon = now + BEFORE_ERASURE - keep
    closed = parts.ledger.cases(states=(CaseState.CLOSED,), closed_before=soon, organizer=email)
    return tuple(case.code for case in closed if case.id not in held and case.rule != DRILL)


def _pressing(line: DigestCase, now: datetime) -> tuple[int, datetime]:
    if line.due is not None and line.due <= now:
        kind = "overdue"
    elif line.urgency == "urgent":
        kind = "urgent"
    else:
        kind = "unassigned" if line.state == CaseState.NEW else "waiting"
    return _PRESSING[kind], line.opened


def _line(parts: Parts, view: Overview, case: Case) -> DigestCase:
    config = parts.config
    due, due_for = due_of(case, config.category(case.category))
    lead = next((o.name for o in config.organizers if o.email.lower() == (case.claimed_by or "").lower()), "")
    return DigestCase(
        code=case.code,
        category=case.category,
        urgency=case.urgency,
        event=case.event,
        state=case.state,
        opened=case.opened,
        lead=lead,
        human_reply=answered(case),
        mails=case.mails,
        new_mails=view.new_mails.get(case.id, 0),
        due=due,
        due_for=due_for,
        closed_at=case.closed_at,
        delivery_problems=view.problems.get(case.id, 0),
        withheld_others=len({w.organizer for w in case.recused}),
        erase_on=case.closed_at + config.retention.closed_cases if case.closed_at else None,
    )
