"""Short messages about a case: what became of a command, what others did, what waits, and reminders.

None of them carries anything of a mail. Who must not see the case was asked right before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from intake.decide.casework import named
from intake.decide.command import Command, parse
from intake.decide.reminders import CLAIM, answered, due_of
from intake.ledger.outbox import UNDELIVERED
from intake.letters import Notice, Reminder, Thread
from intake.model import (
    ABOUT_A_CHANGE,
    DRILL,
    Address,
    Case,
    CaseAction,
    CaseState,
    Delivery,
    DeliveryState,
    MessageKind,
    Outgoing,
    ParsedMail,
)

if TYPE_CHECKING:
    from intake.config import Config
    from intake.ledger.context import MailContext
    from intake.steps.parts import Parts

ABOUT_A_COMMAND = ("confirmed", "refused", "answered", "kept-back")
ABOUT_A_CASE = (*ABOUT_A_CHANGE, "reply-bounced", UNDELIVERED)


def is_news(delivery: Delivery) -> bool:
    """Whether a delivery is one of these messages."""
    if delivery.kind is MessageKind.REMINDER:
        return True
    topic = delivery.variant.partition(":")[0]
    return delivery.kind is MessageKind.NOTICE and topic in {*ABOUT_A_COMMAND, *ABOUT_A_CASE, "waiting"}


def of_case(parts: Parts, delivery: Delivery, to: Address, language: str) -> Outgoing | None:
    """A message that needs the case and no mail; None when it is no longer true."""
    if delivery.variant == UNDELIVERED:
        return _undelivered(parts, delivery, to, language)
    assert delivery.case_id is not None  # noqa: S101 - who decided it had the case in hand
    context = parts.ledger.case_context(delivery.case_id)
    if delivery.recipient in context.withheld:
        return None
    thread = _thread(delivery, context.roots.get(delivery.recipient, ""))
    if delivery.kind is MessageKind.REMINDER:
        return _reminder(parts, delivery, context.case, thread, to, language)
    lead = name_of(parts.config, context.case.claimed_by or "")
    facts = [("lead", lead)] if lead else []
    letter = Notice(to, language, thread, delivery.variant, context.case.code, tuple(facts))
    return parts.composer().notice(letter, parts.now)


def _reminder(
    parts: Parts, delivery: Delivery, case: Case, thread: Thread, to: Address, language: str
) -> Outgoing | None:
    topic, _, count = delivery.variant.partition(":")
    stopped = case.state is CaseState.CLOSED or answered(case) or (topic == CLAIM and case.state is not CaseState.NEW)
    due, _ = due_of(case, parts.config.category(case.category))
    if stopped:
        return None
    letter = Reminder(
        to,
        language,
        thread,
        topic,
        case.code,
        case.category,
        case.urgency,
        case.clock_since or case.opened,
        due or parts.now,
        int(count),
        name_of(parts.config, case.claimed_by or ""),
    )
    return parts.composer().reminder(letter, parts.now)


def waiting(parts: Parts, delivery: Delivery, context: MailContext, to: Address, language: str) -> Outgoing:
    """That something waits, and where: for who wants no more in their mail, or can't be given more."""
    assert context.case is not None  # noqa: S101 - nothing waits outside a case
    place = context.place
    facts = [("mailbox", place.ref.mailbox), ("folder", place.filed_to or place.ref.folder)]
    if context.case.urgency == "urgent":
        facts.append(("urgency", "urgent"))
    root = context.roots.get(delivery.recipient, "")
    letter = Notice(to, language, _thread(delivery, root), "waiting", context.case.code, tuple(facts))
    return parts.composer().notice(letter, parts.now)


def _undelivered(parts: Parts, delivery: Delivery, to: Address, language: str) -> Outgoing | None:
    """Which cases somebody else did not get something of; None when none of them is the recipient's to see any more.

    A drill is none of them: whoever holds it sees that there.
    """
    lost = [one for one in parts.ledger.given_up(delivery) if one.rule != DRILL and one.recipient != delivery.recipient]
    hidden = parts.ledger.withheld_from({(one.mail_id, one.case_id) for one in lost})
    lost = [one for one in lost if not hidden[one.mail_id, one.case_id] & {one.recipient, delivery.recipient}]
    if not lost:
        return None
    cases = {one.code: one.case_id for one in lost}
    thread, code = Thread(delivery.message_id), ""
    facts = [("organizers", _names(parts.config, {one.recipient for one in lost}))]
    if len(cases) == 1:
        ((code, case_id),) = cases.items()
        thread = _thread(delivery, parts.ledger.case_context(case_id).roots.get(delivery.recipient, ""))
    else:
        people = {code: _names(parts.config, {one.recipient for one in lost if one.code == code}) for code in cases}
        facts += [("count", str(len(cases))), ("text", "\n".join(f"{code}: {who}" for code, who in people.items()))]
    letter = Notice(to, language, thread, "delivery-problem", code, tuple(facts))
    return parts.composer().notice(letter, parts.now)


def of_command(
    parts: Parts, delivery: Delivery, context: MailContext, mail: ParsedMail, to: Address, language: str
) -> Outgoing:
    """What became of a mail of the recipient's."""
    topic, _, reason = delivery.variant.partition(":")
    facts: list[tuple[str, str]] = []
    command = parse(mail)
    if command:
        facts.append(("command", _told(command, parts.config, known=context.case is not None)))
    if reason and reason != "proof":
        facts.append(("reason", reason))
    if topic == "kept-back":
        kept = {d.recipient for d in context.copies(DeliveryState.WITHHELD)} - context.withheld
        facts.append(("organizers", ", ".join(o.name for o in parts.config.organizers if o.email.lower() in kept)))
    author = mail.authors[0].email.lower() if mail.authors else ""
    answers = mail.message_id if author == delivery.recipient else ""
    # Also where their own mail is not beside it: a program that sees the inbox alone threads by the root.
    root = context.roots.get(delivery.recipient, "") if context.case else ""
    root = "" if root == delivery.message_id else root
    thread = Thread(delivery.message_id, answers or root, tuple(one for one in (root, answers) if one))
    code = context.case.code if context.case else ""
    return parts.composer().notice(Notice(to, language, thread, topic, code, tuple(facts)), parts.now)


def asked_for_it(delivery: Delivery, mail: ParsedMail) -> bool:
    """Whether this confirms a recusal: who recused themselves is told so, and it is the last they hear."""
    command = parse(mail)
    return delivery.variant == "confirmed" and command is not None and command.action is CaseAction.RECUSE


def _told(command: Command, config: Config, *, known: bool) -> str:
    """A command as it was understood. Without a case nothing of it is looked up or repeated but its first word."""
    action = str(command.action)
    if command.action not in {CaseAction.RECUSE, CaseAction.RELEASE} or not known:
        return action
    if command.myself:
        return f"{action} me"
    people = named(command.name, config)
    return f"{action} {people[0].name if len(people) == 1 else command.name[:80]}"


def _thread(delivery: Delivery, root: str) -> Thread:
    if not root or root == delivery.message_id:
        return Thread(delivery.message_id)
    return Thread(delivery.message_id, root, (root,))


def _names(config: Config, addresses: set[str]) -> str:
    names = [one.name for one in config.organizers if one.email.lower() in addresses]
    if config.fallback and config.fallback.email.lower() in addresses:
        names.append(config.fallback.name)
    return ", ".join(names)


def name_of(config: Config, email: str) -> str:
    """The name of an organizer or of the fallback, as the configuration has it; empty for anybody else."""
    people = (*config.organizers, *((config.fallback,) if config.fallback else ()))
    return next((person.name for person in people if person.email.lower() == email.lower()), "")
