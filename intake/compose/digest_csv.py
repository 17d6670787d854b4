"""``digest.csv``: the cases of a digest as a table for a spreadsheet, open ones first. No cell can be a formula."""

from __future__ import annotations

import csv
import io
from datetime import datetime

from intake.compose.report_json import iso
from intake.letters import Digest, DigestCase

COLUMNS = (
    "code", "category", "urgency", "event", "state", "opened", "age_hours", "lead", "human_reply", "mails", "new_mails",
    "due", "due_for", "overdue", "closed_at", "delivery_problems", "withheld_others", "erase_on",
)  # fmt: skip
# A spreadsheet takes a cell that begins so for a formula, and may run what it says.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def table(letter: Digest) -> str:
    """The table with its heads; lines end as RFC 4180 has it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for item in (*letter.cases, *letter.closed):
        writer.writerow([_inert(cell) for cell in _row(item, letter.now)])
    return out.getvalue()


def _row(item: DigestCase, now: datetime) -> list[str]:
    overdue = bool(item.due and item.due < now)
    hours = max(0, int((now - item.opened).total_seconds() // 3600))
    found: list[object] = [
        item.code, item.category, str(item.urgency), item.event, str(item.state), iso(item.opened), hours, item.lead,
        _yes(item.human_reply), item.mails, item.new_mails, _iso(item.due), item.due_for, _yes(overdue),
        _iso(item.closed_at), item.delivery_problems, item.withheld_others, _iso(item.erase_on),
    ]  # fmt: skip
    return [str(cell) for cell in found]


def _inert(cell: str) -> str:
    """With an apostrophe in front of what could be a formula: spreadsheets take the rest as text then."""
    return f"'{cell}" if cell.lstrip(" \u00a0").startswith(_FORMULA) or cell.startswith(_FORMULA) else cell


def _yes(value: bool) -> str:  # noqa: FBT001 - a cell's value
    return "yes" if value else "no"


def _iso(moment: datetime | None) -> str:
    return iso(moment) if moment else ""
