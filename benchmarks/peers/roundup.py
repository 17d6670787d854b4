"""Roundup's mail gateway: an issue for each mail in its own database, messages to the people who follow it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from benchmarks.arena import COMMUNITY, Cost, run
from benchmarks.peers.ring import PEERS, RECIPIENTS, Arena, NotTheWorkError

NAME = "Roundup mail gateway"
SENDS = 1
NOTE = "one message to author and team together; mail is deleted, not filed"
BIN = PEERS / "bin"
# It knows no port but 993.
GATEWAY = """
import functools, imaplib, sys
imaplib.IMAP4_SSL = functools.partial(imaplib.IMAP4_SSL, port={port})
from roundup.scripts.roundup_mailgw import main
sys.exit(main(sys.argv[1:]))
"""
TEAM = """
def team(db, cl, nodeid, newvalues):
    people = {db.user.lookup(f"o{number}") for number in range(5)}
    newvalues["nosy"] = sorted(people.union(newvalues.get("nosy") or ()))


def init(db):
    db.issue.audit("create", team, priority=10)
"""


def missing() -> str:
    """What to install."""
    return "" if (BIN / "roundup-mailgw").exists() else "roundup (pip)"


def compete(arena: Arena, count: int) -> Cost:
    """Read the mailbox once."""
    with arena.round(count) as (user, folder):
        home = _tracker(arena, folder)
        before = arena.sink.taken()
        start = GATEWAY.format(port=arena.server.imaps_port)
        source = f"{user}:{arena.server.password}@127.0.0.1"
        cost = run([str(BIN / "python"), "-c", start, str(home), "imaps", source, "INBOX"])
        issues = _admin(home, "list", "issue").strip().count("\n") + 1
        sent = arena.sink.taken() - before
    if issues != count or sent < count:
        raise NotTheWorkError(f"{issues} issues and {sent} messages for {count} mails")
    return cost


def _tracker(arena: Arena, folder: Path) -> Path:
    home = folder / "tracker"
    _admin(home, "install", "classic", "sqlite")
    config = home / "config.ini"
    text = config.read_text("utf-8")
    for old, new in (
        ("#web = NO DEFAULT", "web = http://localhost/"),
        ("#domain = NO DEFAULT", f"domain = {COMMUNITY.partition('@')[2]}"),
        ("#host = NO DEFAULT", "host = 127.0.0.1"),
        ("\nport = 25\n", f"\nport = {arena.sink.port}\n"),
        ("\nsubject_content_match = always\n", "\nsubject_content_match = never\n"),
        ("\nmessages_to_author = no\n", "\nmessages_to_author = yes\n"),
    ):
        if old not in text:
            raise NotTheWorkError(f"its configuration has no {old.strip()!r}")
        text = text.replace(old, new)
    (home / "detectors" / "team.py").write_text(TEAM)
    with (home / "schema.py").open("a", encoding="utf-8") as schema:  # strangers may write
        schema.write('\ndb.security.addPermissionToRole("Anonymous", "Email Access")\n')
    config.write_text(text, "utf-8")
    _admin(home, "initialise", "benchbench")
    for number, address in enumerate(RECIPIENTS):
        _admin(home, "create", "user", f"username=o{number}", f"address={address}", "roles=User")
    return home


def _admin(home: Path, *words: str) -> str:
    command = [str(BIN / "roundup-admin"), "-i", str(home), *words]
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False, input="")
    if done.returncode:
        raise NotTheWorkError(f"roundup-admin {words[0]}: {(done.stderr or done.stdout)[-600:]}")
    return done.stdout
