"""What pydantic found, said to a person: what is wrong and what to do, with the key's path for the line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from intake.config.models import Section
from intake.config.source import Keys, named
from intake.config.whole import tables

# Names that people try first, and what they mean here.
_OTHER_NAMES = {
    "password": "password_file",
    "passwd": "password_file",
    "pass": "password_file",
    "secret": "client_secret_file",
    "client_secret": "client_secret_file",
    "username": "user",
    "login": "user",
    "server": "host",
    "hostname": "host",
    "tls": "security",
    "ssl": "security",
    "starttls": "security",
    "encryption": "security",
    "folder": "folders",
    "tz": "timezone",
    "address": "email",
    "mail": "email",
    "start": "starts",
    "end": "ends",
    "when": "schedule",
    "database": "url",
    "organisers": "organizer",
    "organiser": "organizer",
    "mailboxes": "mailbox",
    "imap": "mailbox",
    "mail_server": "smtp",
}
# For required keys that are wrong or missing, so that the rest of their table can be looked at.
_STAND_INS = {
    "name": "stand-in",
    "address": "stand-in@invalid.invalid",
    "email": "stand-in@invalid.invalid",
    "host": "localhost",
    "starts": datetime(1971, 1, 1),  # noqa: DTZ001 - gets the community's zone, as a time in the file does
    "ends": datetime(2999, 1, 1),  # noqa: DTZ001 - likewise
}
_MEANT = "did you mean '"
_SECRETS = frozenset({"password", "passwd", "pass", "secret", "client_secret"})
_KINDS = {
    "string_type": ("is no text", "write it in quotes"),
    "int_type": ("is no whole number", "write a number without quotes"),
    "bool_type": ("is neither true nor false", "write true or false without quotes"),
    "tuple_type": ("is no list", 'write a list, such as ["one", "two"]'),
    "missing": ("is missing", "add it"),
    "date_type": ("is no date", "write it without quotes, such as 2026-04-18"),
    "model_type": ("is no table", "write it as { key = value }"),
    "model_attributes_type": ("is no table", "write it as { key = value }"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, at a path of the document."""

    keys: Keys
    what: str
    remedy: str

    def __str__(self) -> str:
        """``table.key: what; what to do``, on one line whatever the file's keys and values hold."""
        name = named(self.keys)
        sentence = f"{name}: {self.what}; {self.remedy}" if name else f"{self.what}; {self.remedy}"
        return "".join(character if character.isprintable() else "?" for character in sentence)


def shape_problem(keys: Keys) -> Problem:
    """A value stands where a table belongs, or a list of tables where one does."""
    name = named(keys[:1])
    return Problem(keys, "is no table", f"write [{name}] on a line of its own and its keys below")


def unknown_key(above: Keys, name: str, value: object, known: Iterable[str]) -> Problem:
    """A key that means nothing here: probably another one is meant."""
    choices = list(known)
    keys = (*above, name)
    if name in _SECRETS and _OTHER_NAMES[name] in choices:
        remedy = f"put it into a file of its own and name that: {_OTHER_NAMES[name]}"
        return Problem(keys, "passwords don't belong in this file", remedy)
    meant = _OTHER_NAMES.get(name) if _OTHER_NAMES.get(name) in choices else near(name, choices)
    if meant:
        return Problem(keys, "unknown key" if above else "unknown table", f"{_MEANT}{meant}'?")
    home = _home(name) if above or not isinstance(value, (dict, list)) else ""
    if home:
        return Problem(keys, "unknown key here", f"it belongs below {home}")
    return Problem(keys, "unknown key" if above else "unknown table", "remove it; known are " + ", ".join(choices))


def near(name: str, choices: list[str]) -> str:
    """The choice that was probably meant, or an empty string."""
    import difflib  # noqa: PLC0415 - only for a mistake

    near = difflib.get_close_matches(name.lower().replace("-", "_"), choices, n=1, cutoff=0.7)
    return near[0] if near else ""


def _home(name: str) -> str:
    """The table that has a key of that name, if it is only one."""
    homes = [
        f"[[{table}]]" if several else f"[{table}]"
        for table, (_, model, several) in tables().items()
        if name in model.model_fields
    ]
    return homes[0] if len(homes) == 1 else ""


def validated(
    model: type[Section], keys: Keys, table: Mapping[str, Any], context: Mapping[str, Any]
) -> tuple[Section | None, list[Problem], set[Keys]]:
    """A section, the problems in it, and the keys left out of it because they are wrong.

    With problems, the section is what remains without those keys, stand-ins where one is required: good enough to
    go on looking, or None.
    """
    frozen = {key: _frozen(value) for key, value in table.items()}
    try:
        return model.model_validate(frozen, context=dict(context)), [], set()
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    problems = _without_echo([_problem(model, keys, frozen, detail) for detail in details])
    wrong = {str(detail["loc"][0]) for detail in details if detail["loc"]}
    dropped: set[Keys] = {(*keys, key) for key in wrong}
    rest = {key: value for key, value in frozen.items() if key not in wrong}
    rest |= {key: _STAND_INS[key] for key in wrong & _STAND_INS.keys() & model.model_fields.keys()}
    try:
        return model.model_validate(rest, context=dict(context)), _unique(problems), dropped
    except ValidationError:
        return None, _unique(problems), dropped


def _without_echo(problems: list[Problem]) -> list[Problem]:
    """A key that is only misspelt is not reported as missing as well."""
    meant = {
        (*problem.keys[:-1], problem.remedy[len(_MEANT) : -2])
        for problem in problems
        if problem.remedy.startswith(_MEANT)
    }
    return [problem for problem in problems if problem.what != "is missing" or problem.keys not in meant]


def _frozen(value: object) -> object:
    """Lists as tuples: the models are strict and frozen."""
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value


def _unique(problems: list[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))


def _problem(model: type[Section], keys: Keys, table: Mapping[str, Any], detail: Any) -> Problem:
    kind, ctx = detail["type"], detail.get("ctx", {})
    loc = tuple(part for part in detail["loc"] if isinstance(part, int) or _is_key(part))
    path: Keys = (*keys, *loc)
    if kind == "extra_forbidden":
        return unknown_key(path[:-1], str(loc[-1]), table.get(str(loc[-1])), _fields(model, loc))
    if _is_matcher(model, loc) and kind != "value_error":
        remedy = 'write a list\'s name from [phrases], a list of phrases, or "re:…"'
        return Problem((*keys, *loc[:1]), "is no rule", remedy)
    what, remedy = _sentence(kind, ctx, str(detail["msg"]))
    return Problem(path, what, remedy)


def _sentence(kind: str, ctx: Mapping[str, Any], message: str) -> tuple[str, str]:
    """What is wrong, and what to do."""
    if kind == "value_error":
        what, _, remedy = str(ctx["error"]).partition("; ")
        return what, remedy
    if kind == "literal_error":
        return "has no such choice", f"choose {ctx['expected']}".replace("'", '"')
    if kind == "greater_than_equal":
        return "is too small", f"choose {ctx['ge']} or more"
    if kind == "less_than_equal":
        return "is too large", f"choose {ctx['le']} or less"
    return _KINDS.get(kind, ("can't be used", message.lower()))


def _is_key(part: str) -> bool:
    """Pydantic adds the names of a union's members to the path; keys are never written so."""
    return part not in {"str", "tuple[str, ...]", "none"} and not part.startswith(("function-", "tuple["))


def _is_matcher(model: type[Section], loc: Keys) -> bool:
    return "body" in model.model_fields and bool(loc) and loc[0] in {"subject", "body", "recipient", "header"}


def _fields(model: type[Section], loc: Keys) -> list[str]:
    """The keys known where an unknown one was met; tables within tables are ``away`` only."""
    if len(loc) > 1 and loc[0] == "away":
        return ["starts", "ends"]
    return list(model.model_fields)
