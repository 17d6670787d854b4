"""Who else may write the configuration and where it lies, and which secrets it holds itself (docs/decisions/0067)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from intake.config.files import open_to_others
from intake.config.models import LedgerConfig
from intake.config.problems import Problem

if TYPE_CHECKING:
    from intake.config.checks import Draft
    from intake.config.source import Keys
    from intake.config.whole import Config

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


def _folders(draft: Draft) -> Iterator[tuple[Keys, Path]]:
    """Who may write in these may put a configuration, a ledger or a key of their own in the place of ours."""
    yield (), draft.path.absolute().parent
    for keys, ledger in draft.each(LedgerConfig):
        if ledger.file:
            yield (*keys, "url"), ledger.file.parent
        if ledger.key_file:
            yield (*keys, "key_file"), ledger.key_file.parent


def secrets_inside(config: Config) -> Iterator[str]:
    """The keys whose values log in somewhere and stand in the file itself; those of people by their name."""
    if config.ledger.file is None and _holds_password(config.ledger.url):
        yield "ledger.url"
    for organizer in config.organizers:
        if organizer.notify:
            yield f"notify of {organizer.name}"
    if config.alarm.notify:
        yield "alarm.notify"


def _holds_password(url: str) -> bool:
    user, _, _ = url.partition("://")[2].partition("/")[0].rpartition("@")
    return bool(user.partition(":")[2]) or "password=" in url.partition("?")[2]
