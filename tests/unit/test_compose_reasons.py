"""Each sentence of ours about a mailbox finds the kind that organizers are told, in every language."""

from __future__ import annotations

import inspect
import re
import ssl
from datetime import date

import pytest

from intake import tls
from intake.compose import reasons, sample, words
from intake.compose.composer import Composer
from intake.compose.render import LANGUAGES
from intake.letters import Alarm
from intake.model import Address
from intake.receive import login, trouble
from intake.steps.selfcheck import FAILURES
from unit.test_compose_copies import bodies

COMPOSER = Composer(sample.house())
WHERE = "mailbox folder-token (password.example:993): can't log in: "


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (trouble.explain_dialling(ConnectionRefusedError(), "h"), "unreachable"),
        (trouble.explain_dialling(ConnectionResetError(), "h"), "unreachable"),
        (trouble.explain_dialling(UnicodeError(), "h"), "unreachable"),
        (trouble.explain_dialling(OSError(101, "Network is unreachable"), "h"), "unreachable"),
        (trouble.explain_dialling(ssl.SSLEOFError(), "h"), "certificate"),
        (trouble.too_slow(30), "slow"),
        (trouble.explain_talking(ConnectionResetError()), "lost"),
        (trouble.explain_talking(ValueError()), "lost"),
        (login.why_refused("AUTHENTICATIONFAILED"), "login"),
        (login.why_refused(""), "login"),
        (login.why_refused("EXPIRED", token=True), "login"),
    ],
)
def test_the_kind_of_each(error: str, kind: str) -> None:
    assert reasons.kind(WHERE + error) == kind
    for language in LANGUAGES:
        said = reasons.told(WHERE + error, COMPOSER.templates.phrases(language))
        assert said != kind
        assert "password.example" not in said


def test_a_folder_and_what_nobody_has_thought_of() -> None:
    gone = "mailbox help (h:993): folder Junk can't be opened: it does not exist; create it on the server"
    assert reasons.kind(gone) == "folder"
    assert reasons.kind("mailbox help (h:993): mail can't be fetched: 42") == "other"
    assert reasons.kind("something else") == "other"


def test_no_sentence_of_the_receiving_room_is_just_other() -> None:
    sentences = re.findall(r'return f?"([^"]{20,})"', "".join(map(inspect.getsource, (trouble, login, tls))))
    assert len(sentences) > 10
    assert [one for one in sentences if reasons.kind(f"mailbox m (h:1): {one}") == "other"] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_alarm_says_what_is_wrong_in_the_readers_language(language: str) -> None:
    phrases = COMPOSER.templates.phrases(language)

    def told(topic: str, detail: str) -> str:
        letter = Alarm(Address("", "ops@example.org"), language, sample.thread("x"), topic, (("detail", detail),))
        return " ".join(bodies(COMPOSER.alarm(letter, sample.NOW))[0].split())

    error = WHERE + "the server refuses the log-in: check user and password"
    assert phrases.get("trouble", "login") in told("mailbox", error)
    assert "password.example" in told("mailbox", error), "whoever runs it has something to search for"
    for stage in FAILURES:
        reason = phrases.get("trouble", f"drill-{stage}")
        assert reason.split()[-1] in told("drill", stage)
        assert not told("drill", stage).endswith(stage)
    assert f"{phrases.get('fact', 'count')}" in told("backlog", "3")
    assert phrases.get("fact", "organizer") in told("encryption", "Ann Example")
    for what, label in (("client secret", "secret"), ("certificate", "certificate")):
        said = told("credential", f"{what} of the application 11-22: ends within 30 days, 2027-03-31")
        assert phrases.get("fact", label) in said
        assert "11-22" in said
        assert words.day(date(2027, 3, 31), language) in said
        assert "ends within" not in said


def test_every_language_has_words_for_every_kind() -> None:
    names = {name for name, _ in reasons._KINDS} | {"other"} | {f"drill-{stage}" for stage in FAILURES}
    english = COMPOSER.templates.phrases("en").tables["trouble"]
    assert set(english) == names
    for language in set(LANGUAGES) - {"en"}:
        own = COMPOSER.templates.table(f"words/{language}.toml")["trouble"]
        assert set(own) == names
        assert not {key for key in names if own[key] == english[key]}
