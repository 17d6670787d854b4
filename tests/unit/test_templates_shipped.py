"""The shipped templates: complete, safe by the linter, and found from the checkout and from an installation alike."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest

from intake.compose import acknowledgement, lint, notices, sample
from intake.compose.render import LANGUAGES, Templates, shipped_directory

TODAY = date(2026, 11, 22)
ROOT = shipped_directory()
FILES = sorted(ROOT.rglob("*.txt"))


def test_the_linter_finds_nothing() -> None:
    assert [str(problem) for problem in lint.problems(Templates(), sample.house(), TODAY, ("report", "own"))] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_exists_in_every_language(language: str) -> None:
    wanted = [f"acknowledgement/{variant}" for variant in acknowledgement.VARIANTS]
    wanted += [f"notice/{topic}" for topic in notices.NOTICES] + [f"reminder/{topic}" for topic in notices.REMINDERS]
    wanted += ["report/report", "report/follow-up", "report/team", "digest/digest", "alarm/alarm", "alarm/over"]
    assert [name for name in wanted if not (ROOT / f"{name}.{language}.txt").is_file()] == []


def test_every_language_has_the_same_words() -> None:
    tables = {
        language: tomllib.loads((ROOT / "words" / f"{language}.toml").read_text("utf-8")) for language in LANGUAGES
    }
    for language in LANGUAGES:
        for name, words in tables["en"].items():
            assert tables[language][name].keys() == words.keys(), (language, name)
            for key, value in words.items():
                assert set(re.findall(r"\{\w+\}", tables[language][name][key])) == set(re.findall(r"\{\w+\}", value)), (
                    language,
                    key,
                )


@pytest.mark.parametrize("file", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_is_tidy(file: Path) -> None:
    source = file.read_text("utf-8")
    assert source.endswith("\n")
    assert "\t" not in source
    assert "\r" not in source
    assert file.name.startswith("practical.") or source.startswith("Subject: ")
    assert not re.search(r"[\u00a0\u200b-\u200f\u2028-\u202e]", source), "invisible characters can't be edited"
    said = [part.strip() for part in source.split("\n\n") if re.match(r"\s*\w", part)]
    assert len(said) == len(set(said)), "a paragraph stands there twice"


def test_subjects_of_a_case_are_the_same_in_all_its_mail() -> None:
    for language in LANGUAGES:
        subjects = {
            kind: (ROOT / "report" / f"{kind}.{language}.txt").read_text("utf-8").partition("\n")[0]
            for kind in ("report", "follow-up", "team")
        }
        plain = subjects["report"].removeprefix("Subject: ")
        assert subjects["follow-up"] == subjects["team"] == f"Subject: Re: {plain}"


def test_own_files_come_first_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "acknowledgement").mkdir()
    (tmp_path / "acknowledgement" / "generic.en.txt").write_text("Subject: Hello\n\nOurs {{ code }}\n", "utf-8")
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "en.toml").write_text('[category]\nreport = "Matter"\n', "utf-8")
    templates = Templates(tmp_path)
    assert templates.render("acknowledgement/generic.en.txt", {"code": "K"}).subject == "Hello"
    assert templates.path("acknowledgement/report.en.txt") == ROOT / "acknowledgement" / "report.en.txt"
    assert templates.phrases("en").get("category", "report") == "Matter"
    assert templates.phrases("en").get("category", "question") == "Question"


def test_a_language_of_ones_own_uses_english_words_where_it_has_none(tmp_path: Path) -> None:
    assert Templates(tmp_path).phrases("es").get("category", "question") == "Question"


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_is_told_that_nobody_has_a_report_is_sent_to_somebody_outside_the_team(language: str) -> None:
    advice = Templates().phrases(language).get("alarm-advice", "unheard")
    assert "[fallback]" in advice, "any organizer may be the one whom it is about"
