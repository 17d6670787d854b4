"""Text folded for comparison: case, accents, hyphens, spaces, look-alike letters and invisible signs don't count.

``Folded`` keeps the words apart and also written together, so that a phrase is found however it is spaced
(``Code-of-conduct``, ``CodeOfConduct``) and yet only at the borders of words (``coc`` is not in ``cocktail``).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

# Letters of other scripts that look like Latin ones, and Latin letters that have no decomposition.
_ALIKE = str.maketrans(
    dict(
        zip(
            "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442"
            "\u0443\u0445\u0456\u0458\u0455\u04cf\u0501\u051b\u04bb\u051d"
            "\u03b1\u03b2\u03b5\u03b7\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03c9\u03c2\u03c3"
            "\u0131\u00f8\u0142\u0111\u0127\u0167\u0261\u0251\u0269\u1d0f\u1d1c\u0280",
            "abekmhopctyxijsldqhw" + "abenikmvoptyxwcc" + "ioldhtgaiour",
            strict=True,
        )
    )
)
GAP = "\0"  # stands for words that were taken out: no phrase crosses it
_LIGATURES = {"\u00e6": "ae", "\u0153": "oe", "\u00fe": "th", "\u00f0": "d", "\u0133": "ij"}
# Signs that show nothing; and Arabic ligatures of up to eighteen letters, which would blow a text up.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufdf0-\ufdff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_COMBINING = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\u3099\u309a\ufe20-\ufe2f]"
)
_WORD_LETTERS = re.compile(r"[^\W_]+|\0")
_NO_LETTERS = re.compile(r"(?:[^\w\0]|_)+")
_ASCII_GAPS = {code: " " for code in range(1, 128) if not chr(code).isalnum()}
_ASCII_WASTE = bytes(code for code in range(1, 128) if not chr(code).isalnum())
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
BEGINNING = 4
_UMLAUTS = {"\u00e4": "ae", "\u00f6": "oe", "\u00fc": "ue"}


def visible(text: str) -> str:
    """Text without signs that show nothing."""
    return _INVISIBLE.sub("", text)


def fold(text: str) -> str:
    """Lower case, without accents and invisible signs, look-alikes as Latin letters; spacing stays."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKD", visible(text)).casefold()
    text = _COMBINING.sub("", text).translate(_ALIKE)
    for letter, spelled in _LIGATURES.items():
        if letter in text:
            text = text.replace(letter, spelled)
    return text


def words(text: str) -> list[str]:
    """The folded words of a text."""
    return _words(fold(text))


def _words(folded: str) -> list[str]:
    return folded.translate(_ASCII_GAPS).split() if folded.isascii() else _WORD_LETTERS.findall(folded)


def spellings(name: str) -> tuple[str, ...]:
    """A name as it is, and with its umlauts spelled out (Müller, Mueller)."""
    spelled = unicodedata.normalize("NFC", name).lower()
    for letter, out in _UMLAUTS.items():
        spelled = spelled.replace(letter, out)
    return (name,) if spelled == name.lower() else (name, spelled)


@dataclass(frozen=True)
class Folded:
    """A text ready to be searched. What costs time is made when it is asked for."""

    text: str  # folded

    @classmethod
    def of(cls, text: str) -> Folded:
        """Fold a text."""
        return cls(fold(text))

    @cached_property
    def words(self) -> list[str]:
        """The words, in order."""
        return _words(self.text)

    @cached_property
    def joined(self) -> str:
        """All words written together."""
        if self.text.isascii():
            return self.text.encode("ascii").translate(None, _ASCII_WASTE).decode("ascii")
        return _NO_LETTERS.sub("", self.text)

    @cached_property
    def borders(self) -> dict[int, int]:
        """Offset in ``joined`` -> how many words begin before it; the end counts as one too."""
        offsets = accumulate((len(word) for word in self.words), initial=0)
        return {offset: number for number, offset in enumerate(offsets)}

    @cached_property
    def beginnings(self) -> set[str]:
        """How phrases may begin here: the first letters from each border of a word, up to ``BEGINNING`` of them."""
        joined = self.joined
        found = {joined[at : at + BEGINNING] for at in self.borders}
        found.update(beginning[:length] for beginning in tuple(found) for length in range(1, BEGINNING))
        return found

    def spans(self, needle: str, *, plural: bool = False) -> list[tuple[int, int]]:
        """Where a phrase (written together) stands, as (first word, word after the last); 100 places at most.

        ``plural`` lets it be followed by an s, as a name is in a possessive.
        """
        found: list[tuple[int, int]] = []
        at = self.joined.find(needle) if needle else -1
        unspaced = at >= 0 and _UNSPACED.search(needle) is not None
        tries = 0
        while at >= 0 and len(found) < 100 and tries < 10_000:
            tries += 1
            end = at + len(needle)
            first, after = self.borders.get(at), self.borders.get(end)
            if after is None and plural and self.joined[end : end + 1] == "s":
                after = self.borders.get(end + 1)
            if unspaced:
                found.append((self._word_at(at), self._word_at(end - 1) + 1))
            elif first is not None and after is not None:
                found.append((first, after))
            at = self.joined.find(needle, at + 1)
        return found

    def _word_at(self, offset: int) -> int:
        while offset not in self.borders:
            offset -= 1
        return self.borders[offset]

    def without(self, spans: list[tuple[int, int]]) -> Folded:
        """The same text with some words replaced by a gap."""
        kept = list(self.words)
        for first, after in spans:
            for number in range(first, min(after, len(kept))):
                kept[number] = GAP
        return Folded(" ".join(kept))


def needle(phrase: str) -> str:
    """A phrase as ``Folded.spans`` looks for it: folded and written together."""
    return "".join(words(phrase))
