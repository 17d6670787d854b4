"""Google: a service account that stands in for a user of a Workspace."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intake import credentials
from intake.deadline import within
from intake.oauth import answers
from intake.oauth.answers import AGAIN, NONSENSE, STRANGE
from intake.oauth.source import Issued

if TYPE_CHECKING:
    from typing import Protocol

    from intake.credentials import Login
    from intake.oauth.patience import Patience

    class Google(Login, Protocol):
        """A login through a service account that stands in for the user."""

        @property
        def user(self) -> str:
            """The user."""

        @property
        def service_account_file(self) -> Path | None:
            """Its JSON file."""


GMAIL_SCOPE = "https://mail.google.com/"


def ask(settings: Google, patience: Patience) -> Issued:
    """A token for the user, by an assertion (RFC 7523). Raises ConfigError and CredentialError."""
    patience.demand()
    from google.auth import exceptions  # noqa: PLC0415 - an extra, slow to load
    from google.auth.transport.requests import Request  # noqa: PLC0415
    from google.oauth2 import service_account  # noqa: PLC0415

    assert settings.service_account_file is not None  # noqa: S101 - the configuration was checked for it
    text = credentials.secret_file(settings, "service_account_file", settings.service_account_file)
    made: Any = service_account.Credentials  # the library's types are half there
    try:
        account = made.from_service_account_info(json.loads(text), scopes=[GMAIL_SCOPE], subject=settings.user)
    except (ValueError, exceptions.GoogleAuthError):
        what = "service_account_file is no key of a service account"
        raise answers.failed(settings, what, "download its key as JSON again") from None
    try:
        within(answers.SECONDS, lambda: account.refresh(Request(patience.session())))
    except TimeoutError:
        raise answers.failed(settings, "the authority does not answer", AGAIN) from None
    except exceptions.TransportError:
        raise answers.failed(settings, "the authority can't be reached", AGAIN) from None
    except exceptions.RefreshError as error:
        raise answers.failed(settings, *_why(error)) from None
    except NONSENSE:
        raise answers.failed(settings, *STRANGE) from None
    if not answers.is_token(account.token):
        raise answers.failed(settings, *STRANGE)
    ends = account.expiry.replace(tzinfo=UTC) if account.expiry else None
    seconds = (ends - datetime.now(UTC)).total_seconds() if ends else 0.0
    return Issued(str(account.token), seconds)


def _why(error: Exception) -> tuple[str, str]:
    said = json.dumps([str(one) for one in error.args]).lower()
    if "unauthorized_client" in said:
        return (
            "the account may not stand in for the user (unauthorized_client)",
            f"give its client id domain-wide delegation for {GMAIL_SCOPE}",
        )
    if "short-lived" in said or "timeframe" in said:
        return "the assertion is outside its time (invalid_grant)", "set this machine's clock; use NTP"
    if "signature" in said:
        return "the key is not the account's any more (invalid_grant)", "make a new key for the service account"
    if "invalid_grant" in said:
        return "the user or the account is not known (invalid_grant)", "check user and service_account_file"
    if getattr(error, "retryable", False):
        return "the authority can't answer at the moment", "it is tried again"
    return "the authority refuses", "check user and service_account_file"
