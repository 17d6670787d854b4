"""Numbers to call, with the day on which somebody last made sure that they are right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from intake.errors import TemplateError

if TYPE_CHECKING:
    from intake.compose.render import Templates

FILE = "helplines.toml"


@dataclass(frozen=True, slots=True)
class Helpline:
    """One line: ``languages`` are those in whose letters it is shown; ``purpose`` is told in each of them."""

    name: str
    number: str
    languages: tuple[str, ...]
    purpose: dict[str, str]
    checked: date
    show: bool


@dataclass(frozen=True, slots=True)
class Helplines:
    """All lines, and the emergency and police numbers."""

    emergency: str
    police: str
    checked: date
    lines: tuple[Helpline, ...]

    def shown(self, language: str) -> list[dict[str, str]]:
        """The lines for letters in ``language``, as facts for a template."""
        return [
            {"name": line.name, "number": line.number, "purpose": line.purpose.get(language, "")}
            for line in self.lines
            if line.show and language in line.languages
        ]


def load(templates: Templates) -> Helplines:
    """Read ``helplines.toml``. Raises TemplateError that names the file."""
    table = templates.table(FILE)
    try:
        emergency = table["emergency"]
        lines = tuple(
            Helpline(
                name=str(line["name"]),
                number=str(line["number"]),
                languages=tuple(line["languages"]),
                purpose=dict(line.get("purpose", {})),
                checked=_day(line["checked"]),
                show=bool(line.get("show", True)),
            )
            for line in table.get("line", [])
        )
        return Helplines(str(emergency["number"]), str(emergency["police"]), _day(emergency["checked"]), lines)
    except (KeyError, TypeError, ValueError) as error:
        raise TemplateError(str(templates.path(FILE)), f"is incomplete: {error}; see docs/templates.md") from None


def _day(value: object) -> date:
    if not isinstance(value, date):
        raise TypeError("`checked` must be a date such as 2026-11-22")
    return value
