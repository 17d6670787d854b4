"""Secrets and certificates that end by themselves and then stop the log-in: when, and where they are configured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from intake.oauth.pem import blocks

if TYPE_CHECKING:
    from intake.config import Config
    from intake.oauth.microsoft import Microsoft

SOON = timedelta(days=30)  # so long before something ends, people are told


@dataclass(frozen=True, slots=True)
class Expiry:
    """Something that ends and then stops the log-in: ``what`` it is, and where it is configured."""

    what: str
    ends: datetime
    place: str


def expiries(logins: Iterable[Microsoft]) -> list[Expiry]:
    """The ends that can be known, each once, soonest first. What can't be read is no matter of this."""
    found: dict[tuple[str, datetime], Expiry] = {}
    for login in logins:
        if login.auth != "microsoft":
            continue
        if login.certificate_file is not None:
            ends, key, what = _certificate_end(login.certificate_file), "certificate_file", "certificate"
        else:
            day, key, what = login.client_secret_expires, "client_secret_expires", "client secret"
            ends = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None
        if ends is not None:
            name = f"{what} of the application {login.client_id}"
            found.setdefault((name, ends), Expiry(name, ends, login.place(key)))
    return sorted(found.values(), key=lambda one: one.ends)


def ending(config: Config, now: datetime) -> list[Expiry]:
    """What ends within ``SOON``, or has ended already: what ``status``, the digest and an alarm tell."""
    return [one for one in expiries([*config.mailboxes, config.smtp]) if one.ends - now < SOON]


def _certificate_end(path: Path) -> datetime | None:
    from cryptography import x509  # noqa: PLC0415 - for those who have a certificate

    try:
        found = blocks(path.read_text("ascii"), "CERTIFICATE")
        return x509.load_pem_x509_certificate(found[0].encode()).not_valid_after_utc
    except (OSError, ValueError, IndexError):
        return None
