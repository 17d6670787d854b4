"""``intake preview``: the page holds every message, and its frames can do nothing."""

from __future__ import annotations

import email
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from intake.cli.preview import preview
from intake.compose import notices
from intake.compose.acknowledgement import VARIANTS
from intake.compose.render import LANGUAGES

CONFIG = """
[community]
name = "Quay Club"
address = "help@quay.example"
languages = ["nl", "en"]
[[mailbox]]
name = "help"
host = "localhost"
user = "x"
password_env = "X"
[smtp]
host = "localhost"
user = "x"
password_env = "X"
[[organizer]]
name = "Anneke Kade"
email = "anneke@quay.example"
language = "fr"
[[category]]
name = "harbour"
subject = ["harbour"]
[[category]]
name = "question"
"""


class Frames(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.frames: list[dict[str, str | None]] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        if tag == "iframe":
            self.frames.append(dict(attrs))


def test_without_a_configuration_everything_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INTAKE_CONFIG", raising=False)
    result = CliRunner().invoke(preview, ["--out", "shown", "--json"], standalone_mode=False)
    assert result.exception is None, result.output
    answer = json.loads(result.output)
    messages = sorted((tmp_path / "shown").glob("*.eml"))
    assert answer["messages"] == len(messages) >= len(LANGUAGES) * (len(VARIANTS) + len(notices.NOTICES) + 8)
    assert {email.message_from_bytes(path.read_bytes())["X-Intake-Kind"] for path in messages} == {
        "acknowledgement", "report", "follow-up", "notice", "reminder", "digest", "alarm",
    }  # fmt: skip
    frames = Frames()
    frames.feed((tmp_path / "shown" / "index.html").read_text("utf-8"))
    assert len(frames.frames) == 2 * len(messages)
    assert frames.scripts == 1
    assert {frame["sandbox"] for frame in frames.frames} == {"allow-same-origin"}
    assert not any("src" in frame for frame in frames.frames)


def test_with_a_configuration_its_words_languages_and_people(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG, "utf-8")
    out = tmp_path / "shown"
    result = CliRunner().invoke(preview, ["-c", str(config), "--out", str(out)], standalone_mode=False)
    assert result.exception is None, result.output
    assert "nl, en, fr" in result.output
    page = (out / "index.html").read_text("utf-8")
    assert "Quay Club" in page
    assert "Anneke Kade" in page
    assert "help@quay.example" in page
    assert (out / "acknowledgement-harbour.nl.eml").is_file()
    assert not list(out.glob("*.de.eml"))


def test_a_folder_that_can_not_be_written_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x", "utf-8")
    result = CliRunner().invoke(preview, ["--out", str(tmp_path / "file" / "below")])
    assert result.exit_code == 2
    assert "--out" in result.output
