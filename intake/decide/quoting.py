"""What of a mail its author wrote this time, and what is only quoted or passed on."""

from __future__ import annotations

import re

from intake.model import ParsedMail

# Lines above a quotation, in our languages: "On … wrote:", and the header block that Outlook puts there.
_WROTE = r"wrote|schreef|geschreven|(?:a|à) (?:é|e)crit|schrieb(?: .{0,80})?|ha scritto|escribi(?:ó|o)|escreveu|skrev"
_RULED = (
    r"original message|oorspronkelijk bericht|message (?:d.origine|original)|urspr(?:ü|u)ngliche nachricht"
    r"|doorgestuurd bericht|forwarded message"
)
_ATTRIBUTION = re.compile(
    rf"^[ \t]{{0,8}}(?:on|op|le|am|il|el|em|den)\b.{{0,300}}\b(?:{_WROTE})[ \t]{{0,4}}:?[ \t]*$"
    rf"|^[ \t]{{0,8}}-{{2,}}[ \t]{{0,4}}(?:{_RULED})[ \t]{{0,4}}-{{2,}}"
    r"|^(?:from|van|de|von)[ \t]{0,2}:[ \t][^\n]{1,300}\n(?:[^\n]{0,300}\n){0,2}"
    r"(?:sent|date|verzonden|datum|envoy(?:é|e)|gesendet|to|aan|à|an)[ \t]{0,2}:",
    re.IGNORECASE | re.MULTILINE,
)
_REPLY_MARKS = (
    r"re|fwd?|fw|aw|wg|antw|tr|rv|rép|rep|réf|ref|sv|vs|vb|vl|doorst|betr|odp|pd|i|r|res|enc|ynt|bls|fs|vá"
    r"|回复|转发|答复|回覆|轉寄|返信|転送"
)
_PREFIX = re.compile(
    rf"\s{{0,5}}(?:\[(?:external|extern|externe|ext|caution)\]|(?:{_REPLY_MARKS})"
    r"(?:\s{0,2}\[\d{1,3}\]|\s{0,2}\(\d{1,3}\)|\^\d{1,3}|\d{1,2})?\s{0,2}[:\uff1a])",
    re.IGNORECASE,
)
_FORWARDED = re.compile(r"\s*(?:\[?fwd?|fw|wg|tr|doorst|i|enc|rv|vs|vb|pd)\s*[:\]]", re.IGNORECASE)
_MAX_PREFIXES = 50


def is_forwarded(subject: str) -> bool:
    """Whether a person passes something on (``Fwd:`` in our languages and their mail programs')."""
    return _FORWARDED.match(subject) is not None


def bare_subject(subject: str) -> str:
    """The subject without its pile of Re, Fwd, Antw, TR, AW, WG, RV … in any order, case and number."""
    position = 0
    for _ in range(_MAX_PREFIXES):
        match = _PREFIX.match(subject, position)
        if match is None:
            break
        position = match.end()
    return subject[position:].strip()


def own_text(mail: ParsedMail) -> str:
    """The author's words of this time: of a reply what is not quoted, of any other mail everything.

    A mail that is forwarded, or that would be empty without what it quotes, is taken whole: a report may be just
    that.
    """
    text = mail.text
    answers = bool(mail.in_reply_to or mail.references) or bare_subject(mail.subject) != mail.subject.strip()
    if not answers or is_forwarded(mail.subject):
        return text
    found = _ATTRIBUTION.search(text[:50_000])
    kept = text[: found.start()] if found else text
    kept = "\n".join(line for line in kept.split("\n") if not line.lstrip().startswith(">"))
    return kept if kept.strip() else text


def unquoted(text: str) -> str:
    """What a reply adds to the mail it answers; empty when it is nothing but a quotation.

    Words below a quotation count when there are none above it: some people answer there.
    """
    text = text[:200_000]
    found = _ATTRIBUTION.search(text)
    above, below = (text[: found.start()], text[found.end() :]) if found else (text, "")
    kept = _without_quotes(above)
    if not kept.strip() and found and ">" in below:
        kept = _without_quotes(below)
    return kept


def _without_quotes(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not line.lstrip().startswith(">"))
