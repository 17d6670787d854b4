"""INTERNALDATE (RFC 9051, 2.3.3) as an aware datetime."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

NO_DATE = datetime(1970, 1, 1, tzinfo=UTC)  # of a mail whose INTERNALDATE can't be had


def aware(moment: Any) -> datetime:
    """What imapclient made of it, in UTC."""
    if not isinstance(moment, datetime):
        return NO_DATE
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # an offset of days, or the year 1
        return NO_DATE
