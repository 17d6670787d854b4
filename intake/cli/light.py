"""The pass without news: what cron starts every minute, nearly always for nothing.

It does what a full pass would do then, and no more: log in, look whether a folder has mail that was not read yet,
write down that it did. Everything it takes for granted was found out by a full pass with the same file of the
configuration, and has not been written over since (``ledger.glance``). At the first thing that is not as expected it
knows nothing, and a full pass follows: so it can only ever be wrong in the direction of doing more.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from intake import __version__, app
from intake.errors import IntakeError
from intake.steps.numbers import given_again
from intake.steps.reports import MailboxReport, PassReport

if TYPE_CHECKING:
    from intake.config import Config
    from intake.ledger.glance import Glance
    from intake.ports import Mailbox
    from intake.steps.parts import Parts
    from intake.tokens import KeptOnly, TokenFile

BY_AUTHORITY = ("microsoft", "google")  # tokens of these are kept beside the ledger
Made = TypeVar("Made", bound="Known | KnownKey")
UNEXPECTED = (IntakeError, sqlite3.Error, OSError, ValueError, LookupError, TypeError)


@dataclass(frozen=True, slots=True)
class Known:
    """What a full pass knew of a ``[[mailbox]]``. Nothing secret: where the secret is, not the secret."""

    name: str
    host: str
    port: int
    security: str
    user: str
    auth: str
    ca_file: Path | None
    max_size: int
    watched: tuple[str, ...]
    password_file: Path | None
    password_env: str
    password_credential: str
    token_command: str = ""
    token_name: str = ""  # under which the token of an authority is kept

    def place(self, key: str = "") -> str:  # noqa: ARG002 - a full pass tells people where
        """Nowhere: whatever is wrong is found and told by a full pass."""
        return ""

    label = place


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What a full pass knew of the ledger's key."""

    key_file: Path | None
    key_env: str
    key_credential: str

    place = Known.place
    label = Known.place


def look(path: Path, now: datetime, environ: Mapping[str, str]) -> PassReport | None:
    """The report of a pass without news; None when there may be news, or anything is not as it was."""
    try:
        return _look(path, now, environ)
    except UNEXPECTED:
        return None


def _look(path: Path, now: datetime, environ: Mapping[str, str]) -> PassReport | None:
    raw = path.read_bytes()
    document = tomllib.loads(raw.decode("utf-8-sig"))
    moment = _milliseconds(now)
    with app.glance(_ledger_file(document, path)) as ledger:
        written = ledger.meta("glance")
        if written is None or not ledger.is_current():
            return None
        note = json.loads(written)
        if not _holds(note, fingerprint(path, raw, environ), moment):
            return None
        key = app.key_at(_of(KnownKey, note["key"]), environ, create=False)
        mailboxes = [_mailbox(known, document, number) for number, known in enumerate(note["mailboxes"])]
        names = [mailbox.name for mailbox in mailboxes]
        waiting = ledger.waiting(names, moment)
        if ledger.meta("key") != key.proof() or waiting is None:
            return None
        kept = app.tokens_at(_ledger_file(document, path), lambda: key)
        quiet = all(_nothing_new(one, ledger, path, environ, kept) for one in mailboxes)
        if not quiet or not ledger.note_pass(names, moment, written):
            return None
    return PassReport([MailboxReport(name) for name in names], pending=waiting)


def call_home(path: Path, say: Callable[[str], None]) -> None:
    """Call the dead-man's switch: only a good pass leaves a note, and nothing has changed since."""
    try:
        url = tomllib.loads(path.read_bytes().decode("utf-8-sig")).get("alarm", {}).get("ping_url", "")
    except (OSError, ValueError):
        return  # it was read a moment ago; the next pass tells what is wrong
    problem = app.ping(url) if url else ""
    if problem:
        say(problem)


def _holds(note: dict[str, Any], found: str, moment: int) -> bool:
    """Whether what the note says still goes: for this configuration, at this time, with the same files."""
    if note["of"] != found or not note["since"] <= moment < note["until"]:
        return False
    marks: dict[str, Any] = note["files"]
    return marks == {name: _mark(Path(name)) for name in marks}


def _nothing_new(settings: Known, ledger: Glance, path: Path, environ: Mapping[str, str], kept: TokenFile) -> bool:
    mailbox = app.mailbox_at(path.absolute().parent, settings, environ, _login(settings, kept))
    try:
        mailbox.open()
        return all(_read_to_its_end(mailbox, settings.name, folder, ledger) for folder in settings.watched)
    finally:
        mailbox.close()


def _login(settings: Known, kept: TokenFile) -> KeptOnly | None:
    """A kept token, where the library that asks for one is slow to load; None for the usual way."""
    if settings.auth not in BY_AUTHORITY:
        return None
    from intake.tokens import KeptOnly

    return KeptOnly(kept, settings.token_name)


def _read_to_its_end(mailbox: Mailbox, name: str, folder: str, ledger: Glance) -> bool:
    """The same question as in ``steps.receive``: UIDNEXT first, and where it is higher or not told, a SEARCH."""
    found = mailbox.select(folder)
    next_uid = ledger.next_uid(name, folder, found.uidvalidity)
    if next_uid is None:
        return False
    if given_again(mailbox, found, next_uid, lambda uids: ledger.dates(name, folder, found.uidvalidity, uids)):
        return False
    return next_uid == found.uidnext or not mailbox.uids(next_uid)


def _ledger_file(document: dict[str, Any], path: Path) -> Path:
    """Where the configuration says the ledger is; it is believed only if the note in it is about this very file."""
    url = document.get("ledger", {}).get("url", "sqlite:///intake.db")
    if not url.startswith("sqlite:///"):
        raise ValueError("not a file")
    return path.absolute().parent / str(url).removeprefix("sqlite:///")


def _mailbox(known: dict[str, Any], document: dict[str, Any], number: int) -> Known:
    # A command may hold a secret; it is in the configuration's file and nowhere else.
    command = document["mailbox"][number].get("token_command", "")
    return _of(Known, {**known, "token_command": command})


def _of(kind: type[Made], values: dict[str, Any]) -> Made:
    """A value from its form in JSON."""
    types = {field.name: str(field.type) for field in fields(kind)}
    paths = {name for name, value in values.items() if "Path" in types[name] and value is not None}
    made: dict[str, Any] = {name: Path(value) if name in paths else value for name, value in values.items()}
    return kind(**made)


# --- what a full pass leaves behind ---


def remember(path: Path, raw: bytes, parts: Parts, since: datetime, environ: Mapping[str, str]) -> None:
    """Note what the next pass may take for granted, after a full pass that was good: nothing failed or was left."""
    config = parts.config
    if config.metrics.textfile or config.ledger.file is None:
        return
    from intake.oauth.logins import token_name

    def note() -> str:
        from intake.steps.whole import quiet_until

        return json.dumps(
            {
                "of": fingerprint(path, raw, environ),
                "since": _milliseconds(since),
                "until": _milliseconds(quiet_until(parts, since)),
                "files": {str(file): _mark(file) for file in _files(config)},
                "key": _plain(KnownKey, config.ledger),
                "mailboxes": [
                    {**_plain(Known, one), "token_command": "", "token_name": token_name(one)}
                    for one in config.mailboxes
                ],
            }
        )

    parts.ledger.leave_note(note)


def fingerprint(path: Path, raw: bytes, environ: Mapping[str, str]) -> str:
    """Of a configuration: its bytes, where it stands (paths in it are relative to that, or to ~), what reads it."""
    reader = f"{__version__} {sys.version} {path.absolute()} {environ.get('HOME')}".encode("utf-8", "surrogateescape")
    return hashlib.blake2b(reader + b"\0" + raw, digest_size=16).hexdigest()


def _plain(kind: Any, settings: Any) -> dict[str, Any]:
    values = {one.name: getattr(settings, one.name) for one in fields(kind) if one.name != "token_name"}
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}


def _files(config: Config) -> Iterator[Path]:
    """Every file that the configuration names: whether it may be used was looked at when it was read."""
    for value in vars(config).values():
        for section in value if isinstance(value, tuple) else (value,):
            names = getattr(type(section), "model_fields", {})
            yield from (found for name in names if isinstance(found := getattr(section, name), Path))


def _mark(file: Path) -> list[int] | None:
    """What changes when a file does, its rights included; None when it is not there."""
    try:
        found = file.stat()
    except OSError:
        return None
    if file.is_dir():
        return [found.st_mode, found.st_ino]
    return [found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)  # as the ledger keeps times
