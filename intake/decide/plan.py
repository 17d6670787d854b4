"""What follows from a mail: one pure function from what it is, and what is known, to what is written down.

Nobody who must not see a case is among its deliveries; who that is was decided before anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from intake.decide.casework import Casework
from intake.decide.machines import PUBLIC_PROVIDERS
from intake.decide.recuse import FROM_CASE, IS_SENDER
from intake.decide.routing import routed
from intake.decide.team import AWAY, MAY_ANSWER_OURS, Team
from intake.model import (
    REPORTER,
    Arrival,
    CaseState,
    DeliveryDraft,
    DeliveryState,
    History,
    Kind,
    KnownCase,
    MessageKind,
    Outcome,
    Plan,
    Urgency,
    Verdict,
    Withheld,
)

if TYPE_CHECKING:
    from intake.config import Config

MANY_IN_A_DAY = 3  # mails of one sender in a day that make a case urgent
_JUNK = ("junk", "spam", "ongewenst", "indésirable", "indesirable", "bulk")


@dataclass(frozen=True)
class Planner:
    """Decides what follows, for one community."""

    config: Config

    @cached_property
    def _team(self) -> Team:
        return Team(self.config)

    @cached_property
    def _casework(self) -> Casework:
        return Casework(self.config)

    def __call__(self, arrival: Arrival, history: History, now: datetime) -> Plan:
        """The plan for one mail. Each branch leaves the mail with exactly one outcome."""
        arrival = _with_those_beside(arrival, history)
        settled = self._settled(arrival, history, now)
        if settled:
            return settled
        history, verdict = _as_its_author_may_know(arrival, history), arrival.verdict
        if answer := self._team.from_our_address(arrival, history, now):
            return answer
        recorded = self._recorded(arrival, history)
        if recorded:
            bounced, thread = history.bounced_reply, history.thread
            case = bounced or thread
            # A responder that says not what it answers goes with the case that woke it, when that is erased.
            woke = history.recent_case if recorded == MAY_ANSWER_OURS else None
            return Plan(
                Outcome.RECORDED,
                recorded,
                case_id=case.id if case else history.returned_about or woke,
                withheld=verdict.recused,
                reply_bounced=bounced is not None,
                deliveries=self._casework.answer_returned(bounced, now) if bounced else (),
                acknowledge_reason=verdict.acknowledge_reason,
                file=recorded != "junk",
            )
        team = self._team.plan(arrival, history, now)
        if team:
            return team
        return self._case(arrival, history, now)

    def _settled(self, arrival: Arrival, history: History, now: datetime) -> Plan | None:
        """What follows from where a mail stands and whether it can be read, whatever it says; None: it depends."""
        if history.duplicate_of is not None:
            return Plan(
                Outcome.DUPLICATE, "same-bytes", duplicate_of=history.duplicate_of, acknowledge_reason="duplicate"
            )
        if arrival.before:
            reason = "sent-before" if arrival.sent else "before-start"
            return Plan(Outcome.BEFORE, reason, acknowledge_reason="before-start", file=False)
        if arrival.sent:
            return self._sent(arrival, history, now)
        if arrival.raw.unreadable or "unprocessable" in arrival.mail.defects:
            return self._quarantine(arrival, now)
        return None

    def _sent(self, arrival: Arrival, history: History, now: datetime) -> Plan:
        """Mail that was sent from the mailbox itself: an answer to a reporter, or nothing that concerns a case."""
        answer = self._team.sent(arrival, history, now)
        if answer:
            return answer
        # What a server keeps of our own messages belongs to their case, so that it is erased with it.
        reason = "ours" if history.ours_returned else "no-answer"
        return Plan(Outcome.SENT, reason, case_id=history.ours_about, acknowledge_reason="sent", file=False)

    def _recorded(self, arrival: Arrival, history: History) -> str:
        """Why a mail is only recorded; empty when people get it."""
        verdict = arrival.verdict
        if verdict.kind is Kind.OURS or history.ours_returned:
            return "ours"
        if verdict.kind is not Kind.PERSON and not _is_a_reporters(verdict, history):
            answers = _answers_us(verdict, history) or self._team.may_answer_ours(arrival, history)
            return answers or ("" if verdict.matched else "no-rule-matches")
        about_nothing = verdict.acknowledge_reason == AWAY and history.thread is None
        if about_nothing and (answers := self._team.may_answer_ours(arrival, history)):
            return answers
        if is_junk(arrival.raw.ref.folder) and not verdict.matched and history.thread is None:
            return "junk"
        return ""

    # --- cases ---

    def _case(self, arrival: Arrival, history: History, now: datetime) -> Plan:
        verdict, case = arrival.verdict, history.thread
        proven = history.known_sender and history.thread_by in {"ours", "theirs", "code"}
        joins = case is not None and proven
        if case and joins:
            verdict = replace(verdict, recused=self._recused(arrival, case))
        # A mail that only claims to belong to a case opens its own, and still reaches nobody whom that case excludes.
        inherited = tuple(Withheld(o, FROM_CASE) for o in sorted(_apart(case, verdict, history)))
        hidden = {w.organizer for w in (*inherited, *verdict.recused)}
        # Who gets this mail must not see by its urgency that there are others.
        unseen = sum(not apart <= hidden for apart in history.recent_unseen)
        many = history.recent_from_sender - unseen + 1 >= MANY_IN_A_DAY
        reasons = (*verdict.urgency_reasons, *(("many-mails-in-a-day",) if many else ()))
        urgent = verdict.urgency is Urgency.URGENT or many
        kind = MessageKind.FOLLOW_UP if joins else MessageKind.REPORT
        kind = MessageKind.NOTICE if arrival.raw.truncated else kind
        joined = case if joins else None
        urgency = Urgency.URGENT if urgent else verdict.urgency
        variant = "too-large" if arrival.raw.truncated else ""
        copies = self._copies(kind, replace(verdict, urgency=urgency), hidden, now, variant, joined)
        answer, reason = (None, "follow-up") if joins else self._acknowledgement(verdict, history, hidden, now)
        new_recusals = verdict.recused if joins else merge(inherited, verdict.recused)
        known = case.withheld if case and joins else frozenset()
        return Plan(
            outcome=Outcome.FOLLOW_UP if joins else Outcome.CASE,
            reason=f"thread-{history.thread_by}" if joins else verdict.rule or "new",
            case_id=case.id if case and joins else None,
            opens=not joins,
            linked_to=case.id if case and not joins else None,
            raises_urgency=urgent,
            urgency_reasons=reasons,
            reopens=bool(case and joins and case.state is CaseState.CLOSED),
            withheld=tuple(w for w in new_recusals if w.organizer not in known),
            deliveries=(*copies, *((answer,) if answer else ())),
            # Who comes to a case later gets what was there before.
            also_to=tuple(d.recipient for d in copies if _is_new(d, joined)) if joined else (),
            acknowledge_reason=reason,
        )

    def _recused(self, arrival: Arrival, case: KnownCase) -> tuple[Withheld, ...]:
        """Who is withheld by a mail that joins a case.

        A reply quotes the answer it replies to, with the name of the organizer who wrote it: that alone does not
        withhold them. What the reporter says in words of their own does.
        """
        recused = arrival.verdict.recused
        if not {one.organizer for one in recused} & case.answered_by:
            return recused
        named = self._team.still_named(arrival.mail)
        return tuple(
            one
            for one in recused
            if one.organizer not in case.answered_by or one.organizer in named or one.reason == FROM_CASE
        )

    def _copies(
        self,
        kind: MessageKind,
        verdict: Verdict,
        hidden: set[str],
        now: datetime,
        variant: str = "",
        joined: KnownCase | None = None,
    ) -> list[DeliveryDraft]:
        """A copy for everyone who gets the mail; never none while there is anybody who may see it.

        A case that it joins decides who gets it, and who has that case stays with it.
        """
        urgent = Urgency.URGENT in {verdict.urgency, joined.urgency if joined else Urgency.NORMAL}
        category, event = (joined.category, joined.event) if joined else (verdict.category, verdict.event)
        day = now.astimezone(self.config.zone).date()
        people = {o.email.lower() for o in routed(self.config, category, event, day, urgent=urgent)}
        people |= joined.holders if joined else set()
        everyone = self._casework.everyone(frozenset(hidden))
        # If all whom it goes to are withheld, the rest of the team is nearer than the fallback.
        may_see = [email for email in everyone if email in people] or list(everyone)
        fallback = self.config.fallback
        if fallback and joined and fallback.email.lower() in joined.holders - hidden:
            may_see.append(fallback.email.lower())
        may_see += [email for email in self._casework.instead(frozenset(hidden)) if email not in may_see]
        drafts = [_copy(kind, email, now, variant) for email in may_see]
        # That the fallback is withheld is written down where it would have come to them.
        apart = set() if fallback is None or len(everyone) < fallback.minimum else {fallback.email.lower()}
        gone = sorted(hidden - apart)
        return drafts + [replace(_copy(kind, o, now, variant), state=DeliveryState.WITHHELD) for o in gone]

    def _acknowledgement(
        self, verdict: Verdict, history: History, hidden: set[str], now: datetime
    ) -> tuple[DeliveryDraft | None, str]:
        """The automatic answer, or the reason why there is none."""
        settings = self.config.acknowledgement
        if not settings.enabled:
            return None, "switched-off"
        if not verdict.acknowledge or verdict.acknowledge_to is None:
            return None, verdict.acknowledge_reason
        judged = settings.judges_senders and verdict.authentication != "pass"
        if judged and settings.authentication == "none":
            return None, "sender-not-authenticated"
        if cap := self._cap(verdict.acknowledge_to.domain, _as_readers_may_know(history, verdict, hidden)):
            return None, cap
        draft = DeliveryDraft(
            kind=MessageKind.ACKNOWLEDGEMENT,
            recipient=REPORTER,
            key="acknowledgement",
            state=DeliveryState.WAITING,
            not_before=now + settings.after_fan_out_within,
            variant="generic" if judged and settings.authentication == "generic" else "full",
        )
        return draft, verdict.acknowledge_reason

    def _cap(self, domain: str, history: History) -> str:
        """The cap that is reached; empty when none is. It silences the answer, never the report."""
        settings = self.config.acknowledgement
        if history.acknowledged_sender >= settings.per_sender_per_day:
            return "cap-sender"
        if domain not in PUBLIC_PROVIDERS and history.acknowledged_domain >= settings.per_domain_per_day:
            return "cap-domain"
        return "cap-day" if history.acknowledged_all >= settings.per_day else ""

    def _quarantine(self, arrival: Arrival, now: datetime) -> Plan:
        """A mail that could not be read: people are told where it lies. One that could not be processed: they get it.

        Nothing in it was understood; only those whose names could be seen without parsing it are withheld.
        """
        reason = "unreadable" if arrival.raw.unreadable else "unprocessable"
        kind = MessageKind.NOTICE if arrival.raw.unreadable else MessageKind.REPORT
        return Plan(
            Outcome.QUARANTINED,
            reason,
            opens=True,
            withheld=arrival.verdict.recused,
            deliveries=tuple(
                self._copies(kind, arrival.verdict, {w.organizer for w in arrival.verdict.recused}, now, variant=reason)
            ),
            acknowledge_reason=reason,
            file=not arrival.raw.unreadable,
        )


def _as_its_author_may_know(arrival: Arrival, history: History) -> History:
    """For somebody from whom a case is withheld it does not exist, also where they name it; unless they reported it."""
    case = history.thread
    if case is None or history.known_sender or case.withheld.isdisjoint(_organizers_who_wrote(arrival.verdict)):
        return history
    return replace(history, thread=None, thread_by="", token_of="", reporter_addressed=False)


def _with_those_beside(arrival: Arrival, history: History) -> Arrival:
    """The mail, withheld as well from those from whom another case is withheld that it refers to or names by its code.

    For its author such a case exists as little as the one it belongs to.
    """
    authors = _organizers_who_wrote(arrival.verdict)
    beside = (one.withheld for one in history.beside if one.takes_part or one.withheld.isdisjoint(authors))
    apart = frozenset[str]().union(*beside) - authors
    if not apart:
        return arrival
    recused = merge((Withheld(one, FROM_CASE) for one in sorted(apart)), arrival.verdict.recused)
    return replace(arrival, verdict=replace(arrival.verdict, recused=recused))


def _organizers_who_wrote(verdict: Verdict) -> frozenset[str]:
    return frozenset(one.organizer for one in verdict.recused if one.reason == IS_SENDER)


def _apart(case: KnownCase | None, verdict: Verdict, history: History) -> frozenset[str]:
    """From whom a mail is withheld because of others. A responder's may be about any that its author wrote lately."""
    if case:
        return case.withheld
    return frozenset[str]().union(*history.recent_unseen) if verdict.acknowledge_reason == AWAY else frozenset()


def _as_readers_may_know(history: History, verdict: Verdict, hidden: set[str]) -> History:
    """Without answers in cases that somebody must not see who sees this one: its copies tell whether it was answered.

    An organizer who writes sees that too, and of what is withheld from them they know the answers that they got.
    """
    author = _organizers_who_wrote(verdict)
    unseen = [one for one in history.acknowledged_unseen if not one.withheld <= hidden]
    strange = [one for one in history.acknowledged_unseen if not one.withheld <= hidden - author]
    return replace(
        history,
        acknowledged_sender=history.acknowledged_sender - sum(one.sender for one in unseen),
        acknowledged_domain=history.acknowledged_domain - sum(one.domain for one in strange),
        acknowledged_all=history.acknowledged_all - len(strange),
    )


def _answers_us(verdict: Verdict, history: History) -> str:
    """How machine mail was caused by ours; empty if it was not."""
    if history.bounced_reply:
        return "answer-returned"
    if history.thread_by == "ours":
        return "answers-our-mail"
    return "answers-alarm" if history.alarm_answered and verdict.kind is not Kind.LIST else ""


def _is_a_reporters(verdict: Verdict, history: History) -> bool:
    """Whether somebody who writes from a list of their own answers a mail of ours that nobody else has."""
    listed = verdict.kind is Kind.LIST and not verdict.acknowledge_reason.startswith("list:precedence")
    return listed and history.known_sender and history.thread_by == "ours"


def _is_new(draft: DeliveryDraft, joined: KnownCase) -> bool:
    return draft.state is not DeliveryState.WITHHELD and draft.recipient not in joined.holders


def _copy(kind: MessageKind, email: str, now: datetime, variant: str = "") -> DeliveryDraft:
    email = email.lower()
    return DeliveryDraft(kind, email, f"copy for {email}", DeliveryState.PENDING, now, variant)


def merge(first: Iterable[Withheld], second: Iterable[Withheld]) -> tuple[Withheld, ...]:
    """One entry for each organizer; the first reason stays."""
    found: dict[str, Withheld] = {}
    for one in (*first, *second):
        found.setdefault(one.organizer, one)
    return tuple(found.values())


def is_junk(folder: str) -> bool:
    """Whether a folder's name says that a filter put the mail there."""
    name = folder.casefold()
    return any(word in name for word in _JUNK)
