"""What comes in: where a mail stands, its bytes, and what could be understood of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class MailRef:
    """Where one mail stands on the server: a UID means something only under its UIDVALIDITY (RFC 9051, 2.3.1.1)."""

    mailbox: str
    folder: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True)
class MailHead:
    """What is asked about a mail before its body is: enough to decide how to fetch it."""

    uid: int
    size: int
    internal_date: datetime


@dataclass(frozen=True, slots=True)
class RawMail:
    """A mail as the server gave it.

    ``body`` is byte for byte what ``BODY.PEEK[]`` returned. If ``truncated``, the mail is larger than
    ``max_size`` and ``body`` holds only its beginning (headers first); ``size`` is always the server's.
    If ``unreadable``, the server could not deliver it even by itself and ``body`` is what there was, or empty.
    """

    ref: MailRef
    internal_date: datetime
    size: int
    body: bytes = field(repr=False)
    truncated: bool = False
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox of RFC 5322, 3.4: ``email`` is ``local@domain`` with the domain in lower case."""

    name: str
    email: str

    @property
    def domain(self) -> str:
        """The part after the last ``@``, in lower case; empty when there is none."""
        return self.email.rpartition("@")[2].lower() if "@" in self.email else ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part of the mail that is not its text. ``name`` is clean of controls and path parts, possibly empty."""

    name: str
    type: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Signatures:
    """What a mail's DKIM signatures prove: the ``domains`` that have signed it; ``failed`` if one does not hold."""

    domains: tuple[str, ...] = ()
    failed: bool = False


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """What could be understood of a mail. Every field has an honest empty value; nothing here is trusted.

    ``headers`` holds every header in order as ``(lower-case name, unfolded value)``, decoded as text with
    controls removed. ``text`` is the author's own text (from text/plain, else from HTML); ``all_text`` holds
    one entry for each other text found anywhere: alternatives, nested messages, HTML seen as text, file names.
    ``content`` names of special content are among ``encrypted``, ``smime``, ``signed``, ``tnef``, ``report``,
    ``calendar-reply``.
    ``defects`` are short ids (``no-from``, ``too-deep``), never text out of the mail.
    """

    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    subject: str = ""
    authors: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    return_path: str | None = None  # "" is the null sender; None when the header is absent
    date: datetime | None = None
    headers: tuple[tuple[str, str], ...] = ()
    text: str = ""
    all_text: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    content_type: str = "text/plain"
    report_type: str = ""  # of multipart/report (RFC 6522)
    content: frozenset[str] = frozenset()
    nested_message_ids: tuple[str, ...] = ()  # Message-IDs met in enclosed messages and returned headers
    signatures: Signatures = Signatures()  # verified here, where that is configured
    defects: tuple[str, ...] = ()

    def values(self, name: str) -> tuple[str, ...]:
        """Every value of the header ``name`` (lower case), in order."""
        return tuple([value for key, value in self.headers if key == name])

    def first(self, name: str) -> str:
        """The topmost value of the header ``name`` (lower case), or an empty string."""
        for key, value in self.headers:
            if key == name:
                return value
        return ""
