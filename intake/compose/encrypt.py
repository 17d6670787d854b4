"""Copies in PGP/MIME (RFC 3156) to an organizer's key, with the real subject inside (RFC 9788).

The only module that knows pysequoia. That encrypts to keys that have expired or were revoked, so every key is looked
at here first, whole and in its parts. What can't be encrypted is never sent in the clear by this module: it raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intake.compose import mime
from intake.errors import EncryptionError
from intake.model import Outgoing, Shared

if TYPE_CHECKING:
    from pysequoia import Cert

SOON = timedelta(days=42)  # before a key ends: six weeks are time to ask somebody on holiday for a new one
_REPEATED_INSIDE = (b"from:", b"to:", b"subject:", b"date:", b"message-id:", b"in-reply-to:", b"references:")
# What stays of a subject outside: the code, by which mail programs keep a case together, and RFC 9788's sign (3.2.1).
_SUBJECT = re.compile(rb"(?is)(subject|thread-topic): ((?:re: )?)(\[[a-z0-9]+-[a-z0-9]+\] )?.*")
_OBSCURED = rb"\1: \2\3[...]\r\n"
_ENCRYPTED_HEAD = (
    b'Content-Type: application/octet-stream; name="encrypted.asc"\r\n'
    b'Content-Disposition: inline; filename="encrypted.asc"\r\n\r\n'
)
_END_OF_HEAD = b"MIME-Version: 1.0\r\n"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that mail may be encrypted to. ``until`` is when that ends; None: never."""

    cert: Cert
    fingerprint: str
    until: datetime | None


def read_key(path: Path, now: datetime) -> PublicKey:
    """The key in a file, if it is good to encrypt to now. Raises EncryptionError."""
    sequoia = _library()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EncryptionError(f"{path}: the key can't be read ({error.strerror}); see pgp_key") from None
    try:
        certs = sequoia.Cert.split_bytes(content)
        cert = certs[0]
        packets = list(sequoia.packet.PacketPile.from_bytes(content))
    except (RuntimeError, ValueError, IndexError, OSError):
        raise EncryptionError(f"{path}: this is no OpenPGP key; export the public key, armoured") from None
    tags = sequoia.packet.Tag
    if len(certs) > 1:
        raise EncryptionError(f"{path}: there are {len(certs)} keys in it; leave only the one to encrypt to")
    if any(p.tag in (tags.SecretKey, tags.SecretSubkey) for p in packets):
        raise EncryptionError(f"{path}: this is a SECRET key; delete the file, and put the public key there")
    if cert.is_revoked:
        raise EncryptionError(f"{path}: the key has been revoked; ask for the new one")
    if cert.expiration is not None and cert.expiration <= now:
        raise EncryptionError(f"{path}: the key expired on {cert.expiration:%Y-%m-%d}; ask for a renewed one")
    parts = _parts(sequoia, packets)
    until = _until(path, parts, now)
    # pysequoia would also encrypt to parts that are over: it is not given them.
    whole = [packet for part in parts if not part.over(now) for packet in part.packets]
    cert = sequoia.Cert.from_packets(whole)
    ends = [moment for moment in (cert.expiration, until) if moment is not None]
    return PublicKey(cert, cert.fingerprint, min(ends) if ends else None)


@dataclass(slots=True)
class _Subkey:
    """A part of a key: what its newest binding says of it."""

    created: datetime
    bound: datetime | None = None
    encrypts: bool = False
    ends: datetime | None = None
    revoked: bool = False
    packets: list[Any] = field(default_factory=list)

    def over(self, now: datetime) -> bool:
        """Whether it must not be used any more."""
        return self.encrypts and (self.revoked or (self.ends is not None and self.ends <= now))


def _until(path: Path, every: list[_Subkey], now: datetime) -> datetime | None:
    """Until when some part may be encrypted to; None: for ever."""
    parts = [part for part in every if part.encrypts]
    if not parts:
        raise EncryptionError(f"{path}: this key only signs; ask for one with an encryption subkey")
    good = [part for part in parts if not part.revoked]
    if not good:
        raise EncryptionError(f"{path}: its encryption subkey has been revoked; ask for the new key")
    ends = [part.ends for part in good if part.ends is not None]
    if len(ends) < len(good):
        return None
    if max(ends) <= now:
        raise EncryptionError(f"{path}: its encryption subkey expired on {max(ends):%Y-%m-%d}; ask for a renewed key")
    return max(ends)


def _parts(sequoia: Any, packets: list[Any]) -> list[_Subkey]:
    tags, types = sequoia.packet.Tag, sequoia.packet.SignatureType
    bindings = (types.SubkeyBinding, types.DirectKey, types.PositiveCertification, types.GenericCertification)
    parts: list[_Subkey] = []
    for packet in packets:
        if packet.tag in (tags.PublicKey, tags.PublicSubkey):
            parts.append(_Subkey(packet.key_created))
        elif packet.tag == tags.Signature and parts:
            part = parts[-1]
            if packet.signature_type in (types.SubkeyRevocation, types.KeyRevocation):
                part.revoked = True
            elif packet.signature_type in bindings:
                _bind(part, packet)
        if parts:
            parts[-1].packets.append(packet)
    return parts


def _bind(part: _Subkey, signature: Any) -> None:
    made = signature.signature_created
    if made is None or (part.bound is not None and made < part.bound):
        return
    flags, valid = signature.key_flags, signature.key_validity_period
    if flags is None and part.bound is not None:
        return
    part.bound = made
    part.encrypts = bool(flags and (flags.transport_encryption or flags.storage_encryption))
    part.ends = part.created + valid if valid else None


def encrypted(outgoing: Outgoing, key: PublicKey) -> Outgoing:
    """The same message for its recipient's eyes: headers that must travel outside, everything else within."""
    sequoia = _library()
    head, found, entity = outgoing.beginning.partition(_END_OF_HEAD)
    assert found  # noqa: S101 - every message of ours is made by compose.letter
    fields = _fields(head)
    outside = [_SUBJECT.sub(_OBSCURED, field) for field in fields]
    try:
        rest = (one.octets if isinstance(one, Shared) else one for one in outgoing.rest)
        sealed = sequoia.encrypt(_inside(fields, outside, entity, rest), recipients=[key.cert], armor=True)
    except (RuntimeError, ValueError) as error:
        problem = str(error).partition("\n")[0][:200]
        raise EncryptionError(f"key {key.fingerprint[-16:]}: can't be encrypted to ({problem}); see pgp_key") from None
    armoured = (sealed.replace(b"\r\n", b"\n") if b"\r" in sealed else sealed).replace(b"\n", b"\r\n")
    del sealed  # each form of a large one takes its room
    mark = mime.boundary(head.decode("ascii", "replace"), (armoured,))
    parts = [
        [b"Content-Type: application/pgp-encrypted\r\nContent-Description: PGP/MIME version\r\n\r\nVersion: 1\r\n"],
        [_ENCRYPTED_HEAD, armoured],
    ]
    whole = mime.multipart("encrypted", mark, parts)
    whole[0] = whole[0].replace(b"encrypted;", b'encrypted; protocol="application/pgp-encrypted";', 1)
    return replace(outgoing, beginning=b"".join([*outside, _END_OF_HEAD, *whole]), rest=())


def _inside(fields: list[bytes], outside: list[bytes], entity: bytes, more: Iterable[bytes]) -> bytes:
    """The part that is encrypted: the message's own content, and the headers as they are for its reader."""
    first, _, rest = entity.partition(b"\r\n")
    first += b';\r\n protected-headers="v1"; hp="cipher"'
    repeated = [field for field in fields if field.lower().startswith(_REPEATED_INSIDE)]
    told = [b"HP-Outer: " + field for field in outside if field.lower().startswith(_REPEATED_INSIDE)]
    return b"".join([first, b"\r\n", *repeated, *told, rest, *more])


def _fields(head: bytes) -> list[bytes]:
    """The headers, each with its folded lines and its line end."""
    fields: list[bytes] = []
    for line in head.split(b"\r\n")[:-1]:
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] += line + b"\r\n"
        else:
            fields.append(line + b"\r\n")
    return fields


def _library() -> Any:
    try:
        import pysequoia  # noqa: PLC0415 - an extra, and only paid for where it is used
    except ImportError:
        raise EncryptionError('encryption needs pysequoia; run: pip install "conduct-intake[pgp]"') from None
    return pysequoia
