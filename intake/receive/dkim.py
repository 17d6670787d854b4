"""DKIM signatures, verified here (RFC 6376, 8301, 8463): which domains vouch for a mail as it lies before us.

Stricter than the standard where that costs honest senders nothing: signatures over part of a body (``l=``), without
From, with SHA-1 or with RSA keys under 1024 bits prove nothing. The keys come from ``lookup``, so the network is
somebody else's; nothing here raises, and every loop is bounded by one of the limits below.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from intake.model import Signatures
from intake.model.domains import in_ascii
from intake.ports import TextRecords

MAX_SIGNATURES = 20  # looked at in a mail
MAX_ASKED = 3  # keys asked for, for one mail
MAX_SIGNATURE_BYTES = 16 << 10
MAX_HEAD_BYTES = 1 << 20
MAX_LINE_BYTES = 4 << 20
MAX_RECORDS = 4  # of one name
LEAST_RSA_BITS, MOST_RSA_BITS = 1024, 8192
CLOCKS_DIFFER = timedelta(minutes=10)
_STEP = 1 << 20

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}")
_DOMAIN = re.compile(r"(?:(?!-)[a-z0-9_-]{1,63}(?<!-)\.)+(?!-)[a-z0-9-]{2,63}(?<!-)")
_SELECTOR = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,8}")
_NUMBER = re.compile(r"[0-9]{1,12}")
_B_TAG = re.compile(rb"((?:^|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*")
_SPACES = re.compile(rb"[ \t]+")
_KINDS = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}


class _Outcome(Enum):
    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"  # the key could not be asked for now


@dataclass(frozen=True, slots=True)
class _Signature:
    """One DKIM-Signature that is well formed and of a kind that proves something."""

    number: int  # its field's place in the head
    kind: str
    value: bytes
    body_hash: bytes
    headers: tuple[str, ...]
    domain: str
    identity: str  # the domain of i=
    selector: str
    relaxed_head: bool
    relaxed_body: bool


def verify(
    raw: bytes, arrived: datetime, lookup: TextRecords, wanted: Callable[[str], bool] = lambda _domain: True
) -> Signatures:
    """Which of the ``wanted`` domains have signed these bytes; keys of no others are asked for.

    ``arrived`` is the time by which a signature may have expired. ``failed``: one of a wanted domain does not hold.
    """
    fields, body = _fields(raw)
    places = [number for number, (name, _) in enumerate(fields) if name == b"dkim-signature"]
    proved: dict[str, None] = {}
    failed, asked = False, 0
    hashes: dict[bool, bytes] = {}
    for number in places[:MAX_SIGNATURES]:
        domain, signature = _read(number, fields[number][1], arrived)
        if not domain or domain in proved or not wanted(domain):
            continue
        if signature is None or _hashed(raw, body, signature, hashes) != signature.body_hash:
            failed = True
            continue
        asked += 1
        if asked > MAX_ASKED:
            break
        outcome = _checked(signature, fields, lookup)
        if outcome is _Outcome.GOOD:
            proved[domain] = None
        failed = failed or outcome is _Outcome.BAD
    return Signatures(tuple(proved), failed)


# --- what a signature says ------------------------------------------------------------------------


def _read(number: int, field: bytes, arrived: datetime) -> tuple[str, _Signature | None]:
    """The domain that a field claims to speak for, if it can be made out, and the signature if it can prove it."""
    if len(field) > MAX_SIGNATURE_BYTES:
        return "", None
    tags = _tags(field.partition(b":")[2].decode("utf-8", "replace"))
    if tags is None:
        return "", None
    domain = _ascii(tags.get("d", ""))
    if not _DOMAIN.fullmatch(domain):
        return "", None
    return domain, _sound(number, tags, domain, arrived)


def _sound(number: int, tags: dict[str, str], domain: str, arrived: datetime) -> _Signature | None:
    local, _, named = tags.get("i", f"@{domain}").rpartition("@")
    identity, selector = _ascii(named), _ascii(tags.get("s", ""))
    headers = tuple(name.strip().lower() for name in tags.get("h", "").split(":"))
    head, _, body = tags.get("c", "simple/simple").lower().partition("/")
    if (
        tags.get("v") != "1"
        or tags.get("a", "").lower() not in _KINDS
        or len(local) > 255
        or not (identity == domain or identity.endswith(f".{domain}"))
        or not _SELECTOR.fullmatch(selector)
        or "from" not in headers
        or "" in headers
        or len(headers) > 500
        or "l" in tags
        or "dns/txt" not in tags.get("q", "dns/txt").lower().replace(" ", "").split(":")
        or not {head, body or "simple"} <= {"simple", "relaxed"}
        or not _timely(tags, arrived)
    ):
        return None
    value, body_hash = _base64(tags.get("b", "")), _base64(tags.get("bh", ""))
    if not value or len(body_hash) != 32:
        return None
    kind = _KINDS[tags["a"].lower()]
    return _Signature(
        number, kind, value, body_hash, headers, domain, identity, selector, head == "relaxed", body == "relaxed"
    )


def _tags(text: str) -> dict[str, str] | None:
    """A list of ``name=value;`` (RFC 6376, 3.2); None when it is none, or says something twice."""
    found: dict[str, str] = {}
    for piece in text.split(";"):
        name, equals, value = piece.partition("=")
        name = name.strip()
        if not name and not equals and not value.strip():
            continue
        if not equals or not _TAG_NAME.fullmatch(name) or name in found:
            return None
        found[name] = re.sub(r"\r?\n[ \t]+", " ", value).strip()
    return found


def _timely(tags: dict[str, str], arrived: datetime) -> bool:
    """Neither expired when the mail arrived (``x=``) nor made after that (``t=``)."""
    made, ends = tags.get("t", "0"), tags.get("x", str(10**11))
    if not _NUMBER.fullmatch(made) or not _NUMBER.fullmatch(ends) or int(ends) < int(made):
        return False
    moment = arrived.timestamp()
    return moment <= int(ends) and int(made) <= moment + CLOCKS_DIFFER.total_seconds()


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


# --- whether it holds -------------------------------------------------------------------------------


def _checked(signature: _Signature, fields: list[tuple[bytes, bytes]], lookup: TextRecords) -> _Outcome:
    """Whether one of the keys of its domain made it."""
    records = lookup(f"{signature.selector}._domainkey.{signature.domain}")
    if records is None:
        return _Outcome.UNKNOWN
    signed = _signed_bytes(signature, fields)
    good = any(_made_by(record, signature, signed) for record in records[:MAX_RECORDS])
    return _Outcome.GOOD if good else _Outcome.BAD


def _made_by(record: bytes, signature: _Signature, signed: bytes) -> bool:
    tags = _tags(record.decode("utf-8", "replace")) if len(record) <= 8192 else None
    if tags is None or tags.get("v", "DKIM1") != "DKIM1" or tags.get("k", "rsa").lower() != signature.kind:
        return False
    flags = {word.strip().lower() for word in tags.get("t", "").split(":")}
    hashes = {word.strip().lower() for word in tags.get("h", "sha256").split(":")}
    services = {word.strip().lower() for word in tags.get("s", "*").split(":")}
    if "y" in flags or ("s" in flags and signature.identity != signature.domain):
        return False  # the domain only tries it out (t=y), or speaks for no name below it (t=s)
    if "sha256" not in hashes or not services & {"*", "email"}:
        return False
    return _verified(_base64(tags.get("p", "")), signature, signed)


def _verified(key: bytes, signature: _Signature, signed: bytes) -> bool:
    """Whether the signature is the key's; a revoked key is empty, and one too small or too large proves nothing."""
    try:
        if signature.kind == "ed25519":
            # RFC 8463: what is signed is the hash of the head.
            Ed25519PublicKey.from_public_bytes(key).verify(signature.value, hashlib.sha256(signed).digest())
            return True
        public = load_der_public_key(key)
        if not isinstance(public, RSAPublicKey) or not LEAST_RSA_BITS <= public.key_size <= MOST_RSA_BITS:
            return False
        public.verify(signature.value, signed, PKCS1v15(), SHA256())
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _signed_bytes(signature: _Signature, fields: list[tuple[bytes, bytes]]) -> bytes:
    """The head as it was signed (RFC 6376, 3.7 and 5.4.2): of a name that stands there twice, the lowest first."""
    form = _relaxed_field if signature.relaxed_head else bytes
    left: dict[bytes, list[bytes]] = {}
    for number, (name, field) in enumerate(fields):
        if number != signature.number:
            left.setdefault(name, []).append(field)
    chosen: list[bytes] = []
    for wanted in signature.headers:
        of_name = left.get(wanted.encode("utf-8", "replace"))
        if of_name:
            chosen.append(form(of_name.pop()) + b"\r\n")
    name, colon, value = fields[signature.number][1].partition(b":")
    chosen.append(form(name + colon + _B_TAG.sub(rb"\1", value, count=1)))
    return b"".join(chosen)


def _relaxed_field(field: bytes) -> bytes:
    name, _, value = field.partition(b":")
    value = _SPACES.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")
    return name.rstrip(b" \t").lower() + b":" + value


# --- the bytes --------------------------------------------------------------------------------------


def _fields(raw: bytes) -> tuple[list[tuple[bytes, bytes]], int]:
    """The head's fields as (lower-case name, whole field with CRLF inside), and where the body begins."""
    found: list[tuple[bytes, list[bytes]]] = []
    position, length = 0, min(len(raw), MAX_HEAD_BYTES)
    while position < length:
        end = raw.find(b"\n", position)
        end = len(raw) if end < 0 else end
        line = raw[position:end].removesuffix(b"\r")
        position = min(end + 1, len(raw))
        if not line:
            break
        if line[:1] in (b" ", b"\t") and found:
            found[-1][1].append(line)
        elif (match := _FIELD.match(line)) is not None:
            found.append((match[1].lower(), [line]))
        else:
            found.append((b"", [line]))  # no field: nothing can name it, so nothing can sign it
    return [(name, b"\r\n".join(lines)) for name, lines in found], position


def _hashed(raw: bytes, start: int, signature: _Signature, known: dict[bool, bytes]) -> bytes:
    """The body's hash in the form that a signature wants, counted once for each of the two."""
    form = signature.relaxed_body
    if form not in known:
        known[form] = _body_hash(raw, start, relaxed=form)
    return known[form]


def _body_hash(raw: bytes, start: int, *, relaxed: bool) -> bytes:
    """SHA-256 of the canonical body (RFC 6376, 3.4.3 and 3.4.4), in pieces of whole lines.

    Nothing, if a line of it is endless: no server has passed on what was signed like that (RFC 5321, 4.5.3.1.6).
    """
    digest = hashlib.sha256()
    empty, any_line = 0, False
    for piece in _pieces(raw, start):
        if len(piece) > _STEP + MAX_LINE_BYTES:
            return b""
        lines = piece.replace(b"\r\n", b"\n")
        if relaxed:
            lines = _SPACES.sub(b" ", lines).replace(b" \n", b"\n")
        kept = lines.rstrip(b"\n")
        if kept:
            digest.update(b"\r\n" * empty)
            digest.update(kept.replace(b"\n", b"\r\n"))
            any_line, empty = True, 0
        empty += len(lines) - len(kept)  # they count only if text follows
    if any_line or not relaxed:
        digest.update(b"\r\n")
    return digest.digest()


def _pieces(raw: bytes, start: int) -> Iterator[bytes]:
    """The body in pieces that end with a line; the last line gets an end if it has none."""
    while start < len(raw):
        end = raw.find(b"\n", min(start + _STEP, len(raw) - 1))
        end = len(raw) if end < 0 else end + 1
        piece = raw[start:end]
        yield piece if piece.endswith(b"\n") else piece + b"\r\n"
        start = end


def _ascii(domain: str) -> str:
    return in_ascii(domain[:1000].strip().rstrip("."))
