"""Domain names beyond ASCII (RFC 5890): one form for what is compared, written into a header and said on the wire.

Nothing is mapped to what it only looks like or once stood for: ``straße.example`` is not ``strasse.example``.
"""

from __future__ import annotations

import re
import unicodedata

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def in_ascii(domain: str) -> str:
    """A domain in lower case with its labels as they stand in the DNS. Total: what is none stays none."""
    labels = unicodedata.normalize("NFC", domain.lower()).split(".")
    return ".".join(one if one.isascii() else f"xn--{one.encode('punycode').decode('ascii')}" for one in labels)


def is_domain(domain: str) -> bool:
    """Whether it can be a host's name (RFC 1123, 2.1; RFC 5890, 2.3.2.1) and reads in one way only."""
    if not domain.isascii() and not all(map(_is_plain, unicodedata.normalize("NFC", domain.lower()).split("."))):
        return False
    written = in_ascii(domain)
    return len(written) <= 253 and all(_LABEL.fullmatch(label) for label in written.split("."))


def _is_plain(label: str) -> bool:
    """Letters, their marks, digits and hyphens, none in a form that stands for another (a wide or a raised letter)."""
    letters = all(letter == "-" or unicodedata.category(letter)[0] in "LMN" for letter in label)
    return letters and unicodedata.normalize("NFKC", label) == label and not unicodedata.combining(label[:1] or "-")
