"""The safety linter: what it refuses, with file and line; and how mistakes in templates are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from intake.compose import helplines, lint, sample
from intake.compose.composer import Composer
from intake.compose.render import LARGEST, Templates, escape, unescape
from intake.errors import TemplateError

TODAY = date(2026, 11, 22)
GOOD = """Subject: We received your message

We got it on {{ received }}. This answer is automatic. In danger? Call {{ emergency }} first.

Your code is {{ code }}.{% if promise %} We write within {{ promise }}.{% endif %}
{% if fallback_email %}
Or write to {{ fallback_email }}.
{% endif %}
"""


def found(directory: Path, text: str, name: str = "report.en.txt", **house: object) -> list[str]:
    folder = directory / "acknowledgement"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, "utf-8")
    home = replace(sample.house(), languages=("en",), **house)  # type: ignore[arg-type]
    return [str(each) for each in lint.problems(Templates(directory), home, TODAY)]


def test_a_good_template_passes(tmp_path: Path) -> None:
    assert found(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("addition", "said"),
    [
        ("You wrote: {{ subject }}", "subject: nothing of the report may be repeated"),
        ("Dear {{ name }},", "name: nothing of the report may be repeated"),
        ("> {{ report }}", "report: nothing of the report may be repeated"),
        ("Hello {{ codde }}", "codde is not a fact"),
        ("The person will be banned.", "“will be banned” promises an outcome"),
        ("This is completely confidential.", "more secrecy than anybody can keep"),
        ("You should have told us before.", "can be read as blame"),
        ("We look into the alleged behaviour.", "can be read as doubt"),
        ("Don't worry, calm down.", "makes light of it"),
        ("We are sorry that you are a victim.", "is a label"),
        ("Somebody writes within 24 hours.", "promises a time"),
        ("Call 0800 30 030.", "write numbers to call in helplines.toml"),
        ("![logo](cid:logo)", "an image, HTML or an address of the web"),
        ("<b>Hello</b>", "an image, HTML or an address of the web"),
        ("See https://example.org/coc", "an image, HTML or an address of the web"),
    ],
)
def test_what_could_hurt_is_refused_with_its_line(tmp_path: Path, addition: str, said: str) -> None:
    problems = found(tmp_path, GOOD + addition + "\n")
    place = f"{tmp_path / 'acknowledgement' / 'report.en.txt'}:{GOOD.count(chr(10)) + 1}: "
    assert any(problem.startswith(place) and said in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("In danger? Call {{ emergency }} first.", "", "must name the emergency number near the top"),
        ("In danger? Call {{ emergency }} first.", "Call 1{{ emergency }}2.", "must name the emergency number"),
        ("This answer is automatic.", "", "must say that it is automatic"),
        ("Your code is {{ code }}.", "", "must tell the code"),
        ("{{ fallback_email }}", "somebody", "must say whom to write to outside the team"),
        (" We write within {{ promise }}.", " Soon.", "must tell the time that is configured"),
        ("Subject: We received your message", "Subject: Your report", "must not tell the category"),
        ("Subject: We received your message", "Subject: About {{ code }}", "must be the same for every mail"),
        ("Subject: We received your message", "We received your message", "must begin with a line"),
        ("{% endif %}\n", "", "nd of template"),
        ("{{ promise }}", "{{ promise | nosuch }}", "nosuch"),
        ("{{ promise }}", "{{ promise.__class__.__mro__ }}", "unsafe"),
        ("{{ promise }}", "{{ 1 // 0 }}", "zero"),
        (
            "{{ promise }}",
            "{% for a in range(99999) %}{% for b in range(99999) %}xxxxxxxxxx{% endfor %}{% endfor %}",
            "characters",
        ),
    ],
)
def test_what_is_missing_or_broken_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    name = "question.en.txt"  # not the first one, whose subject is the measure
    problems = found(tmp_path, GOOD.replace(old, new), name)
    assert any(said in problem and f"acknowledgement/{name}:" in problem for problem in problems), problems


def test_every_language_of_the_community_must_be_there(tmp_path: Path) -> None:
    home = replace(sample.house(), languages=("en", "es"))
    problems = [str(each) for each in lint.problems(Templates(), home, TODAY)]
    assert any("acknowledgement/report.es.txt:1: is missing" in problem for problem in problems)
    assert not any(".en.txt" in problem for problem in problems)


def test_stale_numbers_are_told_with_their_line(tmp_path: Path) -> None:
    problems = [str(each) for each in lint.problems(Templates(), sample.house(), date(2028, 6, 1))]
    assert problems
    assert all("helplines.toml:" in problem and "last checked" in problem for problem in problems)
    assert not lint.problems(Templates(), sample.house(), date(2028, 5, 20))


@pytest.mark.parametrize("content", ["[emergency]\nnumber = ", "[emergency]\nnumber = '112'", "x = 1", "\x00"])
def test_broken_helplines_are_one_clear_problem(tmp_path: Path, content: str) -> None:
    (tmp_path / "helplines.toml").write_text(content, "utf-8")
    with pytest.raises(TemplateError) as error:
        helplines.load(Templates(tmp_path, shipped=tmp_path))
    assert str(tmp_path / "helplines.toml") in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("language", ["en", "nl", "fr", "de"])
def test_the_word_lists_find_their_own_language(language: str, tmp_path: Path) -> None:
    sentences = {
        "en": ["Are you sure?", "You should have left.", "We guarantee it.", "the incident"],
        "nl": [
            "Weet je het zeker?",
            "Je had moeten weggaan.",
            "We garanderen het.",
            "het slachtoffer",
            "wordt geschorst",
        ],
        "fr": ["Êtes-vous sûr ?", "Vous auriez dû partir.", "C'est garanti.", "la victime", "sera exclue"],
        "de": ["Sind Sie sicher?", "Hätten Sie doch.", "Wir garantieren es.", "das Opfer", "wird gesperrt"],
    }
    for sentence in sentences[language]:
        letter = lint.Letter(
            Templates(),
            f"acknowledgement/report.{language}.txt",
            language,
            "report",
            sample.house(),
            Composer(sample.house()).helplines,
        )
        assert list(letter._line(sentence)), sentence


def test_a_wrong_template_of_another_message_is_told(tmp_path: Path) -> None:
    (tmp_path / "digest").mkdir()
    (tmp_path / "digest" / "digest.nl.txt").write_text("Subject: x\n\n{{ reporter }}\n", "utf-8")
    problems = [str(each) for each in lint.problems(Templates(tmp_path), sample.house(), TODAY)]
    assert problems == [f"{tmp_path / 'digest' / 'digest.nl.txt'}:3: 'reporter' is undefined"]


def test_a_template_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "acknowledgement").mkdir()
    (tmp_path / "acknowledgement" / "report.en.txt").write_bytes(b"Subject: \xff\xfe\n")
    with pytest.raises(TemplateError) as error:
        Composer(sample.house(), Templates(tmp_path)).acknowledgement(
            sample.acknowledgement("en", "report"), sample.NOW
        )
    assert "report.en.txt" in str(error.value)


def test_templates_see_no_files_outside_their_directories(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("Subject: secret", "utf-8")
    own = tmp_path / "own" / "acknowledgement"
    own.mkdir(parents=True)
    (own / "report.en.txt").write_text('Subject: x\n{% include "../secret.txt" %}\n', "utf-8")
    with pytest.raises(TemplateError):
        Composer(sample.house(), Templates(tmp_path / "own")).acknowledgement(
            sample.acknowledgement("en", "report"), sample.NOW
        )


@pytest.mark.parametrize(
    "text", ["plain", "a*b_c", "1. x", "- x", "[a](b)", "<a>", "\\", "`", "# h", "&amp;", "a  b", "!x", "~~~"]
)
def test_escaping_is_undone_by_its_inverse(text: str) -> None:
    assert unescape(escape(text)) == " ".join(text.split())
    assert LARGEST > 1000
