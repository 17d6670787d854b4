"""From headers and bodies to the bytes of a message."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b

from intake.compose import headers, mime
from intake.compose.house import House
from intake.letters import Thread, kept
from intake.model import Address, MessageKind


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the headers of one message say. ``subject`` without any ``Re:`` is also the topic of the thread."""

    kind: MessageKind
    to: Address
    subject: str
    language: str
    thread: Thread
    now: datetime
    code: str = ""
    urgent: bool = False
    answers: bool = False  # a person's mail is answered: auto-replied instead of auto-generated (RFC 3834, 5.1)


def head(house: House, envelope: Envelope) -> bytes:
    """Every header except those about the content, in the order of docs/templates.md."""
    thread = envelope.thread
    to = headers.mailbox if envelope.answers else headers.own_mailbox  # nothing of a reporter is remembered
    lines = [
        headers.own_mailbox("From", Address(house.short_name, house.address)),
        to("To", envelope.to),
        headers.own_text("Subject", envelope.subject),
        headers.date(envelope.now.astimezone(house.zone)),
        headers.message_ids("Message-ID", [thread.message_id]),
        headers.message_ids("In-Reply-To", [thread.in_reply_to] if thread.in_reply_to else []),
        headers.message_ids("References", _references(house, envelope)),
        headers.raw("Auto-Submitted", "auto-replied" if envelope.answers else "auto-generated"),
        headers.raw("X-Auto-Response-Suppress", "All"),
        headers.raw("X-Intake-Kind", envelope.kind.value),
        headers.own_text("X-Intake-Case", envelope.code) if envelope.code else b"",
        # References of an answer are the reporter's thread alone, so it names itself for bounces in a line of its own.
        headers.message_ids("X-Intake-Id", [kept(thread.message_id)] if envelope.answers else []),
        headers.own_text("Content-Language", envelope.language),
    ]
    if envelope.code and not envelope.answers:
        lines += _outlook_thread(envelope)
    if envelope.urgent:
        lines += [headers.raw("Importance", "high"), headers.raw("X-Priority", "1 (Highest)")]
    lines.append(headers.raw("MIME-Version", "1.0"))
    return b"".join(lines)


def _references(house: House, envelope: Envelope) -> list[str]:
    """Oldest first. What we begin ourselves also names itself, in case that its Message-ID is changed on the way."""
    thread = envelope.thread
    before = [*thread.references, *([thread.in_reply_to] if thread.in_reply_to else [])]
    if envelope.answers:
        return before  # a thread that somebody else began
    own_root = [one for one in before[:1] if one.endswith(f"@{house.address.rpartition('@')[2]}>")]
    return [*(kept(one) for one in (*own_root, thread.message_id)), *before]


# The first five bytes after the version are a time (the upper bytes of a FILETIME); any constant will do, because
# Outlook tells conversations apart by the sixteen bytes that follow.
_SOME_TIME = bytes.fromhex("01d5c02f00")


def _outlook_thread(envelope: Envelope) -> list[bytes]:
    """Thread-Topic and Thread-Index ([MS-OXOMSG], PidTagConversationIndex): the same conversation for a whole case."""
    topic = envelope.subject
    while topic[:3].lower() == "re:":
        topic = topic[3:].lstrip()
    index = b"\x01" + _SOME_TIME + blake2b(envelope.code.encode("utf-8", "replace"), digest_size=16).digest()
    if envelope.thread.in_reply_to or envelope.thread.references:
        index += blake2b(envelope.thread.message_id.encode("utf-8", "replace"), digest_size=5).digest()
    return [
        headers.own_text("Thread-Topic", topic),
        headers.raw("Thread-Index", base64.b64encode(index).decode("ascii")),
    ]


@dataclass(frozen=True, slots=True)
class Body:
    """The two forms of a message's words, encoded, and what is attached to it."""

    text: bytes = field(repr=False)
    html: bytes = field(repr=False)
    attached: tuple[tuple[mime.Piece, ...], ...] = field(repr=False, default=())


def message(house: House, envelope: Envelope, body: Body) -> tuple[bytes, tuple[mime.Piece, ...]]:
    """The whole message: an alternative of text and HTML, in a mixed one with what is attached.

    As ``Outgoing`` has it: its beginning, and the rest where something large stands in it.
    """
    parts = (mime.text_part("plain", body.text, "; format=flowed"), mime.text_part("html", body.html))
    mark = mime.boundary(envelope.thread.message_id, (*parts, *(piece for part in body.attached for piece in part)))
    alternative = mime.multipart("alternative", mark + b"-a" if body.attached else mark, [[part] for part in parts])
    if not body.attached:
        return mime.joined([head(house, envelope), *alternative])
    whole: list[Sequence[mime.Piece]] = [alternative, *body.attached]
    return mime.joined([head(house, envelope), *mime.multipart("mixed", mark + b"-m", whole)])
