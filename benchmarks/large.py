"""What the largest mail costs the real command: ``intake once``, over TLS, to three organizers in three languages.

CPU seconds (user and system) and the most memory of the whole process, its start included; beside it the same for a
mail of one line, so that the difference is what 40 MB cost. Prints a table; asserts nothing.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from hostile.mails import LARGE, forty_megabytes, plain
from servers import smtp
from servers.dovecot import Dovecot
from servers.world import COMMAND, WHEEL, World, addresses, world

ROUNDS = 3
# A process in between, because what getrusage tells of a child may be the memory of the one it was forked from.
BETWEEN = """
import json, resource, subprocess, sys
ended = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([ended.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""


def once(place: World) -> tuple[float, int]:
    """CPU seconds and kB of one pass."""
    environ = dict(os.environ) if WHEEL else {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", BETWEEN, *COMMAND, "once"]
    said = subprocess.run(command, cwd=place.folder, env=environ, stdout=subprocess.PIPE, check=True)
    code, cpu, peak = json.loads(said.stdout)
    if code:
        sys.exit(f"a pass ended with {code}")
    return float(cpu), int(peak)


def cost(place: World, kind: str) -> tuple[float, int]:
    """The least CPU and the most memory of a few passes that find one mail of this kind."""
    found = []
    for number in range(ROUNDS):
        mail = plain() if kind == "one line of text" else forty_megabytes(kind)
        mark = f"{kind.replace(' ', '')}{number}".encode()
        mail = mail.replace(b"help@example.org", place.community.encode(), 1).replace(b"<1@", b"<%b@" % mark, 1)
        place.imap.append(place.community, "INBOX", mail.replace(b"rita@", b"%b@" % mark, 1))
        found.append(once(place))
        if isinstance(place.smtp, smtp.Aiosmtpd):
            place.smtp.faults.taken.clear()
    return min(cpu for cpu, _ in found), max(peak for _, peak in found)


def main() -> None:
    """A row for each kind."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    smtp.LARGEST = 200_000_000
    with tempfile.TemporaryDirectory() as folder, Dovecot() as imap, smtp.Aiosmtpd() as way_out:
        place = world(imap, way_out, Path(folder), addresses("large"))
        once(place)
        print(f"{'a mail of':24} CPU seconds   memory, MB")
        for kind in ("one line of text", *LARGE):
            cpu, peak = cost(place, kind)
            print(f"{kind:24} {cpu:11.2f} {peak / 1000:12.0f}")


if __name__ == "__main__":
    main()
