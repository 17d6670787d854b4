"""In which of the community's languages a mail is written, by its function words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from intake.decide.folding import words
from intake.model import ParsedMail

_WORD = 144  # what a word counts: a whole number also when up to four languages share it
_ENOUGH = _WORD  # a lone word that two languages share is too little
_MARGIN = 1.15
_LOOKED_AT = 4000  # characters


def language(
    text: str, mail: ParsedMail, languages: Sequence[str], function_words: Mapping[str, frozenset[str]]
) -> str:
    """One of ``languages``; the first when the text does not tell.

    A word that several languages share counts for each a little less. Where the words leave it open, the mail's own
    Content-Language decides.
    """
    default = languages[0]
    score = dict.fromkeys(languages, 0)
    every = frozenset[str]().union(*(function_words.get(name, ()) for name in languages))
    counted = Counter(words(text[:_LOOKED_AT]))
    for word in counted.keys() & every:
        speakers = [name for name in languages if word in function_words.get(name, ())]
        for name in speakers:
            score[name] += counted[word] * _WORD // len(speakers) ** 2
    ranked = sorted(languages, key=lambda name: -score[name])
    best = ranked[0]
    runner_up = score[ranked[1]] if len(ranked) > 1 else 0
    if score[best] >= _ENOUGH and score[best] > runner_up * _MARGIN:
        return best
    declared = mail.first("content-language").strip().lower()[:2]
    return declared if declared in languages else default
