"""Access tokens (RFC 6749): asked for, kept until shortly before they end, and asked for anew when refused.

``Logins`` gives what to log in with for a whole run, whichever way a mailbox or the way out is configured. Words of
an authority are never repeated: they carry names of tenants, users and requests. Only its numbered reasons are told.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from intake import credentials
from intake.credentials import CredentialError, Password, Token
from intake.deadline import within
from intake.errors import ConfigError
from intake.tokens import MARGIN_S

if TYPE_CHECKING:
    from intake.config import Config
    from intake.credentials import App, Login
    from intake.tokens import TokenFile

    class Microsoft(Login, App, Protocol):
        """A login through Microsoft Entra."""

        @property
        def host(self) -> str:
            """The server that is logged in to."""

        @property
        def tenant(self) -> str:
            """The directory."""

        @property
        def client_id(self) -> str:
            """The application."""

        @property
        def certificate_file(self) -> Path | None:
            """Certificate and private key, in place of a secret."""

        @property
        def client_secret_expires(self) -> date | None:
            """The last day of the secret, as somebody wrote it down."""

        @property
        def cloud(self) -> str:
            """``global``, ``usgov`` or ``china``."""

        @property
        def authority(self) -> str:
            """Where tokens come from, in place of the cloud's."""

    class Google(Login, Protocol):
        """A login through a service account that stands in for the user."""

        @property
        def user(self) -> str:
            """The user."""

        @property
        def service_account_file(self) -> Path | None:
            """Its JSON file."""


SECONDS = 30.0  # for one answer of an authority, however slowly it comes
# What the libraries raise when an authority's answer is not what they expect: they take it at its word.
NONSENSE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
SOON = timedelta(days=30)  # so long before something ends, people are told


@dataclass(frozen=True, slots=True)
class Cloud:
    """Where one of Microsoft's clouds gives tokens, and what they are for."""

    authority: str
    outlook: str


CLOUDS = {
    "global": Cloud("https://login.microsoftonline.com", "https://outlook.office365.com"),
    "usgov": Cloud("https://login.microsoftonline.us", "https://outlook.office365.us"),
    "china": Cloud("https://login.partner.microsoftonline.cn", "https://partner.outlook.cn"),
}
GMAIL_SCOPE = "https://mail.google.com/"

# Entra's numbered reasons (AADSTS…): what is wrong, and what to do.
ENTRA = {
    50034: ("the account is not in this directory", "check tenant"),
    53003: ("a conditional access policy forbids it", "exempt the application in the policy"),
    65001: ("nobody has consented to the permissions", "give admin consent to the application's permissions"),
    90002: ("there is no such directory", "check tenant and cloud"),
    500011: ("this directory does not know the service the token is for", "check cloud, and that Exchange is licensed"),
    700016: ("the directory does not know the application", "check client_id and tenant"),
    700024: ("the assertion is outside its time", "set this machine's clock; use NTP"),
    700027: ("the certificate is not the application's", "upload the certificate of certificate_file to it"),
    900023: ("the tenant is no name of a directory", "check tenant"),
    1000502: ("the certificate has expired", "make a new one and upload it"),
    7000112: ("the application is disabled", "enable it in the portal"),
    7000215: ("the client secret is wrong", "use the secret's value, not its id"),
    7000222: ("the client secret has expired", "make a new one in the portal"),
    7000229: ("the application has no service principal here", "grant it admin consent in this directory"),
}


@dataclass(frozen=True, slots=True)
class Issued:
    """A token as it came; ``seconds`` is how long it holds, 0 where nobody knows."""

    text: str = field(repr=False)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Expiry:
    """Something that ends and then stops the log-in: ``what`` it is, and where it is configured."""

    what: str
    ends: datetime
    place: str


class Source:
    """The tokens of one login. ``ask(anew)`` fetches one; ``anew`` says that what others have kept is no good.

    ``kept`` gives a token that another process has left, with what is left of its time; ``keep`` leaves one.
    """

    def __init__(
        self,
        ask: Callable[[bool], Issued],
        monotonic: Callable[[], float] = time.monotonic,
        kept: Callable[[], tuple[str, float] | None] = lambda: None,
        keep: Callable[[str, float], None] = lambda _text, _seconds: None,
    ) -> None:
        self._ask, self._monotonic = ask, monotonic
        self._found, self._leave = kept, keep
        self._lock = threading.Lock()
        self._kept = ""
        self._until = 0.0

    def token(self) -> Token:
        """A token that holds for some minutes yet."""
        with self._lock:
            if not self._kept or self._monotonic() >= self._until:
                self._kept, left = self._found() or ("", 0.0)
                self._until = self._monotonic() + left
            if self._kept:
                return Token(self._kept, renew=partial(self._renewed, self._kept))
            return self._fetch(anew=False)

    def _renewed(self, refused: str) -> Token:
        with self._lock:
            if self._kept and self._kept != refused:
                return Token(self._kept)  # another thread was faster
            return self._fetch(anew=True)

    def _fetch(self, *, anew: bool) -> Token:
        self._kept = ""
        issued = self._ask(anew)
        if issued.seconds > MARGIN_S:
            self._kept, self._until = issued.text, self._monotonic() + issued.seconds - MARGIN_S
            self._leave(issued.text, issued.seconds)
        return Token(issued.text)


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
        ask: Callable[[bool], Issued]
        if settings.auth == "microsoft":
            entra = cast("Microsoft", settings)
            ask = Entra(entra, lambda: _app_secret(entra, self._directory, self._environ), scope(entra))
        elif settings.auth == "google":
            ask = partial(_google, cast("Google", settings))
        else:
            # What prints tokens keeps its own: they are of a kind that we know nothing about.
            return Source(partial(_printed, settings, self._directory, self._environ), self._monotonic)
        if self._file is None:
            return Source(ask, self._monotonic)
        name = token_name(settings)
        return Source(ask, self._monotonic, partial(self._file.get, name), partial(self._file.put, name))


def token_name(settings: Login) -> str:
    """Under which name the tokens of a login are kept; empty for one that has none of an authority."""
    return "\0".join(_identity(settings)) if settings.auth in {"microsoft", "google"} else ""


def scope(settings: Microsoft) -> str:
    """What a token of Microsoft's is asked for."""
    if getattr(settings, "transport", "smtp") == "graph":
        return f"https://{settings.host}/.default"
    return f"{CLOUDS[settings.cloud].outlook}/.default"


def claims(token: str) -> dict[str, Any]:
    """What a token says about itself if it is a JWT (RFC 7519); unverified, so only ever good for a hint."""
    try:
        payload = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, binascii.Error, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


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
        blocks = _blocks(path.read_text("ascii"), "CERTIFICATE")
        return x509.load_pem_x509_certificate(blocks[0].encode()).not_valid_after_utc
    except (OSError, ValueError, IndexError):
        return None


def _blocks(pem: str, kind: str) -> list[str]:
    return re.findall(rf"-----BEGIN {kind}-----[^-]+-----END {kind}-----\n?", pem)


def _identity(settings: Login) -> tuple[str, ...]:
    """Logins that are alike share their tokens."""
    names = {
        "microsoft": ("tenant", "client_id", "cloud", "authority", "certificate_file", "client_secret_file",
                      "client_secret_env", "client_secret_credential", "transport", "host"),
        "google": ("user", "service_account_file"),
        "token": ("token_command",),
    }  # fmt: skip
    return settings.auth, *(str(getattr(settings, name, "")) for name in names[settings.auth])


def _printed(settings: Login, directory: Path, environ: Mapping[str, str], anew: bool) -> Issued:  # noqa: FBT001, ARG001
    """A command's token; it is kept only if it tells when it ends, in a JWT's ``exp``."""
    text = credentials.token(settings, directory, environ).text
    ends = claims(text).get("exp")
    return Issued(text, max(ends - time.time(), 0.0) if isinstance(ends, int | float) else 0.0)


# --- Microsoft ---


class Entra:
    """Asks Microsoft Entra by client credentials (RFC 6749, 4.4), with a secret or a signed assertion (RFC 7523)."""

    def __init__(
        self, settings: Microsoft, secret: Callable[[], Any], asked_for: str, *, http_client: Any = None
    ) -> None:
        self._settings, self._secret, self._scope = settings, secret, asked_for
        self._http_client = http_client
        self._app: Any = None

    def __call__(self, anew: bool) -> Issued:  # noqa: FBT001 - shaped by Source
        """A token, from msal's memory where it has a good one and ``anew`` does not forbid that."""
        if anew:
            self._app = None  # with it go the tokens that it remembers
        try:
            answer = within(SECONDS, self._ask)
        except ConfigError:
            raise
        except TimeoutError:
            raise self._error("the authority does not answer", "it is tried again; check the network") from None
        except OSError as error:  # requests' errors are OSErrors
            raise self._error(_unreachable(error), "it is tried again; check the network and authority") from None
        except ValueError:
            raise self._error(*_STRANGE) from None
        return self._read(answer)

    def _ask(self) -> dict[str, Any]:
        import msal  # noqa: PLC0415 - an extra, slow to load

        try:
            return self._ask_by(msal)
        except msal.exceptions.MsalServiceError as error:
            raise ConnectionError("HTTP") from error
        except NONSENSE as error:
            raise ValueError("nonsense") from error

    def _ask_by(self, msal: Any) -> dict[str, Any]:
        if self._app is None:
            place = self._settings.authority.rstrip("/") or CLOUDS[self._settings.cloud].authority
            self._app = msal.ConfidentialClientApplication(
                self._settings.client_id,
                client_credential=self._secret(),
                authority=f"{place}/{self._settings.tenant}",
                instance_discovery=None if not self._settings.authority else False,
                timeout=SECONDS,
                http_client=self._http_client,
            )
        answer: dict[str, Any] = self._app.acquire_token_for_client([self._scope])
        return answer

    def _read(self, answer: Mapping[str, Any]) -> Issued:
        text = answer.get("access_token")
        if _is_token(text):
            seconds = answer.get("expires_in")
            return Issued(str(text), float(seconds) if isinstance(seconds, int | float) else 0.0)
        self._app = None  # a corrected secret shall count at the next attempt
        codes = answer.get("error_codes")
        number = next((code for code in codes if isinstance(code, int)), 0) if isinstance(codes, list) else 0
        name = _word(answer.get("error"))
        if name in {"temporarily_unavailable", "server_error"}:
            raise self._error("the authority can't answer at the moment", "it is tried again")
        what, action = ENTRA.get(number, ("the authority refuses", "check tenant, client_id and the secret"))
        reason = f"AADSTS{number}" if number else name
        raise self._error(f"{what} ({reason})" if reason else what, action)

    def _error(self, what: str, action: str) -> CredentialError:
        return _failed(self._settings, what, action)


def _app_secret(settings: Microsoft, directory: Path, environ: Mapping[str, str]) -> Any:
    """As msal takes it: the secret, or the key with its certificate. Read anew for each application object."""
    if settings.certificate_file is None:
        return credentials.client_secret(settings, directory, environ)
    pem = credentials.secret_file(settings, "certificate_file", settings.certificate_file)
    keys, certificates = _blocks(pem, "(?:RSA )?PRIVATE KEY"), _blocks(pem, "CERTIFICATE")
    if not keys or not certificates:
        missing = "certificate" if keys else "private key"
        raise _unfit(settings, f"it holds no {missing} as PEM; write both into it, the key without a password")
    _demand_pair(settings, keys[0], certificates[0])
    return {"private_key": keys[0], "public_certificate": certificates[0]}


def _demand_pair(settings: Microsoft, key: str, certificate: str) -> None:
    """Raises ConfigError unless this is an RSA key and its own certificate."""
    from cryptography import exceptions, x509  # noqa: PLC0415 - for those who have a certificate
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        private = load_pem_private_key(key.encode(), None)
        public = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    except (ValueError, TypeError, exceptions.UnsupportedAlgorithm):
        raise _unfit(settings, "its key or certificate is damaged; make them anew") from None
    if not isinstance(private, RSAPrivateKey) or private.key_size < 2048:
        raise _unfit(settings, "its key is not RSA with 2048 bits or more, which Entra wants; make another")
    if private.public_key() != public:
        raise _unfit(settings, "key and certificate do not belong together; write the pair into it")


def _unfit(settings: Microsoft, what: str) -> ConfigError:
    return ConfigError([f"{settings.place('certificate_file')}: {settings.label('certificate_file')}: {what}"])


# --- Google ---


def _google(settings: Google, anew: bool) -> Issued:  # noqa: ARG001, FBT001 - nothing is kept below
    """A service account that stands in for the user, by an assertion (RFC 7523)."""
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
        raise _failed(settings, what, "download its key as JSON again") from None
    try:
        within(SECONDS, lambda: account.refresh(Request()))
    except TimeoutError:
        raise _failed(settings, "the authority does not answer", "it is tried again; check the network") from None
    except exceptions.TransportError:
        raise _failed(settings, "the authority can't be reached", "it is tried again; check the network") from None
    except exceptions.RefreshError as error:
        raise _failed(settings, *_why_google(error)) from None
    except NONSENSE:
        raise _failed(settings, *_STRANGE) from None
    if not _is_token(account.token):
        raise _failed(settings, *_STRANGE)
    ends = account.expiry.replace(tzinfo=UTC) if account.expiry else None
    seconds = (ends - datetime.now(UTC)).total_seconds() if ends else 0.0
    return Issued(str(account.token), seconds)


def _why_google(error: Exception) -> tuple[str, str]:
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


# --- both ---


_STRANGE = ("the authority gives no answer we know", "check tenant, cloud and authority, or service_account_file")


def _is_token(value: object) -> bool:
    """Whether this can be sent as a token (RFC 6750, 2.1)."""
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9\-._~+/]+=*", value) is not None


def _unreachable(error: OSError) -> str:
    name = type(error).__name__
    if "SSL" in name:
        return "the authority's certificate can't be verified"
    if "HTTP" in name or str(error) == "HTTP":
        return "the authority has an error of its own"
    return "the authority can't be reached"


def _word(value: object) -> str:
    """A word of the protocol (RFC 6749, 5.2), and nothing else that an answer may hold."""
    return value if isinstance(value, str) and re.fullmatch(r"[a-z_]{1,40}", value) else ""


def _failed(settings: credentials.Section, what: str, action: str) -> CredentialError:
    return CredentialError(f"{settings.place('auth')}: {settings.label('auth')}: {what}; {action}")
