"""Signs mails for tests, in the plainest way there is: its own canonical forms, so that two readings must agree."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Key = RSAPrivateKey | Ed25519PrivateKey


@cache
def rsa(bits: int = 1024, number: int = 0) -> RSAPrivateKey:
    return generate_private_key(65537, bits)


@cache
def ed25519() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def record(key: Key, more: str = "") -> bytes:
    """What a domain publishes for a key."""
    public = key.public_key()
    if isinstance(key, RSAPrivateKey):
        raw, kind = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), "rsa"
    else:
        raw, kind = public.public_bytes(Encoding.Raw, PublicFormat.Raw), "ed25519"
    return f"v=DKIM1; k={kind}; {more}p={base64.b64encode(raw).decode()}".encode()


@dataclass
class Names:
    """A resolver that knows what it was told; a name with None under it gets no answer."""

    known: dict[str, tuple[bytes, ...] | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, name: str) -> tuple[bytes, ...] | None:
        self.asked.append(name)
        return self.known.get(name, ())


def _header(name: str, value: str, *, relaxed: bool) -> str:
    if not relaxed:
        return f"{name}:{value}"
    unfolded = value.replace("\r\n", "")
    return f"{name.lower().strip()}:{' '.join(unfolded.split())}"


def _body(body: str, *, relaxed: bool) -> str:
    lines = body.split("\r\n")
    if relaxed:
        lines = [re.sub("[ \t]+", " ", line).removesuffix(" ") for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    return "".join(f"{line}\r\n" for line in lines) or ("" if relaxed else "\r\n")


def signed(
    raw: bytes,
    key: Key,
    domain: str = "example.com",
    headers: str = "from:to:subject",
    c: str = "relaxed/relaxed",
    more: str = "",
    algorithm: str = "",
) -> bytes:
    """The mail (CRLF line ends) with a signature on top; ``more`` holds further tags, each with its semicolon."""
    head, _, body = raw.decode().partition("\r\n\r\n")
    fields = re.findall(r"^([^\s:]+):([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", head, re.MULTILINE)
    form, _, of_body = c.partition("/")
    hashed = base64.b64encode(hashlib.sha256(_body(body, relaxed=of_body == "relaxed").encode()).digest()).decode()
    algorithm = algorithm or ("rsa-sha256" if isinstance(key, RSAPrivateKey) else "ed25519-sha256")
    value = f" v=1; a={algorithm}; c={c}; d={domain}; s=sel; {more}\r\n\th={headers}; bh={hashed};\r\n\tb="
    left = list(fields)
    text = ""
    for wanted in headers.split(":"):
        found = next((one for one in reversed(left) if one[0].lower() == wanted.strip().lower()), None)
        if found:
            left.remove(found)
            text += _header(*found, relaxed=form == "relaxed") + "\r\n"
    text += _header("DKIM-Signature", value, relaxed=form == "relaxed")
    if isinstance(key, RSAPrivateKey):
        made = key.sign(text.encode(), PKCS1v15(), SHA1() if algorithm == "rsa-sha1" else SHA256())
    else:
        made = key.sign(hashlib.sha256(text.encode()).digest())
    wrapped = base64.b64encode(made).decode()
    wrapped = "\r\n\t ".join(wrapped[at : at + 60] for at in range(0, len(wrapped), 60))
    return f"DKIM-Signature:{value}{wrapped}\r\n".encode() + raw
