"""What to log in with for a whole run, whichever way a mailbox or the way out is configured."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from intake import credentials
from intake.credentials import Password, Token
from intake.oauth import google, printed
from intake.oauth.microsoft import Entra, app_secret
from intake.oauth.source import Issued, Source

if TYPE_CHECKING:
    from intake.credentials import Login
    from intake.oauth.google import Google
    from intake.oauth.microsoft import Microsoft
    from intake.tokens import TokenFile


class Logins:
    """What to log in with, for every mailbox and the way out. Safe to ask from several threads.

    With ``file``, tokens of an authority outlive the process.
    """

    def __init__(
        self,
        directory: Path,
        environ: Mapping[str, str],
        file: TokenFile | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory, self._environ, self._monotonic = directory, environ, monotonic
        self._file = file
        self._lock = threading.Lock()
        self._sources: dict[tuple[str, ...], Source] = {}

    def credential(self, settings: Login) -> Password | Token | None:
        """The credential; None where there is no log-in. Raises ConfigError and CredentialError."""
        credentials.demand_available(settings)
        if settings.auth not in {"microsoft", "google", "token"}:
            return credentials.credential(settings, self._directory, self._environ)
        with self._lock:
            source = self._sources.setdefault(_identity(settings), self._source(settings))
        return source.token()

    def _source(self, settings: Login) -> Source:
        ask: Callable[[], Issued]
        if settings.auth == "microsoft":
            entra = cast("Microsoft", settings)
            ask = Entra(entra, lambda: app_secret(entra, self._directory, self._environ))
        elif settings.auth == "google":
            ask = partial(google.ask, cast("Google", settings))
        else:
            # What prints tokens keeps its own: they are of a kind that we know nothing about.
            return Source(partial(printed.ask, settings, self._directory, self._environ), self._monotonic)
        if self._file is None:
            return Source(ask, self._monotonic)
        name = token_name(settings)
        return Source(ask, self._monotonic, partial(self._file.get, name), partial(self._file.put, name))


def token_name(settings: Login) -> str:
    """Under which name the tokens of a login are kept; empty for one that has none of an authority."""
    return "\0".join(_identity(settings)) if settings.auth in {"microsoft", "google"} else ""


def _identity(settings: Login) -> tuple[str, ...]:
    """Logins that are alike share their tokens."""
    names = {
        "microsoft": ("tenant", "client_id", "cloud", "authority", "certificate_file", "client_secret_file",
                      "client_secret_env", "client_secret_credential", "transport", "host"),
        "google": ("user", "service_account_file"),
        "token": ("token_command",),
    }  # fmt: skip
    return settings.auth, *(str(getattr(settings, name, "")) for name in names[settings.auth])
