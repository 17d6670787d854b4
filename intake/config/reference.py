"""The configuration reference, made from the models: ``python -m intake.config.reference`` writes it."""

from __future__ import annotations

import types
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from intake.config.models import Section
from intake.config.values import Schedule
from intake.config.whole import DEFAULT_CATEGORIES, tables

_HEAD = """# Configuration

Made from the models by `python -m intake.config.reference`; a test keeps it current. `config.example.toml` shows the
same keys in a file, with the reasons for their defaults. Paths are relative to the configuration file. An empty string
means "not set". Durations are written `"90s"`, `"10m"`, `"4h"`, `"365d"`, `"2w"`; sizes `"40 MB"` (1 MB is 2^20
bytes). Unknown keys are errors, and every problem is reported at once with `file:line`.
"""
_PHRASES = """
## `[phrases]`

`name = ["phrase", …]`: lists for the rules of categories, matched on folded text (case, accents, hyphens and spaces
don't count). A list of the same name adds to the shipped one: `code-of-conduct`, `incident`, `pre-event`, `urgent`.
A list whose name begins with `urgent` raises urgency.
"""
_CATEGORIES = """
The shipped categories are below. Blocks of your own come before them; if your last block has no rule, only yours count,
and a shipped one whose name you use is replaced. The same name may stand in several blocks.

| name | subject | body |
|---|---|---|
"""


def reference() -> str:
    """The whole page."""
    parts = [_HEAD]
    for name, (_, model, several) in tables().items():
        brackets = f"[[{name}]]" if several else f"[{name}]"
        parts.append(f"\n## `{brackets}`\n\n{_prose(model)}\n\n| key | value | default | |\n|---|---|---|---|\n")
        parts.extend(_row(key, field) for key, field in model.model_fields.items())
        if name == "category":
            parts.append(_CATEGORIES)
            parts.extend(f"| {c.name} | {c.subject or ''} | {c.body or ''} |\n" for c in DEFAULT_CATEGORIES)
        if name == "fallback":
            parts.append(_PHRASES)
    return "".join(parts)


def _prose(model: type[Section]) -> str:
    return " ".join((model.__doc__ or "").split())


def _row(key: str, field: FieldInfo) -> str:
    default = (
        "required" if field.is_required() else _shown(field.get_default(call_default_factory=True, validated_data={}))
    )
    cells = (f"`{key}`", " or ".join(dict.fromkeys(_kinds(field.annotation))), default, field.description or "")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _kinds(annotation: Any) -> Iterator[str]:
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        yield ", ".join(f"`{choice}`" for choice in inside)
    elif origin in (Union, types.UnionType):
        for part in inside:
            yield from _kinds(part)
    elif origin is tuple:
        yield "list"
    elif hasattr(annotation, "__metadata__"):
        yield from _kinds(inside[0])
    elif annotation is not type(None):
        names = {str: "text", int: "number", bool: "`true`, `false`", Path: "path", timedelta: "duration"}
        yield names.get(annotation, annotation.__name__.lower())


def _shown(value: object) -> str:
    """A default as it would be written in the file."""
    if value is None or value in ("", ()):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, timedelta):
        return f"`{_duration(int(value.total_seconds()))}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    if isinstance(value, int) and value >= 1 << 20:
        return f"`{value >> 20} MB`"
    return f"`{value.text if isinstance(value, Schedule) else value}`"


def _duration(seconds: int) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % length == 0 and (seconds > length or unit != "d"):
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


if __name__ == "__main__":
    Path("docs/configuration.md").write_text(reference(), "utf-8")
