"""``cases``: the cases, for whoever runs the program."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from intake.cli.common import FINDING, Invocation, Listing, options, print_json
from intake.cli.tables import Cell, table, when
from intake.edge import Chance
from intake.model import Case, CaseState

if TYPE_CHECKING:
    from intake.ledger.ledger import Ledger


@contextmanager
def open_ledger(invocation: Invocation) -> Iterator[Ledger]:
    """The ledger of the configuration, for one command."""
    from intake import app  # noqa: PLC0415

    config = invocation.config()
    book = app.ledger(config, Chance(), os.environ)
    book.open(invocation.clock.now())
    try:
        yield book
    finally:
        book.close()


def as_json(case: Case) -> dict[str, object]:
    """A case as the contract lists it."""
    return {
        "code": case.code,
        "category": case.category,
        "urgency": case.urgency,
        "urgency_reasons": case.urgency_reasons,
        "state": case.state,
        "opened": case.opened,
        "claimed_by": case.claimed_by,
        "claimed_at": case.claimed_at,
        "first_human_reply": case.first_human_reply,
        "closed": case.closed_at,
        "mails": case.mails,
        "language": case.language,
        "event": case.event,
        "authentication": case.authentication,
        "recused": [{"organizer": one.organizer, "reason": one.reason} for one in case.recused],
    }


@click.group(cls=Listing)
def cases() -> None:
    """The cases."""


@cases.command("list")
@options
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
def listed(invocation: Invocation, everything: bool) -> None:  # noqa: FBT001 - click passes flags so
    """All cases that are open."""
    states = None if everything or invocation.json else (CaseState.NEW, CaseState.CLAIMED)
    with open_ledger(invocation) as book:
        found = book.cases(states=states)
    if invocation.json:
        print_json([as_json(case) for case in found])
        return
    now = invocation.clock.now()
    table(
        ("code", "category", "urgency", "state", "opened", "lead", "answered", "mails", "withheld"),
        [
            (
                case.code,
                case.category,
                Cell(case.urgency, "bold red" if case.urgency == "urgent" else ""),
                case.state,
                when(case.opened, now),
                case.claimed_by or "-",
                when(case.first_human_reply, now),
                str(case.mails),
                str(len(case.recused) or "-"),
            )
            for case in found
        ],
        empty="No open case.",
    )


@cases.command()
@options
@click.argument("code")
def show(invocation: Invocation, code: str) -> int:
    """Everything the ledger knows about one case; it holds nothing personal."""
    with open_ledger(invocation) as book:
        found = book.cases(code=code)
        if not found:
            click.echo(f"intake: no case has the code {code!r}; see: intake cases list --all", err=True)
            return FINDING
        deliveries = book.deliveries_of_case(found[0].id)
    answer = as_json(found[0])
    answer["deliveries"] = [
        {
            "kind": d.kind,
            "to": d.recipient,
            "state": d.state,
            "sent": d.sent_at,
            "attempts": d.attempts,
            "error": d.error,
        }
        for d in deliveries
    ]
    if invocation.json:
        print_json(answer)
        return 0
    for name, value in answer.items():
        if name not in {"deliveries", "recused"} and value not in (None, "", ()):
            shown = ", ".join(value) if isinstance(value, tuple) else value
            click.echo(f"{name.replace('_', ' '):18} {shown}")
    for one in found[0].recused:
        click.echo(f"{'withheld from':18} {one.organizer} ({one.reason})")
    now = invocation.clock.now()
    table(
        ("message", "to", "state", "sent", "tries", "error"),
        [(d.kind, d.recipient, d.state, when(d.sent_at, now), str(d.attempts), d.error) for d in deliveries],
        empty="",
    )
    return 0
