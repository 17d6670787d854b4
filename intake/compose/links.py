"""The two links of a copy: answer the reporter, discuss with the team (RFC 6068)."""

from __future__ import annotations

from urllib.parse import quote

from intake.compose.headers import addr_spec, message_id
from intake.errors import DeliveryError
from intake.model import Address, ParsedMail, Verdict


def mailto(to: str, *, cc: str = "", subject: str, in_reply_to: str = "") -> str:
    """A ``mailto:`` with every value percent-encoded: nothing in it can add a field of its own."""
    fields = [("cc", cc), ("subject", subject), ("In-Reply-To", message_id(in_reply_to) if in_reply_to else "")]
    query = "&".join(f"{name}={quote(value, safe='@')}" for name, value in fields if value)
    return f"mailto:{quote(to, safe='@')}?{query}"


def replying(link: str, in_reply_to: str) -> str:
    """A ``mailto:`` of ours that answers a message besides."""
    found = message_id(in_reply_to)
    return f"{link}&In-Reply-To={quote(found, safe='@')}" if found else link


def reporter(mail: ParsedMail, verdict: Verdict) -> Address | None:
    """Whom an answer goes to: the address that was judged safe to answer, else the first author with a usable one."""
    authors = [] if "uncertain-from" in mail.defects else list(mail.authors)
    candidates = ([verdict.acknowledge_to] if verdict.acknowledge_to else []) + authors
    for candidate in candidates:
        try:
            return Address(candidate.name, addr_spec(candidate.email))
        except DeliveryError:
            continue
    return None
