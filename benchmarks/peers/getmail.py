"""getmail6 hands each mail to procmail, which answers and forwards by msmtp."""

from __future__ import annotations

from benchmarks.arena import Cost, run
from benchmarks.peers.ring import PEERS, Arena, kept, procmail, programs

NAME = "getmail6, procmail, msmtp"
SENDS = 2
NOTE = "one message to five; no record of what was sent, no retry"
PROGRAM = PEERS / "bin" / "getmail"


def missing() -> str:
    """What to install."""
    return programs("procmail", "msmtp") or ("" if PROGRAM.exists() else "getmail6 (pip)")


def compete(arena: Arena, count: int) -> Cost:
    """Empty the mailbox once."""
    with arena.round(count) as (user, folder), arena.sending(SENDS * count):
        rules = procmail(folder, arena.sink.port)
        file = folder / "getmailrc"
        file.write_text(
            f"[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = 127.0.0.1\nport = {arena.server.imaps_port}\n"
            f"username = {user}\npassword = {arena.server.password}\nca_certs = {arena.server.ca_file}\n"
            f'mailboxes = ("INBOX",)\n[destination]\ntype = MDA_external\npath = /usr/bin/procmail\n'
            f'arguments = ("-m", "{rules}")\nallow_root_commands = true\n[options]\ndelete = true\nverbose = 0\n'
        )
        file.chmod(0o600)
        cost = run([str(PROGRAM), "--getmaildir", str(folder), "--rcfile", str(file)], HOME=str(folder))
        kept(folder, count)
    return cost
