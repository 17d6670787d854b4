"""Signals that people must look at once. They only ever raise: nothing in a mail makes it wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from intake.decide.folding import Folded, needle
from intake.decide.phrases import Lexicon

SOON = timedelta(hours=24)  # before an event begins
AFTERWARDS = timedelta(hours=12)  # when it is over, people are still on their way home


class Event(Protocol):
    """What is known of an event (``EventConfig``)."""

    @property
    def name(self) -> str:
        """As people write it."""

    @property
    def starts(self) -> datetime:
        """Aware."""

    @property
    def ends(self) -> datetime:
        """Aware."""


def signals(text: Folded, lexicon: Lexicon, languages: Iterable[str]) -> tuple[str, ...]:
    """Ids of the signals that a text gives, such as ``urgent-threat``. A negation does not lower anything."""
    found: dict[str, None] = {}
    for language in (*languages, "own"):
        for phrases in lexicon.urgent.get(language, {}).values():
            reason = phrases.name
            if reason not in found and phrases.in_text(text):
                found[reason] = None
    return tuple(found)


def calendar(arrived: datetime, events: Sequence[Event]) -> tuple[str, ...]:
    """``event-now`` while an event goes on (and shortly after), ``event-soon`` in the day before."""
    reasons: dict[str, None] = {}
    for event in events:
        if event.starts <= arrived <= event.ends + AFTERWARDS:
            reasons["event-now"] = None
        elif event.starts - SOON <= arrived < event.starts:
            reasons["event-soon"] = None
    return tuple(reasons)


def event_of(text: Folded, arrived: datetime, events: Sequence[Event]) -> str:
    """The event that a mail is about: named in it (the nearest), else the only one that is on or about to be."""
    named = [event for event in events if (wanted := needle(event.name)) and text.spans(wanted)]
    if named:
        return min(named, key=lambda event: abs(event.starts - arrived)).name
    near = [event for event in events if event.starts - SOON <= arrived <= event.ends + AFTERWARDS]
    return near[0].name if len(near) == 1 else ""


def speakers(text: Folded, function_words: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Languages whose phrases are looked for: those the text is plausibly in; all when it hardly tells.

    A Dutch knife (``mes``) is no French possessive.
    """
    counted = Counter(text.words[:2000])
    scores = {name: sum(counted[word] for word in counted.keys() & known) for name, known in function_words.items()}
    best = max(scores.values(), default=0)
    if best < 3:
        return tuple(scores)
    return tuple(name for name, score in scores.items() if score * 2 >= best)
