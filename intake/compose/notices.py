"""Short messages: notices and reminders about a case to an organizer, alarms to whoever looks after the program.

None of them carries anything of a report, except that a mail which could not be processed has its original attached.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime

from intake.compose import mime, page, reasons, words
from intake.compose.headers import addr_spec, clean
from intake.compose.house import House
from intake.compose.letter import Body, Envelope, message
from intake.compose.markdown import Markdown
from intake.compose.render import Phrases, Rendered, Templates, unescape
from intake.letters import Alarm, Notice, Ping, Reminder
from intake.model import MessageKind, Outgoing, Urgency

NOTICES = (
    "waiting", "confirmed", "refused", "delivery-problem", "too-large", "quarantine", "withheld", "reply", "claimed",
    "closed", "released", "kept-back", "answered", "reply-bounced", "other",
)  # fmt: skip
REMINDERS = ("claim", "reply")
# What ``oauth.expiry`` and the alarm about it say.
_CREDENTIAL = re.compile(
    r"(?P<what>certificate|client secret) of the application (?P<name>.+): .+, (?P<ends>\d{4}-\d\d-\d\d)"
)
PINGS = ("waiting", "urgent", "drill")
# What a template of these kinds may name. A fact that a message was not given is an empty string.
NOTICE_FACTS = (
    "command", "result", "reason", "state", "lead", "organizer", "recipient", "size", "mailbox", "folder", "attempts",
    "received", "count", "sender", "text", "organizers", "detail",
)  # fmt: skip


def notice(letter: Notice, now: datetime, house: House, templates: Templates, markdown: Markdown) -> Outgoing:
    """A notice. An unknown topic gets the words of ``other``, which lists the facts."""
    languages = _languages(letter.language, house)
    name, language = templates.find("notice", (letter.topic, "other"), languages)
    given = {key.replace("-", "_"): _one_line(value) for key, value in letter.facts if key != "text"}
    given |= {key: "\n".join(map(_one_line, value.splitlines())) for key, value in letter.facts if key == "text"}
    facts: dict[str, object] = (
        dict.fromkeys(NOTICE_FACTS, "") | _common(house, templates, letter.code, language) | given
    )
    reason = given.get("reason", "")
    facts["reason"] = templates.phrases(language).get("refusal", reason, reason) if reason else ""
    facts["topic"] = templates.phrases(language).get("topic", letter.topic)
    facts["facts"] = _listed(given, templates, language)
    rendered = templates.render(name, facts)
    attached: tuple[tuple[mime.Piece, ...], ...] = ()
    if letter.original:
        original = mime.original_part(letter.original, f"original-{letter.code}" if letter.code else "original")
        attached = (original.part, original.again) if original.again else (original.part,)
    envelope = Envelope(
        MessageKind.NOTICE, letter.to, rendered.subject, language, letter.thread, now, code=letter.code,
        urgent=dict(letter.facts).get("urgency") == Urgency.URGENT.value,
    )  # fmt: skip
    return _send(house, envelope, rendered, markdown, attached)


def reminder(letter: Reminder, now: datetime, house: House, templates: Templates, markdown: Markdown) -> Outgoing:
    """A reminder: what is overdue, since when, and how to stop it."""
    name, language = templates.find("reminder", (letter.topic, "reply"), _languages(letter.language, house))
    phrases = templates.phrases(language)
    urgent = letter.urgency == Urgency.URGENT.value
    facts = _common(house, templates, letter.code, language) | {
        "category": phrases.get("category", letter.category),
        "urgent": urgent,
        "opened": words.when(letter.opened, house.zone, language),
        "age": words.duration(now - letter.opened, language),
        "due": words.when(letter.due, house.zone, language),
        "overdue": words.duration(max(now - letter.due, now - now), language),
        "count": letter.count,
        "lead": letter.lead,
    }
    rendered = templates.render(name, facts)
    envelope = Envelope(
        MessageKind.REMINDER, letter.to, rendered.subject, language, letter.thread, now, code=letter.code, urgent=urgent
    )
    return _send(house, envelope, rendered, markdown)


def alarm(letter: Alarm, now: datetime, house: House, templates: Templates, markdown: Markdown) -> Outgoing:
    """An alarm, or word that it is over."""
    name, language = templates.find("alarm", ("over" if letter.over else "alarm",), _languages(letter.language, house))
    phrases = templates.phrases(language)
    given = {key: _one_line(value) for key, value in _told(letter, phrases)}
    facts = _common(house, templates, "", language) | {
        "topic": phrases.get("alarm", letter.topic),
        "advice": phrases.get("alarm-advice", letter.topic, phrases.get("alarm-advice", "other", "")),
        "facts": _listed(given, templates, language),
        "at": words.when(now, house.zone, language),
        "lasting": letter.lasting,
    }
    rendered = templates.render(name, facts)
    envelope = Envelope(
        MessageKind.ALARM, letter.to, rendered.subject, language, letter.thread, now, urgent=not letter.over
    )
    return _send(house, envelope, rendered, markdown)


def _told(letter: Alarm, phrases: Phrases) -> tuple[tuple[str, str], ...]:
    """What an alarm is about, in the reader's words where there are any; and the program's own line, to search for."""
    detail = dict(letter.facts).get("detail", "")
    if letter.topic == "delivery" and reasons.kind(detail) == "other":
        return (("detail", detail),)
    if letter.topic in {"mailbox", "delivery"} and detail:
        return ("reason", reasons.told(detail, phrases)), ("detail", detail)
    if letter.topic == "drill" and detail:
        return (("reason", phrases.get("trouble", f"drill-{detail}")),)
    if letter.topic == "credential" and (found := _CREDENTIAL.fullmatch(detail)):
        ends = words.day(date.fromisoformat(found["ends"]), phrases.language)
        return ("certificate" if found["what"] == "certificate" else "secret", found["name"]), ("expires", ends)
    if letter.topic in {"audit", "encryption"} and detail:
        name, _, count = detail.partition(": ")
        return ("mailbox" if letter.topic == "audit" else "organizer", name), ("count", count)
    return tuple(
        ("count", value) if key == "detail" and value.isdecimal() else (key, value) for key, value in letter.facts
    )


def ping(letter: Ping, house: House, templates: Templates) -> tuple[str, str]:
    """A title and a text of a line or two, for a lock screen: nothing of a mail, no code."""
    name, language = templates.find("ping", (letter.topic, "waiting"), _languages(letter.language, house))
    facts = {"community": house.name, "short_name": house.short_name, "address": house.address}
    rendered = templates.render(name, facts)
    body = words.french_spaces(rendered.body) if language == "fr" else rendered.body
    return rendered.subject, unescape(body)


def thread_subject(templates: Templates, house: House, code: str, language: str) -> str:
    """The constant subject of everything about a case, from the template of reports: mail programs thread by it too."""
    name, _ = templates.find("report", ("report",), (language, "en"))
    subject = templates.subject(name, {"code": code, "address": house.address, "community": house.name})
    return f"Re: {subject}"


def _languages(language: str, house: House) -> tuple[str, ...]:
    return tuple(dict.fromkeys((language, *house.languages, "en")))


def _common(house: House, templates: Templates, code: str, language: str) -> dict[str, object]:
    return {
        "community": house.name,
        "address": house.address,
        "code": code,
        "thread_subject": thread_subject(templates, house, code, language) if code else "",
    }


def _one_line(value: str) -> str:
    return clean(value) if value else ""


def _listed(given: Mapping[str, str], templates: Templates, language: str) -> list[dict[str, str]]:
    phrases = templates.phrases(language)
    return [{"name": phrases.get("fact", key), "value": value} for key, value in given.items() if value]


def _send(
    house: House,
    envelope: Envelope,
    rendered: Rendered,
    markdown: Markdown,
    attached: tuple[tuple[mime.Piece, ...], ...] = (),
) -> Outgoing:
    body = letter_body(rendered, envelope.language, markdown, attached)
    return Outgoing(house.sender, addr_spec(envelope.to.email), *message(house, envelope, body))


def letter_body(
    rendered: Rendered,
    language: str,
    markdown: Markdown,
    attached: tuple[tuple[mime.Piece, ...], ...] = (),
    encode: Callable[[str], bytes] = mime.quoted_printable,
    code: str = "",
) -> Body:
    """A plain letter: nothing but its words, and what is attached."""
    html, text = markdown.convert(words.french_spaces(rendered.body) if language == "fr" else rendered.body, code)
    whole = page.document(language, rendered.subject, "", html)
    return Body(encode(text + "\n"), encode(whole), attached)
