"""Tokens on a real IMAP server and a real SMTP server, from a real authority: issued, kept, refused, renewed."""

from __future__ import annotations

import base64
import itertools
import os
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import MISSING, SMTP, AuthResult
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from servers.authority import CLIENT, SECRET, TENANT, Authority, Orders, oauth_of_dovecot
from servers.dovecot import Dovecot
from servers.smtp import Aiosmtpd
from servers.world import addresses, finished, world

from intake import app, tokens
from intake.cli import advice, light, status
from intake.config import Config, loads
from intake.credentials import CredentialError, Token
from intake.errors import ConfigError, DeliveryError, IntakeError, MailboxError
from intake.ledger.keys import Key
from intake.oauth import answers, expiry
from intake.oauth import microsoft as entra
from intake.oauth.logins import Logins
from intake.oauth.printed import claims
from intake.oauth.source import LAST_S, LONGEST_S, Issued, Source

CANARY = "canary-7f3a"
CONFIG = """
[community]
name = "Test Group"
address = "help@test.example"
[[mailbox]]
name = "help"
host = "localhost"
port = {port}
user = "{user}"
ca_file = "{ca}"
{login}
[smtp]
host = "localhost"
port = {smtp_port}
security = "tls"
user = "{user}"
ca_file = "{smtp_ca}"
{login}
[[organizer]]
name = "Ann"
email = "ann@test.example"
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Authority]:
    with Authority() as authority:
        yield authority


@pytest.fixture
def authority(running: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The authority as if it had just begun."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(running.ca_file))
    running.orders = Orders()
    running.scope_of.clear()
    running.issued.clear()
    running.public_keys.clear()
    return running


@pytest.fixture(scope="module")
def dovecot_oauth(running: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dovecot]:
    folder = tmp_path_factory.mktemp("oauth")
    folder.chmod(0o755)
    with Dovecot(extra=oauth_of_dovecot(folder, running)) as server:
        yield server


@pytest.fixture(scope="module")
def bearer_only(running: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dovecot]:
    folder = tmp_path_factory.mktemp("bearer")
    folder.chmod(0o755)
    with Dovecot(extra=oauth_of_dovecot(folder, running, "plain oauthbearer")) as server:
        yield server


class Peer(Aiosmtpd):
    """An SMTP server that takes XOAUTH2 and nothing else."""

    authority: Authority
    refusal = ""

    def start(self) -> Peer:
        super().start()
        for controller in self._controllers:
            controller.SMTP_kwargs["auth_exclude_mechanism"] = ["PLAIN", "LOGIN"]
        peer = self

        async def auth_xoauth2(server: SMTP, args: list[str]) -> AuthResult:
            if peer.refusal:
                return AuthResult(success=False, handled=False, message=peer.refusal)
            _, bearer, *_ = base64.b64decode(args[1]).decode().split("\x01")
            good = peer.authority.scope_of.get(bearer.removeprefix("auth=Bearer "))
            if good != "https://outlook.office365.com/.default":
                await server.challenge_auth("eyJzdGF0dXMiOiI0MDEifQ==", encode_to_b64=False)
                return AuthResult(success=False, handled=False)
            return AuthResult(success=True, auth_data=MISSING)

        self.faults.auth_XOAUTH2 = auth_xoauth2  # type: ignore[attr-defined]  # where aiosmtpd looks for mechanisms
        return self


@pytest.fixture(scope="module")
def peer(running: Authority) -> Iterator[Peer]:
    server = Peer()
    server.authority = running
    with server:
        yield server


def microsoft(server: Authority, more: str = 'client_secret_env = "SECRET"', **other: str) -> str:
    facts = {"tenant": TENANT, "client_id": CLIENT, "authority": server.url} | other
    lines = [f'{name} = "{value}"' for name, value in facts.items()]
    return "\n".join(['auth = "microsoft"', *lines, more])


def config(
    folder: Path, login: str, dovecot: Dovecot | None = None, smtp: Peer | None = None, user: str = "help@test.example"
) -> Config:
    text = CONFIG.format(
        port=dovecot.imaps_port if dovecot else 1, user=user, ca=dovecot.ca_file if dovecot else "", login=login,
        smtp_port=smtp.tls_port if smtp else 1, smtp_ca=smtp.ca_file if smtp else "",
    )  # fmt: skip
    return loads(text, folder / "config.toml")


class Box:
    """A mailbox as the program opens it, again and again."""

    def __init__(self, folder: Path, authority: Authority, dovecot: Dovecot, login: str) -> None:
        user = authority.orders.mailbox = dovecot.user()
        self.config = config(folder, login, dovecot, user=user)
        self.logins = Logins(folder, {"SECRET": SECRET})

    def look(self) -> int:
        mailbox = app.mailbox(self.config, self.config.mailboxes[0], {}, self.logins)
        try:
            mailbox.open()
            return mailbox.select("INBOX").exists
        finally:
            mailbox.close()

    def trouble(self) -> str:
        with pytest.raises(MailboxError) as caught:
            self.look()
        said = str(caught.value)
        assert CANARY not in said
        assert SECRET not in said
        assert "\n" not in said
        return said


@pytest.fixture
def box(tmp_path: Path, authority: Authority, dovecot_oauth: Dovecot) -> Box:
    return Box(tmp_path, authority, dovecot_oauth, microsoft(authority))


@pytest.mark.dovecot
def test_a_mailbox_is_opened_with_a_token_that_is_kept(box: Box, authority: Authority) -> None:
    assert [box.look(), box.look(), box.look()] == [0, 0, 0]
    assert len(authority.issued) == 1


@pytest.mark.dovecot
def test_a_revoked_token_is_renewed_once(box: Box, authority: Authority) -> None:
    box.look()
    authority.revoke()
    box.look()
    assert len(authority.issued) == 2


@pytest.mark.dovecot
def test_a_token_for_something_else_is_not_asked_for_twice(
    box: Box, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entra, "scope", lambda _settings: "https://other.example/.default")
    assert "the server does not accept the token" in box.trouble()
    assert len(authority.issued) == 1


@pytest.mark.dovecot
def test_a_server_that_can_t_check_tokens_is_left_alone(box: Box, authority: Authority) -> None:
    box.look()
    authority.orders.introspection = 500
    assert "can't check log-ins at the moment: nothing to change here" in box.trouble()
    assert len(authority.issued) == 1
    authority.orders.introspection = 200
    box.look()


@pytest.mark.dovecot
def test_a_secret_that_was_replaced(box: Box, authority: Authority) -> None:
    box.look()
    authority.orders.secret = "another"
    authority.revoke()
    assert "the client secret is wrong (AADSTS7000215); use the secret's value" in box.trouble()
    box.logins = Logins(box.config.directory, {"SECRET": "another"})
    box.look()


@pytest.mark.dovecot
def test_another_person_s_mailbox_is_not_opened(box: Box, authority: Authority) -> None:
    authority.orders.mailbox = "somebody@test.example"
    assert "the application's right to it" in box.trouble()


PRINTING = """
import json, urllib.parse, urllib.request
form = {{"grant_type": "client_credentials", "client_id": "{client}", "client_secret": "{secret}",
        "scope": "https://outlook.office365.com/.default"}}
request = urllib.request.Request("{url}/{tenant}/oauth2/v2.0/token", urllib.parse.urlencode(form).encode())
print(json.load(urllib.request.urlopen(request, timeout=10))["access_token"])
"""


def login_by(way: str, folder: Path, authority: Authority) -> str:
    """A way to get tokens as it is configured; the authority is prepared for it."""
    if way == "microsoft":
        return microsoft(authority)
    if way == "google":
        authority.service_account(folder)
        return 'auth = "google"\nservice_account_file = "service-account.json"'
    authority.orders.jwt = True  # so that a command's token tells when it ends
    command = folder / "token.py"
    command.write_text(PRINTING.format(url=authority.plain_url, tenant=TENANT, client=CLIENT, secret=SECRET))
    return f'auth = "token"\ntoken_command = "{sys.executable} {command}"'


@pytest.mark.dovecot
@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer"])
@pytest.mark.parametrize("way", ["microsoft", "google", "token"])
def test_each_way_on_a_real_server(
    way: str, mechanism: str, tmp_path: Path, authority: Authority, dovecot_oauth: Dovecot, bearer_only: Dovecot
) -> None:
    server = dovecot_oauth if mechanism == "xoauth2" else bearer_only
    box = Box(tmp_path, authority, server, login_by(way, tmp_path, authority))
    assert [box.look(), box.look()] == [0, 0]
    assert len(authority.issued) == 1, "kept"
    authority.revoke()
    assert box.look() == 0
    assert len(authority.issued) == 2, "asked for once more"
    authority.orders.down = 503
    assert box.look() == 0, "the kept one holds, whether the authority answers or not"
    authority.revoke()
    assert ("run it by hand" if way == "token" else "it is tried again") in box.trouble()
    authority.orders.down = 0
    assert box.look() == 0
    for token in authority.scope_of:
        authority.scope_of[token] = "https://another.example/.default"
    authority.orders.scope = "https://another.example/.default"
    count = len(authority.issued)
    assert "the server does not accept the token" in box.trouble()
    assert len(authority.issued) == count + 1, (
        "the kept one is replaced, the new one is not outdated: nobody asks again"
    )


@pytest.mark.parametrize(
    ("told", "times"),
    [
        ({"expires_in": 3600}, 1),
        ({"expires_in": "3600"}, 1),
        ({"expires_in": 1e9}, 1),
        ({"expires_in": 120}, 3),
        ({"expires_in": 0}, 3),
        ({"expires_in": -3600}, 3),
        ({}, 3),
        ({"expires_in": 60, "ext_expires_in": 7200}, 3),
    ],
    ids=str,
)
@pytest.mark.parametrize("way", ["microsoft", "google"])
def test_only_what_holds_for_minutes_is_kept(
    way: str, told: dict[str, object], times: int, tmp_path: Path, authority: Authority
) -> None:
    authority.orders.telling = told
    loaded = config(tmp_path, login_by(way, tmp_path, authority))
    authority.orders.mailbox = loaded.mailboxes[0].user
    logins = Logins(tmp_path, {"SECRET": SECRET})
    for _ in range(3):
        logins.credential(loaded.mailboxes[0])
    assert len(authority.issued) == times


@pytest.mark.parametrize("minutes", [-240, -4, 4, 240])
def test_clocks_that_differ_matter_to_nobody_who_signs_nothing(
    minutes: int, tmp_path: Path, authority: Authority
) -> None:
    authority.orders.clock = timedelta(minutes=minutes)
    assert ask(tmp_path, microsoft(authority)) == "ok"
    authority.certificate(tmp_path)
    signed = ask(tmp_path, microsoft(authority, 'certificate_file = "app.pem"'))
    assert signed == "ok" if abs(minutes) < 5 else "set this machine's clock" in signed


@pytest.mark.dovecot
@pytest.mark.parametrize("hours", [-5, 5])
def test_a_printed_token_whose_times_are_by_another_clock(
    hours: int, tmp_path: Path, authority: Authority, dovecot_oauth: Dovecot
) -> None:
    """Seen from here it has ended before it was issued, or holds for hours after it has ended."""
    authority.orders.jwt, authority.orders.clock = True, timedelta(hours=hours)
    box = Box(tmp_path, authority, dovecot_oauth, login_by("token", tmp_path, authority))
    for _ in range(2):
        box.look()
        authority.revoke()
    assert box.look() == 0
    assert len(authority.issued) == 3


@pytest.mark.parametrize("way", ["microsoft", "google"])
def test_the_last_token_serves_to_its_end_while_the_authority_is_down(
    way: str, tmp_path: Path, authority: Authority
) -> None:
    now = 0.0
    loaded = config(tmp_path, login_by(way, tmp_path, authority))
    authority.orders.mailbox = loaded.mailboxes[0].user
    logins = Logins(tmp_path, {"SECRET": SECRET}, monotonic=lambda: now)
    first = logins.credential(loaded.mailboxes[0])
    authority.orders.down = 503
    for left in (tokens.MARGIN_S + 1, tokens.MARGIN_S, LAST_S + 1):
        now = 3600 - left
        assert logins.credential(loaded.mailboxes[0]) == first
    now = 3600 - LAST_S
    with pytest.raises(CredentialError, match="it is tried again"):
        logins.credential(loaded.mailboxes[0])
    authority.orders.down = 0
    assert logins.credential(loaded.mailboxes[0]) != first


@pytest.mark.parametrize("said", ["300", "Fri, 15 Jan 2027 08:05:00 GMT"])
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("way", ["microsoft", "google"])
def test_an_authority_is_left_alone_for_as_long_as_it_says(
    way: str, status: int, said: str, tmp_path: Path, authority: Authority
) -> None:
    """Also by the next pass of cron; another login, and another community with the same one, ask all the same."""
    wall, late = datetime(2027, 1, 15, 8, tzinfo=UTC).timestamp(), 0.0
    login = login_by(way, tmp_path, authority)
    loaded = config(tmp_path, login)
    authority.orders.mailbox = loaded.mailboxes[0].user
    file = tokens.TokenFile(tmp_path / "tokens", lambda: Key.of(b"k" * 32), lambda: wall + late)

    def logins(kept: tokens.TokenFile | None) -> Logins:
        return Logins(tmp_path, {"SECRET": SECRET}, kept, monotonic=lambda: late, wall=lambda: wall + late)

    alone, cron = logins(None), (logins(file), logins(file))
    authority.orders.down, authority.orders.retry_after = status, said
    for moment in (0.0, 1.0, 299.0):
        late = moment
        for one in (alone, *cron):
            with pytest.raises(CredentialError, match="says when to ask again; it is tried again then"):
                one.credential(loaded.mailboxes[0])
    assert authority.orders.turned_away == 2, "once without a file, once for all who share one"
    authority.orders.down = 0
    assert logins(None).credential(loaded.mailboxes[0])
    other = config(tmp_path, login.replace(authority.url, f"{authority.url}/"), user="another@test.example")
    authority.orders.mailbox = other.mailboxes[0].user
    assert alone.credential(other.mailboxes[0])
    authority.orders.mailbox = loaded.mailboxes[0].user
    late = 300.0
    assert all(one.credential(loaded.mailboxes[0]) for one in (alone, *cron))


@pytest.mark.parametrize("said", ["", "0", "-5", "NaN", "soon", "1e9", "Mon, 01 Jan 0001 00:00:00 GMT"])
def test_an_authority_that_names_no_time_to_come_is_asked_at_the_next_attempt(
    said: str, tmp_path: Path, authority: Authority
) -> None:
    loaded = config(tmp_path, microsoft(authority))
    logins = Logins(tmp_path, {"SECRET": SECRET}, monotonic=lambda: 0.0)
    authority.orders.down, authority.orders.retry_after = 503, said
    for attempt in (1, 2):
        with pytest.raises(CredentialError, match="it is tried again"):
            logins.credential(loaded.mailboxes[0])
        assert authority.orders.turned_away == attempt


def test_nothing_is_kept_for_longer_than_a_day() -> None:
    now = 0.0
    asked = itertools.count(1)
    source = Source(lambda: Issued(f"t{next(asked)}", 1e12), lambda: now)
    source.token()
    now = LONGEST_S - tokens.MARGIN_S - 1
    assert source.token() == Token("t1")
    now += 1
    assert source.token() == Token("t2")


def ask(folder: Path, login: str) -> str:
    """What the authority makes of a login: ``ok``, or the error's text."""
    loaded = config(folder, login)
    said = "ok"
    try:
        Logins(folder, {"SECRET": SECRET}).credential(loaded.mailboxes[0])
    except IntakeError as error:
        said = str(error)
    assert CANARY not in said
    assert said == "ok" or "mailbox[1]" in said
    return said


def test_a_certificate_signs_in(tmp_path: Path, authority: Authority) -> None:
    login = microsoft(authority, 'certificate_file = "app.pem"')
    authority.certificate(tmp_path)
    assert ask(tmp_path, login) == "ok"
    authority.orders.clock = timedelta(hours=-3)
    assert "(AADSTS700024); set this machine's clock" in ask(tmp_path, login)
    authority.orders.clock = timedelta(hours=3)
    assert "(AADSTS700024); set this machine's clock" in ask(tmp_path, login)
    authority.orders.clock = timedelta()
    authority.certificate(tmp_path, known=False)
    assert "(AADSTS700027); upload the certificate" in ask(tmp_path, login)
    (tmp_path / "app.pem").write_text((tmp_path / "app.pem").read_text().partition("-----BEGIN CERT")[0])
    assert "it holds no certificate as PEM" in ask(tmp_path, login)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"tenant": "wrong"}, "there is no such directory (AADSTS90002); check tenant"),
        ({"client_id": "wrong"}, "the directory does not know the application (AADSTS700016); check client_id"),
        ({"authority": "https://localhost:1"}, "the authority can't be reached; it is tried again"),
    ],
)
def test_what_entra_refuses(tmp_path: Path, authority: Authority, other: dict[str, str], said: str) -> None:
    assert said in ask(tmp_path, microsoft(authority, **other))


def test_an_authority_that_is_down_or_silent(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.orders.down = 503
    assert "the authority has an error of its own; it is tried again" in ask(tmp_path, microsoft(authority))
    authority.orders.down = 0
    monkeypatch.setattr(answers, "SECONDS", 0.3)
    authority.orders.silent = threading.Event()
    try:
        assert "it is tried again" in ask(tmp_path, microsoft(authority))
    finally:
        authority.orders.silent.set()
        authority.orders.silent = None


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "its key is not RSA with 2048 bits or more"),
        (ed25519.Ed25519PrivateKey.generate(), "its key is not RSA with 2048 bits or more"),
        (rsa.generate_private_key(public_exponent=65537, key_size=2048), "key and certificate do not belong together"),
        (None, "its key or certificate is damaged"),
    ],
    ids=["ec", "ed25519", "other", "damaged"],
)
def test_a_certificate_that_is_of_no_use(tmp_path: Path, authority: Authority, key: Any, said: str) -> None:
    path = authority.certificate(tmp_path)
    certificate = path.read_text()[path.read_text().index("-----BEGIN CERT") :]
    pem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" if key is None else private_pem(key)
    path.write_text(pem + certificate)
    assert said in ask(tmp_path, microsoft(authority, 'certificate_file = "app.pem"'))


def private_pem(key: Any) -> str:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return str(key.private_bytes(*form).decode())


NONSENSE = [
    b"", b"null", b"[]", b"7", b'"text"', b"<html>canary-7f3a</html>", b"{}", b'{"access_token": 7}', b'{"access_token": ""}',
    b'{"access_token": null, "expires_in": "soon"}', b'{"error": ["x"]}', b'{"error": "canary-7f3a secret\\n"}',
    b'{"error": "invalid_client", "error_codes": "x"}', b'{"error": "e", "error_codes": [true, "7"]}', b"[" * 200_000,
    b'{"access_token": "t", "expires_in": []}', b"\xff\xfe\x00",
]  # fmt: skip


@pytest.mark.parametrize("raw", NONSENSE, ids=range(len(NONSENSE)))
def test_an_authority_that_talks_nonsense(tmp_path: Path, authority: Authority, raw: bytes) -> None:
    authority.orders.raw = raw
    authority.service_account(tmp_path)
    google = 'auth = "google"\nservice_account_file = "service-account.json"'
    for login in (microsoft(authority), google):
        said = ask(tmp_path, login)
        assert said == "ok" or "auth: " in said
        assert said.isprintable()


def test_a_certificate_of_the_authority_that_nobody_vouches_for(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    assert "the authority's certificate can't be verified" in ask(tmp_path, microsoft(authority))


def test_what_google_refuses(tmp_path: Path, authority: Authority) -> None:
    login = 'auth = "google"\nservice_account_file = "service-account.json"'
    authority.service_account(tmp_path)
    assert "give its client id domain-wide delegation" in ask(tmp_path, login)
    authority.orders.clock = timedelta(hours=-3)
    assert "set this machine's clock" in ask(tmp_path, login)
    authority.orders.clock = timedelta()
    authority.service_account(tmp_path, known=False)
    assert "make a new key for the service account" in ask(tmp_path, login)
    (tmp_path / "service-account.json").write_text("{}")
    assert "is no key of a service account" in ask(tmp_path, login)


def test_smtp_that_wants_xoauth2(tmp_path: Path, authority: Authority, peer: Peer) -> None:
    loaded = config(tmp_path, microsoft(authority), smtp=peer)
    logins = Logins(tmp_path, {"SECRET": SECRET})
    way_out = app.transport(loaded, {}, logins)
    for _ in range(2):
        way_out.check()
        way_out.close()
    assert len(authority.issued) == 1
    authority.revoke()
    way_out.check()
    way_out.close()
    assert len(authority.issued) == 2
    authority.scope_of = dict.fromkeys(authority.scope_of, "https://other.example/.default")
    authority.orders.secret = "another"
    with pytest.raises((DeliveryError, CredentialError), match="AADSTS7000215"):
        way_out.check()


def test_a_command_s_token_is_kept_only_when_it_tells_its_end(tmp_path: Path, authority: Authority) -> None:
    counted = tmp_path / "count"
    code = tmp_path / "print.py"
    code.write_text(
        "import base64, json, pathlib, sys, time\n"
        f"with open({str(counted)!r}, 'a') as f: f.write('x')\n"
        "body = base64.urlsafe_b64encode(json.dumps({'exp': time.time() + float(sys.argv[1])}).encode()).decode()\n"
        "print('h.' + body.rstrip('=') + '.s')\n"
    )
    for seconds, calls in ((3600, 1), (200, 3)):
        counted.write_text("")
        loaded = config(tmp_path, f'auth = "token"\ntoken_command = "{sys.executable} {code} {seconds}"')
        logins = Logins(tmp_path, {})
        for _ in range(3):
            logins.credential(loaded.mailboxes[0])
        assert len(counted.read_text()) == calls


def test_tokens_are_renewed_before_they_end() -> None:
    now = 0.0
    asked = itertools.count(1)

    def issue() -> Issued:
        return Issued(f"t{next(asked)}", 3600.0)

    source = Source(issue, lambda: now)
    assert source.token().renew is None  # just issued: a refusal is no matter of its age
    kept = source.token()
    now = 3600.0 - tokens.MARGIN_S - 1
    assert source.token() == kept == Token("t1")
    now += 1
    assert source.token() == Token("t2")
    again = source.token()
    other = source.token()
    assert again.renew is not None
    assert other.renew is not None
    assert again.renew() == Token("t3")
    assert other.renew() == Token("t3")  # another thread was faster: nobody asks twice
    assert next(asked) == 4


@pytest.mark.parametrize("token", ["", "opaque", "a.b.c", "a.bnVsbA.c", "a." + "W" * 9000 + ".c", "..", "a.é.c"])
def test_a_token_that_says_nothing_about_itself(token: str) -> None:
    assert claims(token) == {}


def test_what_ends_is_known_weeks_before(tmp_path: Path, authority: Authority) -> None:
    authority.certificate(tmp_path, days=20)
    (one,) = expiry.expiries(_logins(config(tmp_path, microsoft(authority, 'certificate_file = "app.pem"'))))
    assert timedelta(days=19) < one.ends - datetime.now(UTC) < timedelta(days=21)
    assert one.what == f"certificate of the application {CLIENT}"
    login = microsoft(authority, 'client_secret_env = "SECRET"\nclient_secret_expires = 2027-03-31')
    loaded = config(tmp_path, login)
    (one,) = expiry.expiries(_logins(loaded))
    assert (one.what, one.ends.date()) == (f"client secret of the application {CLIENT}", date(2027, 3, 31))
    (tmp_path / "app.pem").write_text("nonsense")
    assert expiry.expiries(_logins(config(tmp_path, microsoft(authority, 'certificate_file = "app.pem"')))) == []


def _logins(loaded: Config) -> list[Any]:
    return [*loaded.mailboxes, loaded.smtp]


def test_a_secret_that_is_not_there_is_the_configuration_s_fault(tmp_path: Path, authority: Authority) -> None:
    loaded = config(tmp_path, microsoft(authority))
    with pytest.raises(ConfigError, match=r"client_secret_env: \$SECRET is not set"):
        Logins(tmp_path, {}).credential(loaded.mailboxes[0])


def _findings(loaded: Config, day: date) -> list[tuple[str, str]]:
    now = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return [(finding.level.value, finding.message) for finding in advice.expiries(loaded, now)]


def test_check_tells_weeks_ahead(tmp_path: Path, authority: Authority) -> None:
    known = config(tmp_path, microsoft(authority, 'client_secret_env = "S"\nclient_secret_expires = 2027-03-31'))
    assert [level for level, _ in _findings(known, date(2027, 1, 1))] == ["ok"]
    ((level, said),) = _findings(known, date(2027, 3, 11))
    assert (level, said) == ("warning", f"the client secret of the application {CLIENT} ends on 2027-03-31, in 20 days")
    assert [level for level, _ in _findings(known, date(2027, 4, 1))] == ["failure"]
    unknown = config(tmp_path, microsoft(authority))
    assert [level for level, _ in _findings(unknown, date(2027, 1, 1))] == ["warning", "warning"]


def test_status_tells_weeks_ahead(tmp_path: Path, authority: Authority) -> None:
    known = config(tmp_path, microsoft(authority, 'client_secret_env = "S"\nclient_secret_expires = 2027-03-31'))
    problems: list[str] = []
    (one,) = status._expires(known, datetime(2027, 1, 1, tzinfo=UTC), problems)
    assert (one["what"], problems) == (f"client secret of the application {CLIENT}", [])
    status._expires(known, datetime(2027, 3, 11, tzinfo=UTC), problems)
    assert "ends on 2027-03-31; make a new one" in problems[0]


@pytest.mark.dovecot
@pytest.mark.sqlite  # the quick look is at a file
def test_the_whole_command_with_tokens(
    tmp_path: Path, authority: Authority, dovecot_oauth: Dovecot, aiosmtpd_server: Aiosmtpd
) -> None:
    place = world(dovecot_oauth, aiosmtpd_server, tmp_path, addresses("oa"))
    authority.orders.mailbox = place.community
    place.configure(folders='["INBOX"]\n' + microsoft(authority))
    environment = {"SECRET": SECRET, "REQUESTS_CA_BUNDLE": str(authority.ca_file)}
    place.deliver(b"From: Rita <rita@people.example>\r\nSubject: Code-of-conduct\r\n\r\nSomebody shouted at me.\r\n")
    for words, said in ((("check",), "logged in to localhost"), (("once",), "accepted 1")):
        done = finished(place.start(*words, environment=environment))
        assert done.code == 0, done.err + done.out
        assert said in done.out
    place.arrived(place.people[0].address, 1)
    assert len(authority.issued) == 2, "one that check asked for, and one that is kept between passes"
    assert place.folder.joinpath("intake.db.tokens").stat().st_mode & 0o777 == 0o600
    look = light.look(place.folder / "config.toml", datetime.now(UTC), os.environ | environment)
    assert look is not None, "a pass without news is as cheap as with a password"
    assert finished(place.start("once", environment=environment)).code == 0
    assert len(authority.issued) == 2
    authority.revoke()
    assert light.look(place.folder / "config.toml", datetime.now(UTC), os.environ | environment) is None
    assert finished(place.start("once", environment=environment)).code == 0
    assert len(authority.issued) == 3, "a kept token that is refused is renewed"
    authority.orders.secret = "another"
    authority.revoke()
    done = finished(place.start("once", environment=environment))
    assert (done.code, done.err.count("AADSTS7000215")) == (75, 1)
    assert CANARY not in done.err
    for one in authority.issued:
        assert not [path for path in place.folder.rglob("*") if path.is_file() and one.encode() in path.read_bytes()]


def test_a_tenant_without_smtp_auth_is_shown_the_other_way(
    tmp_path: Path, authority: Authority, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "refusal", "535 5.7.139 SmtpClientAuthentication is disabled for the Tenant.")
    way_out = app.transport(config(tmp_path, microsoft(authority), smtp=peer), {}, Logins(tmp_path, {"SECRET": SECRET}))
    with pytest.raises(DeliveryError, match='allow SMTP AUTH for this mailbox, or set transport = "graph"'):
        way_out.check()
