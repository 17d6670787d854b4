"""Time and randomness, brought in from the edge so that everything else can be told what they are."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

CODE_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXZ"  # nothing that is misread aloud, no vowels: no words


def utc_now() -> datetime:
    """The machine's time, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """Tells the time. ``Clock.at(moment)`` starts there and goes on at the usual pace (``--now``)."""

    now: Callable[[], datetime] = utc_now

    @classmethod
    def at(cls, moment: datetime) -> Clock:
        """A clock that showed ``moment`` (aware) when it was made."""
        started = time.monotonic()
        return cls(lambda: moment + timedelta(seconds=time.monotonic() - started))


@dataclass(frozen=True, slots=True)
class Chance:
    """Randomness: ``token`` gives 128 unguessable bits as text, ``letters`` a code, ``fraction`` jitter in [0, 1)."""

    token: Callable[[], str] = lambda: secrets.token_hex(16)
    pick: Callable[[str], str] = secrets.choice
    fraction: Callable[[], float] = lambda: secrets.randbelow(1 << 30) / (1 << 30)

    def letters(self, count: int) -> str:
        """``count`` letters and digits for a case code."""
        return "".join(self.pick(CODE_ALPHABET) for _ in range(count))
