"""What every authority's answer may hold, and what is told of one that is of no use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from intake.credentials import CredentialError

if TYPE_CHECKING:
    from intake.credentials import Section

SECONDS = 30.0  # for one answer of an authority, however slowly it comes
# What the libraries raise when an authority's answer is not what they expect: they take it at its word.
NONSENSE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
AGAIN = "it is tried again; check the network"
STRANGE = ("the authority gives no answer we know", "check tenant, cloud and authority, or service_account_file")


def seconds(value: object) -> float:
    """How long a token holds (RFC 6749, 5.1), some authorities write it as text; 0 for what is no time."""
    try:
        found = float(value) if isinstance(value, int | float | str) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    return found if found > 0 else 0.0


def is_token(value: object) -> bool:
    """Whether this can be sent as a token (RFC 6750, 2.1)."""
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9\-._~+/]+=*", value) is not None


def unreachable(error: OSError) -> str:
    """What is wrong with the way to an authority."""
    name = type(error).__name__
    if "SSL" in name:
        return "the authority's certificate can't be verified"
    if "HTTP" in name or str(error) == "HTTP":
        return "the authority has an error of its own"
    return "the authority can't be reached"


def word(value: object) -> str:
    """A word of the protocol (RFC 6749, 5.2), and nothing else that an answer may hold."""
    return value if isinstance(value, str) and re.fullmatch(r"[a-z_]{1,40}", value) else ""


def failed(settings: Section, what: str, action: str) -> CredentialError:
    """The error of a log-in: what is wrong, and what to do."""
    return CredentialError(f"{settings.place('auth')}: {settings.label('auth')}: {what}; {action}")
