"""Microsoft Entra: tokens by client credentials, with a secret or a certificate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intake import credentials
from intake.deadline import within
from intake.errors import ConfigError
from intake.oauth import answers
from intake.oauth.answers import AGAIN, NONSENSE, STRANGE
from intake.oauth.pem import blocks
from intake.oauth.source import Issued

if TYPE_CHECKING:
    from datetime import date
    from typing import Protocol

    from intake.credentials import App, CredentialError, Login
    from intake.oauth.patience import Patience

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


def scope(settings: Microsoft) -> str:
    """What a token of Microsoft's is asked for."""
    if getattr(settings, "transport", "smtp") == "graph":
        return f"https://{settings.host}/.default"
    return f"{CLOUDS[settings.cloud].outlook}/.default"


class Entra:
    """Asks Microsoft Entra by client credentials (RFC 6749, 4.4), with a secret or a signed assertion (RFC 7523).

    Each time by a new application object of msal's: tokens are kept elsewhere, by a clock that nobody sets, and a
    secret that was replaced counts at once.
    """

    def __init__(self, settings: Microsoft, secret: Callable[[], Any], patience: Patience) -> None:
        self._settings, self._secret, self._patience = settings, secret, patience

    def __call__(self) -> Issued:
        """A token. Raises ConfigError and CredentialError."""
        self._patience.demand()
        try:
            answer = within(answers.SECONDS, self._ask)
        except ConfigError:
            raise
        except TimeoutError:
            raise self._error("the authority does not answer", AGAIN) from None
        except OSError as error:  # requests' errors are OSErrors
            what = answers.unreachable(error)
            raise self._error(what, f"{AGAIN} and authority") from None
        except ValueError:
            raise self._error(*STRANGE) from None
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
        settings = self._settings
        place = settings.authority.rstrip("/") or CLOUDS[settings.cloud].authority
        application = msal.ConfidentialClientApplication(
            settings.client_id,
            client_credential=self._secret(),
            authority=f"{place}/{settings.tenant}",
            instance_discovery=None if not settings.authority else False,
            http_client=self._patience.session(),
        )
        answer: dict[str, Any] = application.acquire_token_for_client([scope(settings)])
        return answer

    def _read(self, answer: Mapping[str, Any]) -> Issued:
        text = answer.get("access_token")
        if answers.is_token(text):
            return Issued(str(text), answers.seconds(answer.get("expires_in")))
        codes = answer.get("error_codes")
        number = next((code for code in codes if isinstance(code, int)), 0) if isinstance(codes, list) else 0
        name = answers.word(answer.get("error"))
        if name in {"temporarily_unavailable", "server_error"}:
            raise self._error("the authority can't answer at the moment", "it is tried again")
        what, action = ENTRA.get(number, ("the authority refuses", "check tenant, client_id and the secret"))
        reason = f"AADSTS{number}" if number else name
        raise self._error(f"{what} ({reason})" if reason else what, action)

    def _error(self, what: str, action: str) -> CredentialError:
        return answers.failed(self._settings, what, action)


def app_secret(settings: Microsoft, directory: Path, environ: Mapping[str, str]) -> Any:
    """As msal takes it: the secret, or the key with its certificate. Read anew for each application object."""
    if settings.certificate_file is None:
        return credentials.client_secret(settings, directory, environ)
    pem = credentials.secret_file(settings, "certificate_file", settings.certificate_file)
    keys, certificates = blocks(pem, "(?:RSA )?PRIVATE KEY"), blocks(pem, "CERTIFICATE")
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
