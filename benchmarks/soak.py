"""The service under steady mail while its connections are cut: nothing lost, nothing twice, memory flat, quick.

``PYTHONPATH=tests python -W ignore benchmarks/soak.py --minutes 10``: two mails a second by LMTP into Dovecot,
``intake run`` with IDLE, every connection of the mailbox cut every 20 seconds. Prints one JSON object; ends with 1
when something was lost or doubled.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import sys
import tempfile
import time
from pathlib import Path

from servers.dovecot import Dovecot
from servers.smtp import Aiosmtpd
from servers.world import World, addresses, world

CUT_EVERY_S, NEAR_A_CUT_S = 20.0, 8.0
NUMBER = re.compile(rb"^Subject: code of conduct soak-(\d+)", re.MULTILINE)


def main() -> int:
    """Run, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=2.0, help="mails a second")
    given = parser.parse_args()
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd's
    with Dovecot() as dovecot, Aiosmtpd() as smtp, tempfile.TemporaryDirectory() as folder:
        place = world(dovecot, smtp, Path(folder), addresses("soak"))
        place.configure(folders='["INBOX"]\nidle = true\npoll_seconds = 60')
        found = soak(place, dovecot, smtp, given.minutes * 60, given.rate)
    print(json.dumps(found, indent=1))
    return 0 if found["lost"] == found["doubled"] == 0 else 1


def soak(place: World, dovecot: Dovecot, smtp: Aiosmtpd, seconds: float, rate: float) -> dict[str, object]:
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
        if time.monotonic() - (cuts[-1] if cuts else began) > CUT_EVERY_S:
            cuts.append(time.monotonic())
            dovecot.doveadm("kick", place.community)
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
    return {
        "mails": number, "cuts": len(cuts), "lost": number - len(arrived),
        "doubled": sum(len(times) > 1 for times in arrived.values()),
        "median_s": round(took[len(took) // 2], 2), "p99_s": round(took[int(len(took) * 0.99)], 2),
        "memory_mb": [round(one / 1024) for one in memory], "said": len(said.splitlines()),
    }  # fmt: skip


def resident(pid: int) -> int:
    """Kilobytes of memory that a process holds."""
    match = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text("ascii"))
    return int(match[1]) if match else 0


if __name__ == "__main__":
    sys.exit(main())
