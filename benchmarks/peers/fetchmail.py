"""fetchmail hands each mail to procmail, which answers and forwards by msmtp."""

from __future__ import annotations

from benchmarks.arena import Cost, run
from benchmarks.peers.ring import Arena, kept, procmail, programs

NAME = "fetchmail, procmail, msmtp"
SENDS = 2
NOTE = "one message to five; no record of what was sent, no retry"


def missing() -> str:
    """What to install."""
    return programs("fetchmail", "procmail", "msmtp")


def compete(arena: Arena, count: int) -> Cost:
    """Empty the mailbox once."""
    with arena.round(count) as (user, folder), arena.sending(SENDS * count):
        rules = procmail(folder, arena.sink.port)
        file = folder / "fetchmailrc"
        file.write_text(
            f"set no bouncemail\npoll localhost protocol IMAP service {arena.server.imaps_port}\n"
            f'  user "{user}" password "{arena.server.password}" is "root" here\n'
            f'  ssl no sslcertck nokeep\n  mda "/usr/bin/procmail -m {rules}"\n'
        )
        file.chmod(0o600)
        command = ["fetchmail", "-s", "-f", str(file), "--pidfile", f"{folder}/pid", "--idfile", f"{folder}/ids"]
        cost = run(command, HOME=str(folder))
        kept(folder, count)
    return cost
