"""The safety linter: refuses words that could hurt whoever reads them, or that would not be true.

It looks at every acknowledgement as it would be sent, with every fact and with none, and at its source line by line;
the other messages are filled in with sample facts. ``check`` and the tests use it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import product

from intake.compose import acknowledgement, helplines, notices, sample
from intake.compose.composer import Composer
from intake.compose.house import House
from intake.compose.lint_words import ABOUT_THE_MAIL, AUTOMATIC, FORBIDDEN, HOURS, REASONS
from intake.compose.render import Rendered, Templates
from intake.errors import TemplateError
from intake.letters import Ping
from intake.model import MessageKind

STALE_AFTER = timedelta(days=548)  # eighteen months
EMERGENCY_WITHIN = 700  # characters from the top of a letter
_LITERAL_NUMBER = re.compile(r"(?<![\w.])\+?\d[\d /-]+\d(?![\w.])")
_MARKUP = re.compile(r"!\[|<[a-zA-Z!/]|\bhttps?://")
_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a template: ``place`` is ``file:line``."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


def problems(templates: Templates, house: House, now: date, categories: Sequence[str] = ()) -> list[Problem]:
    """Every problem with the templates of the house's languages, each once, in the order of the files."""
    found = [*_helplines(templates, now), *_missing(templates, house.languages)]
    try:
        numbers = helplines.load(templates)
    except TemplateError as error:
        return [*found, _problem(error)]
    letters = dict.fromkeys((*acknowledgement.VARIANTS, *(name.lower() for name in categories)))
    for language in house.languages:
        subjects: dict[str, str] = {}
        for variant in letters:
            name = f"{acknowledgement.KIND}/{variant}.{language}.txt"
            if templates.has(name):
                found += Letter(templates, name, language, variant, house, numbers).problems(subjects)
    return list(dict.fromkeys([*found, *_others(templates, house)]))


def _missing(templates: Templates, languages: Iterable[str]) -> Iterator[Problem]:
    wanted = [(acknowledgement.KIND, variant) for variant in acknowledgement.VARIANTS]
    wanted += [
        ("report", "report"),
        ("digest", "digest"),
        ("notice", "other"),
        ("reminder", "reply"),
        ("alarm", "alarm"),
    ]
    for language, (kind, variant) in product(languages, wanted):
        name = f"{kind}/{variant}.{language}.txt"
        if not templates.has(name):
            yield Problem(
                f"{name}:1", f"is missing: the language {language} is configured; write it, or remove the language"
            )


def _helplines(templates: Templates, now: date) -> Iterator[Problem]:
    try:
        numbers = helplines.load(templates)
    except TemplateError:
        return  # told by whoever needs the numbers
    path = templates.path(helplines.FILE)
    dated = [("the emergency numbers", numbers.emergency, numbers.checked)]
    dated += [(line.name, line.number, line.checked) for line in numbers.lines if line.show]
    for name, number, checked in dated:
        if now - checked > STALE_AFTER:
            place = f"{path}:{_line_of(path.read_text('utf-8'), number)}"
            yield Problem(
                place, f"{name} ({number}) was last checked on {checked}; look it up again, and put that day's date"
            )


def _others(templates: Templates, house: House) -> Iterator[Problem]:
    """Fill in every other message once in every language."""
    composer, now = Composer(house, templates), sample.NOW
    for language in house.languages:
        for attempt in _attempts(composer, language, now):
            try:
                attempt()
            except TemplateError as error:
                yield _problem(error)


def _attempts(composer: Composer, language: str, now: datetime) -> list[Callable[[], object]]:
    kinds = (MessageKind.REPORT, MessageKind.FOLLOW_UP)
    return [
        *(partial(composer.copy, sample.copy(language, kind), now) for kind in kinds),
        partial(composer.copy, sample.team_reply(language), now),
        partial(composer.digest, sample.digest(language), now),
        *(partial(composer.notice, sample.notice(language, topic), now) for topic in notices.NOTICES),
        *(partial(composer.reminder, sample.reminder(language, topic), now) for topic in notices.REMINDERS),
        *(partial(composer.ping, Ping(language, topic)) for topic in notices.PINGS),
        *(partial(composer.alarm, sample.alarm(language, over=over), now) for over in (False, True)),
    ]


def _problem(error: TemplateError) -> Problem:
    place = error.where if re.search(r":\d+\Z", error.where) else f"{error.where}:1"
    return Problem(place, str(error).removeprefix(f"{error.where}: "))


def _line_of(source: str, wanted: str) -> int:
    return next((number for number, line in enumerate(source.splitlines(), 1) if wanted in line), 1)


@dataclass(frozen=True)
class Letter:
    """One acknowledgement under the lamp."""

    templates: Templates
    name: str
    language: str
    variant: str
    house: House
    numbers: helplines.Helplines

    def problems(self, subjects: dict[str, str]) -> list[Problem]:
        """All of them. ``subjects`` collects the subjects of a language, which must all be the same."""
        try:
            found = [*self._unknown_names(), *self._sources()]
        except TemplateError as error:
            return [_problem(error)]
        try:
            full, bare = self._rendered(bare=False), self._rendered(bare=True)
        except TemplateError as error:
            return found or [_problem(error)]
        return [*found, *self._subject(full, subjects), *self._content(full, bare)]

    def _rendered(self, *, bare: bool) -> Rendered:
        letter = sample.acknowledgement(self.language, self.variant, phone="" if bare else "+32 2 000 00 00")
        house = replace(self.house, fallback=sample.house().fallback, promise=sample.house().promise)
        if bare:
            letter = replace(letter, readers=())
            house = replace(house, fallback=None, promise=None)
        facts = acknowledgement.facts(replace(letter, truncated=not bare), house, self.numbers, self.language)
        return self.templates.render(self.name, facts)

    def _place(self, line: int = 1) -> str:
        return f"{self.templates.path(self.name)}:{line}"

    def _unknown_names(self) -> Iterator[Problem]:
        known = acknowledgement.facts(sample.acknowledgement("en", "report"), self.house, self.numbers, "en").keys()
        for identifier, path, line in self.templates.identifiers(self.name):
            if identifier in ABOUT_THE_MAIL:
                yield Problem(
                    f"{path}:{line}", f"{identifier}: nothing of the report may be repeated in an answer to it"
                )
            elif identifier not in known:
                yield Problem(
                    f"{path}:{line}", f"{identifier} is not a fact that this message has; see docs/templates.md"
                )

    def _sources(self) -> Iterator[Problem]:
        for path, source in self.templates.sources(self.name):
            for number, line in enumerate(source.splitlines(), 1):
                for what in self._line(_EXPRESSION.sub(" ", line)):
                    yield Problem(f"{path}:{number}", what)

    def _line(self, line: str) -> Iterator[str]:
        for reason, pattern in FORBIDDEN.get(self.language, ()):
            if match := re.search(pattern, line, re.IGNORECASE):
                yield f"“{match[0].strip()}” {REASONS[reason]}"
        if match := re.search(HOURS, line, re.IGNORECASE):
            yield f"“{match[0]}” promises a time; use {{{{ promise }}}}, which is only there when one is configured"
        elif match := _LITERAL_NUMBER.search(line):
            yield f"{match[0]}: write numbers to call in {helplines.FILE}, where they carry a date"
        if _MARKUP.search(line):
            yield "has an image, HTML or an address of the web; a letter holds nothing that is fetched or followed"

    def _subject(self, full: Rendered, subjects: dict[str, str]) -> Iterator[Problem]:
        source = next(iter(self.templates.sources(self.name)))[1]
        if "{{" in source.partition("\n")[0] or "{%" in source.partition("\n")[0]:
            yield Problem(self._place(), "the subject must be the same for every mail: no facts in it")
        first = subjects.setdefault(self.language, full.subject)
        if full.subject != first:
            yield Problem(self._place(), f"the subject must not tell the category: make it “{first}” as elsewhere")

    def _content(self, full: Rendered, bare: Rendered) -> Iterator[Problem]:
        for rendered in (full, bare):
            top = rendered.body[:EMERGENCY_WITHIN]
            if not re.search(rf"(?<!\d){re.escape(self.numbers.emergency)}(?!\d)", top):
                yield Problem(self._place(), "must name the emergency number near the top: {{ emergency }}")
            if not re.search(AUTOMATIC.get(self.language, "auto"), rendered.body, re.IGNORECASE):
                yield Problem(self._place(), "must say that it is automatic")
            if sample.CODE not in rendered.body:
                yield Problem(self._place(), "must tell the code: {{ code }}")
        if "board\\@example\\.com" not in full.body:
            yield Problem(self._place(), "must say whom to write to outside the team: {{ fallback_email }}")
        if self.variant != "unread" and "24 " not in full.body:
            yield Problem(self._place(), "must tell the time that is configured: {{ promise }}")
