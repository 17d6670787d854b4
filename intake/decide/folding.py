"""Text folded for comparison: case, accents, hyphens, spaces, look-alike letters and invisible signs don't count.

``Folded`` keeps the words apart and also written together, so that a phrase is found however it is spaced
(``Code-of-conduct``, ``CodeOfConduct``) and yet only at the borders of words (``coc`` is not in ``cocktail``).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from functools import cache
from itertools import accumulate
from operator import itemgetter
from typing import Any

# Letters of other scripts that look like Latin ones, and Latin letters that have no decomposition.
_ALIKE = str.maketrans(
    dict(
        zip(
            "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442"
            "\u0443\u0445\u0456\u0458\u0455\u04cf\u0501\u051b\u04bb\u051d"
            "\u03b1\u03b2\u03b5\u03b7\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03c9\u03c2\u03c3"
            "\u0131\u00f8\u0142\u0111\u0127\u0167\u0261\u0251\u0269\u1d0f\u1d1c\u0280"
            "\u1d00\u0299\u1d04\u1d05\u1d07\ua730\u0262\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d\u0274\u1d18\ua731\u1d1b\u1d20\u1d21\u028f\u1d22",
            "abekmhopctyxijsldqhw" + "abenikmvoptyxwcc" + "ioldhtgaiour" + "abcdefghijklmnpstvwyz",
            strict=True,
        )
    )
    # Letters in a square or a circle, white on black, and the letters of flags.
    | {chr(first + place): chr(ord("a") + place) for first in (0x1F170, 0x1F150, 0x1F1E6) for place in range(26)}
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
_SHORTER = tuple(itemgetter(slice(length)) for length in range(1, BEGINNING))
_UMLAUTS = {"\u00e4": "ae", "\u00f6": "oe", "\u00fc": "ue", "\u00f8": "oe", "\u00e5": "aa"}


def visible(text: str) -> str:
    """Text without signs that show nothing."""
    return _INVISIBLE.sub("", text)


def fold(text: str) -> str:
    """Lower case, without accents and invisible signs, look-alikes as Latin letters; spacing stays."""
    if text.isascii():
        return text.lower()
    return _western(text) or _folded(text)


def _folded(text: str) -> str:
    text = unicodedata.normalize("NFKD", visible(text)).casefold()
    text = _COMBINING.sub("", text).translate(_ALIKE)
    for letter, spelled in _LIGATURES.items():
        if letter in text:
            text = text.replace(letter, spelled)
    return text


def _western(text: str) -> str:
    """``fold`` of a text in Latin-1 or windows-1252, letter by letter: many times as quick. Nothing for any other."""
    for charset in ("latin-1", "cp1252"):  # the first is the quicker one, the second has curly quotes
        try:
            octets = text.encode(charset)
        except UnicodeEncodeError:
            continue
        return _by_letters(octets, charset)
    return ""


def _by_letters(octets: bytes, charset: str) -> str:
    table, waste, longer = _letters(charset)
    for letter, spelled in longer.items():
        if letter in octets:
            if spelled is None:
                return ""
            octets = octets.replace(letter, spelled)
    return octets.translate(table, waste).decode(charset)


@cache
def _letters(charset: str) -> tuple[bytes, bytes, dict[bytes, bytes | None]]:
    """How a charset is folded: a table, what shows nothing, and what becomes several letters (None: beyond it)."""
    table, waste, longer = bytearray(range(256)), bytearray(), dict[bytes, bytes | None]()
    for code in range(256):
        folded = _folded(bytes([code]).decode(charset, "ignore"))
        octets = folded.encode(charset, "ignore")
        if not folded:
            waste.append(code)
        elif len(folded) == len(octets) == 1:
            table[code] = octets[0]
        else:
            longer[bytes([code])] = octets if folded.isascii() else None
    return bytes(table), bytes(waste), longer


def words(text: str) -> list[str]:
    """The folded words of a text."""
    return _words(fold(text))


def _words(folded: str) -> list[str]:
    if not folded.isascii():
        return _WORD_LETTERS.findall(folded)
    return folded.replace(GAP, f" {GAP} ").translate(_ASCII_GAPS).split()


def spellings(name: str) -> tuple[str, ...]:
    """A name as it is, and with its umlauts spelled out (Müller, Mueller)."""
    spelled = unicodedata.normalize("NFC", name).lower()
    for letter, out in _UMLAUTS.items():
        spelled = spelled.replace(letter, out)
    return (name,) if spelled == name.lower() else (name, spelled)


class Folded:
    """A text ready to be searched. What costs time is made when it is asked for.

    Made some dozens of times a mail: hence no ``cached_property``, which takes a lock at every use.
    """

    __slots__ = ("_beginnings", "_borders", "_joined", "_words", "looked_up", "text")

    def __init__(self, text: str) -> None:
        self.text = text  # folded
        self.looked_up: dict[object, dict[Any, Any]] = {}  # what was found in it, by who looked (``phrases.Shelf``)
        self._words: list[str] | None = None
        self._joined: str | None = None
        self._borders: list[int] | None = None
        self._beginnings: set[str] | None = None

    @classmethod
    def of(cls, text: str) -> Folded:
        """Fold a text."""
        return cls(fold(text))

    @classmethod
    def both(cls, first: Folded, second: Folded) -> Folded:
        """Two texts as one, with a gap between them; what is known of them is not made again."""
        whole = cls(f"{first.text} {GAP} {second.text}")
        whole._words = [*first.words, GAP, *second.words]
        whole._joined = first.joined + GAP + second.joined
        # What a phrase could begin with across the gap holds the gap, and no phrase does.
        whole._beginnings = first.beginnings | second.beginnings
        return whole

    @property
    def words(self) -> list[str]:
        """The words, in order."""
        if self._words is None:
            self._words = _words(self.text)
        return self._words

    @property
    def joined(self) -> str:
        """All words written together."""
        if self._joined is None:
            text = self.text
            if text.isascii():
                self._joined = text.encode("ascii").translate(None, _ASCII_WASTE).decode("ascii")
            else:
                self._joined = _NO_LETTERS.sub("", text)
        return self._joined

    @property
    def borders(self) -> list[int]:
        """The offset in ``joined`` at which each word begins, ascending, and the end."""
        if self._borders is None:
            self._borders = list(accumulate(map(len, self.words), initial=0))
        return self._borders

    @property
    def beginnings(self) -> set[str]:
        """How phrases may begin here: the first letters from each border of a word, up to ``BEGINNING`` of them."""
        if self._beginnings is None:
            stops = accumulate(map(len, self.words), initial=BEGINNING)
            found = set(map(self.joined.__getitem__, map(slice, self.borders, stops)))
            self._beginnings = found.union(*(map(shorter, tuple(found)) for shorter in _SHORTER))
        return self._beginnings

    def border(self, offset: int) -> int | None:
        """The number of words that begin before an offset in ``joined`` at which one begins or the text ends."""
        borders = self.borders
        number = bisect_left(borders, offset)
        return number if number < len(borders) and borders[number] == offset else None

    def spans(self, needle: str, *, plural: bool = False) -> list[tuple[int, int]]:
        """Where a phrase (written together) stands, as (first word, word after the last); 100 places at most.

        ``plural`` lets it be followed by an s, as a name is in a possessive.
        """
        found: list[tuple[int, int]] = []
        at = self.joined.find(needle) if needle else -1
        unspaced = at >= 0 and is_unspaced(needle)
        tries = 0
        while at >= 0 and len(found) < 100 and tries < 10_000:
            tries += 1
            end = at + len(needle)
            first, after = self.border(at), self.border(end)
            if after is None and plural and self.joined[end : end + 1] == "s":
                after = self.border(end + 1)
            if unspaced:
                found.append((self._word_at(at), self._word_at(end - 1) + 1))
            elif first is not None and after is not None:
                found.append((first, after))
            at = self.joined.find(needle, at + 1)
        return found

    def _word_at(self, offset: int) -> int:
        return bisect_right(self.borders, offset) - 1

    def without(self, spans: list[tuple[int, int]]) -> Folded:
        """The same text with some words replaced by a gap."""
        kept = list(self.words)
        for first, after in spans:
            for number in range(first, min(after, len(kept))):
                kept[number] = GAP
        return Folded(" ".join(kept))


def is_unspaced(text: str) -> bool:
    """Whether a text is in a script that does not keep words apart."""
    return _UNSPACED.search(text) is not None


def needle(phrase: str) -> str:
    """A phrase as ``Folded.spans`` looks for it: folded and written together."""
    return "".join(words(phrase))
