"""Dovecot does it all while it delivers: Sieve answers, redirects to five and files. Near what a server can do."""

from __future__ import annotations

import os
import shutil
import smtplib
import socket
import time
from pathlib import Path

from benchmarks.arena import COMMUNITY, Cost, Dovecot, mail
from benchmarks.peers.ring import RECIPIENTS, Arena

NAME = "Dovecot LMTP, Sieve vacation and redirect"
SENDS = 6
NOTE = "on the server, so nothing is read; answers each address once; no record, no retry of its own"
PLUGIN = Path("/usr/lib/dovecot/modules/lib90_sieve_plugin.so")
EXTRA = """
protocol lmtp {{
  mail_plugins = $mail_plugins sieve
}}
plugin {{
  sieve = file:~/.dovecot.sieve
  sieve_extensions = +vacation-seconds
  sieve_vacation_min_period = 0
  sieve_max_redirects = 5
}}
submission_host = 127.0.0.1:{port}
"""


def missing() -> str:
    """What to install."""
    return "" if PLUGIN.exists() else "dovecot-sieve"


def compete(arena: Arena, count: int) -> Cost:
    """Deliver that many mails over one connection; the CPU time of the server's processes is not known."""
    with Dovecot(extra=EXTRA.format(port=arena.sink.port)) as server, arena.sending(SENDS * count):
        user = server.user()
        home = server.directory / "mail" / user
        home.mkdir()
        script = home / ".dovecot.sieve"
        script.write_text(
            'require ["vacation", "vacation-seconds", "copy", "fileinto", "mailbox"];\n'
            f'vacation :seconds 0 :addresses ["{COMMUNITY}"] "Thank you. A person will read this.";\n'
            + "".join(f'redirect :copy "{one}";\n' for one in RECIPIENTS)
            + 'fileinto :create "Processed";\n'
        )
        if os.geteuid() == 0:
            for path in (home, script):
                shutil.chown(path, "nobody", "nogroup")
        mails = [mail(number) for number in range(count)]
        with smtplib.LMTP("127.0.0.1", server.lmtp_port, "mx.test.example") as lmtp:
            assert lmtp.sock is not None  # noqa: S101 - it is connected
            lmtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            begun = time.perf_counter()
            for number, raw in enumerate(mails):
                lmtp.sendmail(f"rita{number}@example.com", [user], raw)
            wall = time.perf_counter() - begun
    return Cost(wall, 0.0)
