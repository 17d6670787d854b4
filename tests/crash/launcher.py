"""Runs the command in processes of its own that a test may end at any moment, each from the same warm start.

Started once, single-threaded and with everything loaded; then one line of JSON on standard input for each run:
``{"argv": [...], "statement": N}``. The child's pid is told at once, its exit status when it has ended. ``statement``
ends the child by SIGKILL when the ledger's database is about to run its N-th statement; 0 never does. ``bytes`` lets no file grow
beyond that, as a full disk would; ``cut`` ends the child in the middle of the write that would.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sqlite3
import sys
from typing import Any

# Like all that follows but its last lines: loaded, so that a child need not.
import cryptography.hazmat.primitives.ciphers.aead  # noqa: F401
import markdown_it  # noqa: F401
import psycopg  # noqa: F401
import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401
from sqlalchemy import Engine, event

import intake.app
import intake.cli.audit
import intake.cli.passes
import intake.compose.composer
import intake.compose.sandbox
import intake.config.zones
import intake.credentials
import intake.decide.classify
import intake.decide.plan
import intake.deliver.smtp
import intake.ledger.ledger
import intake.ledger.migrations
import intake.oauth
import intake.receive.fetching
import intake.receive.imap
import intake.receive.parse
import intake.steps.audit
import intake.steps.whole
import intake.tokens  # noqa: F401
from intake.cli.main import main


class Countdown:
    """Counts the statements of every connection."""

    def __init__(self, last: int) -> None:
        self.last, self.count = last, 0

    def statement(self, _text: str) -> None:
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


def child(order: dict[str, Any]) -> None:
    countdown = Countdown(order["statement"])

    def connected(connection: Any, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.set_trace_callback(countdown.statement)  # which sees BEGIN and COMMIT too

    def asked(_c: object, cursor: Any, statement: str, *_more: object) -> None:
        if not isinstance(cursor, sqlite3.Cursor):
            countdown.statement(statement)

    def commits(connection: Any) -> None:
        if connection.dialect.name != "sqlite":
            countdown.statement("COMMIT")

    event.listen(Engine, "connect", connected)
    event.listen(Engine, "before_cursor_execute", asked)
    event.listen(Engine, "commit", commits)
    most = order.get("bytes") or order.get("cut")
    if most:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN if order.get("bytes") else signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    sys.argv = ["intake", *order["argv"]]
    code = 0
    with open(order["output"], "w", encoding="utf-8") as output, contextlib.redirect_stdout(output):  # noqa: PTH123 - as it stands
        sys.stderr = output
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        output.flush()
        with open(order["output"] + ".count", "w", encoding="utf-8") as counted:  # noqa: PTH123 - as above
            counted.write(str(countdown.count))
    os._exit(code)


def serve() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            child(json.loads(line))
        sys.stdout.write(json.dumps({"pid": pid}) + "\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(json.dumps({"status": os.waitstatus_to_exitcode(status)}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
