"""Commands that organizers write in the first line of a reply: ``claim``, ``close …``, ``recuse me``. Pure.

Only the words are read here. Whether they count is decided elsewhere: by the proof that the mail brings along.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from intake.decide.folding import words
from intake.decide.quoting import unquoted
from intake.model import OUTCOMES, CaseAction, ParsedMail

# The words of a command, folded, in any of our languages; English is understood everywhere.
WORDS: dict[CaseAction, tuple[str, ...]] = {
    CaseAction.CLAIM: (
        *("claim", "i claim"),
        *("opnemen", "oppakken", "ik neem het op", "ik pak het op"),
        *("je prends", "je prends en charge", "je m'en occupe", "prendre", "prendre en charge"),
        *("übernehmen", "uebernehmen", "ich übernehme", "ich uebernehme"),
    ),
    CaseAction.CLOSE: (
        "close",
        *("sluiten", "afsluiten"),
        *("clore", "clôturer", "fermer"),
        *("schließen", "abschließen", "schliessen", "abschliessen"),
    ),
    CaseAction.NOTE: ("note", "nota", "notitie", "remarque", "notiz", "vermerk"),
    CaseAction.RECUSE: ("recuse", "uitsluiten", "weghouden", "récuser", "écarter", "ausschließen", "ausschliessen"),
    CaseAction.RELEASE: ("release", "vrijgeven", "toelaten", "réadmettre", "libérer", "freigeben", "zulassen"),
}
MYSELF = frozenset({"me", "myself", "mij", "mezelf", "mijzelf", "moi", "moi meme", "mich", "mich selbst"})
# How a case ended, as people write it; the first that is found counts.
ENDINGS: dict[str, tuple[str, ...]] = {
    "not-a-report": ("not a report", "spam", "geen melding", "pas un signalement", "keine meldung"),
    "no-action": ("no action", "geen actie", "sans suite", "aucune mesure", "keine maßnahme", "ohne maßnahme"),
    "conversation": ("conversation", "talk", "gesprek", "entretien", "conversation", "gespräch"),
    "warning": ("warning", "waarschuwing", "avertissement", "verwarnung", "warnung"),
    "exclusion": ("exclusion", "ban", "banned", "uitsluiting", "exclusion", "ausschluss"),
    "support": ("support", "ondersteuning", "soutien", "accompagnement", "unterstützung"),
    "referred": ("referred", "doorverwezen", "transmis", "orienté", "weitergeleitet"),
    "withdrawn": ("withdrawn", "ingetrokken", "retiré", "zurückgezogen"),
}
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_LONGEST_NAME = 6  # words; with more than these it may be a sentence that was meant for people
_POLITE = frozenset(
    (
        *("it", "this", "case", "please", "thanks", "thank", "you"),
        *("dit", "de", "zaak", "het", "dossier", "dank", "je", "graag", "aub", "le", "ce", "cas", "merci", "svp"),
        *("das", "den", "diesen", "fall", "danke", "bitte"),
    )
)
_CODE = re.compile(r"[A-Z0-9]{1,16}-[0-9A-Z]{6}", re.IGNORECASE)
_AROUND = " \t.,:;!?-\u2013\u2014*_\"'\u201c\u201d\u00ab\u00bb()[]"  # what may stand around a word
MOST_TEXT = 4000  # characters of a note or a reason that are kept


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody asks for. ``name`` is whom a recusal concerns, empty with ``myself``; ``outcome`` of a close.

    ``more`` says that the mail holds other words, which the others should see.
    """

    action: CaseAction
    name: str = field(repr=False, default="")
    myself: bool = False
    outcome: str = ""
    text: str = field(repr=False, default="")
    more: bool = field(repr=False, default=False)

    @property
    def bare(self) -> bool:
        """Whether it holds nothing that its author may have meant as words to people."""
        return not self.text and not self.more


def parse(mail: ParsedMail) -> Command | None:
    """The command of a reply, or None. What is quoted is not read."""
    lines = [line.strip() for line in unquoted(mail.text).split("\n")]
    lines = [line for line in lines if line]
    if not lines:
        return None
    rest = "\n".join(lines[1:])
    more = bool(words(rest.partition("\n--")[0])) and not rest.startswith("--")
    return _of_line(lines[0], rest, more=more)


def _of_line(line: str, rest: str, *, more: bool) -> Command | None:
    line = unicodedata.normalize("NFC", line)[:MOST_TEXT]
    for action, forms in WORDS.items():
        for form in sorted(forms, key=len, reverse=True):
            after = _after(line, form)
            if after is not None:
                return _command(action, after, rest, more=more)
    return None


def _after(line: str, form: str) -> str | None:
    """What follows the words of a command at the beginning of a line; None when it does not begin with them."""
    wanted, found = words(form), list[str]()
    for word in _WORD.finditer(line):
        found += words(word.group())
        if found == wanted:
            return line[word.end() :].lstrip(_AROUND).rstrip(" \t*_")
        if wanted[: len(found)] != found:
            return None
    return None


def _command(action: CaseAction, after: str, rest: str, *, more: bool) -> Command | None:
    polite = set(words(_CODE.sub("", after))) <= _POLITE  # its case's code may follow, or words of politeness
    if action is CaseAction.CLAIM:
        return Command(action, more=more) if polite else None  # anything else makes it a sentence to the others
    if action is CaseAction.CLOSE:
        reason = "" if polite else after
        return Command(action, outcome=outcome_of(reason), text=reason, more=more)
    if action is CaseAction.NOTE:
        told = f"{after}\n{rest}".strip()[:MOST_TEXT]
        return Command(action, text=told) if told else None
    if " ".join(words(after)) in MYSELF:
        return Command(action, myself=True, more=more)
    # Never words to the others, however long: one of them is whom it is about.
    return Command(action, name=after.rstrip(_AROUND), more=more or len(words(after)) > _LONGEST_NAME)


def outcome_of(reason: str) -> str:
    """The class of an outcome that a reason names; ``other`` when it names none, empty when there is no reason."""
    if not words(reason):
        return ""
    told = " ".join(words(reason))
    if told.replace(" ", "-") in OUTCOMES:
        return told.replace(" ", "-")
    for outcome, forms in ENDINGS.items():
        if any(f" {' '.join(words(form))} " in f" {told} " for form in forms):
            return outcome
    return "other"
