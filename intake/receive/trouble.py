"""What goes wrong with a mailbox, in words for whoever runs it: what broke, and what to do. Never the server's words.

It is one of two things. ``RefusedError``: the server said NO or BAD, and the connection goes on. ``LostError``:
the connection broke, ran out of time or turned to nonsense, and is dropped.
"""

from __future__ import annotations

import imaplib
import re
import socket
import ssl

from intake import tls

# Everything that imaplib and imapclient raise on answers that are no IMAP: they index, unpack, decode and recurse
# on what the server sends. Nothing of ours runs inside that boundary.
NONSENSE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
TROUBLE = (imaplib.IMAP4.error, OSError, *NONSENSE)

_CODE = re.compile(r"\[([A-Z][A-Z-]{2,30})[\] ]")


class RefusedError(Exception):
    """The server said NO or BAD. ``code`` is its response code (RFC 9051, 7.1) or empty."""

    def __init__(self, what: str, code: str = "") -> None:
        super().__init__(what + (f" ({code})" if code else ""))
        self.code = code


class LostError(Exception):
    """The connection is gone. ``deadline`` says that it was cut because its time was up."""

    def __init__(self, what: str, *, deadline: bool = False) -> None:
        super().__init__(what)
        self.deadline = deadline


def response_code(error: BaseException) -> str:
    """The response code in an answer as imaplib raises it, or an empty string."""
    if isinstance(error, imaplib.IMAP4.readonly):
        return "READ-ONLY"
    match = _CODE.search(str(error))
    return match.group(1) if match else ""


def too_slow(seconds: float) -> str:
    """What to say when a step was cut."""
    return f"the server did not finish within {seconds:g} s: check host, port, firewall and the server's health"


def explain_dialling(error: BaseException, host: str) -> str:
    """Why there is no connection, or no greeting."""
    if isinstance(error, ssl.SSLError):
        return tls.explained(error, host, 'port 993 with security = "tls", or security = "starttls"')
    if isinstance(error, socket.gaierror | UnicodeError):
        return "host name not found: check host, and the name server of this machine"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused, nothing listens there: check host and port"
    if isinstance(error, ConnectionError) or "EOF" in str(error):
        return "the server closed the connection at once: check host, port and security"
    if isinstance(error, OSError):
        return f"{error.strerror or type(error).__name__}: check host, port and the network"
    code = response_code(error) or "or it turns us away"
    return f"what answers there is no IMAP server at our service ({code}): check host, port and security"


def explain_talking(error: BaseException) -> str:
    """Why a connection that worked does not work any more."""
    gone = isinstance(error, ConnectionError | ssl.SSLEOFError)
    if gone or (isinstance(error, imaplib.IMAP4.abort) and "unexpected" not in str(error)):
        return "the server closed the connection: it is tried again; if this stays, look at the server"
    if isinstance(error, OSError):
        return f"the connection broke ({error.strerror or type(error).__name__}): it is tried again"
    return f"the answer is not IMAP ({type(error).__name__}): it is tried again; if this stays, look at the server"
