"""How people write durations, sizes, schedules, addresses and times, and the values they become.

Each function takes what TOML gave and returns the value, or raises ValueError with ``what; what to do``. None of
the messages repeats a value that may be secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from intake.edge import YEARS

if TYPE_CHECKING:
    from pathlib import Path
    from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = re.compile(r"([0-9]+)\s*([smhdw])")
_LONGEST = timedelta(days=36500)
_LARGEST = 4 << 30  # RFC 3501, 9: a mail's size has 32 bits
# Mail servers count in powers of two, and a limit that is a little wider than meant loses nothing.
_BYTES = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_SIZE = re.compile(r"([0-9]+)\s*(?:([kmg])(?:i?b)?|b)?", re.IGNORECASE)
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
# RFC 5321, 4.1.2 (dot-string) with RFC 6531's wider letters; quoted local parts are no address people publish.
_LOCAL = re.compile(r"[^\x00-\x20\x7f-\xa0()<>\[\]:;@\\,.\"]+(?:\.[^\x00-\x20\x7f-\xa0()<>\[\]:;@\\,.\"]+)*")
_LABEL = re.compile(r"(?!-)[\w-]{1,63}(?<!-)")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Days (0 is Monday) and a time of day, both in the community's time zone."""

    days: frozenset[int]
    at: time
    text: str

    def __str__(self) -> str:
        """As it was written."""
        return self.text


def duration(value: object) -> timedelta:
    """``"90s"``, ``"10m"``, ``"4h"``, ``"365d"``, ``"2w"``, or several together (``"1h 30m"``); above zero."""
    if isinstance(value, timedelta):
        return value
    hint = 'write a number and a unit, such as "90s", "10m", "4h" or "365d"'
    if not isinstance(value, str):
        raise ValueError(f"is no duration; {hint}")  # noqa: TRY004 - pydantic collects ValueError only
    rest = value.strip().lower()
    seconds, at = 0, 0
    while at < len(rest):
        match = _DURATION.match(rest, at)
        if match is None:
            raise ValueError(f"is no duration; {hint}")
        seconds += _number(match[1]) * _UNITS[match[2]]
        at = match.end()
        while at < len(rest) and rest[at] == " ":
            at += 1
    if seconds == 0:
        raise ValueError(f"must be longer than nothing; {hint}")
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f'is too long; the longest is "{_LONGEST.days}d", a hundred years')
    return timedelta(seconds=seconds)


def optional_duration(value: object) -> object:
    """As ``duration``; an empty string is None."""
    return None if value in ("", None) else duration(value)


def size(value: object) -> object:
    """``"40 MB"`` in bytes; a bare number is bytes. 1 MB is 1024 x 1024 bytes."""
    hint = 'write it as "40 MB" (or KB, GB)'
    if isinstance(value, int) and not isinstance(value, bool):
        count = value
    else:
        match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            raise ValueError(f"is no size; {hint}")
        count = _number(match[1]) * _BYTES[(match[2] or "").lower()]
    if count < 1 << 10:
        raise ValueError(f"is too small for any mail; {hint}")
    if count > _LARGEST:
        raise ValueError('is larger than any mail; the largest is "4 GB"')
    return count


def _number(digits: str) -> int:
    return int(digits.lstrip("0")[:18] or "0")  # with more of them it is beyond every limit all the same


def schedule(value: object) -> object:
    """``"mon-fri 08:00"``, ``"mon,thu 07:30"`` or ``"daily 08:00"``."""
    if isinstance(value, Schedule):
        return value
    hint = 'write days and a time, such as "mon-fri 08:00", "mon,thu 07:30" or "daily 08:00"'
    words = value.lower().split() if isinstance(value, str) else []
    if len(words) < 2:  # days and a time
        raise ValueError(f"is no schedule; {hint}")
    clock = _CLOCK.fullmatch(words[-1])
    days = _days("".join(words[:-1]))
    if clock is None or not days:
        raise ValueError(f"is no schedule; {hint}")
    return Schedule(frozenset(days), time(int(clock[1]), int(clock[2])), str(value).strip())


def optional_schedule(value: object) -> object:
    """As ``schedule``; an empty string is None."""
    return None if value in ("", None) else schedule(value)


def _days(text: str) -> set[int]:
    if text == "daily":
        return set(range(7))
    days: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            return set()
        start = DAYS.index(first)
        length = (DAYS.index(last) - start) % 7 if dash else 0
        days |= {(start + step) % 7 for step in range(length + 1)}
    return days


def email(value: str) -> str:
    """One address ``local@domain``; the domain comes back in lower case. Raises ValueError."""
    address = value.strip()
    local, _, domain = address.rpartition("@")
    fits = len(local.encode("utf-8", "replace")) <= 64 and len(domain) <= 253  # RFC 5321, 4.5.3.1
    sound = _LOCAL.fullmatch(local) and all(_LABEL.fullmatch(label) for label in domain.split("."))
    if not (address.isprintable() and fits and sound):
        raise ValueError("is no e-mail address; write it as name@example.org")
    return f"{local}@{domain.lower()}"


def optional_email(value: str) -> str:
    """As ``email``; an empty string stays one."""
    return email(value) if value.strip() else ""


def one_line(value: str) -> str:
    """Text that may stand in a header: not empty, no line breaks or other controls."""
    if not value.strip():
        raise ValueError("is empty; write something")
    return no_controls(value.strip())


def no_controls(value: str) -> str:
    """Text without line breaks or other controls; may be empty."""
    if any(not character.isprintable() for character in value):
        raise ValueError("holds a line break or another character that can't be printed; remove it")
    return value


def moment(value: object, zone: ZoneInfo | None) -> object:
    """A date and time; without an offset it is the community's."""
    if not isinstance(value, datetime):
        raise ValueError("is no date and time; write it without quotes, such as 2026-04-18T08:30:00")  # noqa: TRY004 - as above
    if value.year not in YEARS:
        raise ValueError(f"is in no year that can be; give one between {YEARS[0]} and {YEARS[-1]}")
    return value.replace(tzinfo=zone) if value.tzinfo is None and zone is not None else value


def slug(value: str) -> str:
    """A name that is safe in a header, a file name and a table."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", value):
        raise ValueError("must be lower-case letters, digits and hyphens, 40 at most; choose another name")
    return value


def ledger_url(value: str, directory: Path) -> str:
    """A database URL; a SQLite path comes back absolute, relative ones taken from ``directory``."""
    scheme, colon, rest = value.partition("://")
    if colon and scheme.split("+")[0] in {"postgresql", "postgres"}:
        return "postgresql" + value[len(scheme.split("+")[0]) :]
    if not colon or scheme != "sqlite":
        raise ValueError('is no ledger; write "sqlite:///intake.db" or "postgresql://user@host/name"')
    name = rest.removeprefix("/")
    if not rest.startswith("/") or not name or name == ":memory:" or "?" in name:
        raise ValueError('names no file; write "sqlite:///intake.db", relative to this file')
    return f"sqlite:///{directory / name}"


def headers(value: object) -> object:
    """``"Name: rule"`` or ``{ Name = rule }`` as ``((name in lower case, rule), …)``."""
    if value == "":
        return ()
    if isinstance(value, str):
        name, colon, rule = value.partition(":")
        if not colon or not rule.strip():
            raise ValueError('is no header rule; write "Name: rule" or { Name = "rule" }')
        value = {name.strip(): rule.strip()}
    if isinstance(value, tuple):
        return value
    if not isinstance(value, dict):
        raise ValueError('is no header rule; write "Name: rule" or { Name = "rule" }')  # noqa: TRY004 - as above
    for name in value:
        if not re.fullmatch(r"[!-9;-~]+", name):  # RFC 5322, 3.6.8
            raise ValueError('holds a name that is no header; write "Name: rule" or { Name = "rule" }')
    return tuple((name.lower(), rule) for name, rule in value.items())
