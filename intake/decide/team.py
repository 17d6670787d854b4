"""Mail of the team itself: commands, words to the others, and answers to the reporter. Pure.

The From of a mail proves nothing. A command counts when the mail refers to a copy that went to its author alone and
whose Message-ID nobody can guess. Everything else is refused, and looks the same whether there is no such copy, no
such case, or a case that must not exist for its author.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from intake.decide.away import says_so_in_subject
from intake.decide.casework import Casework, Decision, member
from intake.decide.command import Command, parse
from intake.decide.folding import needle
from intake.decide.quoting import bare_subject, unquoted
from intake.decide.recuse import FROM_CASE, Names, everybody, withheld
from intake.model import (
    REPORTER,
    Arrival,
    CaseAction,
    DeliveryDraft,
    DeliveryState,
    History,
    Kind,
    KnownCase,
    MessageKind,
    Outcome,
    ParsedMail,
    Plan,
)

if TYPE_CHECKING:
    from intake.config import Config

MOST_REFUSALS = 5  # notices a day about commands in one name: more are only written down
# Reasons to count machine mail in no digest, the second where so configured; of bounces with the first the alarm tells.
MAY_ANSWER_OURS, ANSWERS_UNKNOWN = "may-answer-ours", "answers-unknown"
AWAY = "wording:out-of-office"  # a responder's mail without any mark, known by its words alone
_RESPONDERS = ("auto-submitted:auto-replied", "subject:out-of-office", AWAY)
# Marks of what only ever answers other mail; with any other mark it does where it names a mail, or its subject says so.
_ANSWERS = (
    *_RESPONDERS,
    *("receipt:", "precedence:", "header:x-auto", "header:auto-reply", "header:x-mail-autoreply", "header:x-vacation"),
    *("header:responder", "header:delivered-to", "header:x-holidayreply", "header:x-boxtrapper", "header:x-loop"),
)
HUMAN_REPLY, TEAM_REPLY, REFUSED = "human-reply", "team-reply", "refused"


@dataclass(frozen=True)
class Team:
    """Decides about mail of the team, for one community."""

    config: Config

    @cached_property
    def _names(self) -> tuple[Names, ...]:
        return everybody(self.config.organizers, self.config.fallback)

    @cached_property
    def _casework(self) -> Casework:
        return Casework(self.config)

    def plan(self, arrival: Arrival, history: History, now: datetime) -> Plan | None:
        """The plan for a mail of the team; None when it is to be taken as anybody's mail."""
        author = _author(arrival.mail)
        if member(author, self.config) is None:
            return self._elsewhere(arrival, history, now)
        command = parse(arrival.mail)
        case = history.thread
        # For somebody who must not see it there is no such case.
        if case is not None and author not in case.withheld and arrival.verdict.authentication != "fail":
            holds = history.thread_by == "ours" and history.token_of == author
            if history.reporter_addressed and (holds or history.thread_by in {"theirs", "code"}):
                if history.answer_known:  # seen among sent mail already
                    return Plan(Outcome.TEAM, "answer-known", case_id=case.id, acknowledge_reason="organizer")
                return self._answer(arrival, case, author, now, proven=holds)
            if holds and command:
                return self._command(arrival, case, command, author, now)
            if holds:
                return self._words(arrival, case, author, now)
        return self._unproven(arrival, history, command, author, now)

    def may_answer_ours(self, arrival: Arrival, history: History) -> str:
        """The reason to count a machine's mail nowhere: any of our messages may have caused it, and it says not which.

        That would show those from whom a case is withheld that there were messages. What a stranger answers bears a
        reason of its own, by which ``[digest] count_answers`` tells it apart. A form that sends as one of the team
        answers nothing: what a rule matches and no responder wrote is for people.
        """
        verdict, mail = arrival.verdict, arrival.mail
        responds = verdict.acknowledge_reason in _RESPONDERS
        if verdict.kind is Kind.LIST or history.ours_named or (verdict.matched and not responds):
            return ""
        answers = not verdict.matched and _answers(arrival)
        people = {one.email.lower() for one in (*self.config.organizers, self.config.fallback) if one}
        people |= {self.config.alarm.email.lower()} - {""}
        # Where strangers' answers don't count, nor does a reporter's, and what answers nothing does, whoever sent it.
        may = verdict.kind is not Kind.PERSON if self.config.digest.count_answers else answers
        told = _author(mail) in people or (history.wrote_to_us and may)
        if verdict.kind is Kind.BOUNCE and not told:
            texts = "\n".join((mail.text, *mail.all_text))[: 64 << 10].lower()
            told = any(email in texts for email in people)
        if told:
            return MAY_ANSWER_OURS
        return ANSWERS_UNKNOWN if answers else ""

    # --- answers from the mailbox itself ---

    def sent(self, arrival: Arrival, history: History, now: datetime) -> Plan | None:
        """An answer to the reporter among sent mail: only who can log in to the mailbox could put it there."""
        author = _author(arrival.mail)
        if history.ours_returned or _is_ours(arrival.mail) or not author:
            return None
        return self._from_house(arrival, history, author, now)

    def from_our_address(self, arrival: Arrival, history: History, now: datetime) -> Plan | None:
        """The same where it comes in as a copy (Cc, Bcc) from an address of ours."""
        author = _author(arrival.mail)
        if author not in self.config.community.addresses or arrival.verdict.authentication == "fail":
            return None
        if history.ours_returned or _is_ours(arrival.mail):
            return None
        return self._from_house(arrival, history, author, now)

    def _from_house(self, arrival: Arrival, history: History, author: str, now: datetime) -> Plan | None:
        case = history.thread
        if case is None or author in case.withheld or not history.reporter_addressed or history.answer_known:
            return None
        signed = self._signed(arrival.mail)
        own = {author, *signed}
        copies = [one for one in self._copies(arrival, case, author, now, own) if one.kind is MessageKind.FOLLOW_UP]
        return Plan(
            Outcome.TEAM,
            HUMAN_REPLY,
            case_id=case.id,
            human_reply=True,
            signed_by=tuple(sorted(signed - {author})),
            deliveries=tuple(copies),
            acknowledge_reason="organizer",
            file=not arrival.sent,
        )

    def _signed(self, mail: ParsedMail) -> frozenset[str]:
        """Whose name stands on a line of its own: they have signed it."""
        lines = {needle(line) for line in unquoted(mail.text).split("\n")} - {""}
        people = self.config.organizers
        return frozenset(o.email.lower() for o in people if lines & {needle(n) for n in (o.name, *o.also_known_as)})

    # --- without proof ---

    def _unproven(
        self, arrival: Arrival, history: History, command: Command | None, author: str, now: datetime
    ) -> Plan | None:
        if command is None or not _is_meant(command, arrival.mail):
            return None
        if history.known_sender and not command.bare:
            return None  # they are the reporter of that case, and these may be words to the team
        return self._refuse(history, author, now)

    def _elsewhere(self, arrival: Arrival, history: History, now: datetime) -> Plan | None:
        """A command with somebody's proof, from an address that is not theirs."""
        owner = history.token_of
        if history.thread_by != "ours" or owner == REPORTER or history.thread is None:
            return None
        if owner in history.thread.withheld or member(owner, self.config) is None or history.known_sender:
            return None
        command = parse(arrival.mail)
        if command is None or not command.bare:
            return None
        return self._refuse(history, owner, now)

    def _refuse(self, history: History, told: str, now: datetime) -> Plan:
        """Tell the organizer at the address that is configured, whoever wrote, and whoever looks after the program."""
        drafts = [
            DeliveryDraft(
                MessageKind.NOTICE, told, f"refused for {told}", DeliveryState.PENDING, now, f"{REFUSED}:proof"
            )
        ]
        if self.config.alarm.email:
            alarm = self.config.alarm.email.lower()
            drafts.append(
                DeliveryDraft(MessageKind.ALARM, alarm, "refused", DeliveryState.PENDING, now, "command-refused")
            )
        enough = history.refused_today >= MOST_REFUSALS
        return Plan(
            Outcome.TEAM,
            f"{REFUSED}:proof",
            deliveries=() if enough else tuple(drafts),
            acknowledge_reason="organizer",
        )

    # --- with proof ---

    def _command(self, arrival: Arrival, case: KnownCase, command: Command, author: str, now: datetime) -> Plan:
        decision = self._casework.decide(command, author, case, now)
        if decision.change is None:
            variant = f"{REFUSED}:{decision.refusal}"
            return Plan(
                Outcome.TEAM,
                variant,
                case_id=case.id,
                deliveries=(_notice(variant, author, now),),
                acknowledge_reason="organizer",
            )
        drafts = [_notice("confirmed", author, now)]
        if command.action is CaseAction.NOTE or not command.bare:
            after = _after(case, decision)
            drafts += self._copies(arrival, after, author, now)
        else:
            drafts += decision.notices
        return Plan(
            Outcome.TEAM,
            f"command:{command.action}",
            case_id=case.id,
            change=decision.change,
            deliveries=tuple(drafts),
            acknowledge_reason="organizer",
        )

    def _words(self, arrival: Arrival, case: KnownCase, author: str, now: datetime) -> Plan:
        """Words to the others."""
        return Plan(
            Outcome.TEAM,
            TEAM_REPLY,
            case_id=case.id,
            deliveries=tuple(self._copies(arrival, case, author, now)),
            acknowledge_reason="organizer",
        )

    def _answer(self, arrival: Arrival, case: KnownCase, author: str, now: datetime, *, proven: bool) -> Plan:
        """An answer to the reporter: the others see it, and the clock stops.

        Without proof its author is told too, so that an answer in their name does not go unseen.
        """
        told = () if proven else (_notice("answered", author, now),)
        return Plan(
            Outcome.TEAM,
            HUMAN_REPLY,
            case_id=case.id,
            human_reply=True,
            deliveries=(*self._copies(arrival, case, author, now), *told),
            acknowledge_reason="organizer",
        )

    def _copies(
        self, arrival: Arrival, case: KnownCase, author: str, now: datetime, own: Collection[str] = ()
    ) -> list[DeliveryDraft]:
        """Copies for the others; who is named in the author's ``own`` words gets none, and the author is told that.

        Nor does anybody from whom another case is withheld that it is about as well.
        """
        beside = {one.organizer for one in arrival.verdict.recused if one.reason == FROM_CASE}
        named = (self.still_named(arrival.mail) - {author, *own}) | beside
        others = self._casework.colleagues(case, {author})
        drafts = [
            DeliveryDraft(
                MessageKind.FOLLOW_UP,
                email,
                f"copy for {email}",
                DeliveryState.WITHHELD if email in named else DeliveryState.PENDING,
                now,
                "team",
            )
            for email in others
        ]
        if named & set(others):
            drafts.append(_notice("kept-back", author, now))
        return drafts

    def still_named(self, mail: ParsedMail) -> frozenset[str]:
        """Who is named in what a reply says itself, quotations apart."""
        return frozenset(one.organizer for one in withheld(_own_words(mail), self._names))


def _author(mail: ParsedMail) -> str:
    return mail.authors[0].email.lower() if mail.authors else ""


def _answers(arrival: Arrival) -> bool:
    """Whether a machine's mail answers other mail, of ours or anybody's, as far as can be seen without a ledger."""
    mail, verdict = arrival.mail, arrival.verdict
    if verdict.kind is not Kind.AUTOMATIC:
        return verdict.kind is Kind.BOUNCE
    if verdict.acknowledge_reason.startswith(_ANSWERS) or mail.in_reply_to or mail.references:
        return True
    return says_so_in_subject(mail.subject) or bare_subject(mail.subject) != mail.subject.strip()


def _is_ours(mail: ParsedMail) -> bool:
    """Whether it says of itself that a program wrote it: this one, or one that answers in somebody's absence."""
    return bool(mail.first("x-intake-kind")) or mail.first("auto-submitted").strip().lower() not in {"", "no"}


def _after(case: KnownCase, decision: Decision) -> KnownCase:
    change = decision.change
    if change and change.action is CaseAction.RECUSE:
        return replace(case, withheld=case.withheld | {change.about})
    return case


def _notice(variant: str, email: str, now: datetime) -> DeliveryDraft:
    return DeliveryDraft(MessageKind.NOTICE, email, f"{variant} for {email}", DeliveryState.PENDING, now, variant)


def _is_meant(command: Command, mail: ParsedMail) -> bool:
    """Whether an unproven mail is a command at all. A new mail with words in it may be a report: then it is one."""
    return bool(mail.in_reply_to or mail.references) or command.bare


def _own_words(mail: ParsedMail) -> ParsedMail:
    """The mail without what it quotes: the head of a copy names everybody who has it."""
    texts = (unquoted(text) for text in mail.all_text)
    return ParsedMail(
        subject=mail.subject,
        text=unquoted(mail.text),
        all_text=tuple(text for text in texts if text.strip()),
        attachments=mail.attachments,
    )
