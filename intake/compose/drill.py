"""The mail of a drill: what a reporter could send, with words that say what it is."""

from __future__ import annotations

from datetime import datetime

from intake.compose import headers, mime
from intake.compose.house import House
from intake.model import Address

SUBJECT = "Code-of-conduct"
_WORDS = {
    "en": "This is a drill of the intake. Nothing has happened; please do not reply.",
    "nl": "Dit is een oefening van de meldlijn. Er is niets gebeurd; antwoorden hoeft niet.",
    "fr": "Ceci est un exercice. Il ne s'est rien passé ; merci de ne pas répondre.",
    "de": "Dies ist eine Übung der Meldestelle. Es ist nichts geschehen; bitte nicht antworten.",
}


def words(house: House, named: str) -> str:
    """What it says; ``named`` is somebody whom a report could be about."""
    said = [_WORDS[language] for language in house.languages if language in _WORDS] or [_WORDS["en"]]
    return "\n\n".join([*said, *([f"Named in this drill: {named}."] if named else [])]) + "\n"


def message(house: House, message_id: str, now: datetime, text: str, marks: dict[str, str]) -> bytes:
    """The bytes of it, from our own address to ourselves; ``marks`` are its own header fields."""
    us = Address("Drill", house.address)
    head = [
        headers.mailbox("From", us),
        headers.mailbox("To", Address("", house.address)),
        headers.text("Subject", SUBJECT),
        headers.raw("Message-ID", message_id),
        headers.date(now),
        *(headers.raw(name, value) for name, value in marks.items()),
        headers.raw("MIME-Version", "1.0"),
        headers.raw("Content-Type", "text/plain; charset=utf-8"),
        headers.raw("Content-Transfer-Encoding", "quoted-printable"),
    ]
    return b"".join(head) + b"\r\n" + mime.quoted_printable(text)
