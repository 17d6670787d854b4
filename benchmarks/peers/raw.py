"""The limits of each part alone: reading, sending, committing, parsing. Prints JSON: a name and a rate for each.

Arguments: IMAP port, user, password, file of the authority, SMTP port, number of mails.
"""

from __future__ import annotations

import json
import smtplib
import socket
import sqlite3
import ssl
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import imapclient
import mailparser

BATCH = 200


def rate(count: int, work: Callable[[], object]) -> float:
    """How many a second."""
    begun = time.perf_counter()
    work()
    return count / (time.perf_counter() - begun)


def main() -> None:
    """Each part once."""
    port, user, password, authority, smtp_port, number = sys.argv[1:]
    count = int(number)
    context = ssl.create_default_context(cafile=authority)
    client = imapclient.IMAPClient("127.0.0.1", int(port), ssl_context=context)
    client.login(user, password)
    client.select_folder("INBOX", readonly=True)
    uids = client.search()[:count]
    mails: list[bytes] = []

    def batches() -> None:
        for at in range(0, len(uids), BATCH):
            mails.extend(part[b"BODY[]"] for part in client.fetch(uids[at : at + BATCH], ["BODY.PEEK[]"]).values())

    found = {
        "FETCH, one mail at a time": rate(len(uids), lambda: [client.fetch([uid], ["BODY.PEEK[]"]) for uid in uids]),
        f"FETCH, {BATCH} at a time": rate(len(uids), batches),
        "SMTP, one connection": rate(len(mails), lambda: send(int(smtp_port), mails)),
        "durable commit, one mail each (SQLite, FULL)": rate(len(mails), lambda: commit(mails, 1)),
        f"durable commit, {BATCH} mails each": rate(len(mails), lambda: commit(mails, BATCH)),
        "mail-parser": rate(len(mails), lambda: [mailparser.parse_from_bytes(raw).text_plain for raw in mails]),
    }
    client.logout()
    json.dump(found, sys.stdout)


def send(port: int, mails: list[bytes]) -> None:
    """As fast as a library sends one after the other."""
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        assert smtp.sock is not None  # noqa: S101 - it is connected
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for raw in mails:
            smtp.sendmail("help@azug.example", ["ann@example.org"], raw)


def commit(mails: list[bytes], batch: int) -> None:
    """Write them down so that a fall of the machine takes none away."""
    with tempfile.TemporaryDirectory() as folder:
        base = sqlite3.connect(Path(folder) / "mails.db", isolation_level=None)
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = FULL")
        base.execute("CREATE TABLE mails (id INTEGER PRIMARY KEY, raw BLOB)")
        for at in range(0, len(mails), batch):
            base.execute("BEGIN IMMEDIATE")
            base.executemany("INSERT INTO mails (raw) VALUES (?)", [(raw,) for raw in mails[at : at + batch]])
            base.execute("COMMIT")
        base.close()


if __name__ == "__main__":
    main()
