"""What may happen around a case on the days of a community, by hand or made up by Hypothesis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from .society import ANN, BOB, BOB_AT_HOME, BOB_TAGGED, CARL, DORA, GUESS, HELP, KEEPER, RITA, Society

NAMED = (
    "Bob Builder",
    "B. Builder",
    "Bob B.",
    "BOB BUILDER",
    "bob@example.org",
    "B\u00f3b\u00a0Builder",
    "Builder, Bob",
    "bob  builder's",
)
WORDS = ("shouted at me at the meetup", "heeft mij lastig gevallen", "has a knife and is here right now", "is on stage")
PLACES = ("text", "subject", "file", "forwarded", "html")
COMMANDS = (
    "claim",
    "close",
    "note x",
    "recuse me",
    "recuse Ann Example",
    "release Bob Builder",
    "release me",
    "claim\n\nplease",
)


@dataclass(frozen=True)
class Event:
    """Something that happens; ``hidden`` only where there is the case."""

    what: str
    detail: str = ""
    hidden: bool = False


def _report(society: Society, name: str, words: str, place: str) -> str:
    """A report that names Bob somewhere."""
    text, subject, more = f"Somebody {words}.", "Code-of-conduct", ""
    if place == "text":
        text = f"{name} {words}."
    elif place == "subject":
        subject = f"Code-of-conduct {name}".replace("\u00a0", " ").replace("\u00f3", "o")
    elif place == "html":
        plain = "\r\n--b\r\nContent-Type: text/plain\r\n\r\n" + text
        more = 'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b"\r\n'
        text = f"{plain}\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>{name} {words}.</p>\r\n--b--"
    else:
        kind = "message/rfc822" if place == "forwarded" else 'application/pdf; name="Bob Builder.pdf"'
        inner = "From: x@x.example\r\nSubject: y\r\n\r\nThat was Bob Builder.\r\n" if place == "forwarded" else "x"
        more = 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n'
        text = (
            f"\r\n--b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n--b\r\nContent-Type: {kind}\r\n\r\n{inner}\r\n--b--"
        )
    return society.mail(f"Rita <{RITA}>", text, subject=subject, more=more)


def _bounce(society: Society, message_id: str) -> None:
    """A message comes back, with its head only."""
    society.raw(
        f"From: MAILER-DAEMON@mx.example\r\nTo: {HELP}\r\nSubject: Undelivered Mail Returned to Sender {society.uid}\r\n"
        "Return-Path: <>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nNo such user.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nAction: failed\r\n"
        f"Status: 5.1.1\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {message_id}\r\n--b--\r\n".encode()
    )


class Days:
    """Days of a community, with the case or without."""

    def __init__(self, folder: Path, *, with_case: bool, digest: str = "") -> None:
        self.society, self.with_case = Society(folder, digest), with_case
        self.report = self.code = self.other_code = ""

    def live(self, events: Sequence[Event]) -> list[bytes]:
        society = self.society
        society.mail("Quentin <q@q.example>", "When is the next meetup?", subject="Hello")
        for event in events:
            if not event.hidden or self.with_case:
                getattr(self, event.what.replace("-", "_"))(event.detail)
            society.way_out.refused, society.way_out.permanent = frozenset(), True
            society.later(1)
        society.later(72)  # over digests and reminders
        society.later(24)
        told = society.told(BOB, BOB_AT_HOME, BOB_TAGGED.lower())
        society.parts.ledger.close()
        return told

    # hidden

    def accuse(self, detail: str) -> None:
        name, words, place, refused = detail.split("|")
        way = self.society.way_out
        way.refused, way.permanent = frozenset(refused.split()), "later" not in refused
        self.report = _report(self.society, name, words, place)
        found = [one.code for one in self.society.parts.ledger.cases() if any(w.organizer == BOB for w in one.recused)]
        self.code = found[-1] if found else ""
        assert self.code, "the report must have withheld Bob"

    def goes_on(self, detail: str) -> None:
        if self.report:
            self.society.mail(f"Rita <{RITA}>", f"One more thing: {detail}.", refers=self.report, subject="Re: x")

    def mentions(self, detail: str) -> None:
        """A new mail, with nothing but the code to say what it is about."""
        if self.code:
            self.society.mail(f"Rita <{RITA}>", f"{detail} {self.code.lower()}.", subject="Again")

    def team_mentions(self, detail: str) -> None:
        """Ann compares it with a case that Bob has."""
        if self.code and self.other_code:
            refers = self.society.last(ANN, self.other_code)
            self.society.mail(ANN, f"{detail} {self.code}.", refers=refers, subject="Re: x")

    def works(self, detail: str) -> None:
        if self.code:
            self.society.mail(ANN, detail, refers=self.society.last(ANN, self.code), subject="Re: x")

    def answers(self, _detail: str) -> None:
        if self.report:
            text = f"From: {ANN}\r\nTo: {RITA}, {HELP}\r\nSubject: Re: x\r\nMessage-ID: <answer{self.society.uid}@x.example>\r\n"
            self.society.raw(f"{text}In-Reply-To: {self.report}\r\n\r\nDear Rita\r\n".encode())

    def comes_back(self, detail: str) -> None:
        # What no server has taken can't come back: a bounce of it would be about nothing of ours.
        returned = self.society.last(detail, self.code)
        if self.code and returned != GUESS:
            _bounce(self.society, returned)

    def alarm_comes_back(self, _detail: str) -> None:
        returned = self.society.last(KEEPER)
        if self.code and returned != GUESS:  # as above: without an alarm nothing comes back
            _bounce(self.society, returned)

    def keeper_is_away(self, _detail: str) -> None:
        if self.code:
            head = "Auto-Submitted: auto-replied\r\n\r\n"
            self.society.mail(KEEPER, "I am away.", self.society.last(KEEPER), "Out of office", head)

    def is_away(self, _detail: str) -> None:
        if self.code:
            token = self.society.last(ANN, self.code)
            self.society.mail(ANN, "I am away.", token, "Out of office", "Auto-Submitted: auto-replied\r\n\r\n")

    def responds(self, detail: str) -> None:
        """A responder that says in no header what it answers; the last says it in no header at all."""
        who, how = detail.split("|")
        head = {"marked": "Auto-Submitted: auto-replied\r\n\r\n", "words": ""}[how]
        self.society.mail(who, "I am out of the office until Monday, please contact Carl.", "", "Out of office", head)

    def returned(self, detail: str) -> None:
        """A bounce that returns nothing of the message, in words alone."""
        text = f"Your message could not be delivered to {detail}: user unknown"
        head = "Return-Path: <>\r\n\r\n"
        self.society.mail("MAILER-DAEMON@mx.example", text, "", "Undelivered Mail Returned to Sender", head)

    def machine(self, _detail: str) -> None:
        self.society.mail(
            "noreply@forms.example", "Bob Builder was here", "", "x", "Auto-Submitted: auto-generated\r\n\r\n"
        )

    # what Bob sees and does

    def writes(self, detail: str) -> None:
        self.society.mail("Vera <vera@example.net>", f"Somebody {detail}.")
        self.other_code = self.society.parts.ledger.cases()[-1].code

    def rita_writes(self, detail: str) -> None:
        self.society.mail(f"Rita <{RITA}>", f"Is there a meetup when somebody {detail}?", subject="A question")

    def bob_writes(self, detail: str) -> None:
        self.society.mail(BOB, f"What do we do when somebody {detail}?", subject="A question")

    def guesses(self, detail: str) -> None:
        words, how, sender = f"{detail}|{BOB}".split("|")[:3]
        code = self.code or "AZUG-B2C3D4"
        refers = {"code": "", "report": self.report, "copy": self.society.last(ANN, self.code) if self.code else ""}
        subject = f"Re: [{code}] Message to us" if how == "code" else "Re: x"
        self.society.mail(sender, words, refers=refers[how] or ("" if how == "code" else GUESS), subject=subject)

    def commands(self, detail: str) -> None:
        self.society.mail(BOB, detail, refers=self.society.last(BOB), subject="Re: x")

    def bob_answers_rita(self, detail: str) -> None:
        """He writes to the reporter, as if there were something to answer."""
        told = {"report": self.report, "answer": self.society.last(RITA, self.code) if self.code else ""}
        head = f"From: {BOB}\r\nTo: {RITA}\r\nCc: {HELP}\r\nSubject: Re: x\r\n"
        head += f"Message-ID: <bob{self.society.now:%d%H%M}@x.example>\r\n"
        head += f"In-Reply-To: {told[detail] or GUESS}\r\n" if detail else ""
        self.society.raw(f"{head}\r\nDear Rita, tell me more.\r\n".encode())

    def bob_passes_on(self, _detail: str) -> None:
        """A mail with the reporter's in it, or with one that he made up."""
        inner = f"From: {RITA}\r\nTo: {HELP}\r\nMessage-ID: {self.report or GUESS}\r\n\r\nhello"
        text = f"\r\n--b\r\n\r\nsee\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b--"
        more = 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n'
        self.society.mail(BOB, text, subject="Fwd: x", more=more)

    def bob_is_away(self, _detail: str) -> None:
        self.society.mail(BOB, "I am away.", "", "Out of office", "Auto-Submitted: auto-replied\r\n\r\n")


def _hidden(what: str, *details: str) -> st.SearchStrategy[Event]:
    return st.sampled_from([Event(what, detail, hidden=True) for detail in details])


ACCUSATIONS = st.builds(
    lambda *given: Event("accuse", "|".join(given), hidden=True),
    st.sampled_from(NAMED),
    st.sampled_from(WORDS),
    st.sampled_from(PLACES),
    st.sampled_from(["", CARL, f"{CARL} {DORA}", KEEPER, f"{ANN} later"]),
)
AROUND = st.one_of(
    _hidden("goes-on", "it was at noon", "Ann Example saw it", "he is here right now with a knife"),
    _hidden(
        "works", "claim", "close a conversation", "note hello", "recuse Carl Cox", "I know him", "Is it Bob Builder?"
    ),
    _hidden("answers", ""),
    _hidden("mentions", "He did it again, as I wrote in"),
    _hidden("team-mentions", "This is like"),
    _hidden("comes-back", ANN, CARL, RITA),
    _hidden("alarm-comes-back", ""),
    _hidden("keeper-is-away", ""),
    _hidden("is-away", ""),
    _hidden("responds", *(f"{who}|marked" for who in (ANN, RITA, KEEPER)), f"{ANN}|words", f"{RITA}|words"),
    _hidden("returned", ANN, RITA, KEEPER),
    _hidden("machine", ""),
)
SEEN = st.one_of(
    st.sampled_from([Event("writes", words) for words in WORDS]),
    st.sampled_from([Event(what, words) for what in ("rita-writes", "bob-writes") for words in WORDS[:2]]),
    st.sampled_from(
        [Event("guesses", f"{c}|{how}") for c in (*COMMANDS, "hello you all") for how in ("code", "report", "copy")]
    ),
    st.sampled_from([Event("commands", c) for c in ("claim", "note all is well", "hello you all")]),
    st.sampled_from([Event("bob-answers-rita", to) for to in ("", "report", "answer")]),
    st.sampled_from([Event("bob-passes-on"), Event("bob-is-away")]),
)
EVENTS = st.builds(
    lambda before, accusation, after: [*before, accusation, *after],
    st.lists(SEEN, max_size=1),
    ACCUSATIONS,
    st.lists(st.one_of(ACCUSATIONS, AROUND, AROUND, SEEN, SEEN), min_size=1, max_size=4),
)
