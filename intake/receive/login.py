"""How a mailbox is logged in to: the way is chosen by what the credential is and what the server offers."""

from __future__ import annotations

import re
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class PasswordLike(Protocol):
    """A password: LOGIN, or SASL PLAIN where LOGIN can't carry it."""

    @property
    def text(self) -> str:
        """The secret."""


class LoginRefusedError(Exception):
    """There is no way to log in; the text says what to do."""


# What LOGIN carries safely: an atom as the user's name (RFC 9051, 9: astring), printable ASCII as the password.
_PLAIN_USER = re.compile(r"[A-Za-z0-9!#$&'+,\-./:;<=>?@^_`|~]+")
_PLAIN_PASSWORD = re.compile(r"[\x20-\x7e]*")

# Response codes of RFC 9051, 7.1: which of them mean that trying again later helps, and what to do about the others.
REFUSALS = {
    "AUTHENTICATIONFAILED": "the server refuses user or password: check both; some providers want an app password",
    "AUTHORIZATIONFAILED": "the log-in is right but may not open this mailbox: check the rights of the user",
    "EXPIRED": "the password has expired: set a new one",
    "PRIVACYREQUIRED": 'the server wants encryption first: use security = "tls" or "starttls"',
    "CONTACTADMIN": "the server asks to contact its administrator",
    "UNAVAILABLE": "the server can't check log-ins at the moment: nothing to change here, it is tried again",
    "LIMIT": "too many connections for this user: close other programs, it is tried again",
    "INUSE": "the mailbox is in use by another program: it is tried again",
    "SERVERBUG": "the server has an internal error: it is tried again",
}


def log_in(client: Any, user: str, secret: PasswordLike, *, token: bool) -> None:
    """Log in; ``client`` is a connected imapclient, ``token`` says that ``secret`` is an OAuth2 access token.

    Raises LoginRefusedError when nothing that the server offers can carry the credential; the library's own
    errors pass through.
    """
    if token:
        if client.has_capability("AUTH=OAUTHBEARER") and not client.has_capability("AUTH=XOAUTH2"):
            client.oauthbearer_login(user, secret.text)  # RFC 7628
        else:
            client.oauth2_login(user, secret.text)
        return
    plain = client.has_capability("AUTH=PLAIN")
    disabled = client.has_capability("LOGINDISABLED")
    fits = bool(_PLAIN_USER.fullmatch(user) and _PLAIN_PASSWORD.fullmatch(secret.text))
    if fits and not disabled:
        client.login(user, secret.text)
    elif plain:
        client.plain_login(user, secret.text)
    elif disabled:
        raise LoginRefusedError("the server takes no password on this connection (LOGINDISABLED): use tls or starttls")
    else:
        raise LoginRefusedError(
            "user or password has letters that LOGIN can't carry, and the server offers no AUTH=PLAIN: "
            "choose a password of ASCII letters"
        )


# The same where a token was refused: nobody has mistyped a password then.
TOKEN_REFUSALS = {
    "AUTHENTICATIONFAILED": "the server does not accept the token: check user, and the application's right to it",
    "EXPIRED": "the server calls the token outdated: set this machine's clock, use NTP",
}


def why_refused(code: str, *, token: bool = False) -> str:
    """What to do about a refused log-in, by the response code of the refusal (empty: it gave none)."""
    if token and (code in TOKEN_REFUSALS or code not in REFUSALS):
        return TOKEN_REFUSALS.get(code, TOKEN_REFUSALS["AUTHENTICATIONFAILED"])
    return REFUSALS.get(code, "the server refuses the log-in: check user and password, and that IMAP is allowed")


def why_not(error: BaseException) -> str:
    """A refused command; Exchange lets an application in that may not open the mailbox, and says so only then."""
    if "authenticated but not connected" in str(error).lower():
        return (
            "the application may not open this mailbox: check New-ServicePrincipal (the enterprise application's "
            "object id) and Add-MailboxPermission"
        )
    return "the server refuses"
