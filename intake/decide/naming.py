"""The ways in which a person is named: forms of a whole name, as they are looked for in folded text. Pure.

Forms that are a word written together (``annexample``) are made once; the others are looked for where first name and
surname both stand in a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from intake.decide.folding import Folded, words

_BETWEEN = 1  # a name may have one more name in the middle
_LONGEST_SURNAME = 4  # words
_LONGEST_ENDING = 3  # of a declined name: Buildera, Sándorral
_TITLES = (
    *("mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "sir", "madam"),
    *("dhr", "mevr", "mw", "meneer", "mijnheer", "mevrouw", "juffrouw"),
    *("monsieur", "madame", "mademoiselle", "mme", "mlle", "m", "herr", "herrn", "frau"),
)
_OPENING, _CLOSING = "\"'(\u00ab\u201e\u201c\u201d\u2018\u2019", "\"')\u00bb\u201c\u201d\u2018\u2019"
_START, _END = r"(?<![^\W_])", r"(?![^\W_])"


@dataclass(frozen=True, slots=True)
class Forms:
    """A name of several words, split as it is given: ``first`` may hold a hyphen, ``surname`` is all the rest."""

    first: str  # written together
    surname: str
    shortened: tuple[str, ...]  # ``ann e.``, as it stands in folded text
    initialled: re.Pattern[str]  # ``A. Example``, ``A. M. Example``
    nicknamed: re.Pattern[str]  # ``Ann "Lightning" Example``, ``Ann (the organizer) Example``

    @classmethod
    def of(cls, name: str) -> Forms | None:
        """The forms of a name; None where it is a single word, or in a script that has no initials."""
        given = [found for token in name.split() if (found := words(token))]
        if len(given) < 2 or not "".join(map("".join, given)).isascii():
            return None
        first, surname = given[0], [word for token in given[1:] for word in token]
        whole = r"[\W_]{0,3}".join(surname)
        called = "-".join(first)
        ends = dict.fromkeys((surname[0][0], surname[-1][0], " ".join((*surname[:-1], surname[-1][0]))))
        return cls(
            "".join(first),
            "".join(surname),
            tuple(f"{called} {end}." for end in ends),
            re.compile(rf"{_START}{first[0][0]}\.(?:[ -]?[^\W\d_]\.){{0,3}}[ \t]?{whole}s?{_END}"),
            re.compile(rf"{_START}{called}\s?[{_OPENING}][^\n]{{1,40}}?[{_CLOSING}]\s?{whole}s?{_END}"),
        )

    def stand_in(self, folded: Folded) -> bool:
        """Whether a text names them in one of these forms."""
        if self.shortened_in(folded):
            return True
        if self.surname not in folded.joined:
            return False
        if self.initialled.search(folded.text):
            return True
        return self.first in folded.joined and (self._apart(folded) or self.nicknamed.search(folded.text) is not None)

    def shortened_in(self, folded: Folded) -> bool:
        """Whether the first name stands with the first letter of the surname."""
        text = folded.text
        return any(short in text and _alone(short, text) for short in self.shortened)

    def _apart(self, folded: Folded) -> bool:
        """Whether another name stands in the middle (``Ann Mia Example``), or both have endings (``Boba Buildera``)."""
        if len(self.first) < 2 or len(self.surname) < 2:
            return False
        found = folded.words
        endings, count = (self.surname, self.surname + "s"), len(found)
        for at, word in enumerate(found):
            if word == self.first:
                behind = at + 1 + _BETWEEN
                if any(
                    "".join(found[behind:stop]) in endings for stop in range(behind + 1, min(behind + 5, count) + 1)
                ):
                    return True
            if at + 1 < count and self._declined(word, found[at + 1]):
                return True
        return False

    def _declined(self, one: str, other: str) -> bool:
        if _is_declined(self.first, one, 3) and _is_declined(self.surname, other, 5):
            return True
        return _is_declined(self.surname, one, 4) and _is_declined(self.first, other, 4)


def _is_declined(name: str, word: str, fewest: int) -> bool:
    return len(name) >= fewest and word.startswith(name) and len(word) - len(name) <= _LONGEST_ENDING


def _alone(short: str, text: str) -> bool:
    at = text.find(short)
    while at >= 0:
        after = text[at + len(short) : at + len(short) + 1]
        if not text[max(0, at - 1) : at].isalnum() and not after.isalnum():
            return True
        at = text.find(short, at + 1)
    return False


def orders(name: tuple[str, ...]) -> list[tuple[str, ...]]:
    """A name as it is said, backwards, and begun at any of its words (``Berg, Bram van den``)."""
    return [name[::-1], *((*name[at:], *name[:at]) for at in range(len(name)))]


def titled(name: str) -> set[str]:
    """``Mrs Example``, ``meneer van den Berg``: a title and everything after the first name."""
    surname = "".join(words(" ".join(name.split()[1:])))
    return {title + surname for title in _TITLES} if surname else set()


def halves(name: str) -> set[str]:
    """First name and half of a double surname (``Ann Smith`` of Ann Example-Smith), or without what stands between."""
    given = name.split()
    if len(given) < 2:
        return set()
    parts = [*given[-1].split("-"), given[-1]] if len(given) > 2 or "-" in given[-1] else []
    found = ("".join(words(f"{given[0]} {part}")) for part in parts if len(words(part)) == 1 or "'" in part)
    return {one for one in found if one}


def cores(needles: Iterable[str], likely: Iterable[str]) -> tuple[str, ...]:
    """A few pieces of which every needle holds one: a text that holds none of them holds no needle."""
    short = sorted({piece for piece in likely if len(piece) > 1}, key=len)
    found: set[str] = set()
    for wanted in needles:
        if not any(core in wanted for core in found):
            found.add(next((piece for piece in short if piece in wanted), wanted))
    return tuple(sorted(found, key=len))
