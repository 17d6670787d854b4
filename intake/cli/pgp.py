"""Whether the organizers' keys can be encrypted to, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from intake.cli.findings import Finding, failure, ok, warning
from intake.errors import EncryptionError

if TYPE_CHECKING:
    from intake.config import Config


def keys(config: Config, now: datetime) -> Iterator[Finding]:
    """A line for each organizer's key: a bad one is a failure where copies would be encrypted to it."""
    people = [(person, person.pgp_key) for person in config.organizers if person.pgp_key is not None]
    if not people:
        return
    from intake.compose.encrypt import SOON, read_key

    for person, file in people:
        name = f"key of {person.name}"
        used = person.content == "encrypted"
        try:
            key = read_key(file, now)
        except EncryptionError as error:
            what, _, action = str(error).partition("; ")
            instead = f"{what}: they get notices instead" if used else what
            yield (failure if used else warning)(name, instead, action)
            continue
        if key.until is not None and key.until - now < SOON:
            yield warning(name, f"it expires on {key.until:%Y-%m-%d}", "ask for a renewed one")
        elif not used:
            yield warning(name, 'it is not used: content is not "encrypted"', 'write content = "encrypted"')
        else:
            end = f"until {key.until:%Y-%m-%d}" if key.until else "without end"
            yield ok(name, f"{key.fingerprint[-16:].upper()}, good {end}")
