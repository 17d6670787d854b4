"""Empty the outbox: claim, compose, send, record.

A few messages are on their way at once (``senders``). All else happens in one thread, and the outcomes that have come
in meanwhile are written down together, before anybody gets another message. If the machine dies between a server's 250
and the record, that message goes out again under the same Message-ID: the only way anything happens twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from intake.decide.clock import POISON_TRIES, gives_up, next_try
from intake.errors import DeliveryError, LedgerError, TemplateError
from intake.ledger.alarms import TEMPLATE, WAY_OUT
from intake.ledger.outbox import COPIES, NOT_COPIES, UNDELIVERED, Became
from intake.model import (
    DRILL,
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
from intake.steps import news
from intake.steps.dispatch import WITHOUT_ORIGINAL, Dispatcher, Impossible, Withhold
from intake.steps.pings import call_about
from intake.steps.senders import Senders

if TYPE_CHECKING:
    from intake.ledger.context import MailContext
    from intake.steps.parts import Parts, PassReport

Done = tuple[Delivery, Result | Withhold]
Back = tuple[Delivery, Result | Withhold | None]  # None: it was not tried

BATCH = 96
RECORD_AGAIN = (1.0, 5.0)  # seconds, after the ledger has been waited for each time
FRESH = timedelta(seconds=60)  # a claim that is older is given back: one delivery must end within its lease
PATIENCE = 50.0  # seconds that a pass waits for the rate limit before it leaves the rest to the next one


def deliver(parts: Parts, report: PassReport, *, until: datetime | None = None) -> bool:
    """Everything that is due, or what can go at once ``until`` then. True when there was work."""
    worked = False
    if parts.rest.lasts(parts.now):
        report.way_out_failed = True
    else:
        with Senders(parts.transport, parts.connections) as senders:
            worked = _Rounds(parts, senders, report, until).run()
    if report.way_out_failed:
        _alarms_otherwise(parts, report)
    if worked:
        parts.ledger.tidy()
    return worked


class _Rounds:
    """Round after round: hand out what is due, then write down what has come back."""

    def __init__(self, parts: Parts, senders: Senders, report: PassReport, until: datetime | None) -> None:
        self.parts, self.senders, self.report, self._until = parts, senders, report, until
        self._dispatcher = Dispatcher(parts)
        self._claimed: deque[Delivery] = deque()
        self._since = parts.now  # when they were claimed
        self._dry = False  # nothing was due when it was last asked, and nothing has come back since
        self._over = False  # nothing more can go out in this pass
        self._worked = False
        self._sent_before = report.sent
        self._under_way: dict[int, int | None] = {}  # the mail that each message on its way brings to somebody

    def run(self) -> bool:
        """Until nothing is due; True when anything was."""
        try:
            while True:
                done = self._hand_out()
                done += self.senders.finished(wait=not done)
                if not done:
                    return self._worked
                self._write_down(done)
        finally:  # whatever went wrong, what is on its way has an outcome, and what is not belongs to others again
            if self._worked:
                self.parts.composer().forget()  # nobody's words stay in the memory of a service that rests
            rest: list[Back] = []
            while self.senders.busy:
                rest += self.senders.finished(wait=True)
            self._write_down(rest)
            self._give_back()

    def _hand_out(self) -> list[Back]:
        """Give each free connection a message; say what became of those that need none."""
        done: list[Back] = []
        count = 0
        while count < self.senders.free and self._may_go(count):
            count += 1
        self._dispatcher.look_up(list(islice(self._claimed, count)))
        for _ in range(count):
            composed = _composed(self._dispatcher, self._claimed[0])
            delivery = self._claimed.popleft()
            if isinstance(composed, Outgoing):
                self._under_way[delivery.id] = delivery.mail_id
                self.senders.send(delivery, composed)
            else:
                done.append((delivery, composed))
        return done

    def _may_go(self, ahead: int) -> bool:
        """Whether one more message may go now, besides ``ahead`` others of this round."""
        parts = self.parts
        if not ahead:
            self._over = self._over or parts.stopping() or (self._until is not None and parts.now >= self._until)
            self._claim()
        if len(self._claimed) <= ahead or self._over or self._too_early(ahead):
            return False
        wait = self.senders.may_send(ahead)
        if wait <= 0:
            return True
        if self.senders.busy or ahead:
            return False  # what is on its way is written down before anybody waits
        self._over = self._until is not None or not _patient(parts, self.senders, wait)
        return not self._over

    def _too_early(self, ahead: int) -> bool:
        """Whether the next one had better wait for what is on its way.

        An answer is told what becomes of a copy, and two large mails are never in memory together.
        """
        following = self._claimed[ahead]
        before = {*self._under_way.values(), *(one.mail_id for one in islice(self._claimed, ahead))}
        if following.kind is MessageKind.ACKNOWLEDGEMENT and following.mail_id in before:
            return True
        is_large = self._dispatcher.is_large
        return is_large(following.mail_id) and any(is_large(one) for one in before - {following.mail_id})

    def _claim(self) -> None:
        """Have something to send, if anything is due; not for long."""
        parts = self.parts
        if parts.now - self._since > FRESH:
            self._give_back()
        if self._claimed or self._dry or self._over:
            return
        self._since = parts.now
        self._claimed.extend(_sound(parts, parts.ledger.claim(parts.holder, self._since, parts.claim_lease, BATCH)))
        self._dispatcher.expect(self._claimed)
        self._dry = not self._claimed
        self._worked = self._worked or not self._dry

    def _write_down(self, back: Sequence[Back]) -> None:
        if not back:
            return
        parts = self.parts
        self._dry = False
        untried = [delivery for delivery, result in back if result is None]
        parts.ledger.put_all_back([(delivery, delivery.not_before) for delivery in untried])
        for delivery in untried:
            self._under_way.pop(delivery.id, None)
        done: list[Done] = [(delivery, result) for delivery, result in back if result is not None]
        if not done:
            return
        given_up = {delivery.id for delivery, result in done if _ends(parts, delivery, result)}
        became = [_became(parts, self.report, delivery, result, given_up) for delivery, result in done]
        for one, is_mine in zip(became, _record(parts, became), strict=True):
            self._under_way.pop(one.mine.id, None)
            self._dispatcher.became(one.mine, one.state if is_mine else DeliveryState.CLAIMED)
        trouble = next((result for _, result in done if isinstance(result, Failed) and result.way_out), None)
        if trouble and not self._over:
            parts.say(f"{WAY_OUT}{trouble.reason}")
            self._over = True
            if self.report.sent == self._sent_before:  # else the way is open, and was only too narrow
                parts.rest.begin(next_try(1, parts.now, parts.chance.fraction()))

    def _give_back(self) -> None:
        """What is not tried is due again, for whoever is free. An acknowledgement that was claimed is due, too."""
        given = [(delivery, delivery.not_before) for delivery in self._claimed]
        self._claimed.clear()
        self.parts.ledger.put_all_back(given)


def _sound(parts: Parts, claimed: list[Delivery]) -> list[Delivery]:
    """What was claimed before and never reported on may end this pass too: it goes last, and alone."""
    chosen = [delivery for delivery in claimed if not delivery.unreported]
    if claimed and not chosen:
        chosen = [min(claimed, key=lambda delivery: delivery.unreported)]
    parts.ledger.put_all_back([(one, one.not_before) for one in claimed if one not in chosen])
    return chosen


def _record(parts: Parts, became: Sequence[Became]) -> list[bool]:
    """Write down outcomes, again if need be: a receipt that is lost means that the message goes out twice.

    False for each that somebody else has claimed since.
    """
    for wait in RECORD_AGAIN:
        try:
            return parts.ledger.record_all(became, parts.now)
        except LedgerError:
            parts.pause(wait)
    return parts.ledger.record_all(became, parts.now)


def _became(
    parts: Parts, report: PassReport, delivery: Delivery, result: Result | Withhold, given_up: AbstractSet[int]
) -> Became:
    now = parts.now
    if isinstance(result, Withhold):
        return Became(delivery, DeliveryState.WITHHELD)
    if isinstance(result, Sent):
        report.sent += 1
        return Became(delivery, DeliveryState.SENT, receipt=result.receipt, then=call_about(parts, delivery, over=True))
    if isinstance(result, Failed) and (result.way_out or delivery.kind is MessageKind.ALARM):
        report.way_out_failed = True
    if isinstance(result, Failed) and result.size and _goes_smaller(delivery):
        # The same person gets it again without the original, and is told where that lies: nothing is given up.
        variant = f"{delivery.variant} {WITHOUT_ORIGINAL}".strip()
        return Became(delivery, DeliveryState.PENDING, not_before=now, error=result.reason, variant=variant)
    if delivery.id not in given_up:
        state = DeliveryState.UNKNOWN if isinstance(result, Unknown) else DeliveryState.PENDING
        retry = next_try(delivery.tries, now, parts.chance.fraction())
        call = call_about(parts, delivery, over=False)
        blameless = isinstance(result, Failed) and result.way_out
        why = WAY_OUT + result.reason if blameless else result.reason
        return Became(delivery, state, not_before=retry, error=why, then=call)
    report.failed += 1
    lost = partial(consequences, parts, delivery, given_up=given_up)
    over = call_about(parts, delivery, over=True)
    return Became(delivery, DeliveryState.FAILED, error=result.reason, then=over, lost=lost)


def _alarms_otherwise(parts: Parts, report: PassReport) -> None:
    """Alarms by the second way out, because the usual one fails."""
    second = parts.second_way()
    if second is None:
        return
    dispatcher = Dispatcher(parts)
    try:
        for delivery in parts.ledger.claim(parts.holder, parts.now, parts.claim_lease, BATCH, kind=MessageKind.ALARM):
            composed = _composed(dispatcher, delivery)
            result = second.send(composed) if isinstance(composed, Outgoing) else composed
            given_up = {delivery.id} if _ends(parts, delivery, result) else frozenset[int]()
            _record(parts, [_became(parts, report, delivery, result, given_up)])
    finally:
        second.close()


def _patient(parts: Parts, senders: Senders, wait: float) -> bool:
    """Wait for the rate limit; False when that takes too long, or the pass is to end."""
    if wait > PATIENCE:
        return False
    while wait > 0 and not parts.stopping():
        parts.pause(min(wait, 1.0))
        wait = senders.may_send()
    return not parts.stopping()


def _composed(dispatcher: Dispatcher, delivery: Delivery) -> Outgoing | Failed | Withhold:
    if delivery.unreported > 2 * POISON_TRIES:
        return Failed(permanent=True, reason=f"{delivery.unreported} passes ended while it was in hand; see the log")
    try:
        composed = dispatcher.compose(delivery)
    except TemplateError as error:
        dispatcher.tell(f"{error}; correct the file, see: intake check")
        return Failed(permanent=False, reason=f"{TEMPLATE}{error}")
    except DeliveryError as error:
        return Failed(permanent=error.permanent, reason=str(error))
    return Failed(permanent=True, reason=composed.reason) if isinstance(composed, Impossible) else composed


def _ends(parts: Parts, delivery: Delivery, result: Result | Withhold) -> bool:
    """Whether a delivery is given up. While nothing goes out at all none is: that is no message's fault."""
    if not isinstance(result, Failed | Unknown):
        return False
    if isinstance(result, Failed) and result.way_out and not result.permanent:
        return False
    if delivery.kind is MessageKind.ALARM and parts.config.alarm.email and delivery.unreported <= 2 * POISON_TRIES:
        # There is nobody else to tell, and maybe another way: one refusal is not the last word.
        return gives_up(delivery.created, delivery.tries, parts.now)
    if isinstance(result, Failed) and result.size and _goes_smaller(delivery):
        return False
    permanent = isinstance(result, Failed) and result.permanent
    return permanent or gives_up(delivery.created, delivery.tries, parts.now)


def _goes_smaller(delivery: Delivery) -> bool:
    """Whether a copy that is too large can do without the original that is attached to it."""
    carries = delivery.kind in COPIES and delivery.variant not in NOT_COPIES and delivery.mail_id is not None
    return carries and not news.is_news(delivery) and WITHOUT_ORIGINAL not in delivery.variant


def consequences(parts: Parts, delivery: Delivery, *, given_up: AbstractSet[int] = frozenset()) -> list[DeliveryDraft]:
    """What has to happen because a copy of a mail is given up: somebody else must know.

    ``given_up`` are all that are given up together: none of them brings the mail to anyone. Asked while nobody else may
    give anything up: of two that end at once, each would count on the other.
    """
    config, now = parts.config, parts.now
    if delivery.mail_id is None or delivery.kind not in COPIES or delivery.variant in NOT_COPIES:
        return []
    context = parts.ledger.context(delivery.mail_id)
    others = {o.email.lower() for o in config.organizers} - context.withheld - {delivery.recipient}
    # One word may tell each of them of much that was given up: the ledger sees to that, and to its key.
    word = DeliveryDraft(MessageKind.NOTICE, "", "", DeliveryState.PENDING, now, UNDELIVERED)
    is_drill = context.case is not None and context.case.rule == DRILL  # whoever holds the drill sees it there
    drafts = [] if is_drill else [replace(word, recipient=email) for email in sorted(others)]
    if delivery.variant.startswith("team"):
        return drafts  # whoever wrote that has it
    for email in _instead(parts, context, others, given_up | {delivery.id}):
        # If it came back when the original was wiped, they are told where it stands, and the case is theirs as well.
        kind, variant = (delivery.kind, delivery.variant) if context.kept else (MessageKind.NOTICE, "waiting")
        key = f"mail {delivery.mail_id}: copy for {email}"
        drafts.append(DeliveryDraft(kind, email, key, DeliveryState.PENDING, now, variant))
    return drafts


def _instead(parts: Parts, context: MailContext, others: AbstractSet[str], given_up: AbstractSet[int]) -> list[str]:
    """Who gets a mail that reaches nobody: those of the team to whom it did not go, then the fallback."""
    alive = context.copies(DeliveryState.SENT, DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.UNKNOWN)
    if any(copy.id not in given_up and copy.recipient not in context.withheld for copy in alive):
        return []
    tried = {copy.recipient for copy in context.copies(*DeliveryState)}
    if rest := sorted(others - tried):
        return rest
    fallback = parts.config.fallback
    email = fallback.email.lower() if fallback else ""
    return [email] if email and email not in context.withheld | tried else []
