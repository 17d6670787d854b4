"""The pictures of the documentation: each is there, small, told in words, and made by the script."""

from __future__ import annotations

import re
from pathlib import Path

from intake.compose import gallery, sample
from intake.compose.composer import Composer

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "what-people-see.md").read_text("utf-8")
SCRIPT = (DOCS / "pictures" / "render.py").read_text("utf-8")


def test_each_picture_is_there_is_small_and_is_told_in_words() -> None:
    shown = re.findall(r'<img src="pictures/([a-z-]+\.webp)" width="\d+" alt="([^"]{40,})">', PAGE)
    assert len(shown) == PAGE.count("<img") > 6
    assert len({words for _, words in shown}) == len(shown)
    for name, _ in shown:
        assert (DOCS / "pictures" / name).stat().st_size <= 60_000
    assert {name for name, _ in shown} == {path.name for path in (DOCS / "pictures").glob("*.webp")}


def test_the_script_makes_all_of_them_from_messages_that_there_are() -> None:
    made = re.findall(r'Picture\("([a-z-]+)", "([a-z-]+)", "([a-z]{2})", (?:360|800)', SCRIPT)
    assert {f"{name}.webp" for name, _, _ in made} == {path.name for path in (DOCS / "pictures").glob("*.webp")}
    pieces = {
        (f"{piece.kind}-{piece.name}", piece.language)
        for piece in gallery.pieces(Composer(sample.house()), sorted({language for _, _, language in made}))
    }
    assert {(message, language) for _, message, language in made} <= pieces


def test_the_page_points_at_what_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", PAGE):
        assert (DOCS / target).exists(), target
