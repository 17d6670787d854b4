"""Time and randomness, brought in from the edge so that everything else can be told what they are."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

YEARS = range(1970, 3000)  # those in which every time that follows from another can be written down
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


def _read(path: str) -> str:
    try:
        return Path(path).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _started(pid: int) -> str:
    # Field 22 of /proc/PID/stat; the name in field 2 may hold anything, so count from its closing bracket.
    words = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    # A zombie or a dead one (Z, X) does nothing any more; it is there until its parent has asked for it.
    return words[19] if len(words) > 19 and words[0] not in {"Z", "X"} else ""


def _machine() -> str:
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return f"{_read('/proc/sys/kernel/random/boot_id') or socket.gethostname()} {namespace}"


def holder() -> str:
    """Names this process so that another one on this machine can tell whether it still lives."""
    return f"{_machine()} {os.getpid()} {_started(os.getpid())}"


def is_dead(name: str) -> bool:
    """Whether the process that ``holder`` named has ended; False when that can't be known from here."""
    return _lives(name) is False


def is_alive(name: str) -> bool:
    """Whether the process that ``holder`` named is seen to live; False when that can't be known from here."""
    return _lives(name) is True


def _lives(name: str) -> bool | None:
    machine, _, process = name.rpartition(" ")[0].rpartition(" ")
    started = name.rpartition(" ")[2]
    if machine != _machine() or not process.isdigit() or not started:
        return None
    return _started(int(process)) == started
