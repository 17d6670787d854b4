"""Templates: where each is found, how it is filled in, and what is said when it can't be.

A template is a text file: ``Subject: …`` on its first line, then Markdown. It sees facts, all of them plain text
(never anything of a mail), and every fact is escaped, so that none can turn into markup. Only this module and
``sandbox`` know Jinja2.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import FileSystemLoader, StrictUndefined, nodes
from jinja2 import TemplateError as JinjaError
from jinja2.meta import find_referenced_templates

import intake
from intake.compose.sandbox import Limited
from intake.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Template

LANGUAGES = ("en", "nl", "fr", "de")  # what is shipped
LARGEST = 60_000  # characters that a template may come to
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
_MARKUP = re.compile(r"[!-/:-@\[-`{-~]")
_SPACES = re.compile(r"[ \t-\r\x1c-\x1f\x85\u2028\u2029]+")  # not those that keep words together
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def shipped_directory() -> Path:
    """Where the templates of this distribution are: in the installed package, else at the top of the checkout."""
    package = Path(intake.__file__).parent
    installed = package / "templates"
    return installed if installed.is_dir() else package.parent / "templates"


def escape(fact: object) -> str:
    """A fact as Markdown that means just that text, on one line."""
    return _escaped(str(fact))


@lru_cache(maxsize=500)
def _escaped(fact: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", _SPACES.sub(" ", fact).strip(" "))


def unescape(text: str) -> str:
    """Undo ``escape`` where the text is no Markdown: in a subject."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template with its facts filled in: a subject of plain text and a body of Markdown."""

    subject: str
    body: str
    name: str  # the file, relative to its directory


@dataclass(frozen=True)
class Templates:
    """All templates: files in ``own`` (the user's directory) come before those in ``shipped``, one by one."""

    own: Path | None = None
    shipped: Path = field(default_factory=shipped_directory)

    @property
    def directories(self) -> list[Path]:
        """Where a file is looked for, in this order."""
        return [self.own, self.shipped] if self.own is not None else [self.shipped]

    def find(self, kind: str, variants: tuple[str, ...], languages: tuple[str, ...]) -> tuple[str, str]:
        """The name of the first file there is, and its language: a language is tried with every variant first.

        Raises TemplateError when there is none.
        """
        for language in languages:
            for variant in variants:
                if _NAME.match(variant) and _NAME.match(language):
                    name = f"{kind}/{variant}.{language}.txt"
                    if self.has(name):
                        return name, language
        raise TemplateError(f"{kind}/{variants[-1]}.{languages[0]}.txt", "is missing; restore it or write it")

    def has(self, name: str) -> bool:
        """Whether there is a file of this name. Remembered: files are read once in a process."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = any((directory / name).is_file() for directory in self.directories)
        return known

    def path(self, name: str) -> Path:
        """The file that is used for ``name``."""
        return next((d / name for d in self.directories if (d / name).is_file()), self.shipped / name)

    def render(self, name: str, facts: Mapping[str, object]) -> Rendered:
        """Fill in a template. Raises TemplateError with file and line: an unknown name, a mistake, too much text."""
        text = self._fill(name, facts)
        first, _, body = text.partition("\n")
        if not first.startswith("Subject:") or not first[8:].strip():
            raise TemplateError(f"{self.path(name)}:1", "must begin with a line `Subject: …`")
        return Rendered(" ".join(unescape(first[8:]).split()), body.strip("\n"), name)

    def subject(self, name: str, facts: Mapping[str, object]) -> str:
        """Only the subject: its first line must not need any other fact. Raises TemplateError."""
        key = f"{name} subject"
        found = self._compiled.get(key)
        if found is None:
            line = self.path(name).read_text("utf-8").partition("\n")[0].removeprefix("Subject:")
            found = self._compiled[key] = self._environment.from_string(line)
        self._environment.begin()
        return " ".join(unescape(found.render(facts)).split())

    def _fill(self, name: str, facts: Mapping[str, object]) -> str:
        pieces, length = [], 0
        self._environment.begin()
        try:
            for piece in self._template(name).generate(facts):
                pieces.append(piece)
                length += len(piece)
                if length > LARGEST:
                    raise TemplateError(str(self.path(name)), f"comes to more than {LARGEST} characters; shorten it")
        except (JinjaError, ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:
            raise self._explain(name, error) from None
        return "".join(pieces)

    def _template(self, name: str) -> Template:
        found = self._compiled.get(name)
        if found is None:
            found = self._compiled[name] = self._environment.get_template(name)
        return found

    def _explain(self, name: str, error: Exception) -> TemplateError:
        """Say where in which file: Jinja puts the template's own lines into the traceback."""
        where, line = self.path(name), getattr(error, "lineno", None)
        if line is not None and getattr(error, "filename", None):
            where = Path(str(error.filename))  # type: ignore[attr-defined]  # of a TemplateSyntaxError
        step = error.__traceback__
        while step is not None and line is None:
            frame = step.tb_frame.f_code.co_filename
            if frame.endswith(".txt"):
                where, line = Path(frame), step.tb_lineno
            step = step.tb_next
        problem = str(getattr(error, "message", None) or error) or type(error).__name__
        return TemplateError(f"{where}:{line or 1}", " ".join(problem.split()))

    def sources(self, name: str) -> list[tuple[Path, str]]:
        """The text of a template and of everything that it includes by name. Raises TemplateError."""
        names, found = [name], []
        for each in names:  # grows while it is walked
            path = self.path(each)
            try:
                source = path.read_text("utf-8")
                tree = self._environment.parse(source, filename=str(path))
            except (OSError, UnicodeDecodeError, JinjaError) as error:
                raise self._explain(each, error) from None
            found.append((path, source))
            names += [other for other in find_referenced_templates(tree) if other and other not in names]
        return found

    def identifiers(self, name: str) -> list[tuple[str, Path, int]]:
        """Each name that a template looks up and does not set itself, with its file and line. Raises TemplateError."""
        found = []
        for path, source in self.sources(name):
            uses = list(self._environment.parse(source).find_all(nodes.Name))
            own = {use.name for use in uses if use.ctx in {"store", "param"}} | {"loop", "range", "true", "false"}
            found += [(use.name, path, use.lineno) for use in uses if use.ctx == "load" and use.name not in own]
        return found

    @cached_property
    def _environment(self) -> Limited:
        return Limited(
            loader=FileSystemLoader([str(directory) for directory in self.directories], encoding="utf-8"),
            undefined=StrictUndefined,
            finalize=escape,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )

    @cached_property
    def _compiled(self) -> dict[str, Template]:
        return {}

    @cached_property
    def _known(self) -> dict[str, bool]:
        return {}

    @cached_property
    def _phrases(self) -> dict[str, Phrases]:
        return {}

    def phrases(self, language: str) -> Phrases:
        """The single words and short sentences of a language (``words/LANGUAGE.toml``), English where it has none."""
        if language not in self._phrases:
            self._phrases[language] = Phrases(language, self.table(f"words/{language}.toml", "words/en.toml"))
        return self._phrases[language]

    def table(self, *names: str) -> dict[str, Any]:
        """TOML files merged key by key: later names and later directories only fill in what is missing.

        Raises TemplateError when one can't be read.
        """
        merged: dict[str, Any] = {}
        for name in names:
            for directory in self.directories:
                path = directory / name
                if path.is_file():
                    try:
                        merged = _under(merged, tomllib.loads(path.read_text("utf-8")))
                    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
                        raise TemplateError(str(path), f"can't be read: {error}") from None
        return merged


def _under(upper: dict[str, Any], lower: dict[str, Any]) -> dict[str, Any]:
    merged = {**lower, **upper}
    for key in upper.keys() & lower.keys():
        if isinstance(upper[key], dict) and isinstance(lower[key], dict):
            merged[key] = _under(upper[key], lower[key])
    return merged


@dataclass(frozen=True, slots=True)
class Phrases:
    """The words of one language, by table and key."""

    language: str
    tables: Mapping[str, Any]

    def get(self, table: str, key: str, default: str | None = None, **facts: object) -> str:
        """The words for ``key``, facts in ``{braces}`` filled in.

        An id such as ``bounce:dsn`` may have the words of its group, ``bounce``; an unknown one stands for itself.
        """
        entry = self.tables.get(table, {})
        words = entry.get(key, entry.get(key.partition(":")[0])) if isinstance(entry, dict) else None
        if not isinstance(words, str):
            return key.replace("-", " ").replace("_", " ") if default is None else default
        for name, fact in facts.items():
            words = words.replace("{" + name + "}", str(fact))
        return words

    def count(self, table: str, key: str, number: int, **facts: object) -> str:
        """``key`` for one, ``key-many`` for another number, with ``{n}`` filled in."""
        return self.get(table, key if number == 1 else f"{key}-many", None, **{**facts, "n": number})
