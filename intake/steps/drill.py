"""A drill: a report of our own goes the way of every report, and is watched on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from intake.decide import drill
from intake.decide.casework import Decision
from intake.model import (
    FINAL_STATES,
    PROGRAM,
    REPORTER,
    Case,
    CaseAction,
    CaseChange,
    CaseState,
    Delivery,
    DeliveryState,
    KnownCase,
    Outgoing,
)

if TYPE_CHECKING:
    from intake.config import MailboxConfig
    from intake.steps.parts import Parts

NOT_ASKED = "not-asked"  # gets other categories or events, or is away


@dataclass(frozen=True, slots=True)
class Sent:
    """A drill on its way."""

    message_id: str
    at: datetime
    content: bytes


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one person's copy: ``seconds`` is since the drill was sent, None unless it was handed over."""

    name: str
    recipient: str
    state: str
    reason: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of a drill by now; ``case`` is None until it has been read."""

    case: Case | None
    read_after: float | None
    lines: tuple[Line, ...]
    acknowledgement: Line | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to it."""
        if self.case is None:
            return self.read_after is not None
        known = (*self.lines, *((self.acknowledgement,) if self.acknowledgement else ()))
        return all(line.state in {*FINAL_STATES, NOT_ASKED} for line in known)

    @property
    def ok(self) -> bool:
        """Whether somebody was reached, and everybody else was meant not to be."""
        states = [line.state for line in self.lines]
        known = states + ([self.acknowledgement.state] if self.acknowledgement else [])
        good = {DeliveryState.SENT, DeliveryState.WITHHELD, NOT_ASKED}
        return (
            self.case is not None
            and self.finished
            and DeliveryState.SENT in states
            and all(state in good for state in known)
        )


def compose(parts: Parts, *, to: str = "", named: str = "") -> Sent:
    """A drill that is not sent yet: its copies go to ``to`` if given; ``named`` is somebody it is about."""
    message_id = f"<drill-{parts.chance.token()}@{parts.config.community.address.rpartition('@')[2]}>"
    return written(parts, message_id, parts.now, to=to, named=named)


def written(parts: Parts, message_id: str, now: datetime, *, to: str, named: str = "") -> Sent:
    """The same drill for the same arguments: one that is sent again is known for the one it is."""
    from intake.compose import drill as letter  # noqa: PLC0415 - few passes need it
    from intake.compose.house import House  # noqa: PLC0415 - as above

    house = House.of(parts.config)
    text = letter.words(house, named)
    mark = drill.mark(lambda said: parts.ledger.key.hash("drill", said), message_id, to, letter.SUBJECT, text)
    marks = {"X-Intake-Drill": mark, "X-Intake-Drill-Id": message_id, **({"X-Intake-Drill-To": to} if to else {})}
    return Sent(message_id, now, letter.message(house, message_id, now, text, marks))


def outgoing(parts: Parts, sent: Sent) -> Outgoing:
    """The drill as a mail to ourselves."""
    us = parts.config.community.address
    return Outgoing(us, us, sent.content)


def drop(parts: Parts, settings: MailboxConfig, sent: Sent) -> None:
    """Put the drill straight into a mailbox. Raises MailboxError."""
    mailbox = parts.mailbox(settings)
    try:
        mailbox.open()
        mailbox.append(settings.folders[0], sent.content)
    finally:
        mailbox.close()


def watch(parts: Parts, sent: Sent) -> Watched:
    """How far it has come."""
    ledger, mark = parts.ledger, parts.ledger.key.hash("message-id", sent.message_id)
    found = ledger.recognise((), (mark,)).get(mark)
    if found is None:
        return Watched(None, None, ())
    context = ledger.context(found)
    after = (context.place.accepted - sent.at).total_seconds()
    if context.case is None:
        return Watched(None, after, ())
    deliveries = {one.recipient: one for one in ledger.deliveries_of_case(context.case.id) if one.mail_id == found}
    reasons = {one.organizer: one.reason for one in context.case.recused}
    answer = deliveries.pop(REPORTER, None)
    config = parts.config
    people = {one.email.lower(): one.name for one in config.organizers}
    if config.fallback and config.fallback.email.lower() in deliveries:
        people[config.fallback.email.lower()] = config.fallback.name
    lines = tuple(_line(name, who, deliveries.get(who), sent, reasons.get(who, "")) for who, name in people.items())
    return Watched(context.case, after, lines, _line("", REPORTER, answer, sent, "") if answer else None)


def _line(name: str, who: str, delivery: Delivery | None, sent: Sent, reason: str) -> Line:
    if delivery is None:
        return Line(name, who, DeliveryState.WITHHELD if reason else NOT_ASKED, reason)
    seconds = (delivery.sent_at - sent.at).total_seconds() if delivery.sent_at else None
    return Line(name, who, delivery.state, reason or delivery.error, seconds)


def end(parts: Parts, case: Case) -> None:
    """Close its case without a word to anyone."""

    def close(known: KnownCase) -> Decision:
        if known.state is CaseState.CLOSED:
            return Decision(refusal="closed")  # by another machine, meanwhile
        return Decision(CaseChange(CaseAction.CLOSE, PROGRAM, outcome="not-a-report"))

    parts.ledger.change(case.code, close, parts.now)
