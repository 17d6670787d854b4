"""TLS without compromise, for every server that is dialled, and what to say when it can't be had."""

from __future__ import annotations

import ipaddress
import socket
import ssl
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
        made = ssl.create_default_context(cafile=endpoint.ca_file)
    except ssl.SSLError as error:
        raise UnsafeError("ca_file holds no certificate: give a PEM file") from error
    except OSError as error:
        raise UnsafeError(f"ca_file can't be read ({error.strerror}): check the path and its rights") from error
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


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
