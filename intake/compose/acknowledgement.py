"""The automatic answer: the only part of this program that a frightened person sees.

Everything it can say is listed in ``facts``; nothing of the mail that it answers is among it but when it came.
"""

from __future__ import annotations

from datetime import datetime

from intake.compose import words
from intake.compose.headers import addr_spec
from intake.compose.helplines import Helplines
from intake.compose.house import House
from intake.compose.letter import Envelope, message
from intake.compose.markdown import Markdown
from intake.compose.mime import Lines
from intake.compose.notices import letter_body
from intake.compose.render import Templates
from intake.letters import Acknowledgement, Reader
from intake.model import Address, MessageKind, Outgoing

KIND = "acknowledgement"
VARIANTS = ("report", "concern", "question", "generic", "unread")  # what every language must have
DEFAULT = "report"  # the words for a category that has none of its own: when in doubt it is a report


def names(letter: Acknowledgement) -> tuple[str, ...]:
    """The templates that would do, best first."""
    if letter.variant in {"generic", "unread"}:
        return (letter.variant,)
    return (letter.category.lower(), DEFAULT)


def facts(letter: Acknowledgement, house: House, helplines: Helplines, language: str) -> dict[str, object]:
    """All that an acknowledgement can say; docs/templates.md explains each."""
    fallback_name, fallback_email = (None if letter.insiders_only else house.fallback) or ("", "")
    return {
        "community": house.name,
        "short_name": house.short_name,
        "address": house.address,
        "code": letter.code,
        "received": words.when(letter.received, house.zone, language),
        "promise": words.duration(house.promise, language) if house.promise else "",
        "readers": words.listing(reader_names(letter.readers, house.reader_style), language),
        "fallback_name": fallback_name,
        "fallback_email": fallback_email,
        "retention": words.duration(house.keep, language),
        "truncated": letter.truncated,
        "nobody": letter.nobody,
        "keeper": letter.keeper,
        "phone": letter.event_phone.replace(" ", "\u00a0"),
        "emergency": helplines.emergency,
        "police": helplines.police,
        "helplines": helplines.shown(language),
    }


def reader_names(readers: tuple[Reader, ...], style: str) -> tuple[str, ...]:
    """How the readers are named: each name once, or each role once, or nothing."""
    if style == "none":
        return ()
    named = (reader.role if style == "roles" else reader.name for reader in readers)
    return tuple(dict.fromkeys(name for name in named if name))


def compose(
    letter: Acknowledgement,
    now: datetime,
    house: House,
    templates: Templates,
    markdown: Markdown,
    helplines: Helplines,
    lines: Lines,
) -> Outgoing:
    """The message to the reporter: to their address alone, without their name. Raises TemplateError, DeliveryError."""
    # Only in a language that the team has said it speaks: an answer in another one would promise a talk in it.
    wished = (letter.language,) if letter.language in house.languages else ()
    languages = tuple(dict.fromkeys((*wished, *house.languages, "en")))
    name, language = templates.find(KIND, names(letter), languages)
    rendered = templates.render(name, facts(letter, house, helplines, language))
    envelope = Envelope(
        kind=MessageKind.ACKNOWLEDGEMENT,
        to=Address("", letter.to.email),
        subject=rendered.subject,
        language=language,
        thread=letter.thread,
        now=now,
        code=letter.code,
        answers=True,
    )
    body = letter_body(rendered, language, markdown, encode=lines.quoted_printable, code=letter.code)
    sender = "" if house.null_sender else house.sender
    return Outgoing(sender, addr_spec(letter.to.email), *message(house, envelope, body))
