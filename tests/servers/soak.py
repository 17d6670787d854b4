"""Steady mail into a mailbox while the service listens to it and its connections are cut."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from .base import ServerTroubleError
from .dovecot import Dovecot
from .smtp import Aiosmtpd
from .world import World

NEAR_A_CUT_S = 8.0  # what arrives within so long after a cut waits for a connection first
NUMBER = re.compile(rb"^Subject: code of conduct soak-(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Soaked:
    """What came of it; seconds from delivery until the first organizer's server had the copy, away from the cuts."""

    mails: int
    cuts: int
    lost: int
    doubled: int
    median_s: float
    p99_s: float
    memory_mb: list[int]
    said: int


def soak(
    place: World, dovecot: Dovecot, smtp: Aiosmtpd, *, seconds: float, rate: float, cut_every: float = 20.0
) -> Soaked:
    """Deliver for so long; what arrived at the first organizer, how late, and the service's memory over time."""
    ann = place.people[0].address
    sent: dict[int, float] = {}
    arrived: dict[int, list[float]] = {}

    def note(recipient: str, content: bytes) -> None:
        match = NUMBER.search(content)
        if recipient == ann and match:
            arrived.setdefault(int(match[1]), []).append(time.monotonic())

    smtp.faults.hook = note
    process = place.start("run")
    began = time.monotonic()
    cuts: list[float] = []
    memory: list[int] = []
    number = 0
    while time.monotonic() - began < seconds:
        sent[number] = time.monotonic()
        place.deliver(
            f"From: Rita <r{number}@p{number}.example>\r\nSubject: code of conduct soak-{number}\r\n"
            f"Message-ID: <{number}.{began}@people.example>\r\n\r\nSomebody shouted at me, {number}.\r\n".encode()
        )
        number += 1
        if time.monotonic() - (cuts[-1] if cuts else began) > cut_every:
            if cut(dovecot, place.community):
                cuts.append(time.monotonic())
            memory.append(resident(process.pid))
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
    end = time.monotonic() + 90
    while len(arrived) < number and time.monotonic() < end:
        time.sleep(0.2)
    process.terminate()
    _, said = process.communicate(timeout=30)
    took = sorted(
        times[0] - sent[one]
        for one, times in arrived.items()
        if not any(cut - 1 <= sent[one] <= cut + NEAR_A_CUT_S for cut in [began, *cuts])
    )
    return Soaked(
        number, len(cuts), number - len(arrived), sum(len(times) > 1 for times in arrived.values()),
        round(took[len(took) // 2], 2) if took else 0.0, round(took[int(len(took) * 0.99)], 2) if took else 0.0,
        [round(one / 1024) for one in memory], len(said.splitlines()),
    )  # fmt: skip


def cut(dovecot: Dovecot, user: str) -> bool:
    """Cut every connection of a mailbox; False when there was none at that moment."""
    try:
        dovecot.doveadm("kick", user)
    except ServerTroubleError:
        return False
    return True


def resident(pid: int) -> int:
    """Kilobytes of memory that a process holds."""
    match = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text("ascii"))
    return int(match[1]) if match else 0
