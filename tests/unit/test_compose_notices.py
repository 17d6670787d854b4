"""Notices, reminders and alarms: short, in the thread of their case, and free of content."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intake.compose import notices, sample
from intake.compose.composer import Composer
from intake.letters import Notice
from intake.model import MessageKind
from unit.test_compose_copies import bodies, parsed, seen

LANGUAGES = ("en", "nl", "fr", "de")
COMPOSER = Composer(sample.house())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("topic", [*notices.NOTICES, "a-topic-of-tomorrow"])
def test_every_notice_in_every_language(language: str, topic: str) -> None:
    outgoing = COMPOSER.notice(sample.notice(language, topic), sample.NOW)
    message = parsed(outgoing)
    assert message["X-Intake-Kind"] == "notice"
    assert message["Content-Language"] == language
    assert outgoing.sender == "help@example.org"
    assert message["To"] == "Ann Example <ann@example.org>"
    text, html = bodies(outgoing)
    assert text.strip()
    assert "{" not in text + html.partition("</style>")[2]
    assert "None" not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("topic", notices.NOTICES)
def test_a_notice_needs_no_fact(language: str, topic: str) -> None:
    letter = replace(sample.notice(language, topic), facts=(), code="")
    message = parsed(COMPOSER.notice(letter, sample.NOW))
    assert message["Subject"]
    assert "X-Intake-Case" not in message


def test_quarantine_carries_the_original() -> None:
    outgoing = COMPOSER.notice(sample.notice("en", "quarantine"), sample.NOW)
    assert sample.ORIGINAL in outgoing.content
    odd = replace(sample.notice("en", "quarantine"), original=b"\x00\xff bare\n" * 20)
    kinds = [part.get_content_type() for part in parsed(COMPOSER.notice(odd, sample.NOW)).iter_parts()]
    assert kinds == ["multipart/alternative", "message/rfc822", "application/octet-stream"]


def test_facts_are_text() -> None:
    evil = "**b** <script> [x](http://evil.example)\r\nBcc: x@y"
    letter = Notice(
        sample.ORGANIZER, "en", sample.thread("n"), "confirmed", sample.CODE, (("command", evil), ("result", evil))
    )
    outgoing = COMPOSER.notice(letter, sample.NOW)
    text, html = bodies(outgoing)
    assert "**b** <script> [x](http://evil.example) Bcc: x@y" in " ".join(text.split())
    assert seen(html).links == []
    assert "script" not in seen(html).tags
    assert "Bcc" not in parsed(outgoing)


def test_a_colleagues_words_keep_their_lines() -> None:
    text, _ = bodies(COMPOSER.notice(sample.notice("en", "reply"), sample.NOW))
    assert "I am on site and can walk with them." in text
    assert "Who has the room list?" in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("topic", notices.REMINDERS)
def test_reminders_name_the_case_and_how_to_stop_them(language: str, topic: str) -> None:
    outgoing = COMPOSER.reminder(sample.reminder(language, topic, 2), sample.NOW)
    message = parsed(outgoing)
    text = " ".join(bodies(outgoing)[0].split())
    assert message["X-Intake-Kind"] == MessageKind.REMINDER.value
    assert message["Importance"] == "high"
    assert sample.CODE in text
    assert "2" in text
    assert "claim" in text or "help@example.org" in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("over", [False, True])
def test_alarms_tell_the_matter_and_no_case(language: str, over: bool) -> None:
    outgoing = COMPOSER.alarm(sample.alarm(language, over=over), sample.NOW)
    message = parsed(outgoing)
    assert message["X-Intake-Kind"] == "alarm"
    assert "X-Intake-Case" not in message
    assert "Re:" not in message["Subject"]
    assert ("Importance" in message) is not over
    assert "help" in bodies(outgoing)[0]
    assert over or "intake check" in bodies(outgoing)[0]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("topic", ["command-refused", "clock", "encryption"])
def test_an_alarm_of_a_moment_promises_no_word_of_its_end(language: str, topic: str) -> None:
    lasting = replace(sample.alarm(language), topic=topic, facts=())
    said, less = (bodies(COMPOSER.alarm(one, sample.NOW))[0] for one in (lasting, replace(lasting, lasting=False)))
    assert said.startswith(less.rstrip())
    assert len(said.rstrip()) > len(less.rstrip())
    assert "intake status" not in less, "it would say that all is well"


def test_an_alarm_of_a_topic_that_has_no_words_is_readable() -> None:
    letter = replace(sample.alarm("en"), topic="disk-almost-full")
    outgoing = COMPOSER.alarm(letter, sample.NOW)
    assert "disk almost full" in parsed(outgoing)["Subject"]
    assert "intake status" in bodies(outgoing)[0]
