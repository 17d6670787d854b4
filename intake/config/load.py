"""From a TOML file to a Config, or every problem in it at once."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from intake.config.checks import Draft, cross_check
from intake.config.models import Section
from intake.config.problems import Problem, shape_problem, unknown_key, validated
from intake.config.source import Keys, Source
from intake.config.whole import Config, complete, tables
from intake.errors import ConfigError

_REQUIRED = {
    "community": "say who you are and where reporters write",
    "mailbox": "say where mail is read",
    "smtp": "say how mail is sent",
    "organizer": "name at least one person who gets the reports",
}
_SYNTAX = re.compile(r"^(?P<what>.*?) \(at (?:line (?P<line>\d+), column \d+|end of document)\)$", re.DOTALL)


def load(path: Path) -> Config:
    """Read and check a configuration. Raises ConfigError with one line for each problem."""
    try:
        raw = path.read_bytes()
    except IsADirectoryError:
        raise ConfigError([f"{path}: is a directory; name one of the files in it with --config FILE"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror or 'not readable'}; give another with --config FILE"]) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path}:{line}: is not UTF-8 text; save the file as UTF-8"]) from None
    return loads(text, path)


def loads(text: str, path: Path) -> Config:
    """The same for a text; ``path`` says where it stands, and what relative names are relative to."""
    source = Source(path, text)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_syntax(source, error)]) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, lists hundreds deep
        raise ConfigError(
            [f"{source.at(1)}: holds a value that is too large to read; start from the example"]
        ) from None
    draft = _Reader(source, document).draft()
    problems = [*draft.problems, *cross_check(draft)]
    if problems:
        raise ConfigError(_lines(source, problems))
    return _finish(path, draft)


def _syntax(source: Source, error: tomllib.TOMLDecodeError) -> str:
    match = _SYNTAX.match(str(error))
    what = match["what"] if match else "no TOML"
    line = int(match["line"]) if match and match["line"] else source.text.rstrip().count("\n") + 1
    what = re.sub(r"\s+", " ", what)
    return f"{source.at(line)}: {what[:1].lower()}{what[1:]}; text goes in quotes, tables in [brackets]"


def _lines(source: Source, problems: list[Problem]) -> list[str]:
    """One line each, in the order of the file, without doubles."""
    found = [(source.place(problem.keys), problem) for problem in problems]
    found.sort(key=lambda item: int(item[0].rpartition(":")[2]))
    return list(dict.fromkeys(f"{place}: {problem}" for place, problem in found))


class _Reader:
    """Turns the document's tables into sections; keeps what is sound for the checks across them."""

    def __init__(self, source: Source, document: dict[str, Any]) -> None:
        self.source = source
        self.document = document
        self.result = Draft(source.path, document)
        self.context = {"directory": source.path.absolute().parent, "zone": _zone(document)}

    def draft(self) -> Draft:
        """Everything that could be read, and every problem met on the way."""
        shapes = tables()
        for name in (name for name in _REQUIRED if name not in self.document):
            brackets = f"[[{name}]]" if shapes[name][2] else f"[{name}]"
            self._problem((), f"{brackets} is missing", _REQUIRED[name])
        for name, value in self.document.items():
            if name == "phrases":
                self._phrases(value)
            elif name not in shapes:
                self.result.problems.append(unknown_key((), name, value, [*shapes, "phrases"]))
            elif shapes[name][2]:
                self._array(name, value, shapes[name][1])
            else:
                self._section((name,), value, shapes[name][1])
        return self.result

    def _array(self, name: str, value: object, model: type[Section]) -> None:
        if not isinstance(value, list):
            self._problem((name,), "is one table", f"write [[{name}]]: there may be several")
            return
        if not value and name in _REQUIRED:
            self._problem((name,), "is empty", _REQUIRED[name])
        for index, item in enumerate(value):
            self._section((name, index), item, model)

    def _section(self, keys: Keys, value: object, model: type[Section]) -> None:
        if not isinstance(value, dict):
            self.result.problems.append(shape_problem(keys))
            return
        section, problems, dropped = validated(model, keys, value, self.context)
        self.result.problems.extend(problems)
        self.result.dropped |= dropped
        if section is not None:
            section.bind(self.source, keys)
            self.result.sections[keys] = section

    def _phrases(self, value: object) -> None:
        if not isinstance(value, dict):
            self.result.problems.append(shape_problem(("phrases",)))
            return
        for name, phrases in value.items():
            if not isinstance(phrases, list) or not all(isinstance(phrase, str) for phrase in phrases):
                self._problem(("phrases", name), "is no list of phrases", 'write ["one phrase", "another"]')
            elif not phrases or not all(phrase.strip() for phrase in phrases):
                self._problem(("phrases", name), "holds nothing to look for", "write a phrase, or remove it")
            else:
                self.result.phrases[name] = tuple(phrases)

    def _problem(self, keys: Keys, what: str, remedy: str) -> None:
        self.result.problems.append(Problem(keys, what, remedy))


def _zone(document: dict[str, Any]) -> Any:
    """The community's zone, for events; None without events or with a name that the checks will refuse."""
    community = document.get("community")
    if not document.get("event") or not isinstance(community, dict):
        return None
    from intake.config.zones import zone  # noqa: PLC0415 - only events need it here

    return zone(community.get("timezone", "UTC"))


def _finish(path: Path, draft: Draft) -> Config:
    found: dict[str, Any] = {}
    for attribute, model, several in tables().values():
        sections = draft.of(model)
        if several:
            if sections:
                found[attribute] = tuple(sections)
        elif sections:
            found[attribute] = sections[0]
    if "categories" in found:
        found["categories"] = complete(found["categories"])
    return Config(path=path.absolute(), phrases=draft.phrases, **_with_defaults(found, path))


def _with_defaults(found: dict[str, Any], path: Path) -> dict[str, Any]:
    """Sections that the file leaves out, their paths taken from the file's folder as well."""
    context = {"directory": path.absolute().parent, "zone": None}
    for name, (attribute, model, several) in tables().items():
        if not several and attribute not in found and attribute not in {"fallback", "community", "smtp"}:
            section = model.model_validate({}, context=context)
            section.bind(Source(path), (name,))
            found[attribute] = section
    return found
