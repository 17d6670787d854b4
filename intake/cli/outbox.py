"""``outbox``: what waits, what failed, why."""

from __future__ import annotations

import click

from intake.cli.cases import open_ledger
from intake.cli.common import DONE, FINDING, Invocation, Listing, options, print_json
from intake.cli.tables import table, when
from intake.model import Delivery, DeliveryState

SHOWN = (
    DeliveryState.WAITING,
    DeliveryState.PENDING,
    DeliveryState.CLAIMED,
    DeliveryState.UNKNOWN,
    DeliveryState.FAILED,
)


def as_json(delivery: Delivery) -> dict[str, object]:
    """One delivery; an acknowledgement's recipient is only ever called ``reporter``."""
    return {
        "id": delivery.id,
        "kind": delivery.kind,
        "recipient": delivery.recipient,
        "state": delivery.state,
        "attempts": delivery.tries,
        "created": delivery.created,
        "not_before": delivery.not_before,
        "sent": delivery.sent_at,
        "message_id": delivery.message_id,
        "error": delivery.error,
        "receipt": delivery.receipt,
    }


@click.group(cls=Listing)
def outbox() -> None:
    """What waits, what failed, and why."""


@outbox.command("list")
@options
@click.option("--all", "everything", is_flag=True, help="What has been sent or withheld too.")
def listed(invocation: Invocation, everything: bool) -> None:
    """Messages that have not reached a server."""
    with open_ledger(invocation) as book:
        found = book.deliveries(tuple(DeliveryState) if everything else SHOWN)
    if invocation.json:
        print_json([as_json(one) for one in found])
        return
    now = invocation.clock.now()
    table(
        ("id", "message", "to", "state", "tries", "made", "next try", "why"),
        [
            (
                str(one.id),
                one.kind,
                one.recipient,
                one.state,
                str(one.tries),
                when(one.created, now),
                one.not_before.isoformat(timespec="minutes") if one.state in SHOWN[:4] else "-",
                one.error,
            )
            for one in found
        ],
        empty="Nothing waits, nothing failed.",
    )


@outbox.command()
@options
@click.argument("ids", nargs=-1, type=int)
@click.option(
    "--to", "to", metavar="ADDRESS", default="", help="To this organizer instead, who has another address now."
)
def retry(invocation: Invocation, ids: tuple[int, ...], to: str) -> int:
    """Try failed messages again (all of them, or those named), at the next pass, for days if need be.

    Where the original has been wiped from the ledger, the organizer is told where the mail stands.
    """
    if to:
        if not ids:
            raise click.UsageError("--to needs the ids of the messages, from: intake outbox list")
        config = invocation.config()
        known = {person.email.lower() for person in config.organizers}
        if to.lower() not in known | ({config.fallback.email.lower()} if config.fallback else set()):
            raise click.UsageError(f"{to} is no organizer: put the new address into the configuration first")
    with open_ledger(invocation) as book:
        strangers = sorted(set(ids) - {one.id for one in book.deliveries((DeliveryState.FAILED,))})
        count = book.retry(ids, invocation.clock.now(), to.lower())
        left = sum(not ids or one.id in ids for one in book.deliveries((DeliveryState.FAILED,)))
    for number in strangers:
        click.echo(f"intake: no message that was given up has the number {number}; see: intake outbox list", err=True)
    answer = FINDING if strangers else DONE
    if invocation.json:
        print_json({"due": count})
        return answer
    click.echo(f"{count} message(s) will be tried again at the next pass.")
    if left:
        click.echo(f"{left} can't be made any more: the mail is no longer in the ledger, only in the mailbox.")
    return answer
