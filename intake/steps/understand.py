"""From bytes to a verdict, at most once in a pass for the same mail."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from intake.decide.authenticate import aligned, claimed_domain
from intake.decide.drill import MARK, as_from_reporter, marked, recognised
from intake.model import Kind, ParsedMail, RawMail, Urgency, Verdict, Withheld
from intake.steps.parts import Parts

if TYPE_CHECKING:
    from intake.config import Config
    from intake.ports import TextRecords

UNPROCESSABLE = "unprocessable"


def understand(
    parts: Parts, body: bytes, arrived: datetime, raw: RawMail | None = None, *, truncated: bool = False
) -> tuple[ParsedMail, Verdict]:
    """Parse and judge a mail, or remember having done so. The same bytes always give the same answer."""
    mark = hashlib.sha256(body).digest() + arrived.isoformat().encode()
    known = parts.memo.get(mark)
    if known is None:
        mail = parts.parse()(
            body, truncated=truncated or bool(raw and raw.truncated), unreadable=bool(raw and raw.unreadable)
        )
        mail = signed(parts.keys(), parts.config, mail, body, arrived)
        drill = recognised(mail, lambda text: parts.ledger.key.hash("drill", text)) if mail.first(MARK) else None
        if drill:
            mail = as_from_reporter(mail)
        verdict = parts.judge()(mail, arrived)
        known = (mail, marked(verdict, drill) if drill else verdict)
        parts.memo.put(mark, known, ahead=raw is not None)
    return known


def signed(keys: TextRecords | None, config: Config, mail: ParsedMail, body: bytes, arrived: datetime) -> ParsedMail:
    """The mail, with what its signatures prove about its author, where that is to be verified here.

    Only signatures that could prove something are looked at: whoever signs for others makes nobody ask for keys.
    """
    author = claimed_domain(mail)
    if keys is None or not config.acknowledgement.dkim or not author or not mail.first("dkim-signature"):
        return mail
    if "truncated" in mail.defects or "unreadable" in mail.defects:
        return mail
    from intake.receive.dkim import verify  # noqa: PLC0415 - only where it is configured

    return replace(mail, signatures=verify(body, arrived, keys, lambda domain: aligned(domain, author)))


def unprocessable(parts: Parts, body: bytes) -> Verdict:
    """What is said of a mail that can't be understood without harm: a report, until a person has looked.

    Even so, nobody gets it whose name stands in it for all to read.
    """
    config = parts.config
    seen = body.decode("utf-8", "replace").casefold()
    return Verdict(
        kind=Kind.PERSON,
        category=(config.category("report") or config.categories[-1]).name,
        rule=f"doubt:{UNPROCESSABLE}",
        evidence=(),
        urgency=Urgency.NORMAL,
        urgency_reasons=(),
        language=config.community.languages[0],
        event="",
        acknowledge=False,
        acknowledge_reason=UNPROCESSABLE,
        acknowledge_to=None,
        recused=tuple(
            Withheld(organizer.email.lower(), "named-in-raw-mail")
            for organizer in config.organizers
            if any(name.casefold() in seen for name in (organizer.name, organizer.email, *organizer.also_known_as))
        )
        + _fallback_seen(config, seen),
    )


def _fallback_seen(config: Config, seen: str) -> tuple[Withheld, ...]:
    fallback = config.fallback
    if fallback is None or not (fallback.email.casefold() in seen or fallback.name.casefold() in seen):
        return ()
    return (Withheld(fallback.email.lower(), "named-in-raw-mail"),)
