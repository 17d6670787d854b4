"""Copies of a ledger in SQLite: made while it is in use, whole or not at all, and readable by its owner only."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from intake.errors import LedgerError

KEPT = timedelta(days=30)  # a copy from before an upgrade; whoever has not gone back by then won't
_MARK = ".before-"


def before(ledger: Path, revision: str) -> Path:
    """Where the copy goes that is made before the tables get the form ``revision``."""
    return ledger.with_name(f"{ledger.name}{_MARK}{revision}")


def copy(ledger: Path, target: Path) -> None:
    """Copy a ledger as it is at this moment; ``target`` appears at once when it is whole, with rights 0600.

    What was there is replaced. Raises LedgerError when there is no room, or the ledger is damaged.
    """
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        _fill(ledger, draft)
        _keep_owner(ledger, draft)
        draft.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise LedgerError(f"{target}: the ledger can't be copied there ({error.strerror}); nothing was done") from None
    except sqlite3.Error as error:
        raise LedgerError(f"{target}: the ledger can't be copied there ({error}); nothing was done") from None
    finally:
        draft.unlink(missing_ok=True)


def drop(ledger: Path, older_than: datetime | None = None) -> int:
    """Remove the copies from before upgrades, or those that were made before ``older_than``; say how many."""
    count = 0
    for found in ledger.parent.glob(f"{_literal(ledger.name)}{_MARK}*"):
        with contextlib.suppress(FileNotFoundError):
            if older_than is None or found.stat().st_mtime < older_than.timestamp():
                found.unlink()
                count += 1
    return count


def _fill(ledger: Path, draft: Path) -> None:
    with (
        closing(sqlite3.connect(f"file:{quote(str(ledger))}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(draft)) as target,
    ):
        source.backup(target)
        (said,) = target.execute("PRAGMA quick_check(1)").fetchone()
        target.execute("PRAGMA journal_mode=DELETE")  # one file, without companions
    if said != "ok":
        raise LedgerError(f"{ledger}: the ledger is damaged; restore it from a backup")


def _keep_owner(ledger: Path, draft: Path) -> None:
    """Made by root, the copy is still its owner's: a service without rights must be able to remove it."""
    owner = ledger.stat()
    if os.geteuid() == 0:
        os.chown(draft, owner.st_uid, owner.st_gid)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _literal(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
