"""Keeping nothing too long, by itself: once a day, at the end of a pass, the cases go whose time is up.

A rule that is new here, or shorter than it was, is applied only after the digests have had time to name the cases:
no mistyped number, and no upgrade, takes anything away unannounced.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from intake.decide.clock import BEFORE_ERASURE
from intake.steps import selfcheck

if TYPE_CHECKING:
    from intake.steps.parts import Parts
    from intake.steps.reports import PassReport

EVERY, AFTER_TROUBLE = timedelta(days=1), timedelta(hours=6)
AT_MOST = 50  # cases at a time: whoever waits to read the mailbox waits no longer than for these


def tidy(parts: Parts, report: PassReport) -> bool:
    """Erase what is due, if it is time to look; whether it was.

    The turn is written down first: if erasing ends the program, the next passes do all else before they try again.
    """
    now, ledger = parts.now, parts.ledger
    since = ledger.note_rule(parts.config.retention.closed_cases, now)
    if now < since + BEFORE_ERASURE or not ledger.take_turn(now, AFTER_TROUBLE):
        return False
    selfcheck.close_what_was_left(parts)
    from intake.steps.erasure import retention  # noqa: PLC0415 - for one pass a day

    told = retention(parts, apply=True, at_most=AT_MOST)
    # No code and no number: whoever reads the log may be somebody who must not know of a case.
    if told.erased:
        out_of_reach = any(one.missing or one.marked for one in told.erased)
        left = "; not all of their mail was within reach" if out_of_reach else ""
        parts.say(f"what was closed and whose time was up has been erased{left}; copies that people have stay")
    for problem in dict.fromkeys(told.problems.values()):
        parts.say(f"what is due is not erased yet: {problem}")
    report.erased += len(told.erased)
    report.problems += told.problems.values()
    if not told.problems:  # what somebody else is at, and what was too much for one turn, goes at the next pass
        ledger.next_turn(now if len(told.due) > len(told.erased) else now + EVERY)
    return True
