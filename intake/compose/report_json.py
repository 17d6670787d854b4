"""``report.json``: a report in the form for machines. ``schemas/report.schema.json`` describes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

from intake.compose.headers import clean
from intake.compose.house import House
from intake.letters import Copy
from intake.model import Urgency

SCHEMA = "conduct-intake/report/1"


def document(letter: Copy, house: House, encoding: str) -> str:
    """The document in ASCII. ``encoding`` is how the original travels, empty when it is not attached."""
    mail, verdict = letter.mail, letter.verdict
    author = mail.authors[0] if mail.authors else None
    answer = {
        "schema": SCHEMA,
        "case": letter.case.code,
        "kind": letter.kind.value,
        "category": letter.case.category,
        "rule": letter.case.rule,
        "urgency": urgency(letter).value,
        "urgency_reasons": list(urgency_reasons(letter)),
        "language": verdict.language,
        "event": verdict.event or letter.case.event or None,
        "received": iso(letter.received),
        "mailbox": letter.mailbox,
        "folder": letter.folder,
        "reporter": {"name": plain(author.name), "address": plain(author.email)} if author else None,
        "authentication": verdict.authentication,
        "sender_kind": verdict.kind.value,
        "attachments": [
            {"name": plain(item.name), "type": plain(item.type), "bytes": item.bytes, "sha256": item.sha256}
            for item in mail.attachments
        ],
        "others_copied": bool(others_copied(letter, house)),
        "recipients": [plain(reader.name) for reader in letter.recipients],
        "withheld": letter.others_withheld,
        "content": sorted(mail.content),
        "defects": list(mail.defects),
        "acknowledgement": {
            "state": letter.acknowledgement.state,
            "reason": letter.acknowledgement.reason,
            "at": iso(letter.acknowledgement.at) if letter.acknowledgement.at else None,
        },
        "linked_case": letter.linked_code or None,
        "original": {
            "attached": bool(encoding),
            "encoding": encoding or None,
            "bytes": letter.size,
            "sha256": sha256(letter.original).hexdigest() if encoding else None,
            "note": letter.original_note or None,
        },
    }
    return json.dumps(answer, ensure_ascii=True, indent=1) + "\n"


def urgency(letter: Copy) -> Urgency:
    """The higher of the case's and this mail's: urgency only rises."""
    urgent = Urgency.URGENT in {letter.case.urgency, letter.verdict.urgency}
    return Urgency.URGENT if urgent else Urgency.NORMAL


def urgency_reasons(letter: Copy) -> tuple[str, ...]:
    """The reasons of this mail first, then those of the case before it."""
    return tuple(dict.fromkeys((*letter.verdict.urgency_reasons, *letter.case.urgency_reasons)))


def others_copied(letter: Copy, house: House) -> tuple[str, ...]:
    """Addresses in To and Cc that are not ours, each once."""
    everyone = (address.email for address in (*letter.mail.to, *letter.mail.cc))
    return tuple(dict.fromkeys(email for email in everyone if email and email.lower() not in house.own_addresses))


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def plain(value: str) -> str:
    """Text of a mail on one line, without controls and without marks that turn its direction."""
    return clean(value) if value else ""


def listed(values: Sequence[str], most: int) -> tuple[list[str], int]:
    """The first ``most`` and how many more there are."""
    return list(values[:most]), max(0, len(values) - most)
