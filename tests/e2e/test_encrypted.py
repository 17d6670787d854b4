"""Copies for an organizer's key: what GnuPG makes of them, and what happens when a key is no good."""

from __future__ import annotations

import email
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path

import pytest
from servers.dovecot import Dovecot
from servers.gnupg import Gnupg, gnupg
from servers.room import Mail, Room, room
from servers.smtp import Aiosmtpd

from intake.cli.findings import Level
from intake.cli.pgp import keys
from intake.compose.encrypt import read_key
from intake.errors import EncryptionError

pytestmark = pytest.mark.gnupg
DORA, ANN, ALARM = "dora@team.example", "ann@team.example", "ops@team.example"
NOW = datetime.now(UTC)
PEOPLE = f"""
[[organizer]]
name = "Ann Example"
email = "{ANN}"
[[organizer]]
name = "Dora Vries"
email = "{DORA}"
content = "encrypted"
pgp_key = "dora.asc"
[alarm]
email = "{ALARM}"
"""
SECRET_WORDS = "Somebody shouted at me, and here is the canary-4711."


@pytest.fixture(scope="module")
def gpg() -> Iterator[Gnupg]:
    with gnupg() as found:
        found.key(DORA, "cv25519 encr 2y")
        yield found


@pytest.fixture
def team(dovecot: Dovecot, aiosmtpd_server: Aiosmtpd, tmp_path: Path, gpg: Gnupg) -> Iterator[Room]:
    gpg.export(DORA, tmp_path / "dora.asc")
    with room(dovecot, aiosmtpd_server, tmp_path, PEOPLE, NOW) as found:
        yield found


def to(sent: list[Mail], address: str) -> list[Mail]:
    return [mail for mail in sent if mail.to == address]


def test_a_copy_that_only_its_reader_can_open(team: Room, gpg: Gnupg) -> None:
    sent = team.reports(SECRET_WORDS)
    (copy,) = to(sent, DORA)
    message = copy.message
    assert message.get_content_type() == "multipart/encrypted"
    assert message.get_param("protocol") == "application/pgp-encrypted"
    parts = message.get_payload()
    assert isinstance(parts, list)
    version, sealed = (part for part in parts if isinstance(part, Message))
    assert version.get_content_type() == "application/pgp-encrypted"
    assert str(version.get_payload()).strip() == "Version: 1"
    assert sealed.get_content_type() == "application/octet-stream"
    for hidden in (b"canary-4711", b"rita@", b"Code-of-conduct", b"Message to"):
        assert hidden not in copy.content
    assert message["Subject"] == message["Thread-Topic"] == f"[{copy.code}] [...]"
    assert (copy.kind, copy.code) == ("report", team.parts.ledger.cases()[0].code)
    encrypted = sealed.get_payload(decode=True)
    assert isinstance(encrypted, bytes)
    inside = email.message_from_bytes(gpg.decrypt(encrypted))
    assert inside.get_param("protected-headers") == "v1"
    assert inside["Subject"] == f"[{copy.code}] Message to {team.parts.config.community.address}"
    types = [part.get_content_type() for part in inside.walk()]
    assert {"text/plain", "text/html", "application/json", "message/rfc822"} <= set(types)
    assert SECRET_WORDS.encode() in inside.as_bytes()
    (plain,) = to(sent, ANN)
    assert b"canary-4711" in plain.content


def opened(copy: Mail, gpg: Gnupg) -> Message:
    """What its reader sees."""
    parts = copy.message.get_payload()
    assert isinstance(parts, list)
    sealed = parts[1].get_payload(decode=True)  # type: ignore[union-attr]  # a part of a multipart
    assert isinstance(sealed, bytes)
    return email.message_from_bytes(gpg.decrypt(sealed))


@pytest.mark.parametrize("is_large", [False, True])
def test_a_long_mail_is_inside_unless_it_is_too_large_to_be_held_in_many_forms(
    team: Room, gpg: Gnupg, monkeypatch: pytest.MonkeyPatch, is_large: bool
) -> None:
    if is_large:
        monkeypatch.setattr("intake.steps.dispatch.MOST_ENCRYPTED", 300_000)
    sent = team.reports(f"{SECRET_WORDS}\n" + "And again the next day.\n" * 20_000)
    (copy,), (plain,) = to(sent, DORA), to(sent, ANN)
    assert b"canary-4711" not in copy.content
    inside = opened(copy, gpg)
    text = next(part for part in inside.walk() if part.get_content_type() == "text/plain").get_payload(decode=True)
    assert isinstance(text, bytes)
    assert (b"too large to pass on" in text) is is_large
    attached = [part.get_content_type() for part in inside.walk()].count("message/rfc822")
    assert attached == (not is_large)
    originals = [part for part in plain.message.walk() if part.get_content_type() == "message/rfc822"]
    assert len(originals) == 1
    if not is_large:
        assert originals[0].as_bytes() in inside.as_bytes()


def test_a_reply_to_an_encrypted_copy_is_proof(team: Room) -> None:
    (copy,) = to(team.reports(SECRET_WORDS), DORA)
    team.write("claim", sender=DORA, refers=copy.token, subject=f"Re: {copy.message['Subject']}")
    team.run()
    assert team.parts.ledger.cases()[0].claimed_by == DORA


@pytest.mark.parametrize("fault", ["gone", "spoiled"])
def test_a_copy_that_cant_be_encrypted_is_a_notice_and_an_alarm_and_never_plain(team: Room, fault: str) -> None:
    path = team.parts.config.organizers[1].pgp_key
    assert path is not None
    if fault == "gone":
        path.unlink()
    else:
        path.write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nnonsense\n-----END PGP PUBLIC KEY BLOCK-----\n")
    sent = team.reports(SECRET_WORDS)
    (notice,) = to(sent, DORA)
    assert notice.kind == "notice"
    assert notice.code in notice.text
    assert b"canary-4711" not in notice.content
    (alarm,) = to(sent, ALARM)
    assert "could not be encrypted" in alarm.text
    assert b"canary-4711" not in alarm.content
    assert not to(team.reports(SECRET_WORDS + " Again."), ALARM)  # one alarm a day


def test_the_key_expires_while_the_service_runs(team: Room) -> None:
    team.reports(SECRET_WORDS)
    team.later(24 * 365 * 3)
    (notice,) = [mail for mail in to(team.reports(SECRET_WORDS + " Later."), DORA) if mail.kind in {"report", "notice"}]
    assert notice.kind == "notice"
    assert b"canary-4711" not in notice.content


# --- which keys are good ---


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("signs-only", "only signs"),
        ("expired", "the key expired"),
        ("revoked", "has been revoked"),
        ("old-subkey", "encryption subkey expired"),
        ("secret", "SECRET"),
        ("two", "2 keys"),
        ("none", "no OpenPGP key"),
        ("missing", "can't be read"),
    ],
)
def test_keys_that_are_refused(tmp_path: Path, fault: str, told: str) -> None:
    path = tmp_path / "key.asc"
    with gnupg() as gpg:
        if fault == "signs-only":
            gpg.key("a@x.example")
        elif fault == "expired":
            gpg.key("a@x.example", "cv25519 encr 1y", expires="1y", at="20200101T000000")
        elif fault == "old-subkey":
            gpg.key("a@x.example", "cv25519 encr 1y", expires="20y", at="20200101T000000")
        elif fault not in {"none", "missing"}:
            gpg.key("a@x.example", "cv25519 encr 1y")
        if fault == "revoked":
            gpg.revoke()
        if fault not in {"none", "missing"}:
            gpg.export("a@x.example", path, secret=fault == "secret")
        if fault == "two":
            first = path.read_bytes()
            gpg.key("b@x.example", "cv25519 encr 1y")
            path.write_bytes(first + gpg.export("b@x.example", path).read_bytes())
    if fault == "none":
        path.write_text("hello")
    with pytest.raises(EncryptionError, match=told) as caught:
        read_key(path, NOW)
    assert "\n" not in str(caught.value)
    assert "; " in str(caught.value)


def test_an_expired_subkey_beside_a_good_one_is_not_encrypted_to(tmp_path: Path) -> None:
    with gnupg() as gpg:
        gpg.key("a@x.example", "cv25519 encr 1y", expires="20y", at="20200101T000000")
        gpg.run("--quick-add-key", gpg.fingerprint, "cv25519", "encr", "2y")
        key = read_key(gpg.export("a@x.example", tmp_path / "key.asc"), NOW)
    assert key.until is not None
    assert key.until > NOW + timedelta(days=700)


def test_check_warns_weeks_before_and_refuses_afterwards(team: Room) -> None:
    config = team.parts.config
    (good,) = keys(config, NOW)
    (soon,) = keys(config, NOW + timedelta(days=700))
    (over,) = keys(config, NOW + timedelta(days=800))
    assert (good.level, soon.level, over.level) == (Level.OK, Level.WARNING, Level.FAILURE)
    assert "expires on" in str(soon)
    assert "notices instead" in str(over)
