"""Bytes -> ParsedMail. It never raises, never hangs, and takes nothing a mail says as true.

The survey (``shape``) finds the parts under limits; mail-parser reads the head (``head``) and the plain body;
``bodies`` reads the rest. Whatever any of them does on hostile input, the mail is accepted, with ``defects``.
"""

from __future__ import annotations

import re
from email.errors import MessageError

from intake.model import ParsedMail
from intake.receive.bodies import Bodies, content_type, nested_message_ids, read_bodies, report_type
from intake.receive.head import Head, Leaf, message_ids, plain_head, read_head
from intake.receive.shape import MAX_FIELD_BYTES, Field, Shape, read_fields, survey
from intake.receive.text import clean, decode_bytes, decode_field, unfolded

_BRACKETED = re.compile(r"<([^<>]*)>")
_SHOWN_BYTES = 4096  # of a header's value
_NAMING = frozenset(("from", "sender", "reply-to", "subject"))  # of these all that there is
# Written by servers around what a sender chose: an encoded word in them must not become syntax.
_LITERAL = frozenset(
    ("authentication-results", "arc-authentication-results", "received-spf", "received", "dkim-signature", "list-id")
)


def parse(raw: bytes, *, truncated: bool = False, unreadable: bool = False) -> ParsedMail:
    """Understand a mail as far as it can be understood.

    ``truncated`` and ``unreadable`` are RawMail's; both end up among ``defects``.
    """
    given = tuple(name for name, holds in (("truncated", truncated), ("unreadable", unreadable)) if holds)
    try:
        return _parsed(raw, given)
    except Exception:  # noqa: BLE001 - the one boundary: no mail may stop the pass, whatever the parsers make of it
        return _bare(raw, given)


def _parsed(raw: bytes, given: tuple[str, ...]) -> ParsedMail:
    shape = survey(raw)
    bodies = read_bodies(shape)
    fields = shape.parts[0].fields
    return _assembled(raw, fields, shape, bodies, _head(fields, bodies.leaf), given)


def _head(fields: tuple[Field, ...], leaf: Leaf | None) -> Head:
    try:
        return read_head(fields, leaf)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, ArithmeticError, MessageError):
        return plain_head(fields)


def _assembled(
    raw: bytes, fields: tuple[Field, ...], shape: Shape, bodies: Bodies, head: Head, given: tuple[str, ...]
) -> ParsedMail:
    top = shape.parts[0]
    own = list(bodies.own)
    if bodies.leaf is not None and head.text:
        own[bodies.leaf_at] = clean(head.text)
    empty = ("empty",) if not raw or raw.isspace() else ()
    defects = dict.fromkeys((*given, *empty, *head.defects, *shape.defects, *bodies.defects))
    return ParsedMail(
        message_id=next(iter(message_ids(_values(fields, "message-id")[:1])), ""),
        in_reply_to=message_ids(_values(fields, "in-reply-to")),
        references=message_ids(_values(fields, "references")),
        subject=head.subject,
        authors=head.authors,
        reply_to=head.reply_to,
        to=head.to,
        cc=head.cc,
        return_path=_return_path(fields),
        date=head.date,
        headers=_headers(fields),
        text="\n\n".join(text.strip("\n") for text in own if text.strip()),
        all_text=tuple(text for text in bodies.others if text.strip()),
        attachments=tuple(bodies.attachments),
        content_type=content_type(top),
        report_type=report_type(top),
        content=frozenset(bodies.content),
        nested_message_ids=nested_message_ids(bodies),
        defects=tuple(defects),
    )


def _headers(fields: tuple[Field, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, unfolded(value, _SHOWN_BYTES) if name in _LITERAL else decode_field(value, _read_of(name)))
        for name, value in fields
    )


def _read_of(name: str) -> int:
    return MAX_FIELD_BYTES if name in _NAMING else _SHOWN_BYTES


def _values(fields: tuple[Field, ...], name: str) -> list[bytes]:
    return [value for key, value in fields if key == name]


def _return_path(fields: tuple[Field, ...]) -> str | None:
    """The envelope sender that the last server wrote down (RFC 5321, 4.4): topmost, ``""`` for the null sender."""
    raw = next(iter(_values(fields, "return-path")), None)
    if raw is None:
        return None
    value = decode_field(raw, 2000)
    match = _BRACKETED.search(value)
    return (match[1] if match else value).strip().strip('"')


def _bare(raw: bytes, given: tuple[str, ...]) -> ParsedMail:
    """What is left when everything else failed: the header fields and the bytes after them as text."""
    fields, body = read_fields(raw, 0, len(raw), [])
    head = plain_head(fields)
    return ParsedMail(
        message_id=next(iter(message_ids(_values(fields, "message-id")[:1])), ""),
        in_reply_to=message_ids(_values(fields, "in-reply-to")),
        references=message_ids(_values(fields, "references")),
        subject=head.subject,
        authors=head.authors,
        return_path=_return_path(fields),
        date=head.date,
        headers=_headers(fields),
        text=clean(decode_bytes(raw[body : body + (1 << 20)], "")),
        defects=(*given, *head.defects, "unparsed"),
    )
