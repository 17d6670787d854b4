"""The acknowledgement: nothing of the report in it, one recipient, and every promise true."""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.compose import sample
from intake.compose.acknowledgement import VARIANTS, reader_names
from intake.compose.composer import Composer
from intake.errors import DeliveryError
from intake.letters import Acknowledgement, Reader, Thread
from intake.model import Address, Outgoing

LANGUAGES = ("en", "nl", "fr", "de")
COMPOSER = Composer(sample.house())


def parsed(outgoing: Outgoing) -> EmailMessage:
    message = email.message_from_bytes(outgoing.content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def words_of(outgoing: Outgoing) -> tuple[str, str]:
    """Text and HTML."""
    message = parsed(outgoing)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    return " ".join(text.get_content().split()), html.get_content()


def composed(letter: Acknowledgement, composer: Composer = COMPOSER) -> Outgoing:
    return composer.acknowledgement(letter, sample.NOW)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_headers_of_the_contract(language: str, variant: str) -> None:
    outgoing = composed(sample.acknowledgement(language, variant))
    message = parsed(outgoing)
    assert (outgoing.sender, outgoing.recipient) == ("", "robin@example.net")
    assert message["From"] == "EXUG <help@example.org>"
    assert message["To"] == "robin@example.net"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["X-Intake-Kind"] == "acknowledgement"
    assert message["X-Intake-Case"] == sample.CODE
    assert message["In-Reply-To"] == message["References"] == "<sample-1@example.net>"
    assert message["X-Intake-Id"] == message["Message-ID"].replace("@", ".kept@")
    assert message["Content-Language"] == language
    assert message["Date"] == "Sat, 18 Apr 2026 14:40:00 +0200"
    assert [message.get_content_type(), *(part.get_content_type() for part in message.iter_parts())] == [
        "multipart/alternative", "text/plain", "text/html",
    ]  # fmt: skip
    assert not {"Cc", "Bcc", "Reply-To", "Thread-Topic", "Importance"} & set(message.keys())
    assert len(message.keys()) == len(set(message.keys()))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_subject_and_sender_tell_no_category(language: str) -> None:
    heads = {
        (
            parsed(composed(sample.acknowledgement(language, variant)))["Subject"],
            parsed(composed(sample.acknowledgement(language, variant)))["From"],
        )
        for variant in VARIANTS
    }
    assert len(heads) == 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_what_every_acknowledgement_says(language: str, variant: str) -> None:
    text, html = words_of(composed(sample.acknowledgement(language, variant)))
    automatic = {"en": "automatic", "nl": "automatisch", "fr": "automatique", "de": "automatisch"}[language]
    for said in ("112", sample.CODE, "board@example.com", automatic, "Ann Example, Bea Voorbeeld"):
        assert said in text, said
        assert said in html, said
    assert text.index("112") < 600
    assert "14:32" in text or "14.32" in text or "14 h 32" in text.replace("\u00a0", " ")
    assert ("24 " in text) == (variant != "unread")
    assert f'lang="{language}"' in html


def test_hours_are_promised_only_when_configured() -> None:
    composer = Composer(replace(sample.house(), promise=None))
    for language in LANGUAGES:
        for variant in VARIANTS:
            text, _ = words_of(composed(sample.acknowledgement(language, variant), composer))
            assert not re.search(
                r"\b\d+ (?:hours?|uur|heures?|Stunden)\b", re.sub(r"\d\d\.\d\d uur|\d+ h \d+", "", text)
            )


def test_generic_and_unread_say_nothing_of_the_category() -> None:
    for variant in ("generic", "unread"):
        letters = [
            replace(sample.acknowledgement("en", variant), category=each)
            for each in ("report", "concern", "question", "own")
        ]
        assert len({composed(letter).content for letter in letters}) == 1


def test_a_category_without_words_of_its_own_gets_those_of_a_report() -> None:
    own = replace(sample.acknowledgement("en", "report"), category="harbour-safety")
    assert composed(own).content == composed(sample.acknowledgement("en", "report")).content


@pytest.mark.parametrize("category", ["../../words/en", "REPORT\r\nBcc: x", "", "a" * 500, "en.toml", "%2e%2e"])
def test_a_category_can_name_no_other_file(category: str) -> None:
    own = replace(sample.acknowledgement("en", "report"), category=category)
    assert composed(own).content == composed(sample.acknowledgement("en", "report")).content


def test_an_answer_is_only_written_in_a_language_of_the_community() -> None:
    composer = Composer(replace(sample.house(), languages=("nl", "fr")))
    assert parsed(composed(sample.acknowledgement("de", "report"), composer))["Content-Language"] == "nl"
    assert parsed(composed(sample.acknowledgement("xx", "report"), composer))["Content-Language"] == "nl"
    assert parsed(composed(sample.acknowledgement("fr", "report"), composer))["Content-Language"] == "fr"


def test_the_phone_is_told_only_when_given() -> None:
    text, html = words_of(composed(sample.acknowledgement("en", "report", phone="+32 2 111 22 33")))
    assert "+32 2 111 22 33" in text
    assert "+32\u00a02\u00a0111\u00a022\u00a033" in html, "a number is not broken over lines"
    text, _ = words_of(composed(sample.acknowledgement("en", "report")))
    assert "on site at" not in text


def test_the_name_of_the_event_is_not_repeated() -> None:
    letter = replace(sample.acknowledgement("en", "report"), event="Quokkafest")
    assert b"Quokkafest" not in composed(letter).content


def test_a_large_mail_is_told_so() -> None:
    assert "very large" in words_of(composed(sample.acknowledgement("en", "report", truncated=True)))[0]


@pytest.mark.parametrize(("style", "shown"), [("names", ("Ann", "Bea")), ("roles", ("organizer",)), ("none", ())])
def test_readers_as_configured(style: str, shown: tuple[str, ...]) -> None:
    assert reader_names((Reader("Ann", "organizer"), Reader("Bea", "organizer"), Reader("Ann", "")), style) == shown


def test_the_envelope_sender_is_as_configured() -> None:
    composer = Composer(replace(sample.house(), null_sender=False))
    assert composed(sample.acknowledgement("en", "report"), composer).sender == "help@example.org"


def test_markup_in_configured_names_stays_text() -> None:
    evil = "**A** <b>x</b> [y](http://evil.example) {{ code }} ![i](http://evil.example/i.png) `c` # h"
    letter = replace(sample.acknowledgement("en", "report"), readers=(Reader(evil),))
    text, html = words_of(composed(letter))
    assert evil in text
    assert "<b>" not in html
    assert "<img" not in html
    assert 'href="http' not in html


@pytest.mark.parametrize("keep", [timedelta(days=30), timedelta(days=365), timedelta(days=730)])
def test_retention_is_told(keep: timedelta) -> None:
    composer = Composer(replace(sample.house(), keep=keep))
    said = {30: "30 days", 365: "1 year", 730: "2 years"}[keep.days]
    assert said in words_of(composed(sample.acknowledgement("en", "report"), composer))[0]


def test_the_same_facts_give_the_same_bytes() -> None:
    letter = sample.acknowledgement("nl", "report")
    assert composed(letter) == Composer(sample.house()).acknowledgement(letter, sample.NOW)


def test_the_reporters_name_is_nowhere() -> None:
    letter = replace(sample.acknowledgement("en", "report"), to=Address("Zyxwvut Qponml", "robin@example.net"))
    assert b"Zyxwvut" not in composed(letter).content
    assert b"Qponml" not in composed(letter).content


# Made of letters that no template uses together, so that any trace of them would be seen.
TOKEN = st.text(alphabet="qxzQXZ", min_size=6, max_size=12)
HOSTILE = st.one_of(TOKEN, st.text(alphabet=st.characters(exclude_categories=()), max_size=60))


@settings(max_examples=150, deadline=None)
@given(name=TOKEN, event=TOKEN, category=TOKEN, reference=HOSTILE, language=st.sampled_from((*LANGUAGES, "xx", "")),
       variant=st.sampled_from(("full", "generic", "unread")), truncated=st.booleans())  # fmt: skip
def test_whatever_the_mail_nothing_of_it_is_in_the_answer(
    name: str, event: str, category: str, reference: str, language: str, variant: str, truncated: bool
) -> None:
    letter = Acknowledgement(
        to=Address(name, "robin@example.net"),
        thread=Thread("<own@example.org>", reference, (reference, "<a@b>")),
        language=language,
        category=category,
        code="K7QXM2",
        received=sample.NOW,
        variant=variant,
        readers=sample.READERS,
        truncated=truncated,
        event=event,
    )
    outgoing = composed(letter)
    message = parsed(outgoing)
    text, html = words_of(outgoing)
    for field in ("In-Reply-To", "References"):  # the reporter's own id, which makes the thread, is all that returns
        del message[field]
    for token in (name, event, category):
        assert token not in text
        assert token not in html
        assert token.encode() not in message.as_bytes()
    assert [each.addr_spec for each in message["To"].addresses] == ["robin@example.net"]
    head = outgoing.content.split(b"\r\n\r\n", 1)[0]
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]", head)
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", outgoing.content)
    assert set(message.keys()) <= {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress",
        "X-Intake-Kind", "X-Intake-Case", "X-Intake-Id", "Content-Language", "MIME-Version", "Content-Type",
    }  # fmt: skip


def test_an_address_that_is_two_is_refused() -> None:
    with pytest.raises(DeliveryError):
        composed(replace(sample.acknowledgement("en", "report"), to=Address("", "a@b.example, c@d.example")))
