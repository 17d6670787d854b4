"""Empty the outbox: claim, compose, send, record, one message after the other.

If the machine dies between the server's 250 and the record, the message goes out again under the same Message-ID:
the only way anything happens twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from intake.decide.clock import CLAIM_LEASE, gives_up, next_try
from intake.errors import DeliveryError, TemplateError
from intake.model import (
    REPORTER,
    Delivery,
    DeliveryDraft,
    DeliveryState,
    Failed,
    MessageKind,
    Outgoing,
    Result,
    Sent,
    Unknown,
)
from intake.steps.dispatch import Dispatcher, Impossible, Withhold

if TYPE_CHECKING:
    from intake.ports import Transport
    from intake.steps.parts import Parts, PassReport

BATCH = 24
PATIENCE = 50.0  # seconds that a pass waits for the rate limit before it leaves the rest to the next one


def deliver(parts: Parts, report: PassReport) -> bool:
    """Everything that is due. True when there was work."""
    worked = False
    transport: Transport | None = None
    try:
        for batch in _batches(parts):
            worked = True
            transport = transport or parts.transport()
            if not _send_batch(parts, transport, batch, report):
                break
    finally:
        if transport:
            transport.close()
    if worked:
        parts.ledger.tidy()
    return worked


def _batches(parts: Parts) -> Iterator[list[Delivery]]:
    while not parts.stopping():
        batch = parts.ledger.claim(parts.holder, parts.now, CLAIM_LEASE, BATCH)
        if not batch:
            return
        yield batch


def _send_batch(parts: Parts, transport: Transport, batch: list[Delivery], report: PassReport) -> bool:
    """One claimed batch; False when nothing more can go out in this pass. What is not tried is put back."""
    dispatcher = Dispatcher(parts)
    for position, delivery in enumerate(batch):
        if parts.stopping() or not _patient(parts, transport):
            _put_back(parts, batch[position:])
            return False
        result = _one(parts, transport, dispatcher, delivery)
        _record(parts, dispatcher, delivery, result, report)
        if isinstance(result, Failed) and result.way_out:
            parts.say(f"[smtp]: {result.reason}")
            _put_back(parts, batch[position + 1 :], tried=True)
            return False
    return True


def _patient(parts: Parts, transport: Transport) -> bool:
    wait = transport.may_send()
    if wait > PATIENCE:
        return False
    while wait > 0 and not parts.stopping():
        parts.pause(min(wait, 1.0))
        wait = transport.may_send()
    return not parts.stopping()


def _put_back(parts: Parts, batch: list[Delivery], *, tried: bool = False) -> None:
    for delivery in batch:
        not_before = next_try(1, parts.now, parts.chance.fraction()) if tried else delivery.not_before
        # An acknowledgement that was claimed is due, whatever it was waiting for before.
        parts.ledger.put_back(delivery, not_before)


def _one(parts: Parts, transport: Transport, dispatcher: Dispatcher, delivery: Delivery) -> Result | Withhold:
    try:
        composed = dispatcher.compose(delivery)
    except TemplateError as error:
        parts.say(f"{error}; the message waits until that is put right")
        return Failed(permanent=False, reason=str(error))
    except DeliveryError as error:
        return Failed(permanent=error.permanent, reason=str(error))
    if isinstance(composed, Outgoing):
        return transport.send(composed)
    if isinstance(composed, Impossible):
        return Failed(permanent=True, reason=composed.reason)
    return composed


def _record(
    parts: Parts, dispatcher: Dispatcher, delivery: Delivery, result: Result | Withhold, report: PassReport
) -> None:
    ledger, now = parts.ledger, parts.now
    if isinstance(result, Withhold):
        ledger.record(delivery, DeliveryState.WITHHELD, now)
    elif isinstance(result, Sent):
        ledger.record(delivery, DeliveryState.SENT, now, receipt=result.receipt)
        report.sent += 1
    elif isinstance(result, Unknown) and not gives_up(delivery.created, now):
        retry = next_try(delivery.attempts, now, parts.chance.fraction())
        ledger.record(delivery, DeliveryState.UNKNOWN, now, not_before=retry, error=result.reason)
    elif isinstance(result, Failed) and not result.permanent and not gives_up(delivery.created, now):
        retry = next_try(delivery.attempts, now, parts.chance.fraction())
        ledger.record(delivery, DeliveryState.PENDING, now, not_before=retry, error=result.reason)
    else:
        report.failed += 1
        follow = consequences(parts, delivery, size=isinstance(result, Failed) and result.size)
        ledger.record(delivery, DeliveryState.FAILED, now, error=result.reason, then=follow)
    dispatcher.changed(delivery.mail_id)


def consequences(parts: Parts, delivery: Delivery, *, size: bool = False) -> list[DeliveryDraft]:
    """What has to happen because a delivery was given up: somebody else must know."""
    config, now = parts.config, parts.now
    drafts: list[DeliveryDraft] = []
    if config.alarm.email and delivery.kind is not MessageKind.ALARM:
        drafts.append(
            DeliveryDraft(
                MessageKind.ALARM,
                config.alarm.email.lower(),
                f"alarm for delivery {delivery.id}",
                DeliveryState.PENDING,
                now,
                variant=f"delivery-failed:{delivery.kind}",
            )
        )
    if delivery.mail_id is None or delivery.recipient == REPORTER or delivery.variant == "undelivered":
        return drafts
    if size and delivery.variant == "":
        # Refused for its size: the same person gets it again without the original, and is told where that lies.
        key = f"mail {delivery.mail_id}: copy without original for {delivery.recipient}"
        return [DeliveryDraft(delivery.kind, delivery.recipient, key, DeliveryState.PENDING, now, "without-original")]
    context = parts.ledger.context(delivery.mail_id)
    others = {o.email.lower() for o in config.organizers} - context.withheld - {delivery.recipient}
    for email in sorted(others):
        key = f"undelivered {delivery.id}: notice for {email}"
        drafts.append(DeliveryDraft(MessageKind.NOTICE, email, key, DeliveryState.PENDING, now, "undelivered"))
    alive = context.copies(DeliveryState.SENT, DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.UNKNOWN)
    fallback = config.fallback
    if not [d for d in alive if d.id != delivery.id] and fallback and fallback.email.lower() not in context.withheld:
        email = fallback.email.lower()
        key = f"mail {delivery.mail_id}: copy for {email}"
        drafts.append(DeliveryDraft(delivery.kind, email, key, DeliveryState.PENDING, now, delivery.variant))
    return drafts
