"""``digest.json``: a digest in the form for machines. ``schemas/digest.schema.json`` describes it."""

from __future__ import annotations

import json
from datetime import datetime

from intake.compose.house import House
from intake.compose.report_json import iso
from intake.letters import Digest, DigestCase

SCHEMA = "conduct-intake/digest/1"


def document(letter: Digest, house: House) -> str:
    """The document in ASCII: codes, times and counts, nothing personal."""
    answer = {
        "schema": SCHEMA,
        "community": house.name,
        "period": letter.period,
        "since": _iso(letter.since),
        "now": iso(letter.now),
        "cases": [_case(item, letter.now) for item in letter.cases],
        "closed": [_case(item, letter.now) for item in letter.closed],
        "not_fanned_out": dict(letter.not_fanned_out),
        "silenced_acknowledgements": letter.silenced,
        "undelivered": letter.undelivered,
        "mailboxes": [
            {"name": box.name, "last_pass": _iso(box.last_pass), "error": box.error or None} for box in letter.mailboxes
        ],
        "problems": list(letter.problems),
        "erased_soon": list(letter.erased_soon),
        "expires": [{"what": one.what, "name": one.name or None, "ends": _iso(one.ends)} for one in letter.expiries],
        "not_fanned_out_in": {name: list(where) for name, where in letter.places},
        "silenced_cases": list(letter.silenced_codes),
        "self_check": {"at": iso(letter.self_check.at), "seconds": letter.self_check.seconds}
        if letter.self_check
        else None,
    }
    return json.dumps(answer, ensure_ascii=True, indent=1) + "\n"


def _case(item: DigestCase, now: datetime) -> dict[str, object]:
    return {
        "code": item.code,
        "category": item.category,
        "urgency": item.urgency,
        "event": item.event or None,
        "state": item.state,
        "opened": iso(item.opened),
        "age_seconds": max(0, int((now - item.opened).total_seconds())),
        "lead": item.lead or None,
        "human_reply": item.human_reply,
        "mails": item.mails,
        "new_mails": item.new_mails,
        "due": _iso(item.due),
        "due_for": item.due_for or None,
        "overdue": bool(item.due and item.due < now),
        "closed_at": _iso(item.closed_at),
        "delivery_problems": item.delivery_problems,
        "withheld_others": item.withheld_others,
        "erase_on": _iso(item.erase_on),
    }


def _iso(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None
