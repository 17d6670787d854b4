"""The shipped phrases (``lexicon/*.toml``, one file per language) and how phrases are found in a folded text.

A phrase may hold ``*`` for up to four words: ``will * be there``. Lists of the configuration add to shipped ones of
the same name; nobody loses a report by naming one phrase more.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files

from intake.decide.folding import BEGINNING, Folded, fold, is_unspaced, needle

LANGUAGES = ("en", "nl", "fr", "de")
MAX_GAP = 4


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase as it was written, and its pieces as they are looked for."""

    written: str
    pieces: tuple[str, ...]

    @classmethod
    def of(cls, written: str) -> Phrase:
        """Fold a phrase."""
        return cls(written, tuple(piece for piece in map(needle, written.split("*")) if piece))

    def letters_in(self, joined: str) -> bool:
        """Whether a text, written together, holds its pieces anywhere."""
        for piece in self.pieces:  # noqa: SIM110 - the innermost loop of judging: a generator costs twice as much
            if piece not in joined:
                return False
        return True

    def found_in(self, text: Folded) -> bool:
        """Whether the text holds it, at the borders of words."""
        if self.written.startswith("["):  # a mark such as [CONDUCT]; without its brackets it is any word
            return fold(self.written) in text.text
        if not self.pieces or not self.letters_in(text.joined):
            return False
        ends = [after for _, after in text.spans(self.pieces[0])]
        for piece in self.pieces[1:]:
            spans = text.spans(piece)
            ends = [after for first, after in spans if any(end <= first <= end + MAX_GAP for end in ends)]
        return bool(ends)


class Shelf:
    """Lists that are looked for in the same texts: one look at a text finds what it may hold of all of them."""

    def __init__(self) -> None:
        self._lists: list[PhraseList] = []

    def add(self, phrases: PhraseList) -> None:
        """Put a list there, before the first look."""
        self._lists.append(phrases)

    @cached_property
    def _by_beginning(self) -> dict[str, list[tuple[PhraseList, Phrase]]]:
        """Each phrase with its list, by how a word must begin where the phrase stands.

        Where words are not kept apart it may stand anywhere: every text has the empty beginning, at its end.
        """
        table: dict[str, list[tuple[PhraseList, Phrase]]] = {}
        for phrases in self._lists:
            for phrase in phrases.phrases:
                beginning = "" if is_unspaced(phrase.pieces[0]) else phrase.pieces[0][:BEGINNING]
                table.setdefault(beginning, []).append((phrases, phrase))
        return table

    def candidates(self, phrases: PhraseList, text: Folded) -> Sequence[Phrase]:
        """The phrases of one list that a text may hold: it holds their letters, at least."""
        found: dict[PhraseList, list[Phrase]] | None = text.looked_up.get(self)
        if found is None:
            joined, table = text.joined, self._by_beginning
            found = text.looked_up[self] = {}
            for beginning in table.keys() & text.beginnings:
                for owner, phrase in table[beginning]:
                    if phrase.letters_in(joined):
                        found.setdefault(owner, []).append(phrase)
        return found.get(phrases, ())


@dataclass(frozen=True, eq=False)
class PhraseList:
    """Phrases that mean one thing."""

    name: str
    phrases: tuple[Phrase, ...]
    shelf: Shelf = field(default_factory=Shelf, repr=False)

    def __post_init__(self) -> None:
        """Take a place among the lists that it is looked for with."""
        self.shelf.add(self)

    @classmethod
    def of(cls, name: str, written: Iterable[str], shelf: Shelf | None = None) -> PhraseList:
        """Fold each, and keep each once."""
        phrases = {phrase.pieces: phrase for phrase in map(Phrase.of, written) if phrase.pieces}
        return cls(name, tuple(phrases.values()), shelf or Shelf())

    def candidates(self, text: Folded) -> Sequence[Phrase]:
        """What the text may hold of it; no part of the text holds any other."""
        return self.shelf.candidates(self, text)

    def found_in(self, text: Folded) -> tuple[str, ...]:
        """The phrases that the text holds, as they are written in the list."""
        found = {phrase.written for phrase in self.candidates(text) if phrase.found_in(text)}
        return tuple(phrase.written for phrase in self.phrases if phrase.written in found) if found else ()

    def in_text(self, text: Folded) -> bool:
        """Whether it holds any."""
        return any(phrase.found_in(text) for phrase in self.candidates(text))


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All phrase lists: ``lists`` by name, ``urgent`` by language and signal, ``time`` by name, and function words."""

    lists: Mapping[str, PhraseList]
    urgent: Mapping[str, Mapping[str, PhraseList]]
    time: Mapping[str, PhraseList]
    function_words: Mapping[str, frozenset[str]]


@cache
def shipped() -> Mapping[str, Mapping[str, Mapping[str, object]]]:
    """The files of ``lexicon``, by language."""
    folder = files("intake.decide") / "lexicon"
    return {name: tomllib.loads((folder / f"{name}.toml").read_text("utf-8")) for name in LANGUAGES}


def lexicon(own: Mapping[str, Iterable[str]]) -> Lexicon:
    """The shipped lists together with those of the configuration (``urgent`` adds to every signal's alarm)."""
    files_, shelf = shipped(), Shelf()
    lists = {name: [*_all(files_, "lists", name), *own.get(name, ())] for name in {*_names(files_, "lists"), *own}}
    urgent = {
        language: {
            signal: PhraseList.of(f"urgent-{signal}", _strings(written), shelf)
            for signal, written in tables["urgent"].items()
        }
        for language, tables in files_.items()
    }
    urgent["own"] = {
        name.removeprefix("urgent-"): PhraseList.of(name, written, shelf)
        for name, written in own.items()
        if name == "urgent" or name.startswith("urgent-")
    }
    return Lexicon(
        lists={name: PhraseList.of(name, written, shelf) for name, written in lists.items()},
        urgent=urgent,
        time={name: PhraseList.of(name, _all(files_, "time", name), shelf) for name in _names(files_, "time")},
        function_words={
            name: frozenset(needle(word) for word in str(tables["language"]["words"]).split())
            for name, tables in files_.items()
        },
    )


def is_everyday(name: str) -> bool:
    """Whether a name is also a word that most mails hold, in any of the languages: An, Will."""
    return any(needle(name) in words for words in lexicon({}).function_words.values())


def _names(tables: Mapping[str, Mapping[str, Mapping[str, object]]], group: str) -> set[str]:
    return {name for table in tables.values() for name in table[group]}


def _all(tables: Mapping[str, Mapping[str, Mapping[str, object]]], group: str, name: str) -> list[str]:
    return [phrase for table in tables.values() for phrase in _strings(table[group].get(name, ()))]


def _strings(value: object) -> list[str]:
    return [str(phrase) for phrase in value] if isinstance(value, (list, tuple)) else []
