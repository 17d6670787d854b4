"""What we trust: read once, and again as soon as it has changed."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
from servers.base import write_certificate

from intake import tls


@dataclass(frozen=True)
class There:
    """Somebody to dial."""

    ca_file: Path | None
    host: str = "imap.example.org"
    port: int = 993
    security: str = "tls"
    user: str = "help@example.org"
    auth: str = "password"


@pytest.fixture
def authorities(tmp_path: Path) -> tuple[Path, Path]:
    """Two files of authorities."""
    found = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        found.append(write_certificate(folder, "imap.example.org")[0])
    return found[0], found[1]


def trusted(context: ssl.SSLContext | None) -> list[bytes]:
    """The authorities of a context."""
    assert context is not None
    return context.get_ca_certs(binary_form=True)


def test_authorities_are_read_once_for_all_connections(authorities: tuple[Path, Path]) -> None:
    ours, theirs = (There(file) for file in authorities)
    assert tls.context(ours) is tls.context(There(ours.ca_file, host="smtp.example.org", port=587, security="starttls"))
    assert trusted(tls.context(ours)) != trusted(tls.context(theirs))


def test_a_replaced_file_of_authorities_counts_at_once(authorities: tuple[Path, Path]) -> None:
    ours, new = There(authorities[0]), authorities[1]
    before, expected = trusted(tls.context(ours)), trusted(tls.context(There(new)))
    new.replace(authorities[0])
    assert trusted(tls.context(ours)) == expected != before


def test_a_file_that_is_gone_or_spoilt_is_an_error_and_trusts_nobody(authorities: tuple[Path, Path]) -> None:
    ours = There(authorities[0])
    assert tls.context(ours) is not None
    authorities[0].unlink()
    with pytest.raises(tls.UnsafeError, match="can't be read"):
        tls.context(ours)
    authorities[0].write_text("no certificate\n")
    with pytest.raises(tls.UnsafeError, match="holds no certificate"):
        tls.context(ours)
    authorities[1].replace(authorities[0])
    assert trusted(tls.context(ours))


def test_so_it_is_with_the_authorities_of_the_system(
    authorities: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    system, update = authorities
    monkeypatch.setenv("SSL_CERT_FILE", str(system))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    before = tls.context(There(None))
    assert tls.trusting() is before
    expected = trusted(tls.context(There(update)))
    update.replace(system)
    assert trusted(tls.context(There(None))) == expected != trusted(before)


def test_every_context_demands_a_name_a_chain_and_a_version(authorities: tuple[Path, Path]) -> None:
    for file in (None, authorities[0]):
        context = tls.trusting(file)
        assert context.check_hostname
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
