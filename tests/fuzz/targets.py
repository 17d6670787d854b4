"""What is fuzzed, and what must hold for any bytes at all. Each target raises only when something is wrong."""

from __future__ import annotations

import contextlib
import email
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

from unit.judging import COMMUNITY, config, judge

from intake.compose.composer import Composer
from intake.config import loads
from intake.decide import command
from intake.decide.folding import Folded, fold
from intake.decide.plan import Planner
from intake.decide.recuse import withheld
from intake.deliver import envelope
from intake.errors import ConfigError, DeliveryError
from intake.ledger.mentioned import mentioned
from intake.letters import Acknowledgement, AcknowledgementState, Copy, Reader, Thread
from intake.model import (
    OUTCOMES,
    Address,
    Arrival,
    Case,
    CaseState,
    DeliveryState,
    History,
    MailRef,
    MessageKind,
    Outcome,
    Outgoing,
    ParsedMail,
    Plan,
    RawMail,
    Verdict,
)
from intake.receive.markup import html_text
from intake.receive.otherwise import readings, strings
from intake.receive.parse import parse as parse_mail
from intake.receive.text import clean

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TEAM = {"ann@example.org", "bram@example.net", "zoe.muller@gmail.com"}
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_WORDS = re.compile(r"[^\W_]+")
_FOREIGN = {"script", "img", "svg", "iframe", "object", "embed", "form", "input", "link", "base", "video", "i"}
_HEADER = re.compile(rb"(?:[!-9;-~]+:[ \t]?[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n)+")


@cache
def _planner() -> Planner:
    return Planner(config())


@cache
def _composer() -> Composer:
    return Composer(config())


def _judged(data: bytes) -> tuple[ParsedMail, Verdict]:
    mail = parse_mail(data)
    return mail, judge().judge(mail, NOW)


def parse(data: bytes) -> None:
    """It never raises; one-line values hold no line end, no control, no half of a character."""
    mail = parse_mail(data)
    people = (*mail.authors, *mail.reply_to, *mail.to, *mail.cc)
    one_line = [mail.subject, mail.message_id, *mail.references, *(a.name for a in people), *(a.email for a in people)]
    one_line += [attachment.name for attachment in mail.attachments]
    for value in one_line:
        assert not _CONTROLS.search(value)
    for attachment in mail.attachments:
        assert "/" not in attachment.name
        assert "\\" not in attachment.name
    for text in (mail.text, *mail.all_text):
        text.encode("utf-8")
        assert "\0" not in text


class _Browser(HTMLParser):
    """Another program that reads HTML: what it takes for text, and for elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        with contextlib.suppress(AssertionError):  # it stops at a declaration that it can't make out
            self.feed(html)
            self.close()

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]


def markup(data: bytes) -> None:
    """Each word that another program takes for text is read here too, and what is read is clean."""
    html = clean(data.decode("utf-8", "replace"))
    text, beside = html_text(html)
    assert not _CONTROLS.search((text + beside).replace("\n", ""))
    read = "".join(_words(f"{text} {beside}"))
    for said in _Browser(html).said:
        if not said.startswith("<"):  # a tag without an end, which it gives back
            assert not [word for word in _words(said) if word not in read]


def _words(text: str) -> list[str]:
    return _WORDS.findall(unescape(text))


def otherwise(data: bytes) -> None:
    """What is read in a second way has its limit, and is clean."""
    text = clean(data.decode("utf-8", "replace"))
    found = [*readings(text, 5000), clean(strings(data))]
    assert sum(map(len, found[:-1])) <= 5000
    for reading in found:
        assert not _CONTROLS.search(reading.replace("\n", ""))


def named(data: bytes) -> None:
    """Nothing that stands before or after a name or a code hides it; no text is folded in two ways."""
    text = clean(data.decode("utf-8", "replace"))
    assert fold(fold(text)) == fold(text)
    folded = Folded.of(text)
    assert folded.joined == "".join(folded.words)
    mail = ParsedMail(text=f"{text}\nBram van den Berg\n{text}", all_text=(f"{text}\nEUG-7K3M9Q\n",))
    assert "bram@example.net" in {one.organizer for one in withheld(mail, config().organizers)}
    assert "EUG-7K3M9Q" in mentioned(mail)


def classify(data: bytes) -> None:
    """A verdict for anything, in the words of the configuration, the same every time."""
    mail, verdict = _judged(data)
    assert verdict == judge().judge(mail, NOW)
    assert verdict.category in {one.name for one in config().categories}
    assert {one.organizer for one in verdict.recused} <= TEAM
    assert not verdict.acknowledge or verdict.acknowledge_to is not None


def plan(data: bytes) -> None:
    """A case reaches somebody; nobody gets it who is withheld; the reporter is answered once at most."""
    made = _plan(data)
    hidden = {one.organizer for one in made.withheld}
    reached = {one.recipient for one in made.deliveries if one.state is not DeliveryState.WITHHELD}
    assert not reached & hidden
    if made.outcome is Outcome.CASE:
        assert reached & TEAM or hidden >= TEAM
    answers = [one for one in made.deliveries if one.kind is MessageKind.ACKNOWLEDGEMENT]
    assert len(answers) <= 1


def _plan(data: bytes) -> Plan:
    mail, verdict = _judged(data)
    raw = RawMail(MailRef("help", "INBOX", 1, 1), NOW, len(data), data)
    return _planner()(Arrival(raw, mail, verdict), History(), NOW)


def compose(data: bytes) -> None:
    """Every message has one recipient, no header that we did not write, and the original byte for byte."""
    _composed(data)
    line = b" ".join(data.split())
    file = b'--b\r\nContent-Disposition: attachment; filename="' + line.replace(b'"', b"'") + b'"\r\n\r\nx\r\n--b--'
    head = b"From: " + line + b" <rita@people.example>\r\nSubject: " + line + b"\r\n"
    _composed(head + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + data + b"\r\n" + file)


def _composed(data: bytes) -> None:
    mail, verdict = _judged(data)
    case = Case(
        1, "EUG-7K3M9Q", verdict.category, verdict.rule, verdict.urgency, verdict.urgency_reasons, verdict.language,
        verdict.event, verdict.authentication, CaseState.NEW, NOW, None, None, None, None, 1,
    )  # fmt: skip
    letter = Copy(
        MessageKind.REPORT, Address("Ann Example", "ann@example.org"), "en", Thread("<token@example.org>"), case, mail,
        verdict, NOW, "help", "INBOX", len(data), (Reader("Ann Example"),), 0, AcknowledgementState("waiting", ""), data,
    )  # fmt: skip
    copied = _composer().copy(letter, NOW)
    _held(copied, "ann@example.org")
    _inert(copied)
    if verdict.acknowledge_to:
        thread = Thread("<token@example.org>", mail.message_id, (*mail.references, mail.message_id))
        answer = Acknowledgement(
            Address("", verdict.acknowledge_to.email), thread, verdict.language, verdict.category, case.code, NOW, "full",
            (Reader("Ann Example"),),
        )  # fmt: skip
        try:
            made = _composer().acknowledgement(answer, NOW)
        except DeliveryError as error:  # an address that can't be written
            _silent(error, verdict.acknowledge_to.email)
        else:
            _held(made, verdict.acknowledge_to.email)


def _silent(error: DeliveryError, address: str) -> None:
    assert address not in str(error)


def _held(made: Outgoing, recipient: str) -> None:
    assert made.recipient.lower() == recipient.lower() or "xn--" in made.recipient
    head, _, _ = made.content.partition(b"\r\n\r\n")
    assert _HEADER.fullmatch(head + b"\r\n")
    names = [name.lower() for name, _ in email.message_from_bytes(made.content).items()]
    assert not {"cc", "bcc", "resent-to", "return-path"} & set(names)
    for once in ("to", "from", "subject", "message-id", "x-intake-kind"):
        assert names.count(once) == 1
    carried = b"".join(envelope.wire_of(made))
    assert carried == envelope.wire(made.content)
    assert b"\r\n.\r\n" not in carried
    assert carried.count(b"\r") == carried.count(b"\n") == carried.count(b"\r\n")


def _inert(copied: Outgoing) -> None:
    """The page of a copy is of our making: nothing of the mail is an element, an attribute or a link in it."""
    parts = email.message_from_bytes(copied.content).walk()
    page = next(part for part in parts if part.get_content_type() == "text/html")
    shown = _Browser(page.get_payload(decode=True).decode())  # type: ignore[union-attr]  # bytes, of a part that holds none
    assert not shown.elements & _FOREIGN
    assert not [name for name in shown.attributes if name.startswith("on") or name in {"src", "background", "hidden"}]
    assert all(link.startswith("mailto:") for link in shown.links)


def team_command(data: bytes) -> None:
    """What an organizer writes is a command or it is not; what it asks for is one of the things there are."""
    found = command.parse(ParsedMail(text=data.decode("utf-8", "replace")))
    if found is not None:
        assert command.outcome_of(data.decode("utf-8", "replace")) in {"", *OUTCOMES}


def configuration(data: bytes) -> None:
    """A configuration, or one-line problems with their places. Nothing else is raised."""
    text = data.decode("utf-8", "replace")
    for candidate in (text, COMMUNITY + text):
        try:
            loads(candidate, Path("/nowhere/config.toml"))
        except ConfigError as error:
            _explained(error)


def _explained(error: ConfigError) -> None:
    assert error.problems
    for problem in error.problems:
        assert problem.startswith("/nowhere/config.toml:")
        assert "\n" not in problem


TARGETS: dict[str, Callable[[bytes], None]] = {
    "parse": parse,
    "markup": markup,
    "otherwise": otherwise,
    "named": named,
    "classify": classify,
    "plan": plan,
    "compose": compose,
    "command": team_command,
    "configuration": configuration,
}

# Beginnings and pieces from which a search sets out: the shapes that our code looks for.
PIECES: tuple[bytes, ...] = (
    b"From: Rita <rita@people.example>\r\n", b"To: help@example.org\r\n", b"Subject: Code of conduct\r\n",
    b"Subject: =?utf-8?b?Q29kZQ==?=\r\n", b"Message-ID: <1@people.example>\r\n", b"Reply-To: a@b.example\r\n",
    b"References: <a@b> <c@d>\r\n", b"MIME-Version: 1.0\r\n", b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: message/rfc822\r\n", b"Content-Type: text/html; charset=utf-8\r\n", b"Auto-Submitted: auto-replied\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n",
    b'Content-Disposition: attachment; filename="../x\\y"\r\n', b"List-Id: <x.y>\r\n", b"\r\n", b"\n", b"\r", b"--b\r\n",
    b"--b--\r\n", b"Bram van den Berg", b"Ann Example", b"he has a knife", b"<p>", b"<!--", b"=C3=A9", b"\r\n.\r\n",
    b"Content-Type: application/pkcs7-mime\r\n", b"\x30\x80\x04\x05", b"begin 644 x\r\n", b"#86%A\r\n", b"base64 ", b"=?utf-8?q?=41?=",
    b"<style>", b"</style", b"<a title='", b"]]>", b"{\\rtf", b"Content-Type: text/plain; charset=utf-16\r\n", b"; boundary=b",
    b"\r\nBcc: x@y.example\r\n", b"{{ 7 * 7 }}", b"claim", b"close ban", b"recuse Ann", b"\xff\xfe", b"\0", b"\x1b[2J",
    b"<img alt='x'>", b"<script>", b"<a href='http://x' onclick=y>", b"<i hidden>", b"</i>", b"display:none", b"-->", b"<!", b"<?", b"<svg>", b"</title>", b"&#x41;", b"&lt;",
    b"content:'", b"/*", b"EUG-7K3M9Q", b"\xe2\x80\xae", b"\xc3\xa4", b"begin 644 x\n", b"\\'41",
    b"[[organizer]]\n", b'name = "', b"[smtp]\n", b"port = 0\n", b"re:(a+)+$", b'"', b"'''", b"{", b"1e999", b"[phrases]\n",
)  # fmt: skip
