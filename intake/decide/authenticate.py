"""Who a sender really is, as far as our own server says and signatures that were verified here prove it.

Only the topmost Authentication-Results (RFC 8601) of the configured authserv-id counts: anybody may have written the
others.
"""

from __future__ import annotations

import re

from intake.model import ParsedMail
from intake.model.domains import in_ascii

MICROSOFT = "microsoft"  # Exchange Online writes the field without an authserv-id; this name asks for that form

_COMMENT = re.compile(r"\([^()]{0,500}\)")
_TOKEN = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^\s;"])+|;')
# defects that leave it open who wrote a mail; the first is told
DOUBTFUL = (
    "no-from",
    "several-from",
    "control-in-from",
    "group-from",
    "empty-from",
    "invalid-from",
    "several-authors",
    "uncertain-from",
    "head-unreadable",
)


def result(mail: ParsedMail, authserv_id: str) -> str:
    """``pass``, ``fail`` or ``none``: whether the domain in From was proved (aligned) to have sent the mail.

    Proof is what our own server says, and a signature that was verified here. With an empty ``authserv_id`` no
    server is believed. A doubtful author can't be proved to be anybody.
    """
    domain = claimed_domain(mail)
    if not domain:
        return "none"
    if any(aligned(signer, domain) for signer in mail.signatures.domains):
        return "pass"
    said = _server_says(mail, domain, authserv_id.strip().lower())
    return "fail" if said == "none" and mail.signatures.failed else said


def claimed_domain(mail: ParsedMail) -> str:
    """The domain that a mail claims to come from; empty where authorship is in doubt."""
    return mail.authors[0].domain if len(mail.authors) == 1 and not set(mail.defects).intersection(DOUBTFUL) else ""


def _server_says(mail: ParsedMail, domain: str, wanted: str) -> str:
    if not wanted:
        return "none"
    for value in mail.values("authentication-results"):
        methods = _methods(value, wanted)
        if methods is not None:
            return _judged(methods, domain)
    return "none"


def _methods(value: str, wanted: str) -> list[tuple[str, str, dict[str, str]]] | None:
    """(method, result, properties) of one field, or None when it is another server's."""
    for _ in range(5):
        value = _COMMENT.sub(" ", value)
    clauses: list[list[str]] = [[]]
    for word in _TOKEN.findall(value):
        if word == ";":
            clauses.append([])
        else:
            clauses[-1].append(word)
    if wanted == MICROSOFT:
        if not clauses[0] or "=" not in clauses[0][0]:
            return None
        stated = clauses
    else:
        if not clauses[0] or clauses[0][0].strip('"').lower() != wanted:
            return None
        stated = clauses[1:]
    return [found for clause in stated if (found := _method(clause)) is not None]


def _method(clause: list[str]) -> tuple[str, str, dict[str, str]] | None:
    if not clause or "=" not in clause[0]:
        return None
    method, _, outcome = clause[0].lower().partition("=")
    properties = dict(token.lower().split("=", 1) for token in reversed(clause[1:]) if "=" in token)
    return method.partition("/")[0], outcome, properties


def _judged(methods: list[tuple[str, str, dict[str, str]]], domain: str) -> str:
    failed = False
    for method, outcome, properties in methods:
        if method not in {"dmarc", "dkim", "spf"}:
            continue
        if outcome == "pass" and aligned(_proved(method, properties), domain, exact=method == "dmarc"):
            return "pass"
        failed = failed or outcome in {"fail", "hardfail", "permerror"}
    return "fail" if failed else "none"


def _proved(method: str, properties: dict[str, str]) -> str:
    """The domain that a method speaks for."""
    if method == "dmarc":
        return properties.get("header.from", "")
    if method == "spf":
        return properties.get("smtp.mailfrom", "").rpartition("@")[2].strip('"<>')
    return properties.get("header.d", "") or properties.get("header.i", "").rpartition("@")[2]


def aligned(proved: str, domain: str, *, exact: bool = False) -> bool:
    """Relaxed alignment (RFC 7489, 3.1): the same domain, or one is below the other, within one organisation.

    The upper one of the two must be somebody's own: not ``com``, nor the likes of ``co.uk``. (Two that are side by
    side below a third are not taken for one organisation: that would need the list of all public suffixes.)
    """
    proved, domain = (in_ascii(one[:1000].strip(".")) for one in (proved, domain))
    if exact or proved == domain:
        return proved == domain and "." in proved
    upper, lower = sorted((proved, domain), key=len)
    return lower.endswith("." + upper) and not _is_public(upper)


# Second-level names under which a country registers everybody, as far as they follow the usual pattern.
_SHARED = frozenset(
    ("ac", "co", "com", "edu", "gen", "gob", "gouv", "gov", "gv", "id", "ltd", "me", "mil", "ne", "net")
)
_SHARED |= {"nom", "or", "org", "plc", "sch"}


def _is_public(domain: str) -> bool:
    labels = domain.split(".")
    return len(labels) < 2 or (len(labels) == 2 and len(labels[1]) == 2 and labels[0] in _SHARED)
