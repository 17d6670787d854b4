"""Whether a change of a case may be made, and what follows from it: by mail and at the command line alike. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from intake.decide.folding import needle, spellings
from intake.model import (
    CaseAction,
    CaseChange,
    CaseState,
    DeliveryDraft,
    DeliveryState,
    KnownCase,
    MessageKind,
)

if TYPE_CHECKING:
    from intake.config import Config, FallbackConfig, OrganizerConfig
    from intake.decide.command import Command

# Which notice the others get about a change; a note reaches them in the mail that holds it.
TOLD = {
    CaseAction.CLAIM: "claimed",
    CaseAction.CLOSE: "closed",
    CaseAction.RECUSE: "withheld",
    CaseAction.RELEASE: "released",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """``refusal`` is empty, or one of REFUSALS; ``about`` the name of whom a recusal concerns, as configured."""

    change: CaseChange | None = None
    refusal: str = ""
    about: str = ""
    notices: tuple[DeliveryDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class Casework:
    """The rules, for one community."""

    config: Config

    def decide(self, command: Command, by: str, case: KnownCase, now: datetime, lead: str = "") -> Decision:
        """What becomes of a command in a case. ``lead`` is who takes it when that is not who says so."""
        if command.action in {CaseAction.RECUSE, CaseAction.RELEASE}:
            return self._withholding(command, by, case, now)
        if command.action is CaseAction.CLOSE and case.state is CaseState.CLOSED and not command.outcome:
            return Decision(refusal="closed")
        about = lead if command.action is CaseAction.CLAIM and lead != by else ""
        change = CaseChange(command.action, by, about=about, outcome=command.outcome, text=command.text)
        return Decision(change, notices=self._told(command.action, case, {by, lead}, now))

    def _withholding(self, command: Command, by: str, case: KnownCase, now: datetime) -> Decision:
        names: list[OrganizerConfig | FallbackConfig]
        if command.myself:
            names = [person for person in self.config.organizers if person.email.lower() == by]
        elif not command.name:
            return Decision(refusal="no-name")
        else:
            names = [*named(command.name, self.config)] or self._outsider(command.name)
        if len(names) != 1:
            return Decision(refusal="several-names" if names else "unknown-name")
        act = self._release if command.action is CaseAction.RELEASE else self._recuse
        return act(names[0], by, case, now)

    def _outsider(self, name: str) -> list[OrganizerConfig | FallbackConfig]:
        fallback = self.config.fallback
        known = {needle(fallback.name), needle(fallback.email)} if fallback else set()
        return [fallback] if fallback and needle(name) in known else []

    def _release(self, person: OrganizerConfig | FallbackConfig, by: str, case: KnownCase, now: datetime) -> Decision:
        email = person.email.lower()
        if email not in case.withheld:
            return Decision(refusal="not-withheld", about=person.name)
        # The fallback may have it from now on; they get it if there are too few others.
        gets = person in self.config.organizers or email in self.instead(case.withheld - {email})
        change = CaseChange(CaseAction.RELEASE, by, about=email, also_to=(email,) if gets else ())
        told = self._told(CaseAction.RELEASE, case, {by, email}, now)
        return Decision(change, about=person.name, notices=told)

    def _recuse(self, person: OrganizerConfig | FallbackConfig, by: str, case: KnownCase, now: datetime) -> Decision:
        email = person.email.lower()
        if email in case.withheld:
            return Decision(refusal="withheld-already", about=person.name)
        hidden = case.withheld | {email}
        also, left = self.instead(hidden), self.everyone(hidden)
        if not also and not left:
            return Decision(refusal="nobody-left", about=person.name)
        # Whoever is left must have the case, also when it went to some of the team only.
        also = also or (() if case.holders - hidden else left)
        change = CaseChange(CaseAction.RECUSE, by, about=email, also_to=also)
        told = self._told(CaseAction.RECUSE, case, {by, email}, now)
        return Decision(change, about=person.name, notices=told)

    def instead(self, hidden: frozenset[str]) -> tuple[str, ...]:
        """The fallback, when too few organizers may see a case."""
        fallback = self.config.fallback
        able = [o for o in self.config.organizers if o.email.lower() not in hidden]
        if fallback is None or len(able) >= fallback.minimum or fallback.email.lower() in hidden:
            return ()
        return (fallback.email.lower(),)

    def everyone(self, hidden: frozenset[str]) -> tuple[str, ...]:
        """All organizers who may see it."""
        return tuple(email for o in self.config.organizers if (email := o.email.lower()) not in hidden)

    def colleagues(self, case: KnownCase, apart: set[str]) -> list[str]:
        """Who else works on a case: organizers that have it and may see it, and the fallback if they have it."""
        may_see = self.everyone(case.withheld)
        people = [email for email in may_see if email in case.holders] or list(may_see)
        fallback = self.config.fallback
        if fallback and fallback.email.lower() in case.holders - case.withheld:
            people.append(fallback.email.lower())
        return [person for person in people if person not in apart]

    def answer_returned(self, case: KnownCase, now: datetime) -> tuple[DeliveryDraft, ...]:
        """Word to everyone on a case that the answer to the reporter did not arrive."""
        return tuple(
            DeliveryDraft(
                MessageKind.NOTICE, email, f"returned for {email}", DeliveryState.PENDING, now, "reply-bounced"
            )
            for email in self.colleagues(case, set())
        )

    def _told(self, action: CaseAction, case: KnownCase, apart: set[str], now: datetime) -> tuple[DeliveryDraft, ...]:
        """A line to the others who have the case."""
        topic = TOLD.get(action)
        if topic is None:
            return ()
        return tuple(
            DeliveryDraft(MessageKind.NOTICE, email, f"{topic} for {email}", DeliveryState.PENDING, now, topic)
            for email in self.colleagues(case, apart)
        )


def named(name: str, config: Config) -> list[OrganizerConfig]:
    """The organizers whom a name means: the whole name, an address, another name; else a first name or a surname."""
    wanted = needle(name)
    if not wanted:
        return []
    whole = [person for person in config.organizers if wanted in _names(person)]
    if whole:
        return whole
    return [person for person in config.organizers if wanted in {needle(part) for part in person.name.split()}]


def _names(person: OrganizerConfig) -> set[str]:
    given = (person.name, person.email, *person.also_known_as)
    return {needle(form) for name in given for form in spellings(name)}


def member(email: str, config: Config) -> OrganizerConfig | FallbackConfig | None:
    """An organizer, or the fallback, by address (lower case)."""
    found = next((o for o in config.organizers if o.email.lower() == email), None)
    fallback = config.fallback
    return found or (fallback if fallback and fallback.email.lower() == email else None)
