"""The shipped phrases (``lexicon/*.toml``, one file per language) and how phrases are found in a folded text.

A phrase may hold ``*`` for up to four words: ``will * be there``. Lists of the configuration add to shipped ones of
the same name; nobody loses a report by naming one phrase more.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

from intake.decide.folding import BEGINNING, Folded, fold, needle

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

    def found_in(self, text: Folded) -> bool:
        """Whether the text holds it, at the borders of words."""
        if self.written.startswith("["):  # a mark such as [CONDUCT]; without its brackets it is any word
            return fold(self.written) in text.text
        joined = text.joined
        if not self.pieces or not all(piece in joined for piece in self.pieces):
            return False
        ends = [after for _, after in text.spans(self.pieces[0])]
        for piece in self.pieces[1:]:
            spans = text.spans(piece)
            ends = [after for first, after in spans if any(end <= first <= end + MAX_GAP for end in ends)]
        return bool(ends)


@dataclass(frozen=True)
class PhraseList:
    """Phrases that mean one thing."""

    name: str
    phrases: tuple[Phrase, ...]

    @classmethod
    def of(cls, name: str, written: Iterable[str]) -> PhraseList:
        """Fold each, and keep each once."""
        phrases = {phrase.pieces: phrase for phrase in map(Phrase.of, written) if phrase.pieces}
        return cls(name, tuple(phrases.values()))

    @cached_property
    def _by_beginning(self) -> dict[str, list[Phrase]]:
        """A phrase can only stand where a word begins as it does."""
        table: dict[str, list[Phrase]] = {}
        for phrase in self.phrases:
            table.setdefault(phrase.pieces[0][:BEGINNING], []).append(phrase)
        return table

    def _candidates(self, text: Folded) -> Iterator[Phrase]:
        table = self._by_beginning
        for beginning in table.keys() & text.beginnings:
            yield from table[beginning]

    def found_in(self, text: Folded) -> tuple[str, ...]:
        """The phrases that the text holds, as they are written in the list."""
        found = {phrase.written for phrase in self._candidates(text) if phrase.found_in(text)}
        return tuple(phrase.written for phrase in self.phrases if phrase.written in found) if found else ()

    def in_text(self, text: Folded) -> bool:
        """Whether it holds any."""
        return any(phrase.found_in(text) for phrase in self._candidates(text))


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
    files_ = shipped()
    lists = {name: [*_all(files_, "lists", name), *own.get(name, ())] for name in {*_names(files_, "lists"), *own}}
    urgent = {
        language: {
            signal: PhraseList.of(f"urgent-{signal}", _strings(written)) for signal, written in tables["urgent"].items()
        }
        for language, tables in files_.items()
    }
    urgent["own"] = {
        name.removeprefix("urgent-"): PhraseList.of(name, written)
        for name, written in own.items()
        if name == "urgent" or name.startswith("urgent-")
    }
    return Lexicon(
        lists={name: PhraseList.of(name, written) for name, written in lists.items()},
        urgent=urgent,
        time={name: PhraseList.of(name, _all(files_, "time", name)) for name in _names(files_, "time")},
        function_words={
            name: frozenset(needle(word) for word in str(tables["language"]["words"]).split())
            for name, tables in files_.items()
        },
    )


def _names(tables: Mapping[str, Mapping[str, Mapping[str, object]]], group: str) -> set[str]:
    return {name for table in tables.values() for name in table[group]}


def _all(tables: Mapping[str, Mapping[str, Mapping[str, object]]], group: str, name: str) -> list[str]:
    return [phrase for table in tables.values() for phrase in _strings(table[group].get(name, ()))]


def _strings(value: object) -> list[str]:
    return [str(phrase) for phrase in value] if isinstance(value, (list, tuple)) else []
