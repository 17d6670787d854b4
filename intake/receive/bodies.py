"""What the parts of a mail say: the author's own text, every other text, the attachments, special content."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from intake.letters import named
from intake.model import Attachment
from intake.receive.head import Leaf, message_ids
from intake.receive.markup import html_text, without_embedded, without_tags
from intake.receive.otherwise import MAX_READ, ambiguous, as_written, readings, strings, told
from intake.receive.shape import SIGNED_WHOLE, Part, Shape, plain
from intake.receive.text import clean, decode_bytes, decode_field, decode_words, in_another_charset, one_line

MAX_TEXT = 2 << 20  # of all texts of a mail together, in bytes; beyond it the defect ``text-cut`` says so
MAX_ATTACHED = 512 << 10  # of that, what a file may take that says it is no text
KEPT_FOR_OWN = 512 << 10  # of that, what no file may take
MAX_HTML_TOTAL = 1 << 20  # beyond it HTML is taken as it is written
MAX_LEAF = 64 << 10

_ORDINARY_CHARSET = re.compile(r"(?:us-ascii|utf-?8|iso-8859-\d{1,2}|windows-125\d)\Z", re.IGNORECASE)
_ORDINARY_ENCODING = {"", "7bit", "8bit", "quoted-printable", "base64"}
_DIRECTIONS = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u061c]")
# What most mails of parts say to programs that know none.
_GREETING = re.compile(
    rb"\s*(?:this is a (?:multi-?part|mime[a-z-]*) message(?: in mime format)?\.?\s*)?", re.IGNORECASE
)
_PATH = re.compile(r"[\\/:]")
_RETURNED_ID = re.compile(r"^[>|\s]{0,20}message-id:\s{0,20}(<[^<>\s]{3,998}>)", re.IGNORECASE | re.MULTILINE)
_KEPT_ID = re.compile(rb"<[^<>\s]{1,200}\.kept@[^<>\s]{1,300}>")  # as intake.letters.kept writes it
_TOLD_OF_ENCLOSED = frozenset(
    (
        *("subject", "from", "sender", "reply-to", "to", "cc", "resent-from", "resent-to", "x-original-from"),
        *("comments", "keywords", "thread-topic", "organization"),
    )
)
_MACHINE_READABLE = {
    "message/delivery-status": "delivery-report",
    "message/global-delivery-status": "delivery-report",
    "message/disposition-notification": "disposition-report",
    "message/global-disposition-notification": "disposition-report",
    "message/feedback-report": "delivery-report",
}
# Text that says it is something else: what programs make of a file whose kind they don't know.
_TEXT_BY_TYPE = {"application/json", "application/xml", "application/ics", "application/rtf"}
_TEXT_BY_NAME = (".txt", ".eml", ".ics", ".vcf", ".csv", ".json", ".xml", ".md", ".log", ".htm", ".html", ".rtf")
_TEXT_SUFFIXES = ("+xml", "+json")
_OUTLOOK_NAMES = (".msg", "winmail.dat")
_OUTLOOK_FILES = {"application/ms-tnef", "application/vnd.ms-tnef", "application/vnd.ms-outlook"}
_SIGNATURES = {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
_NO_WORDS = _SIGNATURES | {"application/pgp-encrypted", "application/pgp-keys", "application/pdf"}
_SAMPLE = 1024
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


@dataclass(slots=True)
class Bodies:
    """What was found; ``leaf`` stands for the author's text where mail-parser may decode it."""

    own: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    content: set[str] = field(default_factory=set)
    nested_ids: list[bytes] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    leaf: Leaf | None = None
    leaf_at: int = -1
    budget: int = MAX_TEXT
    html_budget: int = MAX_HTML_TOTAL
    room: int = MAX_READ

    def text_of(self, part: Part, most: int = MAX_TEXT) -> str:
        """A text part decoded, within the budget and no longer than ``most``."""
        most = min(most, self.budget - KEPT_FOR_OWN) if _is_attached(part) else min(most, self.budget)
        return self._decoded(part, part.decoded(max(0, most)), most)

    def html_of(self, part: Part) -> tuple[str, str]:
        """An HTML part as text and as the texts beside it."""
        data, most = b"", max(0, min(self.budget, MAX_TEXT))
        for chunk in without_embedded(part.chunks(min(2 * most, 1 << 20) or 1)):
            data += chunk
            if len(data) >= most:
                break
        html = self._decoded(part, data[:most], most)
        self.html_budget -= len(html)
        if self.html_budget < 0:
            self.note("html-as-text")
            return without_tags(html), ""
        return html_text(html)

    def _decoded(self, part: Part, data: bytes, most: int) -> str:
        self.budget -= len(data)
        if self.budget <= 0 or len(data) >= most:
            self.note("text-cut")
        charset = part.parameters.get("charset", "")
        self.more(in_another_charset(data, charset))
        return clean(decode_bytes(data, charset))

    def names_of(self, shape: Shape) -> None:
        """What the parts are called."""
        names: list[str] = []
        left = self.room
        for part in shape.parts:
            if left > 0 and (name := told(part)):
                names.append(name)
                left -= len(name)
        self.more("\n".join(names))

    def strays_of(self, shape: Shape) -> None:
        """What stands outside every part, and parts on which programs differ, as far as there is room."""
        for source, start, end in shape.strays:
            stray = source[start : min(end, start + max(0, self.budget))]
            self.budget -= len(stray)
            if not _GREETING.fullmatch(stray):
                self.others.append(clean(decode_bytes(stray, "")))
        for part in shape.parts:
            if self.room > 0 and ambiguous(part):
                self.more(as_written(part))

    def again(self) -> None:
        """Every text once more, with what is still encoded in it undone."""
        for text in (*self.own, *self.others):
            for reading in readings(text, self.room):
                self.more(reading)

    def more(self, text: str) -> None:
        """A text that is looked at for names alone, as far as there is room."""
        text = clean(text[: max(0, self.room)])
        self.room -= len(text)
        if self.room <= 0:
            self.note("text-cut")
        if text.strip():
            self.others.append(text)

    def note(self, defect: str) -> None:
        """Remember a defect once."""
        if defect not in self.defects:
            self.defects.append(defect)


def read_bodies(shape: Shape) -> Bodies:
    """Walk the parts. Depth is bounded by the survey, so the calls are too."""
    bodies = Bodies()
    top = shape.parts[0]
    _visit(top, bodies, own=True)
    bodies.names_of(shape)
    bodies.strays_of(shape)
    bodies.again()
    for text in (*bodies.own, *bodies.others):
        shown = text[: 256 << 10]
        bodies.nested_ids.extend(found.encode() for found in _RETURNED_ID.findall(shown)[:50])
        bodies.nested_ids.extend(_KEPT_ID.findall(shown.encode("utf-8", "replace"))[:4])
    _inline_pgp(bodies)
    return bodies


def nested_message_ids(bodies: Bodies) -> tuple[str, ...]:
    """Message-IDs of enclosed and returned messages."""
    return named(message_ids(bodies.nested_ids[:200]))


def _visit(part: Part, bodies: Bodies, *, own: bool) -> None:
    own = own and part.enclosed == 0
    if _answers_invitation(part):
        bodies.content.add("calendar-reply")
    if part.enclosed and part.parent in {"message/rfc822", "message/global", "message/news"} | _HEADERS_ONLY:
        _tell_of_enclosed(part, bodies)
    if part.main == "multipart" and part.children:
        _visit_container(part, bodies, own=own)
    elif part.main == "message" or part.type in _HEADERS_ONLY:
        _visit_message(part, bodies)
    elif part.type == "text/html":
        _visit_html(part, bodies, own=own)
    elif part.main in {"text", "multipart"}:
        _visit_text(part, bodies, own=own)
    else:
        _attach(part, bodies)
        for child in part.children:
            _visit(child, bodies, own=own)


def _answers_invitation(part: Part) -> bool:
    """Whether a part says yes or no to an invitation (iTIP, RFC 5546 and RFC 6047): a program's own, not a file."""
    alone = part.parent in {"", "multipart/alternative"} and part.enclosed == 0
    return part.type == "text/calendar" and alone and part.parameters.get("method", "").upper() in {"REPLY", "COUNTER"}


_HEADERS_ONLY = {"text/rfc822-headers", "message/global-headers"}


def _visit_container(part: Part, bodies: Bodies, *, own: bool) -> None:
    children = part.children
    if part.type == "multipart/alternative" and own:
        _visit_alternatives(children, bodies)
        return
    if part.type == "multipart/encrypted":
        bodies.content.add("encrypted")
    elif part.type == "multipart/signed":
        bodies.content.add("signed")
    if part.type == "multipart/report" and part.enclosed == 0:
        bodies.content.add("report")
        _visit(children[0], bodies, own=own)
        for child in children[1:]:
            _visit(child, bodies, own=False)
        return
    for child in children:
        _visit(child, bodies, own=own)


def _visit_alternatives(children: list[Part], bodies: Bodies) -> None:
    """The plain text is the author's own, unless it only stands in for the HTML."""
    plain_part = next((child for child in children if child.type == "text/plain"), None)
    rich = next((child for child in children if child is not plain_part and _holds_html(child)), None)
    if plain_part is not None and rich is not None:
        text = bodies.text_of(plain_part)
        before = len(bodies.own)
        _visit(rich, bodies, own=True)
        shown = "\n".join(bodies.own[before:])
        if not text.strip() or len(shown) > 4 * len(text) + 200:
            bodies.others.append(text)
        else:
            del bodies.own[before:]
            bodies.others.append(shown)
            _own_text(plain_part, text, bodies)
    for child in children:
        chosen = child is plain_part or child is rich
        if chosen and plain_part is not None and rich is not None:
            continue
        _visit(child, bodies, own=chosen or (plain_part is None and rich is None))


def _holds_html(part: Part) -> bool:
    return part.type == "text/html" or (
        part.main == "multipart" and any(child.type == "text/html" for child in part.children)
    )


def _visit_message(part: Part, bodies: Bodies) -> None:
    if part.type in _MACHINE_READABLE:
        if part.enclosed == 0:
            bodies.content.update(("report", _MACHINE_READABLE[part.type]))
        bodies.others.append(bodies.text_of(part))
        return
    if part.type not in _HEADERS_ONLY and part.enclosed == 0:
        _attach(part, bodies)
    if not part.children:
        bodies.others.append(bodies.text_of(part))
    for child in part.children:
        _visit(child, bodies, own=False)


def _tell_of_enclosed(part: Part, bodies: Bodies) -> None:
    lines: list[str] = []
    for name, value in part.fields:
        if name in _TOLD_OF_ENCLOSED and len(lines) < 50:
            lines.append(f"{name}: {decode_field(value)}")
        elif name in {"message-id", "resent-message-id"}:
            bodies.nested_ids.append(value)
        elif name in {"references", "x-intake-id"}:
            bodies.nested_ids.extend(_KEPT_ID.findall(value)[:4])
    if lines:
        bodies.others.append("\n".join(lines))


def _visit_html(part: Part, bodies: Bodies, *, own: bool) -> None:
    text, beside = bodies.html_of(part)
    if beside.strip():
        bodies.others.append(beside)
    if _is_attached(part):
        _attach(part, bodies)
        own = False
    if own:
        bodies.own.append(text)
        bodies.leaf = None
    elif text:
        bodies.others.append(text)


def _visit_text(part: Part, bodies: Bodies, *, own: bool) -> None:
    text = bodies.text_of(part)
    attached = _is_attached(part)
    if attached or _name_of(part):
        _attach(part, bodies)
    if own and not attached and part.type in {"text/plain", "text/enriched", "text/markdown", "multipart/mixed"}:
        _own_text(part, text, bodies)
    elif own and not attached and part.main == "multipart":
        bodies.own.append(text)
    else:
        if part.type == "text/calendar" and not _name_of(part) and not attached:
            _attach(part, bodies)
        bodies.others.append(text)


def _own_text(part: Part, text: str, bodies: Bodies) -> None:
    bodies.own.append(text)
    charset = part.parameters.get("charset", "") or "us-ascii"
    size = part.end - part.start
    first = len(bodies.own) == 1
    ordinary = part.encoding() in _ORDINARY_ENCODING and _ORDINARY_CHARSET.match(charset) is not None
    if not first or size > MAX_LEAF or not ordinary:
        bodies.leaf = None
        return
    payload = part.raw()
    told_apart = charset.lower() not in {"us-ascii", "iso-8859-1"}  # these names are often not meant
    plain_ascii = payload.isascii() and part.encoding() in {"", "7bit", "8bit"}  # there is nothing to decode
    if b"\x1b" in payload or plain_ascii or not told_apart:
        return
    bodies.leaf = Leaf(charset.lower(), part.encoding(), payload.decode("ascii", "surrogateescape"))
    bodies.leaf_at = 0


def _is_attached(part: Part) -> bool:
    return part.disposition()[0] == "attachment"


def _path_of(part: Part) -> str:
    _, parameters = part.disposition()
    name = decode_words(parameters.get("filename", "") or part.parameters.get("name", ""))
    if not name and not part.first("content-disposition") and not part.first("content-type"):
        return ""
    if any("\udc80" <= letter <= "\udcff" for letter in name):
        name = decode_bytes(name.encode("utf-8", "surrogateescape"), "")
    return _DIRECTIONS.sub("", one_line(clean(name)))


def _name_of(part: Part) -> str:
    """The file's name as it may be shown: its last path segment, without controls and direction marks."""
    name = _path_of(part)
    return _PATH.split(name)[-1].strip(" .")[:255] if _PATH.search(name) else name.strip()[:255]


def _attach(part: Part, bodies: Bodies) -> None:
    _flag(part, bodies)
    name = _name_of(part)
    if name:
        bodies.others.append(_path_of(part)[:998])
    if part.type in _OUTLOOK_FILES or name.lower().endswith(_OUTLOOK_NAMES):
        bodies.more(strings(part.decoded(bodies.room)))
    elif part.main not in {"text", "message"} and (_may_be_text(part, name) or _looks_like_text(part)):
        bodies.others.append(bodies.text_of(part, MAX_ATTACHED))
    if part.enclosed or part.type in _SIGNATURES or part.type == "application/pgp-encrypted":
        return
    digest, size = hashlib.sha256(), 0
    for chunk in part.chunks():
        digest.update(chunk)
        size += len(chunk)
    bodies.attachments.append(Attachment(name, part.type, size, digest.hexdigest()))


def _may_be_text(part: Part, name: str) -> bool:
    return part.type in _TEXT_BY_TYPE or part.type.endswith(_TEXT_SUFFIXES) or name.lower().endswith(_TEXT_BY_NAME)


def _looks_like_text(part: Part) -> bool:
    """Whether a file of a kind that says little begins like words: no control, no stray byte, and spaces in it."""
    if part.main not in {"application", "x-unknown", "unknown"} or part.type in _NO_WORDS:
        return False
    sample = part.decoded(_SAMPLE)
    readable = _CONTROL.search(sample) is None and "\ufffd" not in sample.decode("utf-8", "replace")[:-1]
    return readable and sample.count(b" ") * 20 > len(sample)


def _flag(part: Part, bodies: Bodies) -> None:
    if part.type in SIGNED_WHOLE:
        bodies.content.add("smime")
        signed = bool(part.children) or part.parameters.get("smime-type", "").lower() == "signed-data"
        bodies.content.add("signed" if signed else "encrypted")
    elif part.type in {"application/ms-tnef", "application/vnd.ms-tnef"} or _name_of(part).lower() == "winmail.dat":
        bodies.content.add("tnef")
    elif part.type == "application/pgp-encrypted":
        bodies.content.add("encrypted")


def _inline_pgp(bodies: Bodies) -> None:
    for text in bodies.own:
        if "-----BEGIN PGP MESSAGE-----" in text:
            bodies.content.add("encrypted")
        if "-----BEGIN PGP SIGNED MESSAGE-----" in text:
            bodies.content.add("signed")


def report_type(part: Part) -> str:
    """``report-type`` of multipart/report (RFC 6522, 3), lower case."""
    return one_line(part.parameters.get("report-type", "")).lower() if part.type == "multipart/report" else ""


def content_type(part: Part) -> str:
    """The mail's own type, for showing."""
    return part.type if plain(part.first("content-type")) else "text/plain"
