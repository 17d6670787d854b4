"""Who must not see a mail: organizers who are named in it, or who wrote it. Decided before anything is sent.

A name is looked for in every text there is (subject, author's name, body, every alternative, enclosed and returned
mail, file names), folded, so that neither case, accents, spacing, line breaks, tags inside it, look-alike letters
nor invisible signs hide it. In doubt somebody is withheld: a wrongly withheld organizer costs the team a pair of
eyes, a wrongly informed one costs the reporter their safety. ``docs/decisions/0012`` has the borders of this.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from intake.decide.folding import GAP, Folded, fold, needle, spellings, visible, words
from intake.decide.naming import Forms, cores, halves, orders, titled
from intake.model import ParsedMail, Withheld

IS_SENDER = "is-sender"  # the reason of who wrote it
FROM_CASE = "withheld-from-case"  # the reason of those from whom a case is withheld that the mail is about
_LOCAL_BACKWARDS = re.compile(r"[\w.!#$%&'*/=?^`{|}~+-]+")
_DOMAIN_AFTER = re.compile(r"[\w.-]{1,253}")
_MAX_ADDRESSES = 5000
_WINDOW, _OVERLAP = 200_000, 500  # long texts are searched in pieces, which lap over by more than any name
_HANDLE = re.compile(r"@?[\w.-]*(?:[\d_.-])[\w.-]*|@[\w.-]+")
OVERRIDE = "\u202e"  # from here on letters are shown from right to left
_OVERRIDDEN = re.compile(f"{OVERRIDE}([^\n\u202c]+)")
# Greek capitals that look like other Latin letters than their small ones do (\u03bd like v, but \u039d like N).
_CAPITALS_ALIKE = {"\u0396": "Z", "\u0397": "H", "\u039d": "N"}
_ALIKE_BY_CODE = str.maketrans(_CAPITALS_ALIKE)
_DIGITS = re.compile(r"\d+")
_TOLD = ("comments", "keywords", "thread-topic", "organization", "x-original-from", "resent-from")
_ASKS_BACK = ("disposition-notification-to", "return-receipt-to")  # of who wrote it
_SENT_BY = ("sender", "resent-from", "resent-sender", "x-original-sender", "x-original-from", *_ASKS_BACK)
# Whom a mail was for and how it came: our own server's words, and the reporter's choice of whom to copy.
_ON_THE_WAY = re.compile(
    r"(?:.*-)?(?:to|cc|bcc|for|recipients?|rcpt|received(?:-spf)?)|(?:arc-|dkim-|authentication-).*"
)
# Neither an address nor a host.
_WORD = re.compile(r"(?<!\S)[\"'(\[<]?[^\W\d_]+(?:[-'\u2019][^\W\d_]+){0,4}[\"')\]>.,;:!?]{0,3}(?!\S)")
_MOST_PROSE = 20_000  # letters of other headers
_SPELLED_AT = ("", "at", "chez", "bei", "apenstaartje", "arobase")


class Person(Protocol):
    """What is known of an organizer (``OrganizerConfig``)."""

    @property
    def name(self) -> str:
        """As reporters know them."""

    @property
    def email(self) -> str:
        """Where their copies go."""

    @property
    def also_known_as(self) -> tuple[str, ...]:
        """Other names and handles."""


class Outsider(Protocol):
    """What is known of the fallback (``FallbackConfig``)."""

    @property
    def name(self) -> str:
        """A person, or a board."""

    @property
    def email(self) -> str:
        """Where their copies go."""


@dataclass(frozen=True, slots=True)
class _Known:
    name: str
    email: str
    also_known_as: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Searched:
    """One text of a mail, in the forms in which names are looked for."""

    reason: str
    text: str  # for handles and addresses: lower case, without invisible signs
    folded: Folded

    @classmethod
    def of(cls, reason: str, text: str, own_words: Sequence[str] = ()) -> Searched:
        """Prepare a text."""
        return cls(reason, _literal(text), _without_own(Folded.of(text), own_words))


@dataclass(frozen=True, slots=True)
class Senders:
    """Whom a mail is from: addresses in their one form, and the fields that may hold others, lower case."""

    addresses: frozenset[str]
    fields: tuple[str, ...]

    @classmethod
    def of(cls, mail: ParsedMail) -> Senders:
        """Look at the head of a mail."""
        emails = {address.email for address in (*mail.authors, *mail.reply_to)}
        fields = (value for name in _SENT_BY for value in mail.values(name))
        return cls(frozenset(map(_canonical, emails)), tuple(map(_literal, fields)))


class Names:
    """One organizer's names, ready to be looked for. Made once per configuration."""

    def __init__(self, person: Person) -> None:
        self.email = person.email.lower()
        given = (person.email, *(name for name in person.also_known_as if _is_address(name)))
        self._addresses = tuple(dict.fromkeys(map(_canonical, given)))
        names = [name for given in (person.name, *person.also_known_as) for name in spellings(given)]
        self._handles = [_literal(name.strip()).lstrip("@") for name in names if _is_handle(name)]
        self._full = [tuple(words(name)) for name in names if not _is_handle(name) and words(name)]
        self._needles = {"".join(order) for name in self._full for order in orders(name)}
        for name in spellings(person.name):
            self._needles |= titled(name) | halves(name)
        self._forms = tuple(forms for name in names if not _is_handle(name) and (forms := Forms.of(name)))
        self._needles |= _spelled_address(person.email)
        last_names = ["".join(name[1:] or name) for name in (*self._full, *map(tuple, map(words, names)))]
        self._cores = cores(self._needles, [*last_names, needle(self.email.partition("@")[0])])
        self._hints = tuple({*self._cores, *(name[-1] for name in self._full)})
        self._signs = (*self._handles, *(sign for one in self._addresses for sign in _at_domains(one)))

    def wrote(self, senders: Senders) -> bool:
        """Whether the mail is from one of their addresses."""
        return any(
            one in senders.addresses or any(_has_address(one, text) for text in senders.fields)
            for one in self._addresses
        )

    def may_be_named_in(self, everything: Searched) -> bool:
        """Whether it is worth looking closer: False only if no part of the text names them."""
        joined, text = everything.folded.joined, everything.text
        for hint in self._hints:  # loops: the innermost of judging
            if hint in joined:
                return True
        for sign in self._signs:
            if sign in text:
                return True
        for forms in self._forms:  # noqa: SIM110
            if forms.shortened_in(everything.folded):
                return True
        return False

    def named_in(self, where: Searched) -> bool:
        """Whether a text names them."""
        folded = where.folded
        joined = folded.joined
        if any(core in joined for core in self._cores) and any(
            wanted in joined and folded.spans(wanted, plural=True) for wanted in self._needles
        ):
            return True
        if any(forms.stand_in(folded) for forms in self._forms):
            return True
        return any(_has_address(one, where.text) for one in self._addresses) or any(
            _has_handle(handle, where.text) for handle in self._handles
        )


def everybody(organizers: Iterable[Person], fallback: Outsider | None) -> tuple[Names, ...]:
    """The names of all who may get a case. A fallback whose name is one word (``Board``) is known by address alone."""
    people = tuple(Names(one) for one in organizers)
    if fallback is None:
        return people
    name = fallback.name if len(words(fallback.name)) > 1 else fallback.email
    return (*people, Names(_Known(name, fallback.email)))


def withheld(
    mail: ParsedMail, organizers: Iterable[Person | Names], own_words: Sequence[str] = ()
) -> tuple[Withheld, ...]:
    """The organizers (and the fallback) who must not see a mail, each with the first reason found.

    ``own_words`` are texts of ours that the mail may quote (the acknowledgement of its case, which lists readers by
    name): their paragraphs are left out wherever they are quoted whole, and nothing else is.
    """
    known = [one if isinstance(one, Names) else Names(one) for one in organizers]
    found: dict[str, Withheld] = {}
    senders = Senders.of(mail)
    texts = _places(mail)
    texts += [(reason, _backwards(text)) for reason, text in texts if OVERRIDE in text]
    texts += [(reason, text.translate(_ALIKE_BY_CODE)) for reason, text in texts if _has_capitals_alike(text)]
    for names in known:
        if names.wrote(senders):
            found[names.email] = Withheld(names.email, IS_SENDER)
    left = _worth_looking_for([names for names in known if names.email not in found], texts)
    if left:
        places = [
            Searched.of(reason, piece, own_words) for reason, text in texts for piece in _pieces(text) if piece.strip()
        ]
        for names in left:
            reason = next((place.reason for place in places if names.named_in(place)), "")
            if reason:
                found[names.email] = Withheld(names.email, reason)
    return tuple(found[names.email] for names in known if names.email in found)


def _worth_looking_for(known: Sequence[Names], texts: Sequence[tuple[str, str]]) -> Sequence[Names]:
    """Who may be named at all: one look at everything together, before each text is searched for each name."""
    if sum(len(text) for _, text in texts) > _WINDOW:
        return known
    everything = Searched.of("", f"\n{GAP}\n".join([text for _, text in texts if text]))
    return [names for names in known if names.may_be_named_in(everything)]


def _places(mail: ParsedMail) -> list[tuple[str, str]]:
    """Every text of the mail but To and Cc: the reporter chose whom to copy."""
    author = [value for name in ("from", "sender", "reply-to", *_ASKS_BACK) for value in mail.values(name)]
    author += [address.name for address in (*mail.authors, *mail.reply_to)]
    return [
        ("named-in-subject", "\n".join(dict.fromkeys((mail.subject, *mail.values("subject"))))),
        ("named-in-author", "\n".join(author)),
        ("named-in-body", mail.text),
        ("named-in-attachment", _files(mail)),
        *(("named-in-forwarded", text) for text in mail.all_text),
        ("named-in-header", "\n".join(value for name in _TOLD for value in mail.values(name))),
        ("named-in-header", _in_passing(mail)),
    ]


def _in_passing(mail: ParsedMail) -> str:
    """What every other field says in several words. One with a number in it (a date: Jan, May) is a program's."""
    read = ("from", "sender", "reply-to", "subject", *_TOLD)
    fields = ((name, value) for name, value in mail.headers if name not in read and not _ON_THE_WAY.fullmatch(name))
    said = "\n".join(value for _, value in fields if " " in value and _DIGITS.search(value) is None)
    return " ".join(_WORD.findall(said[:_MOST_PROSE]))


def _files(mail: ParsedMail) -> str:
    """Names of files: a number often stands at the end of a word."""
    names = "\n".join([attachment.name for attachment in mail.attachments])
    return f"{names}\n{GAP}\n{_DIGITS.sub(' ', names)}" if names else ""


def _has_capitals_alike(text: str) -> bool:
    return not text.isascii() and any(capital in text for capital in _CAPITALS_ALIKE)


def _backwards(text: str) -> str:
    """What is written backwards and shown forwards, forwards."""
    return "\n".join([found[::-1] for found in _OVERRIDDEN.findall(text)])


def _pieces(text: str) -> Iterator[str]:
    for at in range(0, max(len(text), 1), _WINDOW):
        yield text[max(0, at - _OVERLAP) : at + _WINDOW]


def _literal(text: str) -> str:
    """The text as literal forms (handles, addresses) are looked for in it."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", visible(text)).lower()


def _without_own(folded: Folded, own_words: Sequence[str]) -> Folded:
    for text in own_words:
        for paragraph in re.split(r"\n[ \t>]*\n", text):
            wanted = needle(paragraph)
            if len(wanted) >= 20 and wanted in folded.joined:
                folded = folded.without(folded.spans(wanted))
    return folded


# --- handles and addresses ----------------------------------------------------------------------


def _is_handle(name: str) -> bool:
    return " " not in name.strip() and "@" not in name[1:] and _HANDLE.fullmatch(name.strip()) is not None


def _is_address(name: str) -> bool:
    local, _, domain = name.strip().rpartition("@")
    return bool(local) and "." in domain and " " not in name.strip()


def _has_handle(handle: str, text: str) -> bool:
    """Whether a handle stands by itself: ``@ann_ex`` is not in ``@ann_ex2``; plain letters need ``@`` or a link."""
    plain_letters = handle.isalpha()
    at = text.find(handle)
    while at >= 0:
        before, after = text[max(0, at - 1) : at], text[at + len(handle) : at + len(handle) + 2]
        stands = not (before.isalnum() or before == "_") if not plain_letters else before in {"@", "/"}
        ends = not (after[:1].isalnum() or after[:1] == "_") and not (after[:1] in {".", "-"} and after[1:].isalnum())
        if stands and ends:
            return True
        at = text.find(handle, at + 1)
    return False


def _has_address(address: str, text: str) -> bool:
    """Whether an address (in its one form) is written in a text, found from its domain outwards."""
    for wanted in _at_domains(address):
        at = text.find(wanted)
        for _ in range(_MAX_ADDRESSES):
            if at < 0:
                break
            local = _LOCAL_BACKWARDS.match(text[max(0, at - 64) : at][::-1])
            whole = _DOMAIN_AFTER.match(text, at + 1)
            if local and whole and _canonical(f"{local[0][::-1]}@{whole[0]}") == address:
                return True
            at = text.find(wanted, at + 1)
    return False


def _at_domains(address: str) -> tuple[str, ...]:
    """How an address ends, in each of the ways to write it."""
    domain = address.rpartition("@")[2]
    return ("@" + domain, "@googlemail.com") if domain == "gmail.com" else ("@" + domain,)


def _spelled_address(email: str) -> set[str]:
    """``ann (at) example (dot) org`` and the like, as words written together."""
    local, _, domain = email.lower().partition("@")
    if not local or "." not in domain:
        return set()
    labels = [needle(label) for label in domain.split(".")]
    return {
        needle(local) + at + dot.join(labels) for at in _SPELLED_AT for dot in ("", "dot", "punt", "point", "punkt")
    }


def _canonical(email: str) -> str:
    """One form for the ways to write an address: folded, no plus-tag; dots in a Gmail name don't count."""
    local, _, domain = _literal(email).rpartition("@")
    local = fold(local.strip(".'\"")).partition("+")[0]
    domain = domain.strip(".")
    if domain in {"gmail.com", "googlemail.com"}:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"
