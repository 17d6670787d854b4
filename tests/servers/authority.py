"""An OAuth2 authority on the loopback that issues and revokes, tells Dovecot about tokens, and sends as Graph does.

It answers as Microsoft Entra and Google do where the program meets them: client credentials with a secret or with a
signed assertion, a service account's assertion, numbered errors, introspection (RFC 7662), ``sendMail``.
"""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import tempfile
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from .base import tls_server_context, write_certificate

TENANT, CLIENT, SECRET = "11111111-aaaa-bbbb-cccc-222222222222", "an-application", "s3cr3t~value"
OUTLOOK, GMAIL = "https://outlook.office365.com/.default", "https://mail.google.com/"


@dataclass
class Seen:
    """One request to send, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Orders:
    """How the authority behaves; a test changes what it is about."""

    secret: str = SECRET
    lifetime: int = 3600
    clock: timedelta = timedelta()  # how far its clock is ahead of ours
    down: int = 0  # an HTTP status to answer everything with, but what Dovecot asks
    retry_after: str = ""  # with that status
    turned_away: int = 0  # how often it was answered
    silent: threading.Event | None = None  # answer nothing before this is set
    introspection: int = 200
    jwt: bool = False
    scope: str = ""  # what tokens are for, whatever was asked for
    telling: dict[str, object] | None = None  # what is told of a token in place of its lifetime
    raw: bytes | None = None  # what the token endpoint says in place of an answer
    mailbox: str = ""  # whose mailbox the application may open
    graph: list[tuple[int, dict[str, str], dict[str, Any]]] = field(default_factory=list)  # answers, then 202


class Authority:
    """A running authority: ``url`` speaks TLS, ``plain_url`` does not."""

    def __init__(self) -> None:
        self.orders = Orders()
        self.scope_of: dict[str, str] = {}  # tokens that are good
        self.issued: list[str] = []
        self.sent: list[Seen] = []
        self.public_keys: list[Any] = []  # of certificates and service accounts that are known

    def __enter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="oa"))
        self.ca_file, chain, key = write_certificate(self.directory, "localhost", "127.0.0.1")
        authority = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                authority._serve(self, b"")

            def do_POST(self) -> None:
                authority._serve(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
        self._servers[0].socket = tls_server_context(chain, key).wrap_socket(self._servers[0].socket, server_side=True)
        for server in self._servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.port, self.plain_port = (server.server_address[1] for server in self._servers)
        self.url, self.plain_url = f"https://localhost:{self.port}", f"http://127.0.0.1:{self.plain_port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def revoke(self) -> None:
        """Every token that was issued is worth nothing from now on."""
        self.scope_of.clear()

    def certificate(self, folder: Path, *, days: int = 90, known: bool = True) -> Path:
        """A certificate with its key in one PEM file; the authority knows it unless told otherwise."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "intake")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(7).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=days))
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        if known:
            self.public_keys.append(key.public_key())
        path = folder / "app.pem"
        path.write_bytes(_pem(key) + made.public_bytes(serialization.Encoding.PEM))
        path.chmod(0o600)
        return path

    def service_account(self, folder: Path, *, known: bool = True) -> Path:
        """The JSON file of a service account of Google's."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if known:
            self.public_keys.append(key.public_key())
        path = folder / "service-account.json"
        path.write_text(
            json.dumps(
                {
                    "type": "service_account",
                    "project_id": "p",
                    "private_key_id": "k",
                    "client_id": "1",
                    "private_key": _pem(key).decode(),
                    "client_email": "intake@p.iam.example",
                    "token_uri": f"{self.plain_url}/google",
                }
            )
        )
        path.chmod(0o600)
        return path

    def _serve(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        if self.orders.silent is not None:
            self.orders.silent.wait(60)
            return
        path = request.path.partition("?")[0]
        if self.orders.down and path != "/introspect":
            self.orders.turned_away += 1
            more = {"Retry-After": self.orders.retry_after} if self.orders.retry_after else {}
            _answer(request, self.orders.down, {"error": "temporarily_unavailable"}, more)
        elif path.endswith("/.well-known/openid-configuration"):
            base = f"{self.url}/{path.split('/')[1]}"
            found = {"authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/oauth2/v2.0/token",
                     "issuer": f"{base}/v2.0"}  # fmt: skip
            _answer(request, 200, found)
        elif self.orders.raw is not None and (path.endswith("/token") or path == "/google"):
            _answer(request, 200, self.orders.raw)
        elif path.endswith("/oauth2/v2.0/token"):
            self._entra(request, path.split("/")[1], body)
        elif path == "/google":
            self._google(request, body)
        elif path == "/introspect":
            self._introspect(request, body)
        elif path.startswith("/v1.0/users/"):
            self._graph(request, path, body)
        else:
            _answer(request, 404, {})

    def _entra(self, request: BaseHTTPRequestHandler, tenant: str, body: bytes) -> None:
        form = {name: values[0] for name, values in urllib.parse.parse_qs(body.decode()).items()}
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            client, _, secret = base64.b64decode(encoded).decode().partition(":")
            form |= {"client_id": urllib.parse.unquote_plus(client), "client_secret": urllib.parse.unquote_plus(secret)}
        number = self._why_not(tenant, form)
        if number:
            answer = {"error": "invalid_client", "error_codes": [number],
                      "error_description": f"AADSTS{number}: Canary text. Trace ID: canary-7f3a"}  # fmt: skip
            _answer(request, 401, answer)
            return
        _answer(request, 200, self._issue(form["scope"]))

    def _why_not(self, tenant: str, form: dict[str, str]) -> int:
        assert form["grant_type"] == "client_credentials"
        if tenant != TENANT:
            return 90002
        if form.get("client_id") != CLIENT:
            return 700016
        if "client_assertion" in form:
            return self._judge(form["client_assertion"], "PS256")
        return 0 if form.get("client_secret") == self.orders.secret else 7000215

    def _judge(self, assertion: str, algorithm: str) -> int:
        """A signed assertion, by the authority's own clock."""
        for key in self.public_keys:
            try:
                claims = jwt.decode(assertion, key, [algorithm], options={"verify_aud": False, "verify_exp": False,
                                                                          "verify_nbf": False, "verify_iat": False})  # fmt: skip
            except jwt.InvalidSignatureError:
                continue
            now = time.time() + self.orders.clock.total_seconds()
            return 0 if claims.get("nbf", claims["iat"]) - 300 <= now <= claims["exp"] + 300 else 700024
        return 700027

    def _google(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        form = {name: values[0] for name, values in urllib.parse.parse_qs(body.decode()).items()}
        number = self._judge(form["assertion"], "RS256")
        claims = jwt.decode(form["assertion"], options={"verify_signature": False})
        if number == 700024:
            said = "Invalid JWT: Token must be a short-lived token and in a reasonable timeframe."
            _answer(request, 400, {"error": "invalid_grant", "error_description": said})
        elif number:
            _answer(request, 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
        elif claims["sub"] != self.orders.mailbox:
            said = "Client is unauthorized to retrieve access tokens using this method. canary-7f3a"
            _answer(request, 401, {"error": "unauthorized_client", "error_description": said})
        else:
            _answer(request, 200, self._issue(claims["scope"]))

    def _issue(self, scope: str) -> dict[str, object]:
        token = secrets.token_urlsafe(40)
        if self.orders.jwt:
            now = time.time() + self.orders.clock.total_seconds()
            token = jwt.encode({"nbf": int(now), "exp": int(now) + self.orders.lifetime, "n": token}, "k" * 40)
        self.scope_of[token] = self.orders.scope or scope
        self.issued.append(token)
        told = {"expires_in": self.orders.lifetime} if self.orders.telling is None else self.orders.telling
        return {"token_type": "Bearer", "access_token": token, **told}

    def _introspect(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        if self.orders.introspection != 200:
            _answer(request, self.orders.introspection, {})
            return
        token = urllib.parse.parse_qs(body.decode()).get("token", [""])[0]
        good = self.scope_of.get(token) in {OUTLOOK, GMAIL}
        _answer(request, 200, {"active": good, "username": self.orders.mailbox} if good else {"active": False})

    def _graph(self, request: BaseHTTPRequestHandler, path: str, body: bytes) -> None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.scope_of.get(token) != "https://localhost/.default":
            _answer(request, 401, {"error": {"code": "InvalidAuthenticationToken", "message": "canary-7f3a"}})
            return
        if request.command == "GET":
            _answer(request, 403, {"error": {"code": "Authorization_RequestDenied"}})
            return
        status, headers, answer = self.orders.graph.pop(0) if self.orders.graph else (202, {"request-id": "r-1"}, {})
        if status == 202:
            self.sent.append(Seen(path, {name.lower(): value for name, value in request.headers.items()}, body))
        if status:
            _answer(request, status, answer, headers)
        else:
            self.sent.append(Seen(path, {}, body))
            request.close_connection = True  # taken, and no answer


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _answer(
    request: BaseHTTPRequestHandler, status: int, answer: object, headers: dict[str, str] | None = None
) -> None:
    content = b"" if status == 202 else answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    request.send_response(status)
    for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


def oauth_of_dovecot(folder: Path, authority: Authority, mechanisms: str = "plain login xoauth2 oauthbearer") -> str:
    """What to add to Dovecot's configuration so that it asks the authority about tokens."""
    (folder / "oauth2.conf").write_text(
        f"introspection_mode = post\nintrospection_url = {authority.plain_url}/introspect\n"
        "username_attribute = username\nactive_attribute = active\nactive_value = true\ntimeout_msecs = 5000\n"
    )
    return (
        f"auth_mechanisms = {mechanisms}\nauth_cache_size = 0\n"
        f"passdb {{\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {folder}/oauth2.conf\n}}\n"
    )
