"""What ``intake check`` finds: one line each, and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much it matters: only a failure makes the command end with 1."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``action`` is empty when there is nothing to do."""

    name: str
    level: Level
    message: str
    action: str = ""

    def as_json(self) -> dict[str, object]:
        """As ``--json`` shows it."""
        return {**asdict(self), "ok": self.level is not Level.FAILURE, "level": self.level.value}

    def __str__(self) -> str:
        """As a terminal shows it."""
        sentence = f"{self.name}: {self.message}" if self.message else self.name
        return f"{sentence}; {self.action}" if self.action else sentence


def ok(name: str, message: str) -> Finding:
    """All is well."""
    return Finding(name, Level.OK, message)


def warning(name: str, message: str, action: str = "") -> Finding:
    """It works, but somebody should know."""
    return Finding(name, Level.WARNING, message, action)


def failure(name: str, message: str, action: str = "") -> Finding:
    """It does not work."""
    return Finding(name, Level.FAILURE, message, action)


def failed(name: str, error: Exception, otherwise: str) -> Finding:
    """A failure in the words of one of our errors; ``otherwise`` is what to do when it does not say."""
    what, _, action = " ".join(str(error).split()).partition("; ")
    return failure(name, what, action or otherwise)
