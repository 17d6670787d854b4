"""Who may get an automatic answer, and at which address: RFC 3834 and what the field has added to it.

``sender`` is the whole decision. It asks the rules of ``RULES`` in their order, and the first that knows the mail
decides; a mail that none knows comes from a person. Only the mail's own structure and its own head count, never
what it encloses or quotes: a person who forwards a bounce or attaches somebody's mail is a person.

Each rule gives a reason: a short id that can be shown and that ``docs/decisions/0010`` to ``0013`` explain.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from intake.decide import away, machines
from intake.decide.authenticate import DOUBTFUL
from intake.model import Address, Kind, ParsedMail, Sender
from intake.model.domains import is_domain

if TYPE_CHECKING:
    from intake.config import Config


@dataclass(frozen=True, slots=True)
class Own:
    """What is ours: every address of the community, in lower case."""

    addresses: frozenset[str] = frozenset()

    @classmethod
    def of(cls, config: Config) -> Own:
        """The community's address and its aliases."""
        return cls(config.community.addresses)

    def is_ours(self, email: str) -> bool:
        """Whether an address is one of ours; a plus-tag does not make it another's."""
        return without_tag(email) in self.addresses or email.lower() in self.addresses

    def is_our_list(self, mail: ParsedMail) -> bool:
        """Whether the mail came through a list that is one of our own addresses (a group alias).

        All that names the list must name ours: List-Id (RFC 2919: ``help.example.org`` for help@example.org),
        List-Post, or Google's and Mailman's own fields.
        """
        named = _list_names(mail)
        ours = self.addresses | {address.replace("@", ".") for address in self.addresses}
        return bool(named) and all(name in ours for name in named)


def without_tag(email: str) -> str:
    """The address in lower case, without a plus-tag: ``help+x@example.org`` is help@example.org."""
    local, at, domain = email.lower().rpartition("@")
    return f"{local.partition('+')[0] or local}{at}{domain}"


_LIST_ID = re.compile(r"<([^<>\s]{1,255})>\s*$")
_MAILTO = re.compile(r"mailto:([^<>\s?]{1,320})", re.IGNORECASE)


def _list_names(mail: ParsedMail) -> set[str]:
    named: set[str] = set()
    for value in mail.values("list-id"):
        match = _LIST_ID.search(value)
        named.add((match[1] if match else value.strip()).lower())
    for value in mail.values("list-post"):
        named.update(found.lower() for found in _MAILTO.findall(value))
    for value in mail.values("x-beenthere"):
        named.add(value.strip().lower())
    return {name for name in named if name and name != "no"}


@dataclass(frozen=True, slots=True)
class Question:
    """One mail as the rules look at it."""

    mail: ParsedMail
    own: Own
    our_list: bool

    @property
    def author(self) -> Address | None:
        """The first author."""
        return self.mail.authors[0] if self.mail.authors else None


Rule = Callable[[Question], Sender | None]


def sender(mail: ParsedMail, own: Own) -> Sender:
    """What kind of sender a mail has, whether it may be answered, why, and at which single address."""
    question = Question(mail, own, own.is_our_list(mail))
    for rule in RULES:
        found = rule(question)
        if found is not None:
            return found
    return _person(question)


# --- the rules, in their order ------------------------------------------------------------------


def _ours(question: Question) -> Sender | None:
    """Our own mail coming back, and mail that claims to come from us."""
    mail = question.mail
    from_us = any(question.own.is_ours(author.email) for author in mail.authors)
    if from_us and mail.first("x-intake-kind"):
        return Sender(Kind.OURS, acknowledge=False, reason="ours:returned")
    if from_us and not _rewritten(question):
        if any(not question.own.is_ours(address.email) for address in mail.reply_to):
            # A web site's form that sends as the community and names the writer in Reply-To: people must see it.
            return Sender(Kind.AUTOMATIC, acknowledge=False, reason="sender:own-form")
        if _is_new_to_us(question):
            return Sender(Kind.AUTOMATIC, acknowledge=False, reason="sender:own-form")
        return Sender(Kind.OURS, acknowledge=False, reason="ours:own-address")
    return None


def _is_new_to_us(question: Question) -> bool:
    """Whether a mail begins something and goes to nobody but us: a form may name its writer only in its text."""
    mail = question.mail
    recipients = (*mail.to, *mail.cc)
    answers = mail.in_reply_to or mail.references
    return bool(recipients) and not answers and all(question.own.is_ours(one.email) for one in recipients)


def _bounce(question: Question) -> Sender | None:
    """Delivery status notifications (RFC 3464), their older forms, and complaints (RFC 5965)."""
    reason = machines.bounce(question.mail)
    return Sender(Kind.BOUNCE, acknowledge=False, reason=reason) if reason else None


def _automatic(question: Question) -> Sender | None:
    """Answers and notices of machines: what they say of themselves, and what they are known by."""
    reason = machines.automatic(question.mail, through_our_list=question.our_list)
    return Sender(Kind.AUTOMATIC, acknowledge=False, reason=reason) if reason else None


def _list(question: Question) -> Sender | None:
    """Mailing lists and bulk mail (RFC 2369, 2919); a list that is an address of our own does not count."""
    if question.our_list:
        return None
    reason = machines.mailing_list(question.mail)
    return Sender(Kind.LIST, acknowledge=False, reason=reason) if reason else None


def _doubtful(question: Question) -> Sender | None:
    """Authorship that is missing, ambiguous or made to look like something else: people get it, nobody is answered."""
    for defect in DOUBTFUL:
        if defect in question.mail.defects:
            return Sender(Kind.PERSON, acknowledge=False, reason=f"author:{defect}")
    return None


def _away(question: Question) -> Sender | None:
    """A responder without any mark, by its words: people may write them too, so they get it; it is not answered."""
    if away.reads_like_one(question.mail):
        return Sender(Kind.PERSON, acknowledge=False, reason="wording:out-of-office")
    return None


RULES: tuple[Rule, ...] = (_ours, _bounce, _automatic, _list, _doubtful, _away)


# --- to whom ------------------------------------------------------------------------------------

_UNSURE = "uncertain-reply-to"


def _person(question: Question) -> Sender:
    """A person: answered at one address that is theirs, if there is one that can be written to."""
    address, reason = _where(question)
    if address is None or not is_deliverable(address.email):
        return Sender(Kind.PERSON, acknowledge=False, reason="author:invalid-address")
    if question.own.is_ours(address.email):
        return Sender(Kind.PERSON, acknowledge=False, reason="author:own-address")
    if machines.is_role(address.email):
        return Sender(Kind.PERSON, acknowledge=False, reason="author:role-address")
    return Sender(Kind.PERSON, acknowledge=True, reason=reason, to=address)


def _where(question: Question) -> tuple[Address | None, str]:
    """From, unless a list of ours has put itself there, or Reply-To is plainly the same person's."""
    mail = question.mail
    rewritten = _rewritten(question)
    if rewritten is not None:
        return rewritten, "person:behind-our-list"
    author = question.author
    if author is None or len(mail.reply_to) != 1 or len(mail.values("reply-to")) > 1 or _UNSURE in mail.defects:
        return author, "person"
    wanted = mail.reply_to[0]
    if wanted.email.lower() == author.email.lower() or question.own.is_ours(wanted.email):
        return author, "person"
    if _same_house(author, wanted) and is_deliverable(wanted.email) and not machines.is_role(wanted.email):
        return wanted, "person:reply-to"
    return author, "person:reply-to-elsewhere"


def _same_house(author: Address, wanted: Address) -> bool:
    """Whether Reply-To is the author's own by its form: one mailbox under a tag, or their own organisation's domain.

    A public provider's domain says nothing: everybody is there.
    """
    if without_tag(author.email) == without_tag(wanted.email):
        return True
    if author.domain in machines.PUBLIC_PROVIDERS or wanted.domain in machines.PUBLIC_PROVIDERS:
        return False
    mine, theirs = author.domain, wanted.domain
    return mine == theirs or mine.endswith("." + theirs) or theirs.endswith("." + mine)


def _rewritten(question: Question) -> Address | None:
    """The author behind a From that our own list has put its address into (for DMARC), if the list says who it is."""
    mail, author = question.mail, question.author
    if not question.our_list or author is None or not question.own.is_ours(author.email):
        return None
    for name in ("x-original-from", "x-original-sender"):
        for value in mail.values(name)[:1]:
            written = value.rpartition("<")[2].partition(">")[0].partition("(")[0].strip()
            if "@" in written and not question.own.is_ours(written):
                # Letters beyond ASCII may have been guessed, the end of a long one cut off: then it is nobody's.
                sure = written.isascii() and len(value) <= LONGEST_LINE
                return Address("", written.lower()) if sure else NOBODY
    others = [address for address in mail.reply_to if not question.own.is_ours(address.email)]
    if len(others) != 1:
        return None
    return NOBODY if _UNSURE in mail.defects else others[0]


# --- addresses ----------------------------------------------------------------------------------

LONGEST_LINE = 998  # RFC 5322, 2.1.1
NOBODY = Address("", "")
_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]++"
_DOT_STRING = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_NOWHERE = {"invalid", "localhost", "localdomain", "onion", "arpa"}


def is_deliverable(email: str) -> bool:
    """Whether an address is one that mail may be sent to (RFC 5321, 4.1.2; RFC 6531), and only one.

    Quoted local parts, address literals and names that lead nowhere (RFC 6761) are refused: each has been used to
    smuggle something, and no reporter has one.
    """
    local, at, domain = email.rpartition("@")
    if not at or len(email.encode("utf-8", "replace")) > 254 or len(local.encode("utf-8", "replace")) > 64:
        return False
    if "=?" in email or not email.isprintable() or _DOT_STRING.fullmatch(local) is None:
        return False
    top = domain.rpartition(".")[2]
    if top.isdigit() or top.lower() in _NOWHERE:
        return False
    return is_domain(domain)
