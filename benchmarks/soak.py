"""The service under steady mail while its connections are cut: nothing lost, nothing twice, memory flat, quick.

``make soak``: two mails a second by LMTP into Dovecot,
``intake run`` with IDLE, every connection of the mailbox cut every 20 seconds. Prints one JSON object; ends with 1
when something was lost or doubled.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from servers.dovecot import Dovecot
from servers.smtp import Aiosmtpd
from servers.soak import soak
from servers.world import addresses, world


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
        found = soak(place, dovecot, smtp, seconds=given.minutes * 60, rate=given.rate)
    print(json.dumps(asdict(found), indent=1))
    return 0 if found.lost == found.doubled == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
