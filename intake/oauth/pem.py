"""Files in PEM (RFC 7468)."""

from __future__ import annotations

import re


def blocks(pem: str, kind: str) -> list[str]:
    """The blocks of a kind, a regular expression such as ``CERTIFICATE``."""
    return re.findall(rf"-----BEGIN {kind}-----[^-]+-----END {kind}-----\n?", pem)
