"""Drills: a mail that only we can make, treated as if a reporter had sent it, and marked wherever people see it. Pure.

The mark is a keyed hash over all that matters of the mail: it can be moved to no other text, and whoever sends a
drill again sends the same drill again. What bears no mark of ours is a mail like any other.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace

from intake.model import DRILL, Address, Kind, ParsedMail, Verdict

MARK = "x-intake-drill"  # the keyed hash in hexadecimal
TO = "x-intake-drill-to"  # where its copies go in place of the organizers; absent: to the organizers
ID = "x-intake-drill-id"  # its Message-ID, for servers that give our mail one of their own, as Exchange does

Hash = Callable[[str], bytes]  # with the ledger's key


@dataclass(frozen=True, slots=True)
class Drill:
    """What a mail says of itself, once it is known to be ours. ``to`` is an address, or empty."""

    to: str


def mark(keyed: Hash, message_id: str, to: str, subject: str, text: str) -> str:
    """The value of ``MARK`` for a mail; line breaks and spaces in the text don't count, servers change them."""
    return keyed("\0".join((message_id, to, subject, " ".join(text.split())))).hex()


def recognised(mail: ParsedMail, keyed: Hash) -> Drill | None:
    """The drill that a mail is; None for any other mail, one with a mark that is not ours included."""
    right = mark(keyed, _id(mail), mail.first(TO), mail.subject, mail.text)
    return Drill(mail.first(TO)) if hmac.compare_digest(mail.first(MARK).encode(), right.encode()) else None


def _id(mail: ParsedMail) -> str:
    return mail.first(ID) or mail.message_id


def as_from_reporter(mail: ParsedMail) -> ParsedMail:
    """The mail as a reporter's, to be judged by its words: it came from our own address, and that would settle it.

    It is known by the id that we gave it, whatever became of that on its way.
    """
    name = _id(mail).strip("<>").partition("@")[0][:32] or "drill"
    return replace(
        mail,
        message_id=_id(mail),
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
