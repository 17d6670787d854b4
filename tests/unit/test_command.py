"""Commands in the first line of a reply."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.decide.command import WORDS, Command, outcome_of, parse
from intake.model import OUTCOMES, CaseAction, ParsedMail

CLAIM, CLOSE, NOTE, RECUSE, RELEASE = (
    CaseAction.CLAIM, CaseAction.CLOSE, CaseAction.NOTE, CaseAction.RECUSE, CaseAction.RELEASE,
)  # fmt: skip
BELOW = "\n\nOn Mon, 20 Apr 2026 at 09:00, AZUG <help@azug.example> wrote:\n> close\n> recuse me\n"


def of(text: str) -> Command | None:
    return parse(ParsedMail(text=text))


@pytest.mark.parametrize("below", ["", BELOW, "\n\n-- \nAnn Example\nAZUG", "\n> claim\n"])
@pytest.mark.parametrize(
    ("text", "action"),
    [
        *((form, CLAIM) for form in WORDS[CLAIM]),
        *((f"{form} it is done", CLOSE) for form in WORDS[CLOSE]),
        *((form, CLOSE) for form in WORDS[CLOSE]),
        *((f"{form} she called", NOTE) for form in WORDS[NOTE]),
        *((f"{form} Carl Cox", RECUSE) for form in WORDS[RECUSE]),
        *((f"{form} Carl Cox", RELEASE) for form in WORDS[RELEASE]),
    ],
)
def test_every_word_in_every_language_whatever_stands_below(text: str, action: CaseAction, below: str) -> None:
    for written in (text, text.upper(), f"  {text}  ", f"*{text}*", f"{text}.", f"\n\n{text}"):
        found = of(written + below)
        assert found is not None, written
        assert found.action is action


@pytest.mark.parametrize(
    ("text", "name", "myself"),
    [
        ("recuse me", "", True),
        ("Recuse myself.", "", True),
        ("récuser moi", "", True),
        ("uitsluiten: mij", "", True),
        ("ausschließen mich!", "", True),
        ("recuse Carl Cox.", "Carl Cox", False),
        ("release “Zoë Müller”", "Zoë Müller", False),
        ("release carl@team.example", "carl@team.example", False),
        ("recuse", "", False),
    ],
)
def test_whom_a_recusal_means(text: str, name: str, myself: bool) -> None:
    found = of(text)
    assert found is not None
    assert (found.name, found.myself) == (name, myself)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Thank you",
        "I will claim nothing",
        "claim nothing yet",
        "reclaim",
        "disclaimer: claim",
        "closely watched",
        "note",
        "> claim",
        "On Monday AZUG wrote:\n> claim",
        "Prendre contact avec elle ?",
        "cl aim",
        "Op ma 2 feb 2026 schreef AZUG <h@x.example>:\n> claim",
    ],
)
def test_what_is_no_command(text: str) -> None:
    assert of(text) is None


def test_an_answer_below_the_quotation_counts_too() -> None:
    found = of("On Monday AZUG <help@azug.example> wrote:\n> close\n> note x\n\nclaim\n")
    assert found is not None
    assert found.action is CLAIM


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("claim", True),
        ("claim please", True),
        ("claim AZUG-7GHK2M", True),
        ("claim\n-- \nAnn", True),
        ("claim\n\nI call her tonight.", False),
        ("close a conversation was enough", False),
        ("note x", False),
        ("release Carl", True),
        ("close", True),
        ("Close this case, please", True),
        ("close AZUG-7GHK2M", True),
        ("recuse Carl because he was there himself, I saw it", False),
    ],
)
def test_other_words_are_not_lost(text: str, bare: bool) -> None:
    found = of(text + BELOW)
    assert found is not None
    assert found.bare is bare


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("", ""),
        ("no action needed", "no-action"),
        ("warning", "warning"),
        ("not-a-report", "not-a-report"),
        ("Es gab ein Gespräch", "conversation"),
        ("sans suite", "no-action"),
        ("de spreker is gebanned", "other"),
        ("a ban of two years", "exclusion"),
        ("doorverwezen naar de politie", "referred"),
        ("so it goes", "other"),
    ],
)
def test_how_a_case_ended(reason: str, outcome: str) -> None:
    assert outcome_of(reason) == outcome
    assert outcome in {"", *OUTCOMES}


@given(st.text(max_size=300))
def test_any_text_is_read_without_trouble(text: str) -> None:
    found = of(text)
    assert found is None or found.action in WORDS


AROUND = st.text(alphabet=" ,.!?;:-\u2013\u2014\t*_", max_size=10)


@given(AROUND, AROUND)
def test_punctuation_around_a_command_does_not_count(before: str, after: str) -> None:
    if before.strip().startswith((">", "-")):
        return
    found = of(f"{before}claim{after}")
    assert found is not None
    assert found.action is CLAIM
