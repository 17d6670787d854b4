"""HTML that mail programs can show: size, contrast in both schemes, language, no remote content, supported CSS only."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from intake.compose import gallery, page, sample
from intake.compose.composer import Composer
from intake.compose.render import LANGUAGES

PIECES = [each for language in LANGUAGES for each in gallery.pieces(Composer(sample.house()), [language])]
# What at least Gmail, Apple Mail and Outlook on the web keep; what Outlook for Windows drops only costs it roundness.
KNOWN = {
    "background-color", "border", "border-collapse", "border-left", "border-radius", "border-top", "color", "display", "font-family",
    "font-size", "font-weight", "height", "line-height", "margin", "max-height", "max-width", "mso-padding-alt", "overflow",
    "overflow-wrap", "padding", "text-align", "text-decoration", "unicode-bidi", "width",
}  # fmt: skip
EMPTY = {"br", "hr", "meta", "img", "link"}


def html_of(piece: gallery.Piece) -> str:
    message = email.message_from_bytes(piece.outgoing.content, policy=email.policy.default)
    part = message.get_body(("html",))
    assert part is not None
    return str(part.get_content())


class Checker(HTMLParser):
    """Collects what a mail program would trip over, and follows colours down the tree."""

    def __init__(self, dark: dict[str, dict[str, str]] | None) -> None:
        super().__init__()
        self.dark = dark
        self.open: list[str] = []
        self.colours: list[tuple[str, str]] = [("#000000", "#ffffff")]
        self.pairs: set[tuple[str, str]] = set()
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in {"script", "img", "link", "iframe", "form", "input", "object", "svg", "video"}:
            self.problems.append(tag)
        if "src" in given or given.get("href", "mailto:")[:7] != "mailto:" or "url(" in given.get("style", ""):
            self.problems.append(f"remote: {given}")
        declared = dict(item.split(":", 1) for item in given.get("style", "").split(";") if ":" in item)
        self.problems += [f"css {name}" for name in declared.keys() - KNOWN]
        if self.dark is not None:
            for name in given.get("class", "").split():
                declared |= self.dark.get(name, {})
        if tag in EMPTY:
            return
        text, ground = self.colours[-1]
        if tag == "a" and "color" not in declared:
            self.problems.append("a link without a colour")
        self.colours.append((declared.get("color", text), declared.get("background-color", ground)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in EMPTY:
            return
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> does not match")
        self.colours.pop()

    def handle_data(self, data: str) -> None:
        hidden = {"style", "title", "head"} & set(self.open)
        if data.strip() and not hidden:
            self.pairs.add(self.colours[-1])


def dark_rules() -> dict[str, dict[str, str]]:
    css = page.document("en", "", "", "")
    found = re.findall(r"\.([a-z0-9]+)\{([^}]*)\}", css.partition("prefers-color-scheme:dark){")[2])
    return {
        name: dict(item.replace("!important", "").split(":") for item in body.split(";") if item)
        for name, body in found
    }


def contrast(first: str, second: str) -> float:
    """WCAG 2.1, 1.4.3."""

    def light(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    bright, dim = sorted((light(first), light(second)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def checked(dark: dict[str, dict[str, str]] | None) -> Iterator[tuple[gallery.Piece, Checker]]:
    for piece in PIECES:
        checker = Checker(dark)
        checker.feed(html_of(piece))
        checker.close()
        yield piece, checker


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_message_is_fit_for_mail_programs_and_eyes(scheme: str) -> None:
    for piece, checker in checked(dark_rules() if scheme == "dark" else None):
        assert checker.problems == [], piece.file
        assert checker.open == [], piece.file
        for text, ground in checker.pairs:
            assert contrast(text, ground) >= 4.5, (piece.file, scheme, text, ground)


def test_every_message_is_small_and_has_its_language() -> None:
    for piece in PIECES:
        html = html_of(piece)
        assert len(html.encode()) < 100_000
        assert f'<html lang="{piece.language}"' in html
        assert '<meta name="color-scheme" content="light dark">' in html
        assert html.count("<h1") <= 1


def test_the_measure_itself_tells_black_from_grey() -> None:
    assert round(contrast("#000000", "#ffffff")) == 21
    assert contrast("#aaaaaa", "#ffffff") < 4.5
    assert len(dark_rules()) > 12
