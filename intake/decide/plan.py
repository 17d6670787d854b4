"""What follows from a mail: one pure function from what it is, and what is known, to what is written down.

Nobody who must not see a case is among its deliveries; who that is was decided before anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from intake.model import (
    REPORTER,
    Arrival,
    CaseState,
    DeliveryDraft,
    DeliveryState,
    History,
    Kind,
    MessageKind,
    Outcome,
    Plan,
    Urgency,
    Verdict,
    Withheld,
)

if TYPE_CHECKING:
    from intake.config import Config, OrganizerConfig

MANY_IN_A_DAY = 3  # mails of one sender in a day that make a case urgent
# Mail providers that serve everybody: their domain says nothing about who writes.
PUBLIC_PROVIDERS = frozenset(
    {
        "gmail.com",
        "googlemail.com",
        "outlook.com",
        "outlook.be",
        "outlook.fr",
        "hotmail.com",
        "hotmail.be",
        "hotmail.fr",
        "live.com",
        "live.be",
        "live.nl",
        "msn.com",
        "yahoo.com",
        "yahoo.fr",
        "icloud.com",
        "me.com",
        "mac.com",
        "gmx.de",
        "gmx.net",
        "gmx.com",
        "web.de",
        "t-online.de",
        "proton.me",
        "protonmail.com",
        "pm.me",
        "tutanota.com",
        "tuta.com",
        "aol.com",
        "telenet.be",
        "skynet.be",
        "proximus.be",
        "scarlet.be",
        "ziggo.nl",
        "kpnmail.nl",
        "orange.fr",
        "free.fr",
        "laposte.net",
        "sfr.fr",
        "wanadoo.fr",
        "mail.com",
        "fastmail.com",
        "zoho.com",
        "yandex.com",
        "mail.ru",
    }
)
_JUNK = ("junk", "spam", "ongewenst", "indésirable", "indesirable", "bulk")


@dataclass(frozen=True, slots=True)
class Planner:
    """Decides what follows, for one community."""

    config: Config

    def __call__(self, arrival: Arrival, history: History, now: datetime) -> Plan:
        """The plan for one mail. Each branch leaves the mail with exactly one outcome."""
        if history.duplicate_of is not None:
            return Plan(
                Outcome.DUPLICATE, "same-bytes", duplicate_of=history.duplicate_of, acknowledge_reason="duplicate"
            )
        if arrival.before:
            return Plan(Outcome.BEFORE, "before-start", acknowledge_reason="before-start", file=False)
        verdict = arrival.verdict
        if arrival.raw.unreadable or "unprocessable" in arrival.mail.defects:
            return self._quarantine(arrival, now)
        recorded = self._recorded(arrival, history)
        if recorded:
            thread = history.thread.id if history.thread else None
            return Plan(
                Outcome.RECORDED,
                recorded,
                case_id=thread,
                withheld=verdict.recused,
                acknowledge_reason=verdict.acknowledge_reason,
                file=recorded != "junk",
            )
        team = self._team(arrival, history, now)
        if team:
            return team
        return self._case(arrival, history, now)

    def _recorded(self, arrival: Arrival, history: History) -> str:
        """Why a mail is only recorded; empty when people get it."""
        verdict = arrival.verdict
        if verdict.kind is Kind.OURS or history.ours_returned:
            return "ours"
        if verdict.kind is not Kind.PERSON:
            if history.thread_by == "ours":
                return "answers-our-mail"
            return "" if verdict.matched else "no-rule-matches"
        if is_junk(arrival.raw.ref.folder) and not verdict.matched and history.thread is None:
            return "junk"
        return ""

    # --- the team ---

    def _team(self, arrival: Arrival, history: History, now: datetime) -> Plan | None:
        """Mail of an organizer in a case that they hold a copy of, or an answer of theirs to the reporter."""
        author = arrival.mail.authors[0].email.lower() if arrival.mail.authors else ""
        organizer = self._organizer(author)
        case = history.thread
        if organizer is None or case is None or author in case.withheld:
            return None
        holds_copy = history.thread_by == "ours" and history.token_of == author
        outsiders = {a.email.lower() for a in (*arrival.mail.to, *arrival.mail.cc)} - self._insiders()
        answers = bool(outsiders) and (holds_copy or history.thread_by == "theirs")
        if not holds_copy and not answers:
            return None
        named = tuple(w for w in arrival.verdict.recused if w.reason != "is-sender" and w.organizer != author)
        hidden = case.withheld | {w.organizer for w in named}
        others = [o for o in self.config.organizers if o.email.lower() not in hidden | {author}]
        return Plan(
            Outcome.TEAM,
            "human-reply" if answers else "team-reply",
            case_id=case.id,
            withheld=named,
            human_reply=answers,
            deliveries=tuple(_copy(MessageKind.FOLLOW_UP, o.email, now, variant="team") for o in others),
            acknowledge_reason="organizer",
        )

    def _organizer(self, email: str) -> OrganizerConfig | None:
        return next((o for o in self.config.organizers if o.email.lower() == email), None)

    def _insiders(self) -> set[str]:
        people = {o.email.lower() for o in self.config.organizers} | set(self.config.community.addresses)
        return people | ({self.config.fallback.email.lower()} if self.config.fallback else set())

    # --- cases ---

    def _case(self, arrival: Arrival, history: History, now: datetime) -> Plan:
        verdict, case = arrival.verdict, history.thread
        proven = history.known_sender and history.thread_by in {"ours", "theirs", "code"}
        joins = case is not None and proven
        many = history.recent_from_sender + 1 >= MANY_IN_A_DAY
        reasons = (*verdict.urgency_reasons, *(("many-mails-in-a-day",) if many else ()))
        urgent = verdict.urgency is Urgency.URGENT or many
        # A mail that only claims to belong to a case opens its own, and still reaches nobody whom that case excludes.
        inherited = tuple(Withheld(o, "withheld-from-case") for o in sorted(case.withheld)) if case else ()
        hidden = {w.organizer for w in (*inherited, *verdict.recused)}
        kind = MessageKind.FOLLOW_UP if joins else MessageKind.REPORT
        kind = MessageKind.NOTICE if arrival.raw.truncated else kind
        copies = self._copies(kind, verdict, hidden, now, variant="too-large" if arrival.raw.truncated else "")
        answer, reason = (None, "follow-up") if joins else self._acknowledgement(verdict, history, now)
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
            acknowledge_reason=reason,
        )

    def _copies(
        self, kind: MessageKind, verdict: Verdict, hidden: set[str], now: datetime, variant: str = ""
    ) -> list[DeliveryDraft]:
        people = self._routed(verdict.category)
        may_see = [o for o in people if o.email.lower() not in hidden]
        if not may_see:  # everyone the category goes to is withheld: the rest of the team is nearer than the fallback
            may_see = [o for o in self.config.organizers if o.email.lower() not in hidden]
        drafts = [_copy(kind, o.email, now, variant) for o in may_see]
        drafts += [replace(_copy(kind, o, now, variant), state=DeliveryState.WITHHELD) for o in sorted(hidden)]
        fallback = self.config.fallback
        able = [o for o in self.config.organizers if o.email.lower() not in hidden]
        if fallback and len(able) < fallback.minimum and fallback.email.lower() not in hidden:
            drafts.append(_copy(kind, fallback.email, now, variant))
        return drafts

    def _routed(self, category: str) -> list[OrganizerConfig]:
        chosen = [o for o in self.config.organizers if "*" in o.categories or category in o.categories]
        return chosen or list(self.config.organizers)

    def _acknowledgement(self, verdict: Verdict, history: History, now: datetime) -> tuple[DeliveryDraft | None, str]:
        """The automatic answer, or the reason why there is none."""
        settings = self.config.acknowledgement
        if not settings.enabled:
            return None, "switched-off"
        if not verdict.acknowledge or verdict.acknowledge_to is None:
            return None, verdict.acknowledge_reason
        judged = bool(settings.authserv_id) and verdict.authentication != "pass"
        if judged and settings.authentication == "none":
            return None, "sender-not-authenticated"
        if cap := self._cap(verdict.acknowledge_to.domain, history):
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
