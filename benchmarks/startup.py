"""What starting costs: cron starts the program each minute, so a pass without news is what it does all day.

Counts the CPU seconds (user and system, of the process and its children) of ``intake --help`` and of ``intake once``
with nothing new, against the least that could do the same: a Python that starts, and one that logs in with imapclient
and selects the folder. Prints medians and ratios; asserts nothing.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from servers import Pymap
from servers.smtp import Aiosmtpd
from servers.world import COMMAND, World, addresses, world

ROUNDS = 15
BARE = """
import ssl, imapclient
context = ssl.create_default_context(cafile={ca!r})
client = imapclient.IMAPClient("localhost", {port}, ssl_context=context)
client.login({user!r}, {password!r})
client.select_folder("INBOX", readonly=True)
client.search(["UID", "1:*"])
client.logout()
"""


def cpu(command: list[str], folder: Path) -> float:
    """Median CPU seconds of a command; the first run, which fills caches, is not counted."""
    found = []
    for _ in range(ROUNDS + 1):
        before = os.times()
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        found.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return statistics.median(found[1:])


def measure(place: World) -> None:
    """Print the table."""
    bare = BARE.format(
        ca=str(place.imap.ca_file), port=place.imap.imaps_port, user=place.community, password=place.imap.password
    )
    python = sys.executable
    rows = [
        ("python -c pass", cpu([python, "-c", "pass"], place.folder)),
        ("imapclient alone: log in, select", cpu([python, "-c", bare], place.folder)),
        ("intake --help", cpu([*COMMAND, "--help"], place.folder)),
        ("intake once, nothing new", cpu([*COMMAND, "once"], place.folder)),
    ]
    least = rows[1][1]
    print(f"{'':34} CPU seconds   times imapclient alone")
    for name, seconds in rows:
        print(f"{name:34} {seconds:8.3f}      {seconds / least:8.2f}")


def main() -> None:
    """Two folders are read, as in the example configuration."""
    with tempfile.TemporaryDirectory() as folder, Pymap() as imap, Aiosmtpd() as smtp:
        place = world(imap, smtp, Path(folder), addresses("bench"))
        place.configure(start="now")
        first = place.run("once")
        if first.code:
            sys.exit(f"the first pass failed: {first.err}")
        measure(place)


if __name__ == "__main__":
    main()
