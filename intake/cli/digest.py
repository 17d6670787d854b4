"""``digest``: each organizer's digest as it would be now."""

from __future__ import annotations

import email
import email.policy
import json
import os
from typing import TYPE_CHECKING

import click

from intake.cli.common import DONE, LEFT, Invocation, options, print_json
from intake.letters import Thread
from intake.model import DeliveryDraft, DeliveryState, MessageKind

if TYPE_CHECKING:
    from intake.steps.parts import Parts


@click.command()
@options
@click.option("--send", is_flag=True, help="Send them too, beside the regular ones.")
def digest(invocation: Invocation, send: bool) -> int:
    """Show (or send) each organizer's digest as it would be now."""
    from intake import app

    parts = app.build(invocation.config(), app.Outside(clock=invocation.clock), os.environ)
    try:
        shown = [_preview(parts, organizer.email) for organizer in parts.config.organizers]
        if invocation.json:
            print_json([{"organizer": who, "digest": content} for who, _, content in shown])
        else:
            for who, text, _ in shown:
                click.echo(f"--- {who}\n{text}\n")
        return _send(parts) if send else DONE
    finally:
        parts.ledger.close()


def _preview(parts: Parts, to: str) -> tuple[str, str, object]:
    from intake.steps.digest import digest_for

    now = parts.now
    since = parts.ledger.last_digest(to.lower(), now)
    period = now.astimezone(parts.config.zone).strftime("%Y-%m-%d")
    letter = digest_for(parts, to, Thread("<preview@localhost>"), period=period, now=now, since=since)
    message = email.message_from_bytes(parts.composer().digest(letter, now).content, policy=email.policy.default)
    body = message.get_body(("plain",))
    attached = next(part for part in message.walk() if part.get_content_type() == "application/json")
    raw = attached.get_payload(decode=True)
    return to, body.get_content() if body else "", json.loads(raw if isinstance(raw, bytes) else b"null")


def _send(parts: Parts) -> int:
    from intake.steps.deliver import deliver
    from intake.steps.parts import PassReport

    now = parts.now
    stamp = now.astimezone(parts.config.zone).strftime("%Y-%m-%d %H:%M:%S.%f")
    parts.ledger.add(
        [
            DeliveryDraft(
                MessageKind.DIGEST,
                organizer.email.lower(),
                f"digest by hand {stamp} for {organizer.email.lower()}",
                DeliveryState.PENDING,
                now,
                variant=stamp[:16],
            )
            for organizer in parts.config.organizers
        ],
        now,
    )
    report = PassReport()
    deliver(parts, report)
    return LEFT if parts.ledger.open_count() else DONE
