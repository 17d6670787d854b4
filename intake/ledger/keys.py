"""The key outside the ledger: it keys every hash in it and seals the originals that wait in it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from intake.errors import LedgerError

_LENGTH = 32
_NONCE = 12
LONG = 1 << 20  # bytes that are hashed without being copied


@dataclass(frozen=True, slots=True)
class Key:
    """A master secret of 32 bytes, from which one key for each purpose is derived (HMAC-SHA-256 as in RFC 5869)."""

    _hashing: bytes = field(repr=False)
    _sealing: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> Key:
        """Derive the working keys."""
        return cls(
            hmac.digest(secret, b"intake hashing 1", hashlib.sha256),
            hmac.digest(secret, b"intake sealing 1", hashlib.sha256),
        )

    def hash(self, purpose: str, value: bytes | str) -> bytes:
        """16 bytes that recognise ``value`` again and tell nothing about it without the key."""
        payload = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
        if len(payload) < LONG:
            return hmac.digest(self._hashing, purpose.encode() + b"\0" + payload, hashlib.sha256)[:16]
        long = hmac.new(self._hashing, purpose.encode() + b"\0", hashlib.sha256)  # without a copy of it
        long.update(payload)
        return long.digest()[:16]

    def proof(self) -> str:
        """What a ledger keeps, to know its key again."""
        return self.hash("proof", b"this ledger").hex()

    def seal(self, content: bytes, context: bytes) -> bytes:
        """Encrypt and authenticate (AES-256-GCM); ``context`` must be the same when it is opened."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - only paid for with mail

        nonce = secrets.token_bytes(_NONCE)
        return nonce + AESGCM(self._sealing).encrypt(nonce, content, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """The content again. Raises LedgerError when the key, the context or the bytes are not the same."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - only paid for with mail
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - only paid for with mail

        try:
            return AESGCM(self._sealing).decrypt(sealed[:_NONCE], memoryview(sealed)[_NONCE:], context)
        except InvalidTag:
            raise LedgerError("an original in the ledger can't be opened: is this the key it was made with?") from None


def read_key(text: str, place: str) -> Key:
    """A key from its base64 text. Raises LedgerError, naming ``place``, when it is none."""
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != _LENGTH:
        raise LedgerError(f"{place}: not a key (32 bytes in base64); restore the one the ledger was made with")
    return Key.of(secret)


def key_from_file(path: Path, *, create: bool) -> Key:
    """The key in ``path``; made there with rights 0600 when it is missing and ``create``.

    Raises LedgerError when it can't be read or made, or when others could read it.
    """
    if create and not path.parent.is_dir():
        raise LedgerError(f"{path}: there is no folder to make this key in; make the folder, with rights 0700")
    try:
        if create:
            _make(path)
        if path.stat().st_mode & 0o077:
            raise LedgerError(f"{path}: others can read this key; run: chmod 600 {path}")
        return read_key(path.read_text("ascii"), str(path))
    except UnicodeDecodeError:
        raise LedgerError(f"{path}: not a key (32 bytes in base64); restore the one the ledger was made with") from None
    except OSError as error:
        raise LedgerError(f"{path}: can't be read ({error.strerror}); restore the ledger's key from a backup") from None


def _make(path: Path) -> None:
    # The link makes the complete file appear at once: a crash or a second process never sees half a key.
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(_LENGTH)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)
