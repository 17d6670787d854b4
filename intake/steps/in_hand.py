"""What is known about the mails whose messages are being sent: asked for many at once, and kept while it holds."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from intake.model import DeliveryState, ParsedMail, Verdict
from intake.steps.understand import understand

if TYPE_CHECKING:
    from intake.ledger.context import MailContext
    from intake.steps.parts import Parts

HOLDS = timedelta(seconds=60)  # what others have written since then is not known
TOGETHER = 8 << 20  # bytes of originals that are read ahead of their messages; a larger one is read when it is needed


class InHand:
    """Mails of the messages that are claimed just now. What this pass has written about them itself is noted here."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._contexts: dict[int, tuple[datetime, MailContext]] = {}
        self._originals: dict[int, bytes] = {}
        self._large: tuple[int, bytes | None] = (0, None)
        self._understood: dict[int, tuple[ParsedMail, Verdict]] = {}
        self._outdated: set[int] = set()
        self._states: dict[int, DeliveryState] = {}

    def expect(self, mails: AbstractSet[int]) -> None:
        """Messages about these come next: ask what is not known about them, and forget all others."""
        ledger, now = self._parts.ledger, self._parts.now
        since = now - HOLDS
        self._contexts = {
            number: (read, context)
            for number, (read, context) in self._contexts.items()
            if number in mails and since <= read <= now
        }
        self._outdated = set(self._contexts)
        known = {one.id for _, context in self._contexts.values() for one in context.sent_to}
        self._states = {number: state for number, state in self._states.items() if number in known}
        for number, context in ledger.contexts(mails - self._contexts.keys()).items():
            self._contexts[number] = (now, context)
        self._understood = {number: known for number, known in self._understood.items() if number in mails}
        self._originals = {number: original for number, original in self._originals.items() if number in mails}
        self._originals |= ledger.originals(self._small(mails - self._originals.keys()))

    def _small(self, mails: Collection[int]) -> list[int]:
        room = TOGETHER - sum(map(len, self._originals.values()))
        chosen: list[int] = []
        for number in sorted(mails, key=lambda one: self._contexts[one][1].place.size):
            room -= self._contexts[number][1].place.size
            if room < 0:
                break
            chosen.append(number)
        return chosen

    def context(self, mail_id: int, *, current: bool) -> MailContext:
        """A mail, its case and who has it; ``current``: as it is now, and not as it was when it was asked for."""
        if mail_id not in self._contexts or (current and mail_id in self._outdated):
            self._contexts[mail_id] = (self._parts.now, self._parts.ledger.context(mail_id))
            self._outdated.discard(mail_id)
            for copy in self._contexts[mail_id][1].sent_to:
                self._states.pop(copy.id, None)
        return self._contexts[mail_id][1]

    def is_large(self, mail_id: int) -> bool:
        """Whether it is too large to be read ahead, as far as that is known."""
        return mail_id in self._contexts and self._contexts[mail_id][1].place.size > TOGETHER

    def original(self, mail_id: int) -> bytes | None:
        """The bytes of a mail, unless they are wiped."""
        if mail_id in self._originals:
            return self._originals[mail_id]
        if self._large[0] != mail_id:
            self._large = (0, None)  # two large ones are never held together,
            self._parts.composer().forget()  # nor one with what was made of another
            self._large = (mail_id, self._parts.ledger.original(mail_id))
        return self._large[1]

    def understood(self, mail_id: int, original: bytes, context: MailContext) -> tuple[ParsedMail, Verdict]:
        """What the mail says and what was made of it."""
        if mail_id not in self._understood:
            arrived = context.place.arrived
            self._understood[mail_id] = understand(self._parts, original, arrived, truncated=context.truncated)
        return self._understood[mail_id]

    def became(self, mail_id: int, delivery_id: int, state: DeliveryState) -> None:
        """What this pass has written down about a copy of a mail. Others may have more to say by now."""
        self._outdated.add(mail_id)
        self._states[delivery_id] = state

    def as_far_as_known(self, context: MailContext) -> MailContext:
        """With what this pass has written down since it was read."""
        sent_to = tuple(replace(one, state=self._states.get(one.id, one.state)) for one in context.sent_to)
        return replace(context, sent_to=sent_to)
