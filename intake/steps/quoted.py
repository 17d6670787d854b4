"""A follow-up that quotes our acknowledgement names every reader without meaning to: say which words were ours.

Only paragraphs quoted whole are then left out when names are looked for (``decide/recuse.py``); a mail that names
somebody in words of its own still withholds them.
"""

from __future__ import annotations

from email import message_from_bytes
from itertools import product
from typing import TYPE_CHECKING

from intake.errors import DeliveryError, TemplateError
from intake.model import Outgoing, ParsedMail
from intake.steps.dispatch import Dispatcher

if TYPE_CHECKING:
    from intake.steps.parts import Parts

MOST = 40  # references looked at


def own_words(parts: Parts, mail: ParsedMail) -> tuple[str, ...]:
    """The texts of acknowledgements that a mail refers to, in every form in which they may have left."""
    refers = tuple(dict.fromkeys((*mail.in_reply_to, *mail.references)))[:MOST]
    if not refers:
        return ()
    texts: list[str] = []
    dispatcher = Dispatcher(parts)
    for delivery in parts.ledger.acknowledgements(refers):
        for variant, at_first in product(("full", "generic", "unread"), (False, True)):
            try:
                composed = dispatcher.acknowledgement_again(delivery, variant, at_first=at_first)
            except (TemplateError, DeliveryError):
                continue  # words that can't be composed now have not been quoted from us today
            if isinstance(composed, Outgoing):
                texts.append(_text(composed))
    return tuple(dict.fromkeys(texts))


def _text(outgoing: Outgoing) -> str:
    for part in message_from_bytes(outgoing.content).walk():
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
            # Each item of a list is a paragraph of its own: people quote some of it.
            return text.replace("\r\n", "\n").replace("\n- ", "\n\n- ")
    return ""
