"""mbsync copies a mailbox to the disk: what reading alone costs."""

from __future__ import annotations

from benchmarks.arena import Cost, run
from benchmarks.peers.ring import Arena, NotTheWorkError, programs

NAME = "mbsync"
SENDS = 0
NOTE = "reads only"


def missing() -> str:
    """What to install."""
    return "isync" if programs("mbsync") else ""


def compete(arena: Arena, count: int) -> Cost:
    """Copy it once."""
    with arena.round(count) as (user, folder), arena.sending(0):
        (folder / "mail").mkdir()
        file = folder / "mbsyncrc"
        file.write_text(
            f"IMAPAccount a\nHost 127.0.0.1\nPort {arena.server.imaps_port}\nUser {user}\n"
            f"Pass {arena.server.password}\nSSLType IMAPS\nCertificateFile {arena.server.directory}/server.pem\n\n"
            f"IMAPStore far\nAccount a\n\nMaildirStore near\nPath {folder}/mail/\nInbox {folder}/mail/INBOX\n"
            "SubFolders Verbatim\n\nChannel c\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSync Pull\n"
            "SyncState *\n"
        )
        file.chmod(0o600)
        cost = run(["mbsync", "-c", str(file), "-a"], HOME=str(folder))
        found = sum(1 for part in ("new", "cur") for _ in (folder / "mail" / "INBOX" / part).iterdir())
    if found != count:
        raise NotTheWorkError(f"{found} mails were copied instead of {count}")
    return cost
