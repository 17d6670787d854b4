"""The rules of ``[[category]]``, compiled once: which lists, phrases and patterns make which category."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from intake.config.patterns import MARK, compile_pattern
from intake.decide.folding import Folded
from intake.decide.phrases import PhraseList

Matcher = str | tuple[str, ...] | None


class CategoryRule(Protocol):
    """A ``[[category]]`` of the configuration (``CategoryConfig``)."""

    @property
    def name(self) -> str:
        """The category."""

    @property
    def subject(self) -> Matcher:
        """What the subject must hold."""

    @property
    def body(self) -> Matcher:
        """What the author's text must hold."""

    @property
    def recipient(self) -> Matcher:
        """Whom the mail must be addressed to."""

    @property
    def header(self) -> tuple[tuple[str, Matcher], ...]:
        """What header fields must hold."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text to be matched: as it is, for patterns, and folded, for phrases."""

    plain: str
    folded: Folded


@dataclass(frozen=True, slots=True)
class Seen:
    """A mail as rules look at it. ``concern_ahead`` is what tells a concern before an event from a report."""

    subject: Text
    body: Text
    recipients: tuple[str, ...]
    headers: Mapping[str, Text]
    concern_ahead: Callable[[PhraseList], tuple[str, ...]]


Test = Callable[[Seen], tuple[str, ...]]  # the configured phrases that matched; empty: no match


@dataclass(frozen=True, slots=True)
class Rule:
    """One category with what must hold for it; without tests it takes what is left. ``heads_only``: for lists too."""

    category: str
    label: str
    tests: tuple[Test, ...]
    subject_only: bool = False

    def evidence(self, seen: Seen) -> tuple[str, ...] | None:
        """The phrases that speak for it, or None when it does not hold."""
        found: dict[str, None] = {}
        for test in self.tests:
            matched = test(seen)
            if not matched:
                return None
            found.update(dict.fromkeys(matched))
        return tuple(found)


def compiled(number: int, rule: CategoryRule, lists: Mapping[str, PhraseList]) -> Rule:
    """A ``[[category]]`` ready to be asked; ``number`` counts from 1 as people do."""
    tests: list[Test] = []
    labels: list[str] = []
    if rule.subject:
        tests.append(_on(lambda seen: (seen.subject,), rule.subject, lists))
        labels.append(f"subject={_label(rule.subject)}")
    if rule.body:
        tests.append(_body(rule.body, lists))
        labels.append(f"body={_label(rule.body)}")
    if rule.recipient:
        tests.append(_recipient(rule.recipient))
        labels.append(f"recipient={_label(rule.recipient)}")
    for name, matcher in rule.header:
        tests.append(_header(name.lower(), matcher, lists))
        labels.append(f"header:{name.lower()}={_label(matcher)}")
    where = ",".join(labels) or "otherwise"
    subject_only = bool(rule.subject) and not rule.body
    return Rule(rule.name, f"category[{number}]:{where}", tuple(tests), subject_only=subject_only)


def anywhere(name: str, lists: Mapping[str, PhraseList]) -> Test:
    """A shipped list, in subject or body."""
    phrases = lists[name]
    return lambda seen: (*phrases.found_in(seen.subject.folded), *phrases.found_in(seen.body.folded))


def ahead(name: str, lists: Mapping[str, PhraseList]) -> Test:
    """The list of concerns before an event, with what goes with it."""
    phrases = lists[name]
    return lambda seen: seen.concern_ahead(phrases)


def in_subject(name: str, lists: Mapping[str, PhraseList]) -> Test:
    """A shipped list, in the subject."""
    phrases = lists[name]
    return lambda seen: phrases.found_in(seen.subject.folded)


def _body(matcher: Matcher, lists: Mapping[str, PhraseList]) -> Test:
    if matcher == "pre-event":
        return ahead("pre-event", lists)
    return _on(lambda seen: (seen.body,), matcher, lists)


def _on(where: Callable[[Seen], tuple[Text, ...]], matcher: Matcher, lists: Mapping[str, PhraseList]) -> Test:
    finds = _finder(matcher, lists)
    return lambda seen: tuple(dict.fromkeys(found for text in where(seen) for found in finds(text)))


def _header(name: str, matcher: Matcher, lists: Mapping[str, PhraseList]) -> Test:
    finds = _finder(matcher, lists)
    nothing = Text("", Folded(""))
    return lambda seen: finds(seen.headers.get(name, nothing))


def _recipient(matcher: Matcher) -> Test:
    if isinstance(matcher, str) and matcher.startswith(MARK):
        pattern = compile_pattern(matcher.removeprefix(MARK))
        return lambda seen: (matcher,) if any(pattern.search(email) for email in seen.recipients) else ()
    wanted = {email.lower(): email for email in ((matcher,) if isinstance(matcher, str) else matcher or ())}
    return lambda seen: tuple(written for email, written in wanted.items() if email in seen.recipients)


def _finder(matcher: Matcher, lists: Mapping[str, PhraseList]) -> Callable[[Text], tuple[str, ...]]:
    if isinstance(matcher, str) and matcher.startswith(MARK):
        pattern = compile_pattern(matcher.removeprefix(MARK))
        written = matcher
        return lambda text: (written,) if pattern.search(text.plain) else ()
    if isinstance(matcher, str):
        known = lists.get(matcher) or PhraseList.of(matcher, (matcher,))
        return lambda text: known.found_in(text.folded)
    phrases = PhraseList.of("", matcher or ())
    return lambda text: phrases.found_in(text.folded)


def _label(matcher: Matcher) -> str:
    """How a rule names what it looks for: a list by its name, phrases and patterns by their kind."""
    if isinstance(matcher, str):
        return "pattern" if matcher.startswith(MARK) else matcher
    return "phrases"
