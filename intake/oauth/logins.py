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
from intake.oauth.patience import Patience
from intake.oauth.source import Issued, Source

if TYPE_CHECKING:
    from intake.credentials import Login
    from intake.oauth.google import Google
    from intake.oauth.microsoft import Microsoft
    from intake.tokens import TokenFile


class Logins:
    """What to log in with, for every mailbox and the way out. Safe to ask from several threads.

    With ``file``, tokens of an authority outlive the process, and so does the time before which it is not to be asked.
    """

    def __init__(
        self,
        directory: Path,
        environ: Mapping[str, str],
        file: TokenFile | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._directory, self._environ = directory, environ
        self._monotonic, self._wall = monotonic, wall
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
            secret = partial(app_secret, entra, self._directory, self._environ)
            ask = Entra(entra, secret, self._patience(settings))
        elif settings.auth == "google":
            ask = partial(google.ask, cast("Google", settings), self._patience(settings))
        else:
            # What prints tokens keeps its own: they are of a kind that we know nothing about.
            return Source(partial(printed.ask, settings, self._directory, self._environ), self._monotonic)
        if self._file is None:
            return Source(ask, self._monotonic)
        name = token_name(settings)
        return Source(ask, self._monotonic, partial(self._file.get, name), partial(self._file.put, name))

    def _patience(self, settings: Login) -> Patience:
        if self._file is None:
            return Patience(settings, self._monotonic, self._wall)
        name = token_name(settings)
        waits, wait = partial(self._file.waits, name), partial(self._file.wait, name)
        return Patience(settings, self._monotonic, self._wall, waits, wait)


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
