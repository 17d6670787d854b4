"""Checks across keys and tables: each yields Problems, and all of them run whatever the others found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from intake.config.models import Section
from intake.config.problems import Problem
from intake.config.source import Keys

Model = TypeVar("Model", bound=Section)


@dataclass(slots=True)
class Draft:
    """What could be read of a file so far. ``dropped`` names keys that were wrong and left out of their section."""

    path: Path
    document: dict[str, Any]
    sections: dict[Keys, Section] = field(default_factory=dict)
    phrases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    dropped: set[Keys] = field(default_factory=set)

    def of(self, model: type[Model], name: str) -> list[Model]:
        """The sound sections of one table, in the order of the file."""
        return [
            section for keys, section in self.sections.items() if keys[0] == name and isinstance(section, model)
        ]


def cross_check(draft: Draft) -> Iterator[Problem]:
    """Everything that one key alone can't show."""
    yield from ()
