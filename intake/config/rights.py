"""Who else may write the configuration and where it lies, or read it where it holds secrets (docs/decisions/0067)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from intake.config.files import open_to_others
from intake.config.models import AlarmConfig, LedgerConfig, OrganizerConfig
from intake.config.problems import Problem

if TYPE_CHECKING:
    from intake.config.checks import Draft
    from intake.config.source import Keys

READ, WRITE = 0o4, 0o2


def rights_problems(draft: Draft) -> Iterator[Problem]:
    """What is open to others and must not be."""
    path = draft.path.absolute()
    if open_to_others(path, WRITE):
        yield Problem((), "others can write this file, and it names commands to run", f"run: chmod 600 {path}")
    told: set[Path] = set()
    for keys, folder in _folders(draft):
        if folder not in told and open_to_others(folder, WRITE):
            told.add(folder)
            yield Problem(keys, f"others can write in {folder}", f"run: chmod 700 {folder}")
    if open_to_others(path, READ):
        for keys in _secrets(draft):
            yield Problem(keys, "holds a secret, and others can read this file", f"run: chmod 600 {path}")


def _folders(draft: Draft) -> Iterator[tuple[Keys, Path]]:
    """Who may write in these may put a configuration, a ledger or a key of their own in the place of ours."""
    yield (), draft.path.absolute().parent
    for keys, ledger in draft.each(LedgerConfig):
        if ledger.file:
            yield (*keys, "url"), ledger.file.parent
        if ledger.key_file:
            yield (*keys, "key_file"), ledger.key_file.parent


def _secrets(draft: Draft) -> Iterator[Keys]:
    """Where a secret stands in the file itself, and not in one of its own."""
    for keys, ledger in draft.each(LedgerConfig):
        if ledger.file is None and _holds_password(ledger.url):
            yield (*keys, "url")
    for keys, organizer in draft.each(OrganizerConfig):
        if organizer.notify:
            yield (*keys, "notify")
    for keys, alarm in draft.each(AlarmConfig):
        if alarm.notify:
            yield (*keys, "notify")


def _holds_password(url: str) -> bool:
    user, _, _ = url.partition("://")[2].partition("/")[0].rpartition("@")
    return bool(user.partition(":")[2]) or "password=" in url.partition("?")[2]
