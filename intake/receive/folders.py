"""From the names people configure to the names a server wants.

A configured name is what people read: any script, ``/`` between levels. A server may separate levels otherwise,
and may keep everything below ``INBOX.`` (RFC 2342). Modified UTF-7 is the library's business.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Namespace:
    """The personal namespace. ``known`` is false where the server doesn't tell (no NAMESPACE), and names are tried.

    ``separator`` is empty on a server without levels.
    """

    prefix: str
    separator: str
    known: bool


def is_inbox(name: str) -> bool:
    """INBOX is the one name whose case doesn't matter (RFC 9051, 5.1)."""
    return name.upper() == "INBOX"


def candidates(name: str, namespace: Namespace) -> tuple[str, ...]:
    """The server names that ``name`` may stand for, the likeliest first; never empty.

    A name written as the server shows it (``INBOX.Junk``) is among them, and so is the name exactly as it was
    written, for folders that a program has made with decomposed letters.
    """
    if is_inbox(name):
        return ("INBOX",)
    separator = namespace.separator
    found: list[str] = []
    for written in (unicodedata.normalize("NFC", name), name):
        local = _below_inbox(written.replace("/", separator) if separator else written, separator)
        if namespace.prefix and not local.startswith(namespace.prefix):
            found.append(namespace.prefix + local)
        found.append(local)
        if not namespace.known and separator and not local.startswith("INBOX" + separator):
            found.append(f"INBOX{separator}{local}")
    return tuple(dict.fromkeys([*found, name]))


def _below_inbox(name: str, separator: str) -> str:
    """Write a leading INBOX in capitals, as servers compare the rest of a name by its letters."""
    head, between, rest = name.partition(separator) if separator else (name, "", "")
    return f"INBOX{between}{rest}" if between and is_inbox(head) else name
