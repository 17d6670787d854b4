"""The copy for an organizer: head, report.json and the original byte for byte; hostile mail stays inert."""

from __future__ import annotations

import base64
import email
import email.policy
import json
import os
import re
import time
from dataclasses import replace
from email.message import EmailMessage
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.compose import mime, sample
from intake.compose.composer import Composer
from intake.letters import AcknowledgementState, Copy, Reader, Thread
from intake.model import Address, Attachment, MessageKind, Outgoing, ParsedMail, Shared
from intake.receive.parse import parse

LANGUAGES = ("en", "nl", "fr", "de")
URGENCY = {"en": "stalking", "nl": "stalking", "fr": "filature", "de": "Stalking"}
COMPOSER = Composer(sample.house())
CORPUS = Path(os.environ.get("INTAKE_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))


def composed(letter: Copy) -> Outgoing:
    return COMPOSER.copy(letter, sample.NOW)


def parsed(outgoing: Outgoing) -> EmailMessage:
    message = email.message_from_bytes(outgoing.content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def bodies(outgoing: Outgoing) -> tuple[str, str]:
    message = parsed(outgoing)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content().replace("\r\n", "\n"), html.get_content()


def report_of(outgoing: Outgoing) -> dict[str, Any]:
    part = next(p for p in parsed(outgoing).walk() if p.get_filename() == "report.json")
    answer = json.loads(part.get_content())
    assert isinstance(answer, dict)
    return answer


class Seen(HTMLParser):
    """What a browser would do with a page: tags, links, sources."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "background", "action"}]


def seen(html: str) -> Seen:
    parser = Seen()
    parser.feed(html)
    parser.close()
    return parser


def matches(value: object, schema: dict[str, Any], root: dict[str, Any], place: str = "$") -> None:
    """A small part of JSON Schema: what our two schemas use."""
    schema = root["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if "const" in schema:
        assert value == schema["const"], place
    if "enum" in schema:
        assert value in schema["enum"], f"{place}: {value!r}"
    kinds = schema.get("type", [])
    names: dict[str, tuple[type, ...]] = {
        "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "array": (list,),
        "object": (dict,), "null": (type(None),),
    }  # fmt: skip
    if kinds:
        allowed = tuple(one for kind in ([kinds] if isinstance(kinds, str) else kinds) for one in names[kind])
        assert isinstance(value, allowed), f"{place}: {value!r}"
        assert bool in allowed or not isinstance(value, bool), place
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        assert set(schema.get("required", ())) <= value.keys(), place
        for key, item in value.items():
            extra = schema.get("additionalProperties", {})
            matches(item, properties.get(key, extra if isinstance(extra, dict) else {}), root, f"{place}.{key}")
    if isinstance(value, list):
        for number, item in enumerate(value):
            matches(item, schema.get("items", {}), root, f"{place}[{number}]")


def schema(name: str) -> dict[str, Any]:
    found = json.loads((files("intake.compose") / "schemas" / f"{name}.schema.json").read_text("utf-8"))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [MessageKind.REPORT, MessageKind.FOLLOW_UP])
def test_the_headers_of_the_contract(language: str, kind: MessageKind) -> None:
    outgoing = composed(sample.copy(language, kind))
    message = parsed(outgoing)
    assert (outgoing.sender, outgoing.recipient) == ("help@example.org", "ann@example.org")
    assert message["From"] == "EXUG <help@example.org>"
    assert message["To"] == "Ann Example <ann@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["X-Intake-Kind"] == kind.value
    assert message["X-Intake-Case"] == sample.CODE
    assert message["Importance"] == "high"
    assert not {"Cc", "Bcc", "Reply-To"} & set(message.keys())
    assert len(message.keys()) == len(set(message.keys()))
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "multipart/alternative", "application/json", "message/rfc822",
    ]  # fmt: skip


def test_one_thread_for_a_case_whatever_the_kind() -> None:
    first = parsed(composed(sample.copy("nl")))
    others = [
        parsed(composed(sample.copy("nl", MessageKind.FOLLOW_UP))),
        parsed(COMPOSER.notice(sample.notice("nl", "waiting"), sample.NOW)),
        parsed(COMPOSER.reminder(sample.reminder("nl", "claim"), sample.NOW)),
    ]
    assert not first["Subject"].startswith("Re:")
    assert f"[{sample.CODE}]" in first["Subject"]
    for other in others:
        assert other["Subject"] == f"Re: {first['Subject']}"
        assert other["Thread-Topic"] == first["Thread-Topic"] == first["Subject"]
        assert other["Thread-Index"][:28] == first["Thread-Index"][:28]
        assert len(other["Thread-Index"]) > len(first["Thread-Index"])
    elsewhere = replace(sample.copy("nl"), case=replace(sample.case(), code="OTHER2"))
    assert parsed(composed(elsewhere))["Thread-Index"][:28] != first["Thread-Index"][:28]


def test_the_subject_holds_nothing_of_the_mail() -> None:
    letter = sample.copy("en")
    other = replace(
        letter, mail=replace(letter.mail, subject="Quokka", authors=(Address("Quokka", "quokka@example.net"),))
    )
    assert parsed(composed(letter))["Subject"] == parsed(composed(other))["Subject"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_head_says_what_matters(language: str) -> None:
    for shown in bodies(composed(sample.copy(language))):
        flat = " ".join(re.sub(r"<[^>]*>", "", shown).split())
        for said in (
            sample.CODE,
            "Global Example Day",
            "Robin Sample",
            "Ann Example, Bea Voorbeeld",
            "photo of the hall.jpg",
            "112",
            "claim",
        ):
            assert said in flat, said
        assert "1 " in flat
        assert URGENCY[language] in flat
    text, html = bodies(composed(sample.copy(language)))
    assert text.index(URGENCY[language]) < 200, "the urgency and its reason stand at the very top"
    assert f'lang="{language}"' in html


def test_two_links_and_no_others() -> None:
    _, html = bodies(composed(sample.copy("en")))
    discuss, answer = (urlsplit(link) for link in seen(html).links)
    assert discuss.path == "help@example.org"
    assert parse_qs(discuss.query)["In-Reply-To"] == [sample.thread("c").message_id]
    assert answer.path == "robin@example.net"
    fields = parse_qs(answer.query)
    assert fields["cc"] == ["help@example.org"]
    assert fields["In-Reply-To"] == ["<sample-1@example.net>"]
    assert fields["subject"] == [f"Re: Your message [{sample.CODE}]"]


def test_a_link_can_not_be_given_another_field() -> None:
    letter = sample.copy("en")
    evil = Address("x", "a?cc=evil&bcc=b%40c@example.net")
    mail = replace(letter.mail, authors=(evil,), message_id="<a&bcc=evil@example.com>")
    _, html = bodies(composed(replace(letter, mail=mail, verdict=replace(letter.verdict, acknowledge_to=None))))
    link = next(link for link in seen(html).links if "In-Reply-To" in link and "help@example.org?" not in link)
    assert set(parse_qs(urlsplit(link).query)) == {"cc", "subject", "In-Reply-To"}
    assert unquote(urlsplit(link).path) == evil.email


@pytest.mark.parametrize("kind", [MessageKind.REPORT, MessageKind.FOLLOW_UP])
@pytest.mark.parametrize("language", LANGUAGES)
def test_without_an_address_nobody_is_asked_to_answer(language: str, kind: MessageKind) -> None:
    letter = sample.copy(language, kind)
    nobody = replace(
        letter, mail=replace(letter.mail, authors=()), verdict=replace(letter.verdict, acknowledge_to=None)
    )
    usual, less = (bodies(composed(one))[0].partition("mailto:")[0] for one in (letter, nobody))
    assert ("Cc" in usual, "Cc" in less) == (True, False)
    numbers = [re.findall(r"^(\d)\. ", text, re.MULTILINE) for text in (usual, less)]
    assert numbers[1] == numbers[0][:-1], "one step less, and no gap"


def test_without_an_address_there_is_no_link_to_answer() -> None:
    letter = sample.copy("en")
    nobody = replace(
        letter, mail=replace(letter.mail, authors=()), verdict=replace(letter.verdict, acknowledge_to=None)
    )
    text, html = bodies(composed(nobody))
    assert len(seen(html).links) == 1
    assert "no address" in " ".join(text.split())
    assert report_of(composed(nobody))["reporter"] is None


HOSTILE = (
    "<script>alert(1)</script><img src=http://evil.example/p.gif onerror=x><a href='http://evil.example'>x</a>\n"
    "https://evil.example/path www.evil.example evil@example.com javascript:alert(1)\n"
    "-- \n>From the start\n.\n\u202egpj.exe\u202c \x00\x1b[31m\x07 \ufeff\nEnd of what they wrote.\n&lt;b&gt;"
)


def test_hostile_text_is_shown_and_inert() -> None:
    letter = sample.copy("en")
    text, html = bodies(
        composed(replace(letter, mail=replace(letter.mail, text=HOSTILE, subject="<b>x</b> https://evil.example")))
    )
    page = seen(html)
    assert page.tags <= {"html", "head", "meta", "title", "style", "body", "div", "table", "tr", "td", "th", "h1", "h2", "span", "strong",
                         "a", "ol", "ul", "li", "p", "br", "code"}  # fmt: skip
    assert not {name for name in page.attributes if name.startswith("on")}
    assert all(link.startswith("mailto:") for link in page.links)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    for link in ("https://evil", "www.evil", "evil@"):
        assert link not in html, "no program may make links of them"
    assert not re.search("[\x00\x1b\x07\u202e]", text + html)
    assert "> https://evil.example/path" in text, "in plain text it stands as it was written"
    author = [line for line in text.splitlines() if "End of what they wrote." in line]
    assert author[0].startswith("> "), "nobody can end the quotation from within"
    assert not author[1].startswith("> ")


def test_file_names_hide_nothing() -> None:
    letter = sample.copy("en")
    items = (
        Attachment("photo\u202egpj.exe", "image/jpeg", 10, "0" * 64),
        Attachment("a" * 300 + ".pdf.exe", "application/pdf", 10, "0" * 64),
        Attachment("x\r\nBcc: y@z", "text/plain\r\nX: y", 10, "0" * 64),
        Attachment("www.evil.example", "text/html", 10, "0" * 64),
        Attachment("", "application/octet-stream", 10, "0" * 64),
    )
    outgoing = composed(replace(letter, mail=replace(letter.mail, attachments=items)))
    text, html = bodies(outgoing)
    assert "\u202e" not in text + html
    assert "photo gpj.exe" in text
    assert ".pdf.exe (application/pdf, 10 bytes)" in text
    assert "…" in text
    assert "www.evil.example" not in html
    assert "without a name" in text
    assert next(item["name"] for item in report_of(outgoing)["attachments"]) == "photo gpj.exe"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [MessageKind.REPORT, MessageKind.FOLLOW_UP])
def test_report_json_follows_its_schema(language: str, kind: MessageKind) -> None:
    answer = report_of(composed(sample.copy(language, kind)))
    matches(answer, schema("report"), schema("report"))
    assert answer["case"] == sample.CODE
    assert answer["kind"] == kind.value
    assert answer["reporter"] == {"name": "Robin Sample", "address": "robin@example.net"}
    assert answer["received"] == "2026-04-18T12:32:00Z"
    assert answer["recipients"] == ["Ann Example", "Bea Voorbeeld", "Carl Exemple"]
    assert answer["others_copied"] is False


def test_others_copied_are_shown() -> None:
    letter = sample.copy("en")
    mail = replace(letter.mail, to=(Address("", "HELP@example.org"),), cc=(Address("Eve", "eve@example.com"),))
    outgoing = composed(replace(letter, mail=mail))
    assert report_of(outgoing)["others_copied"] is True
    assert "eve@example.com" in bodies(outgoing)[0]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (AcknowledgementState("sent", "", sample.NOW), "automatic answer sent on Saturday 18 April 2026 at 14:40"),
        (AcknowledgementState("waiting", ""), "not yet"),
        (
            AcknowledgementState("not-sent", "cap-sender"),
            "no automatic answer: this sender has had enough answers today",
        ),
        (AcknowledgementState("not-sent", "bounce:dsn"), "no automatic answer: it is a bounce"),
        (AcknowledgementState("not-sent", "some-new-reason"), "no automatic answer: some new reason"),
    ],
)
def test_what_the_reporter_was_told(state: AcknowledgementState, said: str) -> None:
    outgoing = composed(replace(sample.copy("en"), acknowledgement=state))
    assert said in " ".join(bodies(outgoing)[0].split())
    assert report_of(outgoing)["acknowledgement"]["state"] == state.state


@pytest.mark.parametrize("note", ["too-large", "refused-for-size", "unreadable"])
def test_without_its_original_a_copy_says_where_it_is(note: str) -> None:
    outgoing = composed(sample.copy("en", note=note))
    text, _ = bodies(outgoing)
    assert "folder “INBOX”" in " ".join(text.split())
    assert "attached, unchanged" not in " ".join(text.split())
    assert not [part for part in parsed(outgoing).walk() if part.get_content_type() == "message/rfc822"]
    assert report_of(outgoing)["original"]["attached"] is False


@pytest.mark.parametrize("content", ["encrypted", "smime", "signed", "tnef"])
def test_special_content_is_flagged_and_passed_on(content: str) -> None:
    letter = sample.copy("en")
    outgoing = composed(replace(letter, mail=replace(letter.mail, content=frozenset({content}), text="")))
    text, _ = bodies(outgoing)
    assert "! This mail" in text
    assert "no text that could be shown" in " ".join(text.split())
    assert sample.ORIGINAL in outgoing.content


def test_what_is_encrypted_with_smime_is_not_said_to_be_pgp() -> None:
    raw = (
        b"From: rita@example.com\nSubject: Code-of-conduct\nMIME-Version: 1.0\n"
        b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n"
        b"Content-Transfer-Encoding: base64\n\nMIIBHgYJKoZIhvcNAQcDoIIBDzCCAQs=\n"
    )
    mail = parse(raw)
    assert mail.content == {"smime", "encrypted"}
    text, _ = bodies(composed(replace(sample.copy("en"), mail=mail, original=raw)))
    assert "S/MIME" in text
    assert "PGP" not in text


def test_a_failed_authentication_is_a_warning() -> None:
    letter = sample.copy("en")
    text, _ = bodies(composed(replace(letter, verdict=replace(letter.verdict, authentication="fail"))))
    assert "may be forged" in text.split("What to do now")[0].replace("\n", " ")
    assert text.index("forged") < 1200


def test_what_a_colleague_wrote_is_no_report() -> None:
    outgoing = composed(sample.team_reply("en"))
    text, html = bodies(outgoing)
    assert "Reply from the team" in text
    assert len(seen(html).links) == 1
    assert "automatic answer" not in text


def test_a_long_text_is_shortened_and_says_so() -> None:
    letter = sample.copy("en")
    outgoing = composed(replace(letter, mail=replace(letter.mail, text="word " * 100_000)))
    assert len(outgoing.content) < 400_000
    assert "the rest is in the attached original" in bodies(outgoing)[0]


def test_shared_parts_are_the_same_and_personal_ones_are_not() -> None:
    letter = sample.copy("en")
    other = replace(letter, to=Address("Bea", "bea@example.org"), thread=Thread("<other@example.org>"))
    first, second = composed(letter), composed(other)
    assert b"ann@example.org" not in second.content
    assert sample.thread("c").message_id.encode() not in second.content
    assert second.content == Composer(sample.house()).copy(other, sample.NOW).content, "what is kept changes nothing"
    assert first.content == composed(letter).content
    assert "<other@example.org>" in unquote(bodies(second)[0])


def test_kept_parts_are_not_mixed_up() -> None:
    letter = sample.copy("en")
    texts = [replace(letter, mail=replace(letter.mail, text=f"text {number}")) for number in range(20)]
    for each in (*texts, *reversed(texts)):
        assert f"> {each.mail.text}\n" in bodies(composed(each))[0]
    readers = replace(letter, recipients=(Reader("Only One"),))
    assert "Only One" in bodies(composed(readers))[0]
    COMPOSER.forget()
    assert composed(letter).content == composed(letter).content


ANYTHING = st.text(alphabet=st.characters(exclude_categories=()), max_size=80)


@settings(max_examples=120, deadline=None)
@given(subject=ANYTHING, name=ANYTHING, address=ANYTHING, text=ANYTHING, message_id=ANYTHING, file=ANYTHING,
       original=st.binary(min_size=1, max_size=300), language=st.sampled_from(LANGUAGES))  # fmt: skip
def test_any_mail_becomes_a_copy_with_its_original_whole(
    subject: str, name: str, address: str, text: str, message_id: str, file: str, original: bytes, language: str
) -> None:
    letter = sample.copy(language)
    mail = ParsedMail(
        message_id=message_id, subject=subject, authors=(Address(name, address),), cc=(Address(name, address),), text=text,
        attachments=(Attachment(file, file, 1, "0" * 64),), defects=("no-date",),
    )  # fmt: skip
    outgoing = composed(
        replace(letter, mail=mail, original=original, verdict=replace(letter.verdict, acknowledge_to=None))
    )
    head, _, _ = outgoing.content.partition(b"\r\n\r\n")
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]", head)
    assert parsed(outgoing)["To"] == "Ann Example <ann@example.org>"
    answer = report_of(outgoing)
    matches(answer, schema("report"), schema("report"))
    part = outgoing.content.split(b"message/rfc822", 1)[1].split(b"\r\n\r\n", 1)[1].split(b"\r\n--=_", 1)[0]
    whole = part if answer["original"]["encoding"] != "base64" else base64.b64decode(part)
    assert whole == original
    page = seen(bodies(outgoing)[1])
    assert all(link.startswith("mailto:") for link in page.links)
    assert not {"script", "img", "iframe", "form"} & page.tags


@pytest.mark.parametrize("language", LANGUAGES)
def test_long_ids_reach_the_wire_unencoded(language: str) -> None:
    ids = tuple(f"<{'x' * 230}{number}@mail.outlook.example>" for number in range(12))
    outgoing = composed(replace(sample.copy(language), thread=Thread("<own@example.org>", ids[-1], ids)))
    head, _, _ = outgoing.content.partition(b"\r\n\r\n")
    assert b"=?" not in head.replace(b"=?utf-8?b?", b"", 0) or language != "en"
    for each in ids:
        assert each.encode() in head
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))


def original_of(content: bytes) -> bytes:
    """The bytes of the message/rfc822 part as a program that follows its encoding finds them."""
    start = content.index(b'Content-Type: message/rfc822; name="original-')
    head, _, rest = content[start:].partition(b"\r\n\r\n")
    part = rest[: rest.rindex(b"\r\n--=_")]
    if b"base64" not in head:
        return part
    return base64.b64decode(part.partition(b"\r\n--=_")[0])


@pytest.mark.corpus
def test_every_real_mail_becomes_a_copy_with_its_original_whole_and_soon() -> None:
    if not CORPUS.is_dir():
        pytest.fail(f"no corpus at {CORPUS}: set INTAKE_CORPUS, or leave this test out with -m 'not corpus'")
    mails = [path for path in sorted(CORPUS.rglob("*")) if path.is_file() and path.suffix not in {".md", ".jsonl"}]
    assert len(mails) > 400
    letter = replace(sample.copy("nl"), verdict=replace(sample.copy("nl").verdict, acknowledge_to=None))
    for path in mails:
        raw = path.read_bytes()
        mail = parse(raw)
        began = time.process_time()
        outgoing = composed(replace(letter, mail=mail, original=raw, size=len(raw)))
        assert time.process_time() - began < 1, path.name
        assert original_of(outgoing.content) == raw, path.name
        assert parsed(outgoing)["To"] == "Ann Example <ann@example.org>", path.name
    COMPOSER.forget()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_remembered_of_one_case_is_right_for_the_next(language: str) -> None:
    warm, letters = Composer(sample.house()), [sample.copy(language), sample.copy(language, urgent=True)]
    answers = [sample.acknowledgement(language, "full")]
    for code in ("K7M4-QX2P", "XXXX-XXXX", "2345-6789", "not like others", "BBBB-CCCC-DDDD"):
        cold = Composer(sample.house())
        for letter in (replace(one, case=replace(one.case, code=code)) for one in letters):
            assert warm.copy(letter, sample.NOW).content == cold.copy(letter, sample.NOW).content
        for answer in (replace(one, code=code) for one in answers):
            fresh = Composer(sample.house()).acknowledgement(answer, sample.NOW)
            assert warm.acknowledgement(answer, sample.NOW).content == fresh.content
            assert code.encode() in fresh.content


def test_the_original_is_prepared_once_whatever_the_language() -> None:
    """Two forms of 40 MB for each language are more than the memory that a mail may take."""
    large = b"Subject: x\r\n\r\n" + b"\xe9" * mime.LARGE
    letters = [replace(sample.copy(language), original=large) for language in LANGUAGES]
    shared = {id(piece) for one in letters for piece in composed(one).rest if isinstance(piece, Shared)}
    assert len(shared) == 1
    other = composed(replace(letters[0], original=large[:-1]))
    assert not shared & {id(piece) for piece in other.rest}
    assert other.content != composed(letters[0]).content


def test_what_was_composed_is_kept_only_beside_small_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intake.compose.copies.KEPT_BYTES", 1000)
    copies = Composer(sample.house())._copies
    for size in (400, 300, 200, 900, 2000, 100):
        copies.compose(replace(sample.copy("en"), original=b"x" * size), sample.NOW)
        kept = [len(original) for _, _, original, _ in copies.kept]
        assert kept[0] == size
        assert len(kept) == 1 or sum(kept) <= 1000
