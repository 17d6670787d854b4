"""``intake drill --every``: the self-checks, started and told of without waiting for them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from intake.cli.common import DONE, FINDING, LEFT, Invocation, print_json
from intake.cli.tables import span, when
from intake.steps import selfcheck

if TYPE_CHECKING:
    from intake.steps.parts import Parts

_STAGES = {
    selfcheck.THROUGH: "came through",
    selfcheck.ON_ITS_WAY: "is on its way",
    "not-sent": "could not be sent; see: intake check",
    "not-read": "was sent and did not come into the mailbox; does the provider deliver to it, is each folder read?",
    "no-case": "was read and opened no case; see: intake cases machine",
    "not-delivered": "was read, and not every copy could be delivered; see: intake outbox list",
}


def look(invocation: Invocation, parts: Parts, to: str, every: timedelta) -> int:
    """Start one if it is due; tell of the last that is decided, and end as it ended."""
    if not to:
        raise click.UsageError("a self-check needs an address that no organizer reads: give --to, or set [drill] to")
    try:
        started = selfcheck.start(parts, to, every)
        found = selfcheck.checks(parts, to)
        due = selfcheck.next_due(parts, every, found)
    finally:
        parts.ledger.close()
    decided = next((check for check in found if check.decided), None)
    now = invocation.clock.now()
    if invocation.json:
        shown = [{"at": one.at, "stage": one.stage, "after": one.seconds} for one in found]
        print_json({"started": started, "next": due, "checks": shown})
    else:
        if started:
            click.echo("A self-check was put into the outbox; the next pass sends it.")
        for check in found[started:2]:
            took = f" after {check.seconds:.1f} s" if check.seconds is not None else ""
            click.echo(f"The self-check of {when(check.at, now)} {_STAGES[check.stage]}{took}.")
        if due is not None and due > now:
            click.echo(f"The next one is due in {span(due - now)}.")
    if decided is None:
        return LEFT if found else DONE
    return DONE if decided.stage == selfcheck.THROUGH else FINDING
