"""Header lines as bytes: safe against injection, and folded so that threads survive.

The standard library writes long ids as encoded words (RFC 2047), which breaks threads in every mail program, so
the lines are written here: text in encoded words where it must be, ids and addresses never.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from intake.errors import DeliveryError
from intake.model import Address
from intake.model.domains import in_ascii, is_domain

LINE = 76  # where a line is folded if there is a space (RFC 5322, 2.1.1 asks for 78)
LIMIT = 990  # an id that is longer than this can't stand on a line (998) and is left out
REFERENCES = 40  # the first one and the newest ones are kept

_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*\Z")
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_QUOTED_LOCAL = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])*"\Z')
_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z"
)
_LITERAL = re.compile(r"\[[0-9A-Za-z.:]+\]\Z")
_ID = re.compile(r"[!-~]+\Z")
_SEPARATORS = frozenset({"Zl", "Zp"})
_WORD = 45  # bytes of UTF-8 in one encoded word: 60 of base64 and 12 around it make 72


def clean(value: str) -> str:
    """``value`` on one line: controls, line separators and lone surrogates become spaces, and spaces are collapsed."""
    if value.isascii() and value.isprintable():
        return " ".join(value.split()) if "  " in value or value[:1] == " " or value[-1:] == " " else value
    safe = "".join(" " if _unsafe(letter) else letter for letter in value)
    return " ".join(safe.split())


def _unsafe(letter: str) -> bool:
    category = unicodedata.category(letter)
    return (
        category in _SEPARATORS
        or category in {"Cc", "Cs"}
        or letter in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )


def _plain(value: str) -> bool:
    return (value.isascii() and value.isprintable()) or not any(_unsafe(letter) for letter in value)


def text(name: str, value: str) -> bytes:
    """An unstructured header (RFC 5322, 2.2.1): plain where it can be, else encoded words (RFC 2047)."""
    value = clean(value)
    if value.isascii() and len(value) < LIMIT - len(name) and "=?" not in value:
        return fold(name, value.split(" "))
    return fold(name, encoded_words(value))


def encoded_words(value: str) -> list[str]:
    """``value`` as UTF-8 base64 words that never split a character (RFC 2047, 5)."""
    words, chunk = [], b""
    for letter in value:
        piece = letter.encode("utf-8", "replace")
        if len(chunk) + len(piece) > _WORD:
            words.append(chunk)
            chunk = b""
        chunk += piece
    words.append(chunk)
    return [f"=?utf-8?b?{base64.b64encode(word).decode('ascii')}?=" for word in words]


def fold(name: str, words: Iterable[str]) -> bytes:
    """``name: words``, broken only between words. A word is never changed and never encoded here."""
    lines, line = [], f"{name}:"
    for word in words:
        if len(line) + 1 + len(word) > LINE and line.strip() and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    lines.append(line)
    return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n"


def raw(name: str, value: str) -> bytes:
    """A header of our own fixed words, as it is."""
    return f"{name}: {value}\r\n".encode("ascii")


def message_ids(name: str, ids: Iterable[str]) -> bytes:
    """Message-IDs, unencoded and folded only between them; nothing when none is usable.

    An id that is not printable ASCII, or longer than a line may be, can't be written as it is and is left out:
    written in any other way it would name another message.
    """
    usable = list(dict.fromkeys(found for item in ids if (found := message_id(item))))
    if len(usable) > REFERENCES:
        usable = usable[:1] + usable[1 - REFERENCES :]
    return fold(name, usable) if usable else b""


def message_id(value: str) -> str:
    """``value`` as ``<id>`` if it can stand in a header unchanged, else an empty string."""
    inner = value.strip()
    if inner.startswith("<") and inner.endswith(">"):
        inner = inner[1:-1]
    if not inner or len(inner) > LIMIT - 20 or "<" in inner or ">" in inner or not _ID.match(inner):
        return ""
    return f"<{inner}>"


def date(moment: datetime) -> bytes:
    """The Date header of an aware moment."""
    return _date(moment.replace(microsecond=0), moment.utcoffset())


@lru_cache(maxsize=4)
def _date(moment: datetime, _offset: object) -> bytes:  # equal moments may have other offsets
    return raw("Date", format_datetime(moment))


@lru_cache(maxsize=64)
def own_text(name: str, value: str) -> bytes:
    """The same as ``text``, remembered: only for words of our own."""
    return text(name, value)


@lru_cache(maxsize=64)
def own_mailbox(name: str, address: Address) -> bytes:
    """The same as ``mailbox``, remembered: only for addresses of the configuration. Raises DeliveryError."""
    return mailbox(name, address)


@lru_cache(maxsize=64)
def own_addr_spec(email: str) -> str:
    """The same as ``addr_spec``, remembered: only for addresses of the configuration. Raises DeliveryError."""
    return addr_spec(email)


def mailbox(name: str, address: Address) -> bytes:
    """A header with exactly one address (RFC 5322, 3.4), its domain in ASCII (RFC 5890).

    A local part outside ASCII stays as it is, in UTF-8 (RFC 6532): it needs SMTPUTF8 on the way.
    """
    email = addr_spec(address.email)
    display = clean(address.name)
    if not display:
        return fold(name, [email])
    return fold(name, [*_phrase(display), f"<{email}>"])


def _phrase(display: str) -> list[str]:
    if display.isascii() and "=?" not in display and len(display) < LIMIT // 2:
        if _ATOM.match(display):
            return display.split(" ")
        return ['"' + display.replace("\\", "\\\\").replace('"', '\\"') + '"']
    return encoded_words(display)


def addr_spec(email: str) -> str:
    """``local@domain`` in the form that goes into headers and the envelope. Raises DeliveryError.

    The message of the error does not repeat the address.
    """
    local, at, domain = email.strip().rpartition("@")
    if not at or not local or not domain or len(local) > 128 or not _plain(email):
        raise DeliveryError("the address is not one that mail can be sent to", permanent=True)
    return f"{_local(local)}@{_domain(domain)}"


def _local(local: str) -> str:
    if _DOT_ATOM.match(local) or _QUOTED_LOCAL.match(local):
        return local
    if local.isascii() or any(letter.isspace() or letter in '",:;<>@[]\\()' for letter in local):
        raise DeliveryError("the part before the @ of the address is malformed", permanent=True)
    return local


def _domain(domain: str) -> str:
    if _LITERAL.match(domain):
        return domain
    written = in_ascii(domain)
    if len(written) > 253 or not _DOMAIN.match(written) or not (domain.isascii() or is_domain(domain)):
        raise DeliveryError("the domain of the address is malformed", permanent=True)
    return written
