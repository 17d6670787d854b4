"""How long a server's certificate is good."""

from __future__ import annotations

import contextlib
import imaplib
import smtplib
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

from intake import tls
from intake.config import MailboxConfig, SmtpConfig
from intake.tls import UnsafeError

_SECONDS = 15.0


def expiry(settings: MailboxConfig | SmtpConfig, protocol: str) -> datetime | None:
    """When the certificate that the server shows ends; None without TLS, or when the server can't be asked.

    ``protocol`` is ``imap`` or ``smtp``. Nothing is logged in to.
    """
    try:
        context = tls.context(settings)
        if context is None:
            return None
        with _secured(settings, protocol, context) as connection:
            shown = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    except (OSError, UnsafeError, imaplib.IMAP4.error, smtplib.SMTPException):
        return None
    end = (shown or {}).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC) if isinstance(end, str) else None


@contextlib.contextmanager
def _secured(
    settings: MailboxConfig | SmtpConfig, protocol: str, context: ssl.SSLContext
) -> Iterator[socket.socket | None]:
    if settings.security == "tls":
        with (
            socket.create_connection((settings.host, settings.port), timeout=_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=settings.host) as secured,
        ):
            yield secured
    elif protocol == "imap":
        imap = imaplib.IMAP4(settings.host, settings.port, timeout=_SECONDS)
        try:
            imap.starttls(context)
            yield imap.sock
        finally:
            imap.shutdown()
    else:
        with smtplib.SMTP(settings.host, settings.port, timeout=_SECONDS) as smtp:
            smtp.starttls(context=context)
            yield smtp.sock
