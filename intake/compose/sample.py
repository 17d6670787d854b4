"""Made-up facts for every message: for ``preview``, for ``check`` and for tests. Nobody in them exists."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from intake.compose.house import House
from intake.letters import (
    Acknowledgement,
    AcknowledgementState,
    Alarm,
    Copy,
    Digest,
    DigestCase,
    Expiry,
    MailboxHealth,
    Notice,
    Reader,
    Reminder,
    SelfCheck,
    Thread,
)
from intake.model import (
    Address,
    Attachment,
    Case,
    CaseState,
    Kind,
    MessageKind,
    ParsedMail,
    Urgency,
    Verdict,
)

NOW = datetime(2026, 4, 18, 12, 40, tzinfo=UTC)
CODE = "K7QXM2"
ORGANIZER = Address("Ann Example", "ann@example.org")
READERS = (
    Reader("Ann Example", "organizer"),
    Reader("Bea Voorbeeld", "organizer"),
    Reader("Carl Exemple", "speaker care"),
)
ORIGINAL = (
    b"From: Robin Sample <robin@example.net>\r\nTo: help@example.org\r\nSubject: Code-of-conduct\r\n"
    b"Message-ID: <sample-1@example.net>\r\nDate: Sat, 18 Apr 2026 14:31:00 +0200\r\n\r\n"
    b"Somebody at the desk keeps following me.\r\n"
)
TEXTS = {
    "en": "Hello,\n\nSomebody keeps following me from room to room since lunch. I have asked them to stop.\n"
    "Could someone walk with me to the station at six?\n\nThere is a picture at https://pictures.example/1234.\n\nRobin",
    "nl": "Hallo,\n\nSinds de middag volgt iemand mij van zaal naar zaal. Ik heb gevraagd om daarmee te stoppen.\n"
    "Kan er om zes uur iemand met mij naar het station wandelen?\n\nEr staat een foto op https://pictures.example/1234.\n\nRobin",
    "fr": "Bonjour,\n\nDepuis midi, quelqu'un me suit de salle en salle. J'ai demandé d'arrêter.\n"
    "Quelqu'un pourrait-il marcher avec moi jusqu'à la gare à six heures ?\n\nUne photo : https://pictures.example/1234.\n\nRobin",
    "de": "Hallo,\n\nseit dem Mittag folgt mir jemand von Raum zu Raum. Ich habe darum gebeten, damit aufzuhören.\n"
    "Könnte mich um sechs jemand zum Bahnhof begleiten?\n\nEin Bild: https://pictures.example/1234.\n\nRobin",
}

_TEAM = {
    "en": "I am on site and can walk with them.\nWho has the room list?",
    "nl": "Ik ben ter plaatse en kan meewandelen.\nWie heeft de lijst met zalen?",
    "fr": "Je suis sur place et je peux accompagner cette personne.\nQui a la liste des salles ?",
    "de": "Ich bin vor Ort und kann mitgehen.\nWer hat die Liste der Räume?",
}


def house() -> House:
    """A community that does not exist."""
    return House(
        name="Example User Group",
        short_name="EXUG",
        address="help@example.org",
        languages=("en", "nl", "fr", "de"),
        zone=ZoneInfo("Europe/Brussels"),
        promise=timedelta(hours=24),
        fallback=("Board of the federation", "board@example.com"),
    )


def thread(name: str, *, follows: bool = False) -> Thread:
    """Ids as they look in life, long enough to be folded."""
    first = "<20260418.4f1c7d2e9ab04c55b1f6c3d2e8a90b17@example.org>"
    message_id = f"<20260418.{name}.9d0c44e1f2a84b7fae65dd21c07b3e58@example.org>"
    return Thread(message_id, first, (first,)) if follows else Thread(message_id)


def acknowledgement(language: str, variant: str, *, phone: str = "", truncated: bool = False) -> Acknowledgement:
    """``variant`` is ``generic``, ``unread`` or a category."""
    plain = variant in {"generic", "unread"}
    return Acknowledgement(
        to=Address("Robin Sample", "robin@example.net"),
        thread=Thread("<20260418.a.77aa@example.org>", "<sample-1@example.net>", ("<sample-1@example.net>",)),
        language=language,
        category="report" if plain else variant,
        code=CODE,
        received=NOW - timedelta(minutes=8),
        variant=variant if plain else "full",
        readers=READERS,
        truncated=truncated,
        event="Global Example Day" if phone else "",
        event_phone=phone,
    )


def case(*, urgent: bool = True, claimed: str | None = None) -> Case:
    """A case that has just come in."""
    return Case(
        id=1,
        code=CODE,
        category="report",
        rule="category[2]:subject=code-of-conduct",
        urgency=Urgency.URGENT if urgent else Urgency.NORMAL,
        urgency_reasons=("urgent-stalking", "event-now") if urgent else (),
        language="en",
        event="Global Example Day",
        authentication="pass",
        state=CaseState.CLAIMED if claimed else CaseState.NEW,
        opened=NOW - timedelta(minutes=8),
        claimed_by=claimed,
        claimed_at=NOW if claimed else None,
        first_human_reply=None,
        closed_at=None,
        mails=1,
    )


def copy(language: str, kind: MessageKind = MessageKind.REPORT, *, urgent: bool = True, note: str = "") -> Copy:
    """A report (or a further mail) to one organizer."""
    follow_up = kind is MessageKind.FOLLOW_UP
    subject_case = case(urgent=urgent, claimed="bea@example.com" if follow_up else None)
    return Copy(
        kind=kind,
        to=ORGANIZER,
        language=language,
        thread=thread("c", follows=follow_up),
        case=subject_case,
        mail=ParsedMail(
            message_id="<sample-1@example.net>",
            subject="Code-of-conduct",
            authors=(Address("Robin Sample", "robin@example.net"),),
            to=(Address("", "help@example.org"),),
            text=TEXTS.get(language, TEXTS["en"]),
            attachments=(Attachment("photo of the hall.jpg", "image/jpeg", 1_240_000, "0" * 64),),
            content=frozenset({"signed"}) if follow_up else frozenset(),
        ),
        verdict=Verdict(
            kind=Kind.PERSON,
            category="report",
            rule="category[2]:subject=code-of-conduct",
            evidence=("code of conduct",),
            urgency=subject_case.urgency,
            urgency_reasons=subject_case.urgency_reasons,
            language=language,
            event="Global Example Day",
            acknowledge=True,
            acknowledge_reason="",
            acknowledge_to=Address("Robin Sample", "robin@example.net"),
            recused=(),
            authentication="pass",
        ),
        received=NOW - timedelta(minutes=8),
        mailbox="help",
        folder="INBOX",
        lead="Bea Voorbeeld" if follow_up else "",
        size=1_701_000,
        recipients=READERS,
        others_withheld=1 if urgent else 0,
        acknowledgement=(
            AcknowledgementState("not-sent", "follow-up") if follow_up else AcknowledgementState("sent", "", NOW)
        ),
        original=b"" if note else ORIGINAL,
        original_note=note,
    )


def team_reply(language: str) -> Copy:
    """What an organizer wrote to the team, passed on to the others."""
    report = copy(language, MessageKind.FOLLOW_UP)
    written = ParsedMail(
        message_id="<team-1@example.org>",
        subject=f"Re: [{CODE}]",
        authors=(Address("Bea Voorbeeld", "bea@example.org"),),
        to=(Address("", "help@example.org"),),
        text=_TEAM.get(language, _TEAM["en"]),
    )
    return replace(report, mail=written, acknowledgement=AcknowledgementState("not-sent", "organizer"), team_reply=True)


def digest(language: str, *, quiet: bool = False) -> Digest:
    """A busy week, or one in which nothing is new."""
    hour = timedelta(hours=1)
    cases = (
        _line("K7QXM2", "report", Urgency.NORMAL, 30 * hour, due=-2 * hour, due_for="claim", new=1),
        _line("PW4TRD", "report", Urgency.URGENT, 3 * hour, due=1 * hour, due_for="claim", new=2, event=True),
        _line("H2VNX9", "question", Urgency.NORMAL, 1 * hour, due=3 * hour, due_for="claim", new=1),
        _line(
            "C8MZF3",
            "concern",
            Urgency.NORMAL,
            20 * hour,
            due=4 * hour,
            due_for="reply",
            lead="Bea Voorbeeld",
            event=True,
        ),
        _line("T5JKB6", "report", Urgency.NORMAL, 200 * hour, lead="Ann Example", replied=True, mails=5),
    )
    closed = DigestCase(
        "D9GWQ4", "question", "normal", "", "closed", NOW - 90 * hour, "Carl Exemple", human_reply=True, mails=3,
        new_mails=0, closed_at=NOW - 20 * hour, erase_on=NOW + 345 * 24 * hour,
    )  # fmt: skip
    return Digest(
        to=ORGANIZER,
        language=language,
        thread=thread("d"),
        period="2026-04-18",
        since=NOW - 24 * hour,
        now=NOW,
        cases=cases[4:] if quiet else cases,
        closed=() if quiet else (closed,),
        not_fanned_out=() if quiet else (("automatic", 14), ("bounce", 2), ("list", 3)),
        silenced=0 if quiet else 1,
        undelivered=0 if quiet else 1,
        mailboxes=(MailboxHealth("help", NOW - timedelta(minutes=1)),),
        erased_soon=() if quiet else ("W3RTY7",),
        expiries=() if quiet else (Expiry("secret", NOW + 19 * 24 * hour),),
        places=() if quiet else tuple((kind, ("help/Processed",)) for kind in ("automatic", "bounce", "list")),
        silenced_codes=() if quiet else ("H2VNX9",),
        self_check=SelfCheck(NOW - 7 * hour, 14.2),
    )


def _line(  # noqa: PLR0913 - a table of cases reads best with its columns named
    code: str, category: str, urgency: Urgency, age: timedelta, *, due: timedelta | None = None, due_for: str = "",
    lead: str = "", replied: bool = False, mails: int = 1, new: int = 0, event: bool = False,
) -> DigestCase:  # fmt: skip
    return DigestCase(
        code=code,
        category=category,
        urgency=urgency.value,
        event="Global Example Day" if event else "",
        state="claimed" if lead else "new",
        opened=NOW - age,
        lead=lead,
        human_reply=replied,
        mails=max(mails, new),
        new_mails=new,
        due=NOW + due if due is not None else None,
        due_for=due_for,
    )


_NOTICE_FACTS: dict[str, tuple[tuple[str, str], ...]] = {
    "waiting": (("mailbox", "help"), ("folder", "Processed"), ("urgency", "urgent")),
    "confirmed": (("command", "claim"),),
    "refused": (("command", "close"),),
    "delivery-problem": (("organizers", "Carl Exemple"), ("reason", "550 5.7.1 message refused")),
    "too-large": (("size", "45 MB"), ("mailbox", "help"), ("folder", "INBOX")),
    "quarantine": (("mailbox", "help"), ("folder", "INBOX")),
    "withheld": (),
    "reply": (("organizer", "Bea Voorbeeld"),),
    "other": (("case", CODE), ("count", "2")),
}


def notice(language: str, topic: str) -> Notice:
    """One notice; quarantine comes without a case and with the original."""
    quarantined = topic == "quarantine"
    return Notice(
        to=ORGANIZER,
        language=language,
        thread=thread(f"n-{topic}", follows=not quarantined),
        topic=topic,
        code="" if quarantined else CODE,
        facts=_NOTICE_FACTS.get(topic, ())
        + ((("text", _TEAM.get(language, _TEAM["en"])),) if topic == "reply" else ()),
        original=ORIGINAL if quarantined else b"",
    )


def reminder(language: str, topic: str, count: int = 1) -> Reminder:
    """``topic`` is ``claim`` or ``reply``."""
    return Reminder(
        to=ORGANIZER,
        language=language,
        thread=thread(f"r-{topic}", follows=True),
        topic=topic,
        code=CODE,
        category="report",
        urgency="urgent",
        opened=NOW - timedelta(hours=6),
        due=NOW - timedelta(hours=2),
        count=count,
        lead="Bea Voorbeeld" if topic == "reply" else "",
    )


def alarm(language: str, *, over: bool = False) -> Alarm:
    """A mailbox that can't be read, or can again."""
    error = "can't log in: the server refuses the log-in: check user and password, and that IMAP is allowed"
    facts = (("detail", f"mailbox help (imap.example.org:993): {error}"),)
    return Alarm(Address("", "ops@example.org"), language, thread("x"), "mailbox", facts, over=over)
