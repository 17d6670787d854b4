"""Addresses and content as they go over the wire (RFC 5321, RFC 6531)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from intake.model import Outgoing, Shared
from intake.model.domains import in_ascii, is_domain

# RFC 5321, 4.1.2: Local-part as a Dot-string or a Quoted-string; RFC 6531, 3.3 adds everything beyond ASCII.
_ATOM = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\U0010ffff]+"
_LOCAL = re.compile(rf'(?:{_ATOM}(?:\.{_ATOM})*|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*")')
_LITERAL = re.compile(r"\[(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|IPv6:[0-9A-Fa-f:.]{2,45})\]")
_LINE_END = re.compile(rb"\r\n|\r|\n")


class BadAddressError(ValueError):
    """This can't be anyone's address; the text says why, without the address."""


@dataclass(frozen=True, slots=True)
class Path:
    """A forward or reverse path: ``text`` stands between the angle brackets, ``beyond_ascii`` wants SMTPUTF8."""

    text: str

    @property
    def beyond_ascii(self) -> bool:
        """Whether only a server with SMTPUTF8 (RFC 6531) can take it."""
        return not self.text.isascii()


def path(address: str) -> Path:
    """Check an address and bring its domain into ASCII. Raises BadAddressError.

    Nothing is repaired: what is not an address must not become another one.
    """
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise BadAddressError("it has no local part or no domain")
    if not _is_visible(address) and not (local.startswith('"') and address.isascii() and address.isprintable()):
        raise BadAddressError("it holds a space or a control character")
    if not _LOCAL.fullmatch(local):
        raise BadAddressError("its local part is not allowed (RFC 5321, 4.1.2)")
    if len(local.encode()) > 64:  # RFC 5321, 4.5.3.1.1
        raise BadAddressError("its local part is longer than 64 octets")
    return Path(f"{local}@{_domain(domain)}")


def _is_visible(address: str) -> bool:
    """Whether no letter of it is a space or a control character."""
    if address.isascii():
        return address.isprintable() and " " not in address
    return not any(unicodedata.category(letter)[0] in "CZ" for letter in address)


def _domain(domain: str) -> str:
    if _LITERAL.fullmatch(domain):
        return domain
    if not is_domain(domain):
        raise BadAddressError("its domain is not allowed")
    return in_ascii(domain)


def wire(content: bytes) -> bytes:
    """The content of DATA without its last dot: every line ends with CRLF, leading dots are doubled (4.5.2).

    No CR or LF stands alone: servers that take one for a line end could be made to see another message (SMTP
    smuggling).
    """
    whole = content.count(b"\r\n")  # counting is a tenth of the price of a pattern that looks around itself
    if content.count(b"\n") != whole or content.count(b"\r") != whole:
        content = _LINE_END.sub(b"\r\n", content)
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    if b"\n." in content:
        content = content.replace(b"\r\n.", b"\r\n..")
    return b"." + content if content.startswith(b".") else content


def wire_of(outgoing: Outgoing) -> tuple[bytes, ...]:
    """The content of a message as ``wire`` has it, in pieces: nothing large is copied, unless dots must be doubled."""
    whole = (outgoing.beginning, *outgoing.rest)
    if len(whole) == 1:
        return (wire(outgoing.beginning),)
    found: list[bytes] = []
    for piece in whole:
        form = _form(piece) if isinstance(piece, Shared) else _inside(piece)
        if form is None:
            return (wire(outgoing.content),)
        if form.startswith(b".") and (not found or found[-1].endswith(b"\n")):
            found.append(b".")
        if form:
            found.append(form)
    return tuple(found) if found and found[-1].endswith(b"\r\n") else (*found, b"\r\n")


def _form(piece: Shared) -> bytes | None:
    if piece.lines == "base64":
        return piece.octets
    return piece.once(_stuffed if piece.lines == "crlf" else _inside)


def _inside(octets: bytes) -> bytes | None:
    """The form of one piece but for a dot that it may begin with; None if a line of it does not end with CRLF."""
    whole = octets.count(b"\r\n")
    if octets.count(b"\n") != whole or octets.count(b"\r") != whole:
        return None
    return _stuffed(octets)


def _stuffed(octets: bytes) -> bytes:
    # Looking from the end costs half as much: what a line begins with is compared first.
    return octets.replace(b"\r\n.", b"\r\n..") if octets.rfind(b"\r\n.") >= 0 else octets


def is_8bit(content: Iterable[bytes]) -> bool:
    """Whether the content wants 8BITMIME (RFC 6152)."""
    return not all(piece.isascii() for piece in content)
