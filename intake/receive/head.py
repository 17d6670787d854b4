"""The head of a mail: who wrote it, to whom, when, in answer to what.

mail-parser reads its addresses, its date and the body that it is given: each by itself, cut to a size at which it is
quick, and nothing that need not be read (``Received`` costs it seconds).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any

import mailparser
from mailparser.dates import parse_mail_date
from mailparser.utils import get_addresses

from intake.model import Address
from intake.receive.shape import Field
from intake.receive.text import clean, decode_field, decode_words, one_line, unfolded

logging.getLogger("mailparser").setLevel(logging.CRITICAL + 1)  # it writes headers into its log

MAX_ADDRESS_BYTES = 4096
MAX_ADDRESSES = 500
MAX_IDS = 200

# One address as nearly everybody writes it: words of letters, and an address that needs no thought. What mail-parser
# makes of it is known, and need not be computed.
_PLAIN_ADDRESS = re.compile(
    r"(?:(?:([A-Za-z0-9_'-]+(?: [A-Za-z0-9_'-]+)*) )?<)?"
    r"([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)(>)?"
)
_MESSAGE_ID = re.compile(r"<([^<>]{1,1000})>")
_BARE_ID = re.compile(r"(?<![^\s,;<>\"])[^\s,;<>\"]{1,500}@[^\s,;<>\"]{1,500}")
_ANY_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w.-]{1,253}")
_QUOTED_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|\((?:[^()\\]|\\.)*\)|<[^<>]*>')
_LINE_BREAK_OR_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f\u2028\u2029]")
_FOLDING = re.compile(rb"\r?\n[ \t]")


@dataclass(frozen=True, slots=True)
class Head:
    """What the top of a mail says; ``text`` is its only body where mail-parser was given one, else None."""

    subject: str
    authors: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    date: datetime | None
    defects: tuple[str, ...]
    text: str | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A single text body for mail-parser to decode: everything in it is ASCII or escaped bytes."""

    charset: str
    encoding: str
    payload: str


def read_head(fields: tuple[Field, ...], leaf: Leaf | None) -> Head:
    """Read the head with mail-parser; may raise what mail-parser raises on hostile input."""
    raw_authors = [value for name, value in fields if name == "from"]
    authors: tuple[Address, ...] = ()
    for value in raw_authors[:20]:
        authors += _read_addresses(value)
    reply_to = _read_addresses(_topmost(fields, "reply-to"))
    return Head(
        subject=_subject(fields),
        authors=authors,
        reply_to=reply_to,
        to=_read_addresses(_topmost(fields, "to")) + _beyond(fields, "to"),
        cc=_read_addresses(_topmost(fields, "cc")) + _beyond(fields, "cc"),
        date=_date(parse_mail_date(unfolded(_topmost(fields, "date")[:MAX_ADDRESS_BYTES])).value, fields),
        defects=(
            *_author_defects(raw_authors, authors),
            *_uncertain("from", b",".join(raw_authors), authors),
            *_uncertain("reply-to", _topmost(fields, "reply-to"), reply_to),
        ),
        text=_leaf_text(leaf) if leaf is not None else None,
    )


def plain_head(fields: tuple[Field, ...]) -> Head:
    """The same without mail-parser, for what it can't read: addresses only where they are plain."""
    authors = _found(fields, "from")
    return Head(
        subject=_subject(fields),
        authors=authors,
        reply_to=_found(fields, "reply-to"),
        to=_found(fields, "to"),
        cc=_found(fields, "cc"),
        date=_date(None, fields),
        defects=(*_author_defects([value for name, value in fields if name == "from"], authors), "head-unreadable"),
        text=None,
    )


def _leaf_text(leaf: Leaf) -> str | None:
    """A text body as mail-parser decodes it."""
    view = Message()
    view["Content-Type"] = f'text/plain; charset="{leaf.charset}"'
    if leaf.encoding:
        view["Content-Transfer-Encoding"] = leaf.encoding
    view.set_payload(leaf.payload)
    parsed: Any = mailparser.MailParser(view)
    return parsed.text_plain[0] if parsed.text_plain else None


def _topmost(fields: tuple[Field, ...], name: str) -> bytes:
    return next((value for key, value in fields if key == name), b"")


def _subject(fields: tuple[Field, ...]) -> str:
    return decode_field(_topmost(fields, "subject"))


def _read_addresses(raw: bytes) -> tuple[Address, ...]:
    """The addresses of one field."""
    value = unfolded(raw, MAX_ADDRESS_BYTES)
    match = _PLAIN_ADDRESS.fullmatch(value)
    if match is not None and (match[3] is None) == ("<" not in value):
        return _addresses([(match[1] or "", match[2])])
    return _addresses(
        ("" if name == email else name, email) for name, email in get_addresses(value, decode_names=True) if email
    )


def _addresses(pairs: Iterable[tuple[str, str]]) -> tuple[Address, ...]:
    found: dict[Address, None] = {}
    for name, email in pairs:
        if email and "@" in email and len(found) < MAX_ADDRESSES:
            found.setdefault(_address(decode_words(name), email))
    return tuple(found)


def _address(name: str, email: str) -> Address:
    local, _, domain = one_line(email).rpartition("@")
    return Address(one_line(name), f"{local}@{domain.lower()}")


def _beyond(fields: tuple[Field, ...], name: str) -> tuple[Address, ...]:
    """Bare addresses of long or repeated recipient fields, beyond what mail-parser was given."""
    values = [value for key, value in fields if key == name]
    rest = [value[MAX_ADDRESS_BYTES:] for value in values[:1]] + values[1:]
    return _plain_addresses(b",".join(value for value in rest if value)) if any(rest) else ()


def _found(fields: tuple[Field, ...], name: str) -> tuple[Address, ...]:
    return _plain_addresses(b",".join(value for key, value in fields if key == name))


def _plain_addresses(raw: bytes) -> tuple[Address, ...]:
    text = unfolded(raw, 65536)
    return _addresses(("", match[0]) for match in _ANY_ADDRESS.finditer(text))


def _author_defects(raw: list[bytes], authors: tuple[Address, ...]) -> tuple[str, ...]:
    """What makes authorship doubtful (RFC 5322, 3.6.2: one From with at least one mailbox)."""
    if not raw:
        return ("no-from",)
    found: list[str] = []
    if len(raw) > 1:
        found.append("several-from")
    value = _FOLDING.sub(b" ", raw[0][:MAX_ADDRESS_BYTES]).decode("utf-8", "replace")
    if _LINE_BREAK_OR_CONTROL.search(value) or _LINE_BREAK_OR_CONTROL.search(decode_words(value)):
        found.append("control-in-from")
    bare = _QUOTED_OR_COMMENT.sub("", value)
    if ":" in bare:
        found.append("group-from")
    if not value.strip() or value.strip() == "<>":
        found.append("empty-from")
    elif not authors:
        found.append("invalid-from")
    if len({author.email.lower() for author in authors}) > 1 and "several-from" not in found:
        found.append("several-authors")
    return tuple(found)


def _uncertain(name: str, raw: bytes, addresses: tuple[Address, ...]) -> tuple[str, ...]:
    """Whether an address may not be the one that was written: its letters were guessed, or its end is cut off.

    Beyond ASCII an address is one in UTF-8 only (RFC 6532, 3.2), and there are no encoded words in it (RFC 2047, 5).
    """
    written = raw.decode("utf-8", "replace").lower()
    sure = all(one.email.isascii() or one.email.lower() in written for one in addresses)
    return (f"uncertain-{name}",) if not sure or len(raw) > MAX_ADDRESS_BYTES else ()


def _date(found: object, fields: tuple[Field, ...]) -> datetime | None:
    date = found if isinstance(found, datetime) else None
    if date is None:
        raw = _topmost(fields, "date")
        try:
            date = parsedate_to_datetime(unfolded(raw, 200)) if raw else None
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    if date is None:
        return None
    try:
        return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (OverflowError, ValueError):
        return None


def message_ids(values: Iterable[bytes]) -> tuple[str, ...]:
    """Message-IDs as ``<…>``, in order, each once: folded, quoted, encoded and comma-separated ones too.

    Of a very long list the oldest and the newest are kept.
    """
    found: dict[str, None] = {}
    for value in values:
        text = decode_words(unfolded(value, 65536))
        ids = _MESSAGE_ID.findall(text.replace("<<", "<").replace(">>", ">"))
        for message_id in ids or _BARE_ID.findall(text):
            bare = clean("".join(message_id.split()))
            if bare:
                found.setdefault(f"<{bare}>")
    ids = list(found)
    return tuple(ids if len(ids) <= MAX_IDS else ids[: MAX_IDS // 10] + ids[-MAX_IDS * 9 // 10 :])
