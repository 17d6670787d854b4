"""What a mail is: one ``Judge`` per configuration, one ``Verdict`` per mail. Pure.

The judge asks in turn who sent it (``automatic``), what it is about (``matching``), how soon people must look
(``urgency``), in which language it is, who must not see it (``recuse``), and what our server says of its sender
(``authenticate``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from intake.decide import authenticate, urgency
from intake.decide.automatic import Own, sender
from intake.decide.folding import Folded, needle
from intake.decide.language import language
from intake.decide.matching import Rule, Seen, Test, Text, ahead, anywhere, compiled, in_subject
from intake.decide.phrases import Lexicon, Phrase, PhraseList, lexicon
from intake.decide.quoting import bare_subject, own_text
from intake.decide.recuse import Names, everybody, withheld
from intake.model import Kind, ParsedMail, Sender, Urgency, Verdict

if TYPE_CHECKING:
    from intake.config import Config

REPORT, CONCERN, QUESTION = "report", "concern", "question"
CODE_OF_CONDUCT = "code-of-conduct"
MAX_JUDGED = 200_000  # characters of a text that phrases are looked for in; names are looked for in all of it

# What is used when the configuration has no [[category]]: name, list in the subject, lists anywhere, in this order.
DEFAULT_CATEGORIES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (CONCERN, CODE_OF_CONDUCT, ("pre-event",)),
    (REPORT, CODE_OF_CONDUCT, ()),
    (CONCERN, "", ("incident", "pre-event")),
    (REPORT, "", ("incident",)),
    (REPORT, "", (CODE_OF_CONDUCT,)),
    (REPORT, "", ("urgent-signals",)),
    (QUESTION, "", ()),
)
# Signals that by themselves make a mail without any other sign a report.
_GRAVE = ("danger", "sexual-violence", "weapon", "threat", "stalking", "drugged", "injury", "self-harm", "doxxing")
_SENTENCE = re.compile(r"\.\s|!\s|\?\s|;\s|\n\s*\n")  # written so that it is looked for by its first sign
_MOST_SENTENCES = 500
# Reasons of automatic mail that only ever answers or reports on other mail; a web site's form is none of these.
_ECHOES = ("subject:out-of-office", "receipt:")
_ECHOES_IF_SO_NAMED = (
    "auto-submitted:auto-replied",
    "suppress:",
    "header:x-auto",
    "precedence:",
    "bounce:null-sender",
)
_RECIPIENT_FIELDS = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "apparently-to", "x-forwarded-to")


@dataclass(frozen=True, slots=True)
class _Category:
    name: str
    rule: str
    evidence: tuple[str, ...]
    matched: bool


class Judge:
    """Judges mail by one configuration. What it needs for that is made at the first mail: most passes have none."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._own = Own.of(config)

    @cached_property
    def _lexicon(self) -> Lexicon:
        return lexicon(self._config.phrases)

    @cached_property
    def _names(self) -> tuple[Names, ...]:
        return everybody(self._config.organizers, self._config.fallback)

    @cached_property
    def _rules(self) -> tuple[Rule, ...]:
        return _rules(self._config, self._lexicon)

    @cached_property
    def _code_of_conduct(self) -> Test:
        return in_subject(CODE_OF_CONDUCT, self._lexicon.lists)

    def judge(self, mail: ParsedMail, arrived: datetime, own_words: Sequence[str] = ()) -> Verdict:
        """Everything that can be said of a mail by itself. Never raises.

        ``own_words`` are texts of ours that it may quote (see ``recuse.withheld``).
        """
        said_by = sender(mail, self._own)
        seen = self._seen(mail, arrived)
        whole = Folded.both(seen.subject.folded, seen.body.folded)
        category = self._category(mail, said_by, seen)
        reasons = self._urgency(whole, category, arrived)
        return Verdict(
            kind=said_by.kind,
            category=category.name,
            rule=category.rule,
            evidence=category.evidence,
            urgency=Urgency.URGENT if reasons else Urgency.NORMAL,
            urgency_reasons=reasons,
            language=self._language(mail, seen),
            event=urgency.event_of(whole, arrived, self._config.events),
            acknowledge=said_by.acknowledge,
            acknowledge_reason=said_by.reason,
            acknowledge_to=said_by.to,
            recused=withheld(mail, self._names, own_words),
            authentication=authenticate.result(mail, self._config.acknowledgement.authserv_id),
            matched=category.matched,
        )

    # --- category ---------------------------------------------------------------------------------

    def _seen(self, mail: ParsedMail, arrived: datetime) -> Seen:
        # Some programs take the subject of a mailto link as it stands there, blanks encoded (RFC 6068, section 2).
        subject = bare_subject(mail.subject.replace("%20", " "))
        body = own_text(mail)[:MAX_JUDGED]
        text = Text(body, Folded.of(body))
        headers: dict[str, Text] = {}
        if any(rule.label.find("header:") >= 0 for rule in self._rules):
            for name in {name for name, _ in mail.headers}:
                joined = "\n".join(mail.values(name))
                headers[name] = Text(joined, Folded.of(joined))
        return Seen(
            subject=Text(mail.subject, Folded.of(subject)),
            body=text,
            recipients=_recipients(mail),
            headers=headers,
            concern_ahead=lambda phrases: self._concern_ahead(phrases, text, arrived),
        )

    def _category(self, mail: ParsedMail, said_by: Sender, seen: Seen) -> _Category:
        echo = _is_echo(said_by, mail)
        for rule in self._rules:
            if not rule.tests:
                return self._doubt(mail, said_by, seen) or _Category(rule.category, rule.label, (), matched=False)
            evidence = rule.evidence(seen)
            if evidence is not None and (said_by.kind is not Kind.LIST or rule.subject_only):
                return _Category(rule.category, rule.label, evidence[:20], matched=not echo)
        return _Category(REPORT, "doubt:no-rule", (), matched=False)

    def _doubt(self, mail: ParsedMail, said_by: Sender, seen: Seen) -> _Category | None:
        """What no rule took: in doubt it is a report, and never a mere question under a Code-of-conduct subject."""
        known = any(rule.category == REPORT for rule in self._rules)
        if not known:
            return None
        under = self._code_of_conduct(seen)
        if under:
            return _Category(REPORT, "doubt:code-of-conduct", under, matched=not _is_echo(said_by, mail))
        if said_by.kind is Kind.PERSON:
            doubt = _doubt_about(mail, seen)
            return _Category(REPORT, f"doubt:{doubt}", (), matched=True) if doubt else None
        return None

    # --- concern or report ------------------------------------------------------------------------

    def _concern_ahead(self, phrases: PhraseList, text: Text, arrived: datetime) -> tuple[str, ...]:
        """The phrases that make a mail a concern before an event, or nothing: in doubt it is a report.

        Somebody's presence ahead makes a concern, and so does worry about an event ahead, also with a history.
        What happened lately, or at an event of ours, makes a report, whatever lies ahead.
        """
        time = self._lexicon.time
        held = {name: list_.candidates(text.folded) for name, list_ in time.items()}
        acts = _acts(text.plain, held["act"])
        before = phrases.candidates(text.folded)
        if any(_happened(sentence, held, before) for sentence in acts):
            return ()
        found = phrases.found_in(text.folded)
        if found:
            return found
        if not all(_holds(sentence, held["history"]) for sentence in acts):
            return ()
        ahead_ = time["ahead"].found_in(text.folded) or self._events_ahead(text.folded, arrived)
        worried = time["worry"].found_in(text.folded)
        going = time["attending"].found_in(text.folded)
        if ahead_ and (worried or going):
            return (*ahead_, *worried, *going)
        return ()

    def _events_ahead(self, text: Folded, arrived: datetime) -> tuple[str, ...]:
        return tuple(
            event.name for event in self._config.events if event.starts > arrived and text.spans(needle(event.name))
        )

    # --- the rest ---------------------------------------------------------------------------------

    def _urgency(self, whole: Folded, category: _Category, arrived: datetime) -> tuple[str, ...]:
        spoken = urgency.speakers(whole, self._lexicon.function_words)
        reasons = urgency.signals(whole, self._lexicon, spoken)
        if not category.matched:
            return tuple(reason for reason in reasons if reason != "urgent-minor")
        return (*reasons, *urgency.calendar(arrived, self._config.events))

    def _language(self, mail: ParsedMail, seen: Seen) -> str:
        # The subject of the published link says nothing: reporters in every language use it.
        subject = [word for word in seen.subject.folded.words if word not in {"code", "of", "conduct"}]
        text = f"{' '.join(subject)}\n{seen.body.plain[:4000]}"
        return language(text, mail, self._config.community.languages, self._lexicon.function_words)


def _acts(text: str, acts: Sequence[Phrase]) -> list[Folded]:
    """The sentences that tell of an act, as far as they are looked at."""
    if not acts:
        return []
    sentences = [one for one in _SENTENCE.split(text) if one.strip().strip(".!?;")]
    # Each once: what counts is whether any or all of them are of a kind.
    return [folded for one in dict.fromkeys(sentences[:_MOST_SENTENCES]) if _holds(folded := Folded.of(one), acts)]


def _happened(act: Folded, held: Mapping[str, Sequence[Phrase]], ahead_: Sequence[Phrase]) -> bool:
    """Whether the act of a sentence lies behind: it was lately, or at a place of ours and is no history."""
    if _holds(act, held["recent"]):
        return True
    return _holds(act, held["place"]) and not _holds(act, held["history"]) and not _holds(act, ahead_)


def _holds(sentence: Folded, phrases: Sequence[Phrase]) -> bool:
    """Whether a part of a text holds any of the phrases that the text may hold."""
    return any(phrase.found_in(sentence) for phrase in phrases)


_UNREADABLE = {"unreadable", "unparsed", "truncated", "too-deep", "too-many-parts", "boundary-missing"}


def _doubt_about(mail: ParsedMail, seen: Seen) -> str:
    if "encrypted" in mail.content or _UNREADABLE & set(mail.defects):
        return "unreadable"
    if not seen.body.folded.words:
        return "no-text"
    return "" if seen.subject.folded.words else "no-subject"


def _is_echo(said_by: Sender, mail: ParsedMail) -> bool:
    """Whether a mail only answers, returns or repeats another: its subject then says nothing of its own.

    Programs mark what they send with words for answers, and web sites send their forms with a null return path: what
    names no mail before it, in no way, begins something.
    """
    if said_by.reason.startswith(_ECHOES_IF_SO_NAMED):
        return bool(mail.in_reply_to or mail.references) or bare_subject(mail.subject) != mail.subject.strip()
    if said_by.kind in {Kind.BOUNCE, Kind.OURS}:
        return said_by.reason != "ours:own-address"
    return said_by.kind is Kind.AUTOMATIC and said_by.reason.startswith(_ECHOES)


def _recipients(mail: ParsedMail) -> tuple[str, ...]:
    found = {address.email.lower() for address in (*mail.to, *mail.cc)}
    found |= {value.strip().strip("<>").lower() for name in _RECIPIENT_FIELDS for value in mail.values(name)}
    return tuple(sorted(found))


def _rules(config: Config, known: Lexicon) -> tuple[Rule, ...]:
    from intake.config import DEFAULT_CATEGORIES as UNCONFIGURED  # noqa: PLC0415 - pydantic, only where it is used

    if config.categories is UNCONFIGURED or config.categories == UNCONFIGURED:
        return _default_rules(known)
    rules = [compiled(number, category, known.lists) for number, category in enumerate(config.categories, 1)]
    return tuple(rules)


def _default_rules(known: Lexicon) -> tuple[Rule, ...]:
    grave = [phrases for signals in known.urgent.values() for name, phrases in signals.items() if name in _GRAVE]
    lists = {
        **known.lists,
        "urgent-signals": PhraseList("urgent-signals", tuple(phrase for list_ in grave for phrase in list_.phrases)),
    }
    rules = []
    for number, (name, subject, wanted) in enumerate(DEFAULT_CATEGORIES, 1):
        tests = [in_subject(subject, lists)] if subject else []
        tests += [ahead(one, lists) if one == "pre-event" else anywhere(one, lists) for one in wanted]
        labels = [f"subject={subject}"] if subject else []
        labels += [f"body={one}" for one in wanted]
        where = ",".join(labels) or "otherwise"
        rules.append(Rule(name, f"category[{number}]:{where}", tuple(tests), subject_only=bool(subject) and not wanted))
    return tuple(rules)
