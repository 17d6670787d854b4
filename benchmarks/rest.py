"""What the service costs while nobody writes: ``[MINUTES]``, once with polling each minute and once with IDLE.

Memory (resident, and of that what is its own) at the end, and CPU (user and system) as a share of one core. Two minutes
pass before the clock starts, so that what is loaded once is not counted. It is as with a public provider and after the
first days: the system's authorities are trusted besides the server's own, and digests have been sent.
"""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from servers.base import stop_process

from benchmarks.arena import ROOT, Dovecot, Sink, community, fill, intake, run, table

BEFORE = 120.0  # seconds


def used(pid: int) -> float:
    """CPU seconds so far."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> tuple[float, float]:
    """MB that are resident, and MB of these that no other process shares."""
    told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = {name: int(kb) / 1024 for name, kb in re.findall(r"^(\w+): +(\d+) kB", told, re.MULTILINE)}
    return found["Rss"], found["Private_Clean"] + found["Private_Dirty"]


def main() -> None:
    """A row for each way to learn of new mail."""
    seconds = 60 * float(sys.argv[1]) if len(sys.argv) > 1 else 300.0
    rows = [["service at rest", "resident, MB", "its own, MB", "CPU, % of a core"]]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPATH": str(ROOT)}
    days_ago = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    with Dovecot() as server, Sink() as sink, tempfile.NamedTemporaryFile(suffix=".pem") as authorities:
        system = ssl.get_default_verify_paths().cafile
        authorities.write((Path(system).read_bytes() if system else b"") + server.ca_file.read_bytes())
        authorities.flush()
        for name, idle in (("a poll each minute", "false"), ("IDLE, and a poll each minute", "true")):
            user = server.user()
            fill(server, user, "INBOX", 20)
            with community(server, user, sink.port, Path(authorities.name), idle=idle) as config:
                run(intake("once", "-c", str(config), "--now", days_ago))
                run(intake("once", "-c", str(config)))
                service = subprocess.Popen(intake("run", "-c", str(config)), env=environment, stderr=subprocess.DEVNULL)
                time.sleep(BEFORE)
                before, began = used(service.pid), time.monotonic()
                time.sleep(seconds)
                share = (used(service.pid) - before) / (time.monotonic() - began)
                resident, own = memory(service.pid)
                stop_process(service)
            rows.append([name, f"{resident:.0f}", f"{own:.0f}", f"{100 * share:.2f}"])
    print(f"{seconds / 60:g} minutes each\n\n{table(rows)}")


if __name__ == "__main__":
    main()
