"""Tokens that a command of the operator's prints, of whichever kind they are."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intake import credentials
from intake.oauth.source import Issued

if TYPE_CHECKING:
    from intake.credentials import Login


def ask(settings: Login, directory: Path, environ: Mapping[str, str]) -> Issued:
    """A command's token; it is kept only if it tells when it ends, in a JWT's ``exp``.

    Raises ConfigError and CredentialError.
    """
    text = credentials.token(settings, directory, environ).text
    ends = claims(text).get("exp")
    return Issued(text, max(ends - time.time(), 0.0) if isinstance(ends, int | float) else 0.0)


def claims(token: str) -> dict[str, Any]:
    """What a token says about itself if it is a JWT (RFC 7519); unverified, so only ever good for a hint."""
    try:
        payload = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, binascii.Error, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
