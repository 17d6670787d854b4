"""How long a server's certificate is good."""

from __future__ import annotations

import contextlib
import imaplib
import smtplib
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

from intake.config import Login, MailboxConfig, SmtpConfig

_SECONDS = 15.0


def expiry(settings: MailboxConfig | SmtpConfig, protocol: str) -> datetime | None:
    """When the certificate that the server shows ends; None without TLS, or when the server can't be asked.

    ``protocol`` is ``imap`` or ``smtp``. Nothing is logged in to.
    """
    if settings.security == "none":
        return None
    try:
        with _secured(settings, protocol) as connection:
            shown = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    except (OSError, imaplib.IMAP4.error, smtplib.SMTPException):
        return None
    end = (shown or {}).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC) if isinstance(end, str) else None


def context(settings: Login) -> ssl.SSLContext:
    """TLS 1.2 at least, names checked, trusting the system's authorities or ``ca_file`` alone."""
    made = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


@contextlib.contextmanager
def _secured(settings: MailboxConfig | SmtpConfig, protocol: str) -> Iterator[socket.socket | None]:
    if settings.security == "tls":
        with (
            socket.create_connection((settings.host, settings.port), timeout=_SECONDS) as plain,
            context(settings).wrap_socket(plain, server_hostname=settings.host) as secured,
        ):
            yield secured
    elif protocol == "imap":
        imap = imaplib.IMAP4(settings.host, settings.port, timeout=_SECONDS)
        try:
            imap.starttls(context(settings))
            yield imap.sock
        finally:
            imap.shutdown()
    else:
        with smtplib.SMTP(settings.host, settings.port, timeout=_SECONDS) as smtp:
            smtp.starttls(context=context(settings))
            yield smtp.sock
