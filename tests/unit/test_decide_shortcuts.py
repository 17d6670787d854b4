"""Shortcuts of judging give what the long way gives."""

from __future__ import annotations

import time

from hypothesis import example, given, settings
from hypothesis import strategies as st
from mailparser.utils import get_addresses

from intake.decide.folding import GAP, Folded, _folded, fold
from intake.decide.phrases import PhraseList, Shelf
from intake.decide.recuse import Names, Searched
from intake.model import ParsedMail
from intake.receive.parse import parse
from unit.judging import NOW, config, judge

WORDS = st.sampled_from(
    ["code", "of", "con", "duct", "Conduct", "will", "be", "there", "Ann", "Exa", "mple", "Zoë", "mueller", "van", "den",
     "Berg", "berg's", "@ann_ex", "bram@example.net", "z.oe.muller+x@googlemail.com", "ann (at) example (dot) org", "m",
     "mevrouw", "Bram", "E.", "A.", "b.", '"', "Anna", "日本", "\u0430nn", "a\u0301", "-", ".", ">", "\u200b", "\0"]
)  # fmt: skip
TEXTS = st.lists(st.tuples(WORDS, st.sampled_from(["", " ", "\n", "-", ", "])), max_size=30).map(
    lambda pairs: "".join(word + between for word, between in pairs)
)


@given(st.text(st.one_of(st.characters(max_codepoint=0x17F), st.characters(codec="cp1252")), max_size=60))
@example(bytes(range(0x20, 0x100)).decode("cp1252", "ignore"))
def test_a_western_text_is_folded_as_any_is(text: str) -> None:
    assert fold(text) == (text.lower() if text.isascii() else _folded(text))


@given(TEXTS, TEXTS)
@example("code\0", "日本")
def test_two_texts_together_are_what_they_are_in_one(one: str, other: str) -> None:
    first, second = Folded.of(one), Folded.of(other)
    both, plain = Folded.both(first, second), Folded(f"{first.text} {GAP} {second.text}")
    assert (both.words, both.joined, both.borders) == (plain.words, plain.joined, plain.borders)
    assert {one for one in plain.beginnings if GAP not in one} <= both.beginnings
    for needle in ("conduct", "codeofconduct", "be", "annexample", "日本"):
        assert both.spans(needle) == plain.spans(needle)


@given(TEXTS, st.lists(st.lists(WORDS, min_size=1, max_size=3).map(" ".join), max_size=6))
def test_a_look_for_many_lists_finds_what_a_look_for_each_finds(text: str, written: list[str]) -> None:
    shelf = Shelf()
    lists = [PhraseList.of(str(n), [phrase, "will * there"], shelf) for n, phrase in enumerate(written)]
    folded = Folded.of(text)
    for phrases in lists:
        found = tuple(one.written for one in phrases.phrases if one.found_in(Folded.of(text)))
        assert phrases.found_in(folded) == found
        assert phrases.in_text(folded) == bool(found)


@given(TEXTS, TEXTS)
def test_who_is_named_is_never_passed_over(one: str, other: str) -> None:
    for names in map(Names, config().organizers):
        everything = Searched.of("", f"{one}\n{GAP}\n{other}")
        if names.named_in(Searched.of("", one)) or names.named_in(Searched.of("", other)):
            assert names.may_be_named_in(everything)


@settings(max_examples=400)
@given(
    st.from_regex(r"\A(?:[A-Za-z0-9_' -]{0,12} ?<?)[A-Za-z0-9_+.-]{1,9}@[A-Za-z0-9.-]{1,12}>?\Z")
    | st.sampled_from(["Rita O'Neil <r@example.com>", "r@example.com", "<r@example.com>", "a@b.example <a@b.example>"])
)
def test_a_plain_address_is_read_as_mail_parser_reads_it(field: str) -> None:
    mail = parse(f"From: {field}\nSubject: x\n\nx\n".encode())
    value = " ".join(field.split())
    expected = [("" if name == email else name, email) for name, email in get_addresses(value, decode_names=True)]
    assert [(a.name, a.email.lower()) for a in mail.authors] == [(n, e.lower()) for n, e in expected if "@" in e]


def test_no_sign_of_a_sentence_is_looked_at_again_and_again() -> None:
    for text in ("!" * 200_000, "?.;! " * 40_000, "\n \n" * 60_000, "he shouted at me" + "!" * 199_000):
        mail = ParsedMail(subject="Code-of-conduct", text=text)
        started = time.process_time()
        judge().judge(mail, NOW)
        assert time.process_time() - started < 5  # it was hours
