"""The way out through Microsoft Graph: ``POST /users/{mailbox}/sendMail`` with the message as MIME.

For tenants without SMTP AUTH. The message goes as base64 text, and its own headers say who gets it; there is no
envelope, so Exchange makes the mailbox the envelope's sender and keeps a copy in Sent Items.

======================================  ============================================================
what happens                            what it means
======================================  ============================================================
202                                     Sent; ``request-id`` is the receipt
401                                     once more with a new token, then Failed: the way out is in trouble
403, 404                                Failed, for now: permissions or the mailbox are to be corrected
413, or beyond 4 MB                     Failed for good: too large
other 4xx about the mailbox             Failed, for now: its quota, its right to send
other 4xx                               Failed for good: this message is not taken
429, 503                                Failed, for now; nothing more is tried before ``Retry-After``
other 5xx, an answer that breaks off    Unknown: it may have been taken
======================================  ============================================================
"""

from __future__ import annotations

import base64
import email
import email.utils
import http.client
import ipaddress
import json
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import getaddresses

from intake import tls
from intake.deadline import within
from intake.deliver import envelope
from intake.deliver.pace import Pace
from intake.deliver.session import Secret
from intake.errors import DeliveryError, IntakeError
from intake.model import Failed, Outgoing, Result, Sent, Unknown
from intake.tls import Endpoint, UnsafeError

LARGEST = 4 << 20  # octets of a request to sendMail
SECONDS = 60.0  # from one piece of an answer to the next
MOST_ANSWER = 64 << 10
LONGEST_WAIT_S = 3600.0
_OURS = re.compile(r"Quota|SendAs|SubmissionBlocked|AccountSuspend|MessageLimit|Throttl|MailboxNotEnabled|Licen[cs]e")
_WORD = re.compile(r"[A-Za-z0-9._-]{1,80}")


@dataclass(frozen=True, slots=True)
class _Answer:
    """An HTTP answer; ``retry_after`` in seconds, ``code`` is Graph's own word for an error."""

    status: int
    request_id: str
    retry_after: float
    code: str


class _StayHere(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET: nothing of ours is ever redirected."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Refuse."""
        return


class GraphTransport:
    """``intake.ports.Transport`` over HTTPS. ``credential`` gives a token; ``monotonic`` gives seconds."""

    def __init__(
        self,
        settings: Endpoint,
        credential: Callable[[], Secret | None],
        *,
        max_per_minute: int,
        monotonic: Callable[[], float],
        seconds: float = SECONDS,
    ) -> None:
        self._settings, self._credential, self._monotonic = settings, credential, monotonic
        self._pace = Pace(max_per_minute, monotonic)
        self._not_before = 0.0
        self._seconds = seconds
        self._opener: urllib.request.OpenerDirector | None = None

    def may_send(self, ahead: int = 0) -> float:
        """Seconds until one more message may go, by our own limit and by the server's last word."""
        return max(self._pace.wait(ahead), self._not_before - self._monotonic(), 0.0)

    def send(self, outgoing: Outgoing) -> Result:
        """Hand one message over; the rate limit is the caller's to keep, by ``may_send``."""
        impossible = self._impossible(outgoing)
        if impossible:
            return impossible
        body = base64.b64encode(outgoing.content)
        self._pace.count()
        try:
            answer = self._ask("POST", f"/v1.0/users/{urllib.parse.quote(self._settings.user)}/sendMail", body)
        except IntakeError as error:
            return Failed(permanent=False, reason=str(error), way_out=True)
        except (urllib.error.URLError, ssl.SSLError) as error:
            return Failed(permanent=False, reason=self._where(_unreachable(error)), way_out=True)
        except (OSError, http.client.HTTPException) as error:
            return Unknown(self._where(f"after the whole message, without an answer ({type(error).__name__})"))
        return self._result(answer)

    def check(self) -> None:
        """Get a token and reach the server without sending. Raises DeliveryError, or ConfigError without a secret."""
        try:
            answer = self._ask("GET", f"/v1.0/users/{urllib.parse.quote(self._settings.user)}?$select=id", None)
        except (OSError, http.client.HTTPException) as error:
            raise DeliveryError(self._where(_unreachable(error)), permanent=False) from error
        if answer.status == 401:
            raise DeliveryError(self._where(f"{_said(answer)}: {_REMEDIES[401]}"), permanent=True)
        # Anything else will do: an application that may only send mail may not look at users (403).

    def close(self) -> None:
        """Nothing is kept open."""

    def _impossible(self, outgoing: Outgoing) -> Failed | None:
        """What can be known before the message is put together, which is not done for one that is too large."""
        try:
            envelope.path(outgoing.recipient)
        except envelope.BadAddressError as error:
            return Failed(permanent=True, reason=f"the recipient's address can't be used: {error}")
        if _recipients(outgoing.beginning) != [outgoing.recipient.lower()]:
            return Failed(permanent=True, reason="the message's To is not its one recipient")
        octets = (len(outgoing.beginning) + sum(map(len, outgoing.rest)) + 2) // 3 * 4  # in base64
        if octets > LARGEST:
            what = f"the message makes a request of {octets} bytes, and Microsoft Graph takes {LARGEST}"
            return Failed(permanent=True, reason=self._where(what), size=True)
        return None

    def _where(self, what: str) -> str:
        return f"{self._settings.host}:{self._settings.port}: {what}"

    def _ask(self, method: str, path: str, body: bytes | None) -> _Answer:
        """One request, and once more with a new token when the server refuses one that has been used before."""
        secret = self._credential()
        answer = self._request(method, path, body, secret)
        renew = getattr(secret, "renew", None)
        if answer.status == 401 and renew is not None:
            answer = self._request(method, path, body, renew())
        return answer

    def _request(self, method: str, path: str, body: bytes | None, secret: Secret | None) -> _Answer:
        scheme = "http" if self._settings.security == "none" else "https"
        request = urllib.request.Request(  # noqa: S310 - the scheme is one of these two
            f"{scheme}://{self._settings.host}:{self._settings.port}{path}", data=body, method=method
        )
        request.add_header("Authorization", f"Bearer {secret.text if secret else ''}")
        request.add_header("Content-Type", "text/plain")
        opener = self._opened()

        def exchange() -> _Answer:
            try:
                with opener.open(request, timeout=self._seconds) as response:
                    return _answer(response.status, response.headers, response.read(MOST_ANSWER))
            except urllib.error.HTTPError as error:
                with error:
                    return _answer(error.code, error.headers, error.read(MOST_ANSWER))

        return within(2 * self._seconds, exchange)

    def _opened(self) -> urllib.request.OpenerDirector:
        if self._opener is None:
            try:
                context = tls.context(self._settings)
            except UnsafeError as error:
                raise DeliveryError(self._where(str(error)), permanent=True) from error
            handlers: list[urllib.request.BaseHandler] = [_StayHere()]
            if context is not None:
                handlers.append(urllib.request.HTTPSHandler(context=context))
            if _is_loopback(self._settings.host):
                handlers.append(urllib.request.ProxyHandler({}))
            self._opener = urllib.request.build_opener(*handlers)
        return self._opener

    def _result(self, answer: _Answer) -> Result:
        status = answer.status
        if status in {200, 202}:
            return Sent(f"{status} {answer.request_id}".strip())
        reason = self._where(_said(answer))
        if status >= 500 and status != 503:
            return Unknown(reason)
        if status in {429, 503}:
            self._not_before = self._monotonic() + answer.retry_after
        remedy = _REMEDIES.get(status) or ("check host" if status < 400 else "")
        if not remedy and _OURS.search(answer.code):
            remedy = "this mailbox may not send; look at its quota, its size and its right to the From"
        too_large = status == 413 or answer.code in {"ErrorMessageSizeExceeded", "RequestEntityTooLarge"}
        if remedy:
            return Failed(permanent=False, reason=f"{reason}: {remedy}", way_out=True)
        return Failed(permanent=True, reason=reason, size=too_large)


_REMEDIES = {
    401: "the token is not accepted; check tenant, client_id and cloud",
    403: "give the application Mail.Send with admin consent, and leave this mailbox in its access policy",
    404: "there is no such mailbox; check user",
    429: "it is tried again",
    503: "it is tried again",
}


def _recipients(content: bytes) -> list[str]:
    """Everybody that Graph would send to, as the headers say."""
    head = email.message_from_bytes(content.partition(b"\r\n\r\n" if b"\r\n\r\n" in content else b"\n\n")[0])
    fields = [str(value) for name in ("To", "Cc", "Bcc") for value in head.get_all(name, [])]
    return [address.lower() for _, address in getaddresses(fields)]


def _answer(status: int, headers: object, body: bytes) -> _Answer:
    get = getattr(headers, "get", dict[str, str]().get)
    try:
        code = json.loads(body)["error"]["code"]
    except (ValueError, LookupError, TypeError, RecursionError):
        code = ""
    return _Answer(status, _word(get("request-id", "")), _seconds(str(get("Retry-After", ""))), _word(code))


def _seconds(said: str) -> float:
    """Retry-After (RFC 9110, 10.2.3); a date, or nonsense, is taken for a minute."""
    return min(float(said), LONGEST_WAIT_S) if said.strip().isdecimal() else 60.0


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def _said(answer: _Answer) -> str:
    return f"Microsoft Graph answers {answer.status}" + (f" ({answer.code})" if answer.code else "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _unreachable(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return "the server's certificate can't be verified: check host and ca_file"
    name = getattr(reason, "strerror", None) or type(reason).__name__
    return f"can't be reached ({name}): check host and the network"
