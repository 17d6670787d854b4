"""Drills: a mail that only we can make, treated as if a reporter had sent it, and marked wherever people see it. Pure.

The mark is a keyed hash over all that matters of the mail, so that it can be moved to no other text, and over the
time, so that an old drill is no drill any more. What bears no mark of ours is a mail like any other.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from intake.model import DRILL, Address, Kind, ParsedMail, Verdict

MARK = "x-intake-drill"  # "SECONDS HASH": when it was made, since 1970, and the keyed hash in hexadecimal
TO = "x-intake-drill-to"  # where its copies go in place of the organizers; absent: to the organizers
GOOD_FOR = timedelta(days=1)

Hash = Callable[[str], bytes]  # with the ledger's key


@dataclass(frozen=True, slots=True)
class Drill:
    """What a mail says of itself, once it is known to be ours. ``to`` is an address, or empty."""

    to: str


def mark(keyed: Hash, made: datetime, message_id: str, to: str, subject: str, text: str) -> str:
    """The value of ``MARK`` for a mail; line breaks and spaces in the text don't count, servers change them."""
    seconds = int(made.timestamp())
    words = " ".join(text.split())
    return f"{seconds} {keyed(chr(0).join((str(seconds), message_id, to, subject, words))).hex()}"


def recognised(mail: ParsedMail, arrived: datetime, keyed: Hash) -> Drill | None:
    """The drill that a mail is; None for any other mail, one with a mark that is not ours included."""
    told = mail.first(MARK)
    seconds = told.partition(" ")[0]
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) < 12):
        return None
    made = datetime.fromtimestamp(int(seconds), UTC)
    if abs(arrived - made) > GOOD_FOR:
        return None
    right = mark(keyed, made, mail.message_id, mail.first(TO), mail.subject, mail.text)
    return Drill(mail.first(TO)) if hmac.compare_digest(told.encode(), right.encode()) else None


def as_from_reporter(mail: ParsedMail) -> ParsedMail:
    """The mail as a reporter's, to be judged by its words: it came from our own address, and that would settle it."""
    name = mail.message_id.strip("<>").partition("@")[0][:32] or "drill"
    return replace(
        mail,
        authors=(Address("Drill", f"{name}@drill.invalid"),),
        reply_to=(),
        return_path=None,
        headers=tuple((name, value) for name, value in mail.headers if name in {MARK, TO, "subject", "to"}),
    )


def marked(verdict: Verdict, drill: Drill) -> Verdict:
    """What is said of it: all that is said of a report, but that nobody is answered who is not there."""
    return replace(
        verdict,
        kind=Kind.PERSON,
        rule=DRILL,
        evidence=(),
        authentication="none",
        acknowledge=bool(drill.to),
        acknowledge_reason=DRILL,
        acknowledge_to=Address("", drill.to) if drill.to else None,
        matched=True,
    )
