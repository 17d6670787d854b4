"""Handing out what there is of a case: the reporter's part and other people's part, each by itself."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intake.errors import IntakeError
from intake.model import REPORTER, Case, Outcome
from intake.steps.erasure import originals

if TYPE_CHECKING:
    from intake.steps.parts import Parts

README = """\
Everything that intake can reach of case {code}, as of {when}.

reporter/   what the reporter sent, as it came, and what was written down about their case. This part is theirs:
            it can be given to them. It may tell about other people too, as they told it.
others/     what other people wrote and did: organizers' mails and notes, who got a copy and who was withheld, and
            the log. Before any of it is given to anybody, look whose it is: it names organizers, and what an
            organizer wrote may hold things that somebody else told in confidence.

If somebody asks whom the report is about, begin with neither: their right of access does not reach as far as to
show who reported them. Take legal advice, and write down what was given to whom.

Mails by where they belong: {reporter} of the reporter, {others} of others.
{missing}
Not in here, because intake can't reach it: copies in organizers' own mailboxes and what they wrote elsewhere, the mail
server's backups and logs.

This file is as confidential as the case. Hand it over in person or encrypted, and delete it afterwards.
"""
_OF_THE_REPORTER = frozenset({Outcome.CASE, Outcome.FOLLOW_UP, Outcome.QUARANTINED})
_NEVER_BEFORE = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can tell; when a mail came stands inside


@dataclass(frozen=True, slots=True)
class Handed:
    """What was written: where, how many mails of whom, and how many could not be found."""

    path: Path
    reporter: int
    others: int
    missing: int


def hand_out(parts: Parts, case: Case, folder: Path) -> Handed:
    """Write a zip with all of a case into a folder, with rights 0600. Raises IntakeError when one is there already."""
    path = folder / f"case-{case.code}.zip"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise IntakeError(f"{path} is there already; move it away, or name another folder") from None
    except OSError as error:
        raise IntakeError(f"{path}: can't be written ({error.strerror}); name another folder") from None
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
            return _fill(parts, case, path, bundle)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _fill(parts: Parts, case: Case, path: Path, bundle: zipfile.ZipFile) -> Handed:
    traces = parts.ledger.traces(case.id)
    counts = {"reporter": 0, "others": 0}
    wanted = {one.content or one.mail_id for one in traces}
    for trace, body in originals(parts, traces):
        wanted.discard(trace.content or trace.mail_id)
        side = "reporter" if trace.outcome in _OF_THE_REPORTER else "others"
        counts[side] += 1
        # Named by number: nothing in a mail names a file.
        _put(bundle, f"{side}/mail-{counts[side]:03}.eml", body)
    for name, content in _facts(parts, case):
        _put(bundle, name, json.dumps(content, ensure_ascii=False, indent=2, default=_plain).encode())
    missing = len(wanted)
    lacking = (
        f"{missing} mail(s) of the case are not in here: they stand in none of the folders that intake looks at, or "
        "are larger than [[mailbox]] max_size.\n"
        if missing
        else ""
    )
    text = README.format(
        code=case.code, when=f"{parts.now.astimezone(UTC):%Y-%m-%d %H:%M} UTC", missing=lacking, **counts
    )
    _put(bundle, "README.txt", text.encode())
    return Handed(path, counts["reporter"], counts["others"], missing)


def _put(bundle: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _NEVER_BEFORE)
    entry.external_attr = 0o600 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    bundle.writestr(entry, content)


def _facts(parts: Parts, case: Case) -> Iterator[tuple[str, Any]]:
    deliveries = parts.ledger.deliveries_of_case(case.id)
    yield (
        "reporter/case.json",
        {
            "code": case.code,
            "category": case.category,
            "urgency": case.urgency,
            "language": case.language,
            "event": case.event,
            "authentication": case.authentication,
            "state": case.state,
            "outcome": case.outcome,
            "opened": case.opened,
            "closed": case.closed_at,
            "first_human_reply": case.first_human_reply,
            "mails": case.mails,
            "acknowledgements": [
                {"state": one.state, "sent": one.sent_at} for one in deliveries if one.recipient == REPORTER
            ],
        },
    )
    yield (
        "others/messages.json",
        [
            {"kind": one.kind, "to": one.recipient, "state": one.state, "sent": one.sent_at}
            for one in deliveries
            if one.recipient != REPORTER
        ],
    )
    yield "others/withheld.json", [{"organizer": one.organizer, "reason": one.reason} for one in case.recused]
    yield "others/notes.json", [{"at": at, "by": by, "text": text} for at, by, text in parts.ledger.notes(case.id)]
    yield (
        "others/log.json",
        [
            {"at": line.at, "what": line.entry.what, "by": line.entry.by, "about": line.entry.about}
            for line in parts.ledger.case_log(case.code)
        ],
    )
    yield "others/case.json", {"rule": case.rule, "urgency_reasons": case.urgency_reasons, "lead": case.claimed_by}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    raise TypeError(f"{type(value).__name__} has no JSON form")
