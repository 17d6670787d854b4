"""TLS without compromise, for every server that is dialled, and what to say when it can't be had."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from functools import lru_cache
from pathlib import Path
from typing import Protocol

# OpenSSL's X509_V_ERR_…: CERT_HAS_EXPIRED, HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH
_EXPIRED, _OTHER_NAME = 10, frozenset({62, 64})


class Endpoint(Protocol):
    """What a connection needs to know of ``[[mailbox]]`` or ``[smtp]``."""

    @property
    def host(self) -> str:
        """A host name or an address; its certificate must carry it."""

    @property
    def port(self) -> int:
        """A TCP port."""

    @property
    def security(self) -> str:
        """``tls``, ``starttls`` or ``none``."""

    @property
    def user(self) -> str:
        """Who logs in."""

    @property
    def auth(self) -> str:
        """``none``: no log-in; ``password``; anything else stands for an OAuth2 token."""

    @property
    def ca_file(self) -> Path | None:
        """The authority to trust in place of the system's."""


class UnsafeError(Exception):
    """As configured, nobody may be talked to; the text says why, and what to do."""


def context(endpoint: Endpoint) -> ssl.SSLContext | None:
    """TLS 1.2 or later, chain and name verified; None for ``none``. Raises UnsafeError where ``ca_file`` is no use."""
    if endpoint.security == "none":
        return None
    try:
        return trusting(endpoint.ca_file)
    except ssl.SSLError as error:
        raise UnsafeError("ca_file holds no certificate: give a PEM file") from error
    except OSError as error:
        raise UnsafeError(f"ca_file can't be read ({error.strerror}): check the path and its rights") from error


def trusting(ca_file: Path | None = None) -> ssl.SSLContext:
    """TLS 1.2 or later by the authorities of a file, or the system's. Raises OSError and ssl.SSLError for the file.

    The same one until they change: to read the system's takes more CPU than all the rest of a quiet poll. It is shared
    by connections and threads, so nobody may change it.
    """
    return _trusting(ca_file, tuple(_state(path) for path in _places(ca_file)))


@lru_cache(maxsize=8)
def _trusting(ca_file: Path | None, _as_they_are: object) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=ca_file)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def _places(ca_file: Path | None) -> tuple[Path, ...]:
    if ca_file is not None:
        return (ca_file,)
    system = ssl.get_default_verify_paths()
    return tuple(Path(place) for place in (system.cafile, system.capath) if place)


def _state(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def expect_loopback(connection: socket.socket) -> None:
    """Nothing unencrypted leaves this machine, whatever the host's name resolves to. Raises UnsafeError."""
    if not ipaddress.ip_address(str(connection.getpeername()[0]).partition("%")[0]).is_loopback:
        raise UnsafeError('security = "none" is for this machine only: use "tls" or "starttls"')


def explained(error: ssl.SSLError, host: str, instead: str) -> str:
    """Why there is no TLS, and what to do; ``instead`` says what to use where the port speaks none."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _OTHER_NAME:
            return f"the certificate is not for {host}: set host to a name that stands in it"
        if error.verify_code == _EXPIRED:
            return "the certificate has expired: renew it on the server"
        return "the certificate is from no authority that we trust: set ca_file to the authority's certificate"
    if isinstance(error, ssl.SSLEOFError):
        return "the server closed the connection while TLS was set up: check port and security"
    if error.reason in {"WRONG_VERSION_NUMBER", "UNEXPECTED_MESSAGE", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"}:
        return f"no TLS is spoken on this port: use {instead}"
    return f"TLS failed ({error.reason or type(error).__name__}): the server needs TLS 1.2 or later"
