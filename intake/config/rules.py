"""Checks of ``[phrases]`` and of the rules in ``[[category]]``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from intake.config import values
from intake.config.models import CategoryConfig, Matcher
from intake.config.patterns import MARK, compile_pattern
from intake.config.problems import Problem, near
from intake.config.source import Keys

# The lists that come with the program; every list whose name begins with ``urgent`` raises urgency.
SHIPPED_PHRASES = ("code-of-conduct", "incident", "pre-event", "urgent")


def check_phrases(phrases: dict[str, tuple[str, ...]]) -> Iterator[Problem]:
    """A phrase must hold something that survives folding, or it would match every mail."""
    for name, entries in phrases.items():
        for index, phrase in enumerate(entries):
            keys: Keys = ("phrases", name, index)
            if phrase.startswith(MARK):
                yield Problem(keys, "is a pattern, which can't stand in a list", 'write it in the rule: "re:…"')
            elif not _has_letters(phrase):
                yield Problem(keys, "holds no letter or digit, so every mail would match", "write a word")


def check_categories(
    written: Sequence[tuple[Keys, CategoryConfig]], lists: Collection[str], dropped: set[Keys]
) -> Iterator[Problem]:
    """Order and rules: only the last may lack a rule. ``lists`` are the names in ``[phrases]``."""
    for position, (keys, category) in enumerate(written):
        faulty = any(wrong[: len(keys)] == keys for wrong in dropped)
        if not category.has_rule and position < len(written) - 1 and not faulty:
            yield Problem(keys, "has no rule, so nothing below it is reached", "move it to the end, or give it a rule")
        for name in ("subject", "body"):
            yield from _rule((*keys, name), getattr(category, name), lists)
        yield from _recipient((*keys, "recipient"), category.recipient)
        for header, rule in category.header:
            yield from _rule((*keys, "header", header), rule, lists)
        claim, reply = category.claim_within, category.reply_within
        given = {"claim_within", "reply_within"} & category.model_fields_set
        if claim and reply and claim > reply and given:
            place = (*keys, "claim_within" if "claim_within" in given else "reply_within")
            yield Problem(place, "claim_within is longer than reply_within", "somebody takes a case before they answer")


def _rule(keys: Keys, rule: Matcher, lists: Collection[str]) -> Iterator[Problem]:
    if isinstance(rule, tuple):
        yield from _phrases(keys, rule)
    elif rule is not None and rule.startswith(MARK):
        yield from _pattern(keys, rule)
    elif rule is not None and rule not in lists and rule not in SHIPPED_PHRASES and not rule.startswith("urgent-"):
        meant = near(rule, [*lists, *SHIPPED_PHRASES])
        hint = f"did you mean {meant!r}?" if meant else f'to look for these words write ["{rule}"]'
        yield Problem(keys, "is no list in [phrases]", hint)


def _phrases(keys: Keys, rule: tuple[str, ...]) -> Iterator[Problem]:
    if not rule:
        yield Problem(keys, "is empty", "write phrases, or remove it")
    for index, phrase in enumerate(rule):
        if phrase.startswith(MARK):
            yield Problem((*keys, index), "is a pattern, which can't stand in a list", 'write only "re:…"')
        elif not _has_letters(phrase):
            yield Problem((*keys, index), "holds no letter or digit, so every mail would match", "write a word")


def _pattern(keys: Keys, rule: str) -> Iterator[Problem]:
    text = rule.removeprefix(MARK).strip()
    if not text:
        yield Problem(keys, "is an empty pattern, so every mail would match", "write it behind re:")
        return
    try:
        pattern = compile_pattern(text)
    except ValueError as error:
        yield Problem(keys, f"is no RE2 pattern ({error})", "RE2 knows no look-around and no back-references")
        return
    if pattern.search("") is not None:
        yield Problem(keys, "matches even an empty text, so every mail would match", "make it look for something")


def _recipient(keys: Keys, rule: Matcher) -> Iterator[Problem]:
    if isinstance(rule, str) and rule.startswith(MARK):
        yield from _pattern(keys, rule)
        return
    addresses = (rule,) if isinstance(rule, str) else rule or ()
    if rule is not None and not addresses:
        yield Problem(keys, "is empty", "write an address, or remove it")
    for address in addresses:
        try:
            values.email(address)
        except ValueError:
            yield Problem(keys, "holds something that is no e-mail address", 'write addresses, or one "re:…"')


def _has_letters(phrase: str) -> bool:
    return any(character.isalnum() for character in phrase)
