"""The copy of a report for each organizer: head, machine-readable form, and the original byte for byte.

What is the same for all organizers of a mail is composed once and kept until other mail comes: only the headers and
the link that carries one's own Message-ID differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from threading import Lock

from intake.compose import links, mime, page, report_json, words
from intake.compose.copy_head import LINK, Head
from intake.compose.headers import own_addr_spec
from intake.compose.helplines import Helplines
from intake.compose.house import House
from intake.compose.letter import Body, Envelope, message
from intake.compose.markdown import Markdown, flow
from intake.compose.render import Templates
from intake.letters import Copy
from intake.model import DRILL, MessageKind, Outgoing, ParsedMail, Urgency

REPORT = "report"
KEPT = 8  # prepared mails,
KEPT_BYTES = 16_000_000  # and the size of their originals, beyond which only that of the newest stays


@dataclass(frozen=True, slots=True)
class Prepared:
    """All of a copy that does not depend on who gets it. Encoded bodies are ``(before, after)`` the personal link."""

    subject: str
    language: str
    urgent: bool
    text: tuple[bytes, bytes] = field(repr=False)
    html: tuple[bytes, bytes] = field(repr=False)
    report: bytes = field(repr=False)
    original: mime.Original | None = field(repr=False)
    discuss: str = field(repr=False)  # the link to the others of the team, and what stands around it
    label: str = field(repr=False)
    button: tuple[str, str] = field(repr=False)

    @property
    def attached(self) -> tuple[tuple[mime.Piece, ...], ...]:
        """The parts that follow its words."""
        original = (self.original.part, self.original.again) if self.original else ()
        return tuple(part for part in ((self.report,), *original) if part)


Key = tuple[object, ...]


@dataclass(frozen=True)
class Copies:
    """Composes copies. Safe to use from several threads."""

    house: House
    templates: Templates
    markdown: Markdown
    helplines: Callable[[], Helplines]
    lines: mime.Lines = field(default_factory=mime.Lines, repr=False)
    kept: list[tuple[Key, ParsedMail, bytes, Prepared]] = field(default_factory=list, repr=False)
    lock: Lock = field(default_factory=Lock, repr=False)

    def compose(self, letter: Copy, now: datetime) -> Outgoing:
        """One organizer's copy. Raises TemplateError, DeliveryError."""
        prepared = self._prepared(letter)
        envelope = Envelope(
            kind=letter.kind,
            to=letter.to,
            subject=prepared.subject,
            language=prepared.language,
            thread=letter.thread,
            now=now,
            code=letter.case.code,
            urgent=prepared.urgent,
        )
        href = links.replying(prepared.discuss, letter.thread.message_id)
        text = mime.quoted_printable(f"{prepared.label}\n{href}\n")
        before, after = prepared.button
        html = mime.quoted_printable(f"{before}{escape(href)}{after}\n")
        body = Body(
            b"".join((prepared.text[0], text, prepared.text[1])),
            b"".join((prepared.html[0], html, prepared.html[1])),
            prepared.attached,
        )
        return Outgoing(self.house.sender, own_addr_spec(letter.to.email), *message(self.house, envelope, body))

    def forget(self) -> None:
        """Drop what is kept of mails."""
        with self.lock:
            self.kept.clear()

    def _prepared(self, letter: Copy) -> Prepared:
        key: Key = (
            letter.kind, letter.language, letter.case, letter.verdict, letter.received, letter.mailbox, letter.folder,
            letter.size, letter.recipients, letter.others_withheld, letter.acknowledgement, letter.original_note,
            letter.linked_code, letter.team_reply, letter.lead,
        )  # fmt: skip
        with self.lock:
            for kept_key, mail, original, prepared in self.kept:
                if kept_key == key and mail == letter.mail and original == letter.original:
                    return prepared
            self._make_room(letter.original)
        prepared = self._prepare(letter)
        with self.lock:
            self.kept.insert(0, (key, letter.mail, letter.original, prepared))
        return prepared

    def _make_room(self, octets: bytes) -> None:
        """Drop what is oldest before another one is made: two large originals are never held together."""
        room = KEPT_BYTES - len(octets)
        fitting = []
        for kept in self.kept:
            is_same = kept[2] == octets
            room -= 0 if is_same else len(kept[2])
            if is_same or room >= 0:
                fitting.append(kept)
        self.kept[:] = fitting[: KEPT - 1]

    def _prepare(self, letter: Copy) -> Prepared:
        languages = tuple(dict.fromkeys((letter.language, *self.house.languages, "en")))
        variant = letter.kind.value if letter.kind is MessageKind.FOLLOW_UP else REPORT
        variant = "team" if letter.team_reply else variant
        name, language = self.templates.find(REPORT, (variant, REPORT), languages)
        urgent = report_json.urgency(letter) is Urgency.URGENT
        answer = self._answer_link(letter)
        rendered = self.templates.render(name, self._facts(letter, urgent=urgent, answerable=bool(answer)))
        todo_html, todo_text = self.markdown.convert(
            words.french_spaces(rendered.body) if language == "fr" else rendered.body, letter.case.code
        )
        head = Head(letter, self.house, self.templates.phrases(language), language, urgent=urgent)
        original = self._original(letter)
        text = head.text(todo_text, answer)
        html = page.document(language, rendered.subject, head.preheader, head.html(todo_html, answer))
        report: bytes = mime.json_part(
            report_json.document(letter, self.house, original.encoding if original else ""), "report.json"
        )
        subject = rendered.subject
        if letter.verdict.rule == DRILL:
            subject = f"[{head.phrases.get('copy', 'drill')}] {subject}"
        label = head.phrases.get("copy", "discuss")
        return Prepared(
            subject,
            language,
            urgent,
            self._halves(text),
            self._halves(html),
            report,
            original,
            discuss=links.mailto(self.house.address, subject=subject if subject[:3] == "Re:" else f"Re: {subject}"),
            label=f"{flow(label)}{words.colon(language)}",
            button=_around(page.button(LINK, label, primary=True), LINK),
        )

    def _original(self, letter: Copy) -> mime.Original | None:
        """The original as it is attached; for other languages and circumstances it is the same."""
        if not letter.original and (letter.size or letter.original_note):  # a mail may be empty
            return None
        name = f"original-{letter.case.code}"
        with self.lock:
            for _, _, octets, prepared in self.kept:
                if prepared.original and prepared.original.name == name and octets == letter.original:
                    return prepared.original
        return mime.original_part(letter.original, name)

    def _halves(self, body: str) -> tuple[bytes, bytes]:
        before, after = _around(body, LINK + "\n")
        return self.lines.quoted_printable(before), self.lines.quoted_printable(after)

    def _facts(self, letter: Copy, *, urgent: bool, answerable: bool) -> dict[str, object]:
        return {
            "community": self.house.name,
            "address": self.house.address,
            "code": letter.case.code,
            "urgent": urgent,
            "answerable": answerable,
            "claimed": letter.lead,
            "withheld": letter.others_withheld,
            "emergency": self.helplines().emergency,
        }

    def _answer_link(self, letter: Copy) -> str:
        """A deliberate answer: in the reporter's thread, the community in copy, under the same neutral subject."""
        to = None if letter.team_reply else links.reporter(letter.mail, letter.verdict)
        if to is None:
            return ""
        phrases = self.templates.phrases(letter.verdict.language or self.house.languages[0])
        subject = f"Re: {phrases.get('copy', 'answer-subject')} [{letter.case.code}]"
        return links.mailto(to.email, cc=self.house.address, subject=subject, in_reply_to=letter.mail.message_id)


def _around(text: str, mark: str) -> tuple[str, str]:
    before, _, after = text.partition(mark)
    return before, after
