"""What people may be told: cases, counts and health. An organizer's view leaves out all that is withheld from them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    union_all,
    update,
)

from intake.ledger.folders import NOT_FILED, SENT_BEFORE
from intake.ledger.recall import ANSWERS_ALARM, ANSWERS_UNKNOWN, MAY_ANSWER_OURS
from intake.ledger.schema import IS_OPEN, Moment, case, delivery, mail, mailbox_pass, place, recusal
from intake.letters import AcknowledgementState, MailboxHealth
from intake.model import Case, CaseState, DeliveryState, MailRef, MessageKind, Outcome, Urgency, Withheld


@dataclass(frozen=True, slots=True)
class MailPlace:
    """Where a mail stood and when it came: never after it was ``accepted``, whatever date the server gave it."""

    ref: MailRef
    size: int
    arrived: datetime
    accepted: datetime
    outcome: Outcome
    reason: str
    case_id: int | None
    filed_to: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """All that one organizer may know, at one moment.

    ``new_mails`` and ``problems`` are by case; problems that belong to no case stand under None. ``places`` says in
    which folders the mail stands that was counted, ``silenced`` which cases had no acknowledgement because of a cap.
    """

    cases: list[Case]
    closed: list[Case]
    new_mails: dict[int, int]
    problems: dict[int | None, int]
    not_fanned_out: dict[str, int]
    places: dict[str, set[str]]
    silenced: list[str]
    mailboxes: list[MailboxHealth]


def cases(
    connection: Connection,
    *,
    code: str | None = None,
    states: Iterable[CaseState] | None = None,
    closed_since: datetime | None = None,
    closed_before: datetime | None = None,
    organizer: str | None = None,
) -> list[Case]:
    """Cases, the oldest first; with ``organizer`` only those that may be seen by them."""
    chosen = select(case).order_by(case.c.id)
    if code is not None:
        chosen = chosen.where(case.c.code == code.upper())
    if states is not None:
        chosen = chosen.where(case.c.state.in_(list(states)))
    if closed_since is not None:
        chosen = chosen.where(case.c.closed_at > closed_since)
    if closed_before is not None:
        chosen = chosen.where(case.c.closed_at < closed_before)
    if organizer is not None:
        chosen = chosen.where(~_hidden(case.c.id, organizer))
    return _with_all(connection, connection.execute(chosen).all())


def cases_by_id(connection: Connection, numbers: list[int]) -> list[Case]:
    """These cases, the oldest first."""
    chunks = (numbers[start : start + 400] for start in range(0, len(numbers), 400))
    rows = [row for chunk in chunks for row in connection.execute(select(case).where(case.c.id.in_(chunk)))]
    return _with_all(connection, sorted(rows, key=lambda row: int(row.id)))


def _with_all(connection: Connection, rows: Sequence[Any]) -> list[Case]:
    numbers = [row.id for row in rows]
    recused = _recused(connection, numbers)
    mails = mail_counts(connection, numbers)
    return [as_case(row, recused.get(row.id, ()), mails.get(row.id, 0)) for row in rows]


# Built once: they run for every mail whose messages are composed.
REPORTERS_MAIL = mail.c.outcome.in_((Outcome.CASE, Outcome.FOLLOW_UP, Outcome.QUARANTINED))
_TOLD_NOBODY = and_(mail.c.outcome.in_((Outcome.RECORDED, Outcome.BEFORE)), mail.c.reason != SENT_BEFORE)
_ONE_CASE = select(case).where(case.c.id == bindparam("case"))
_ONE_RECUSED = (
    select(recusal.c.organizer, recusal.c.reason)
    .where(recusal.c.case_id == bindparam("case"), recusal.c.released.is_(None))
    .order_by(recusal.c.id.desc())
)
_ONE_COUNT = select(func.count()).where(mail.c.case_id == bindparam("case"), REPORTERS_MAIL)
_COUNTS = (
    select(mail.c.case_id, func.count())
    .where(mail.c.case_id.in_(bindparam("cases", expanding=True)), REPORTERS_MAIL)
    .group_by(mail.c.case_id)
)
_ACKNOWLEDGEMENTS = (
    select(delivery.c.case_id, delivery.c.state, delivery.c.sent_at, delivery.c.variant)
    .where(delivery.c.case_id.in_(bindparam("cases", expanding=True)), delivery.c.kind == MessageKind.ACKNOWLEDGEMENT)
    .order_by(delivery.c.id.desc())
)
_OPENERS = (
    select(func.min(mail.c.id)).where(mail.c.case_id.in_(bindparam("cases", expanding=True))).group_by(mail.c.case_id)
)
_NO_ACKNOWLEDGEMENT = select(mail.c.case_id, mail.c.acknowledge_reason).where(mail.c.id.in_(_OPENERS))


def case_by_id(connection: Connection, number: int) -> Case:
    """One case. It exists: deliveries refer to it."""
    row = connection.execute(_ONE_CASE, {"case": number}).one()
    withheld = connection.execute(_ONE_RECUSED, {"case": number})
    recused = {one.organizer: Withheld(one.organizer, one.reason) for one in withheld}
    return as_case(row, tuple(recused.values()), connection.execute(_ONE_COUNT, {"case": number}).scalar() or 0)


def _hidden(number: ColumnElement[Any], organizer: str) -> ColumnElement[bool]:
    return exists().where(
        recusal.c.case_id == number, recusal.c.organizer == organizer.lower(), recusal.c.released.is_(None)
    )


def _recused(connection: Connection, numbers: list[int]) -> dict[int, tuple[Withheld, ...]]:
    found: dict[int, dict[str, Withheld]] = {}
    for start in range(0, len(numbers), 400):
        rows = connection.execute(
            select(recusal.c.case_id, recusal.c.organizer, recusal.c.reason)
            .where(recusal.c.case_id.in_(numbers[start : start + 400]), recusal.c.released.is_(None))
            .order_by(recusal.c.id)
        )
        for row in rows:
            found.setdefault(row.case_id, {}).setdefault(row.organizer, Withheld(row.organizer, row.reason))
    return {number: tuple(by_organizer.values()) for number, by_organizer in found.items()}


def mail_counts(connection: Connection, numbers: list[int], since: datetime | None = None) -> dict[int, int]:
    """How many mails of reporters each case has (since then)."""
    counts: dict[int, int] = {}
    question = _COUNTS if since is None else _COUNTS.where(mail.c.accepted > since)
    for start in range(0, len(numbers), 400):
        rows = connection.execute(question, {"cases": numbers[start : start + 400]})
        counts.update({row[0]: row[1] for row in rows})
    return counts


def as_case(row: Row[Any], recused: tuple[Withheld, ...], mails: int) -> Case:
    """A row as a value."""
    return Case(
        id=row.id,
        code=row.code,
        category=row.category,
        rule=row.rule,
        urgency=Urgency(row.urgency),
        urgency_reasons=tuple(json.loads(row.urgency_reasons)),
        language=row.language,
        event=row.event,
        authentication=row.authentication,
        state=CaseState(row.state),
        opened=row.opened,
        claimed_by=row.claimed_by,
        claimed_at=row.claimed_at,
        first_human_reply=row.first_human_reply,
        closed_at=row.closed_at,
        mails=mails,
        recused=recused,
        linked_to=row.linked_to,
        outcome=row.outcome,
        clock_since=row.clock_since,
        last_human_reply=row.last_human_reply,
        reminders=row.reminders,
        reminded_at=row.reminded_at,
    )


def acknowledgement_states(connection: Connection, cases: list[int]) -> dict[int, AcknowledgementState]:
    """What became of the acknowledgement of each of these cases: the first there was."""
    rows = connection.execute(_ACKNOWLEDGEMENTS, {"cases": cases}) if cases else ()
    found = {row.case_id: _acknowledgement_state(row) for row in rows}
    without = [number for number in cases if number not in found]
    if without:
        for row in connection.execute(_NO_ACKNOWLEDGEMENT, {"cases": without}):
            found[row.case_id] = AcknowledgementState("not-sent", row.acknowledge_reason or "")
    return {number: found.get(number, AcknowledgementState("not-sent", "")) for number in cases}


def _acknowledgement_state(row: Any) -> AcknowledgementState:
    if row.state == DeliveryState.SENT:
        return AcknowledgementState("sent", row.variant, row.sent_at)
    if row.state in {DeliveryState.FAILED, DeliveryState.WITHHELD}:
        return AcknowledgementState("not-sent", "could-not-be-delivered")
    return AcknowledgementState("waiting", "until-a-copy-has-arrived")


def not_fanned_out(
    connection: Connection, since: datetime | None, organizer: str, *, answers: bool
) -> tuple[dict[str, int], dict[str, set[str]]]:
    """Mail that was recorded without telling anyone, by kind, and where; without any that concerns what is withheld.

    Nor what an alarm caused, or may answer any message of ours: that may be about what is withheld, and names no case.
    Without ``answers``, no answer at all that says not what it is about, whoever sent it.
    """
    seen = or_(
        and_(mail.c.case_id.is_not(None), _hidden(mail.c.case_id, organizer)),
        exists().where(recusal.c.mail_id == mail.c.id, recusal.c.organizer == organizer.lower()),
    )
    caused = [ANSWERS_ALARM, MAY_ANSWER_OURS] + [ANSWERS_UNKNOWN] * (not answers)
    what = (mail.c.outcome, mail.c.reason, mail.c.kind, mail.c.mailbox, mail.c.folder, mail.c.filed_to)
    chosen = select(*what, func.count()).where(_TOLD_NOBODY, mail.c.reason.not_in(caused), ~seen).group_by(*what)
    if since is not None:
        chosen = chosen.where(mail.c.accepted > since)
    counts: dict[str, int] = {}
    places: dict[str, set[str]] = {}
    for outcome, reason, kind, mailbox, folder, filed_to, number in connection.execute(chosen):
        name = _group(outcome, reason, kind)
        counts[name] = counts.get(name, 0) + number
        places.setdefault(name, set()).add(f"{mailbox}/{filed_to or folder}")
    return counts, places


def silenced(connection: Connection, since: datetime | None, organizer: str) -> list[str]:
    """Cases whose acknowledgement a cap held back, a code for each, of those that the organizer may see."""
    chosen = (
        select(case.c.code)
        .join(mail, mail.c.case_id == case.c.id)
        .where(mail.c.acknowledge_reason.like("cap-%"), ~_hidden(case.c.id, organizer))
        .order_by(mail.c.id)
    )
    if since is not None:
        chosen = chosen.where(mail.c.accepted > since)
    return list(connection.execute(chosen).scalars())


def delivery_problems(connection: Connection, organizer: str, now: datetime) -> dict[int | None, int]:
    """Deliveries that failed, or were tried and still wait, by case; without what is withheld from the organizer."""
    waits = delivery.c.state.in_((DeliveryState.PENDING, DeliveryState.UNKNOWN))
    tried = and_(IS_OPEN, waits, delivery.c.attempts > 0, delivery.c.created < now)
    # Two questions, so that each finds its index: of what failed, and of what is open.
    problems = union_all(
        select(delivery.c.id).where(delivery.c.state == DeliveryState.FAILED), select(delivery.c.id).where(tried)
    )
    rows = connection.execute(
        select(delivery.c.case_id, func.count())
        .where(
            delivery.c.id.in_(problems),
            # What a call was about has come by mail; what has no case may be about one that is withheld, as alarms are,
            # and words of what was given up.
            delivery.c.kind != MessageKind.PING,
            or_(delivery.c.case_id.is_not(None), delivery.c.kind == MessageKind.DIGEST),
            ~and_(delivery.c.case_id.is_not(None), _hidden(delivery.c.case_id, organizer)),
        )
        .group_by(delivery.c.case_id)
    )
    return {row[0]: row[1] for row in rows}


def last_digest(connection: Connection, organizer: str, before: datetime) -> datetime | None:
    """When the organizer's previous digest was decided."""
    return connection.execute(
        select(func.max(delivery.c.created)).where(
            delivery.c.recipient == organizer.lower(),
            delivery.c.kind == MessageKind.DIGEST,
            delivery.c.created < before,
        )
    ).scalar()


def note_pass(connection: Connection, name: str, now: datetime, error: str) -> None:
    """Write down how reading a mailbox went."""
    values: dict[str, Any] = {"tried": now, "error": error[:500]}
    if error:
        values["failing_since"] = func.coalesce(mailbox_pass.c.failing_since, bindparam("at", now, type_=Moment))
        values |= {"succeeded": now} if error.startswith(NOT_FILED) else {}
    else:
        values |= {"succeeded": now, "failing_since": None}
    if not connection.execute(update(mailbox_pass).where(mailbox_pass.c.mailbox == name).values(values)).rowcount:
        values["failing_since"] = now if error else None
        connection.execute(insert(mailbox_pass).values(mailbox=name, **values))


def last_good_pass(connection: Connection, name: str) -> datetime | None:
    """When a mailbox was last read without an error; None if it never was, or the last time failed."""
    well = select(mailbox_pass.c.succeeded).where(mailbox_pass.c.mailbox == name, mailbox_pass.c.error == "")
    return connection.execute(well).scalar()


def mailbox_health(connection: Connection) -> list[MailboxHealth]:
    """How the last pass over each mailbox went."""
    rows = connection.execute(select(mailbox_pass).order_by(mailbox_pass.c.mailbox))
    return [MailboxHealth(row.mailbox, row.succeeded, row.error) for row in rows]


def outcomes(connection: Connection) -> dict[str, int]:
    """How many mails had each outcome."""
    return {row[0]: row[1] for row in connection.execute(select(mail.c.outcome, func.count()).group_by(mail.c.outcome))}


def as_place(row: Row[Any]) -> MailPlace:
    """Where a mail came from, from its row."""
    return MailPlace(
        MailRef(row.mailbox, row.folder, row.uidvalidity, row.uid),
        row.size,
        min(row.internal_date, row.accepted),
        row.accepted,
        Outcome(row.outcome),
        row.reason,
        row.case_id,
        row.filed_to,
    )


def overview(
    connection: Connection, organizer: str, since: datetime | None, now: datetime, *, answers: bool
) -> Overview:
    """Everything a digest is made of, read in one transaction."""
    open_cases = cases(connection, states=(CaseState.NEW, CaseState.CLAIMED), organizer=organizer)
    closed = cases(connection, states=(CaseState.CLOSED,), closed_since=since, organizer=organizer)
    counts, places = not_fanned_out(connection, since, organizer, answers=answers)
    return Overview(
        cases=open_cases,
        closed=closed,
        new_mails=mail_counts(connection, [one.id for one in open_cases], since),
        problems=delivery_problems(connection, organizer, now),
        not_fanned_out=counts,
        places=places,
        silenced=silenced(connection, since, organizer),
        mailboxes=mailbox_health(connection),
    )


def acknowledged(connection: Connection) -> dict[int, datetime]:
    """By case, when the first acknowledgement of it was taken by a server."""
    chosen = select(delivery.c.case_id, func.min(delivery.c.sent_at)).where(
        delivery.c.kind == MessageKind.ACKNOWLEDGEMENT, delivery.c.sent_at.is_not(None), delivery.c.case_id.is_not(None)
    )
    return {row[0]: row[1] for row in connection.execute(chosen.group_by(delivery.c.case_id))}


@dataclass(frozen=True, slots=True)
class Counted:
    """A mail that was written down without being passed on: where it came in, and where it stands as far as known.

    ``group`` is what the digest counts it as.
    """

    group: str
    reason: str
    accepted: datetime
    size: int
    arrived: MailRef
    filed_to: str
    found: MailRef | None


def counted(connection: Connection, since: datetime | None) -> list[Counted]:
    """Mail that nobody was told about, the newest first."""
    chosen = (
        select(
            mail, place.c.folder.label("now_in"), place.c.uidvalidity.label("now_under"), place.c.uid.label("now_uid")
        )
        .outerjoin(place, place.c.mail_id == mail.c.id)
        .where(_TOLD_NOBODY)
        .order_by(mail.c.id.desc(), place.c.id)
    )
    if since is not None:
        chosen = chosen.where(mail.c.accepted > since)
    found: dict[int, Counted] = {}
    for row in connection.execute(chosen):
        found[row.id] = Counted(
            group=_group(row.outcome, row.reason, row.kind),
            reason=row.reason,
            accepted=row.accepted,
            size=row.size,
            arrived=MailRef(row.mailbox, row.folder, row.uidvalidity, row.uid),
            filed_to=row.filed_to,
            found=MailRef(row.mailbox, row.now_in, row.now_under, row.now_uid) if row.now_in else None,
        )
    return list(found.values())


def _group(outcome: str, reason: str, kind: str) -> str:
    return "before" if outcome == Outcome.BEFORE else "junk" if reason == "junk" else kind
