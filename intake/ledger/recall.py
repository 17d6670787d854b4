"""What the ledger knows about mails that arrive: read in a few questions for a whole batch, and kept current.

The second mail of a batch sees the case that the first one opened, because what is decided is noted here at once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from intake.ledger import held
from intake.ledger.keys import Key
from intake.ledger.lately import acknowledged, acknowledged_in_all, answered_in, recent_mails, rows
from intake.ledger.mentioned import mentioned
from intake.ledger.outbox import COPIES, NOT_COPIES
from intake.ledger.schema import case, change, delivery, mail, recusal
from intake.letters import named
from intake.model import (
    Arrival,
    Beside,
    CaseState,
    DeliveryState,
    History,
    Kind,
    KnownCase,
    MailRef,
    MessageKind,
    Outcome,
    Plan,
    Unseen,
    Urgency,
)

Decide = Callable[[Arrival, History], Plan]

MOST_REFERENCES = 40  # the first and the last twenty: what a real thread needs, whatever a hostile one holds
_CODE = re.compile(r"\b[A-Z0-9]{1,16}-[0-9A-Z]{6}\b")
_ADDRESS = re.compile(r"(?<![\w.+@-])[\w.+-]{1,64}@[\w.-]{1,253}\w")
BEHIND_OUR_LIST = "person:behind-our-list"  # our own list stands in From in somebody's place
FROM_OURS = ("sender:own-form", "author:own-address", "ours:own-address")  # whatever else writes as we do
JUNK = "junk"  # the reason of a mail that was only written down, because it stood in a folder for junk
HUMAN_REPLY = "human-reply"  # the reason of a mail with which an organizer answered the reporter
# Reasons of machine mail that something of ours has caused, or may have: no digest counts it; the last, if so set.
ANSWERS_ALARM, MAY_ANSWER_OURS, ANSWERS_UNKNOWN = "answers-alarm", "may-answer-ours", "answers-unknown"
# Whose mail makes its sender a participant. Mail that is only recorded does not: anyone could send that.
REPORTERS_MAIL = (Outcome.CASE, Outcome.FOLLOW_UP, Outcome.QUARANTINED)


@dataclass(slots=True)
class Marks:
    """The keyed hashes of one arrival."""

    content: bytes | None
    message_id: bytes | None
    sender: bytes | None
    domain: bytes | None
    references: tuple[bytes, ...]  # of the mails it refers to, its own Message-ID included
    plain_references: tuple[str, ...]
    codes: tuple[str, ...]
    mentioned: tuple[str, ...]  # codes anywhere in it
    author: str
    answer_at: bytes | None  # where the reporter wants to be answered, if that is not the author's address
    addressed: tuple[bytes, ...]  # whom it is addressed to
    returned: tuple[bytes, ...]  # Message-IDs that a bounce returns,
    plain_returned: tuple[str, ...]  # as they are
    told_of: tuple[bytes, ...]  # of machine mail: its author, and the addresses that a bounce tells of


def marks(key: Key, arrival: Arrival) -> Marks:
    """Hash what is to be recognised again; a mail whose bytes are incomplete has no content to recognise."""
    parsed = arrival.mail
    author = _takes_part(arrival)
    whole = bool(arrival.raw.body) and not arrival.raw.truncated and not arrival.raw.unreadable
    ids = named((*parsed.in_reply_to, *parsed.references))
    if len(ids) > MOST_REFERENCES:
        ids = ids[: MOST_REFERENCES // 2] + ids[-MOST_REFERENCES // 2 :]
    own = (parsed.message_id,) if parsed.message_id else ()
    wanted = arrival.verdict.acknowledge_to or (parsed.reply_to[0] if parsed.reply_to else None)
    answer = wanted.email.lower() if wanted else ""
    codes = tuple(_CODE.findall(parsed.subject.upper()))[:4]
    addressed = dict.fromkeys(one.email.lower() for one in (*parsed.to, *parsed.cc)[:MOST_REFERENCES])
    bounced = parsed.nested_message_ids[:MOST_REFERENCES] if arrival.verdict.kind is Kind.BOUNCE else ()
    return Marks(
        content=key.hash("content", arrival.raw.body) if whole else None,
        message_id=key.hash("message-id", parsed.message_id) if parsed.message_id else None,
        sender=key.hash("address", author) if author else None,
        domain=key.hash("domain", author.rpartition("@")[2]) if "@" in author else None,
        references=tuple(key.hash("message-id", one) for one in (*ids, *own)),
        plain_references=ids,
        codes=codes,
        mentioned=mentioned(parsed),
        author=author,
        answer_at=key.hash("address", answer) if answer and answer != author else None,
        # Asked only of mail that may belong to a case: most mail does not.
        addressed=tuple(key.hash("address", one) for one in addressed) if ids or codes else (),
        returned=tuple(key.hash("message-id", one) for one in bounced),
        plain_returned=tuple(bounced),
        told_of=tuple(key.hash("address", one) for one in _told_of(arrival, author)),
    )


def _told_of(arrival: Arrival, author: str) -> dict[str, None]:
    kind, parsed = arrival.verdict.kind, arrival.mail
    told = dict.fromkeys([author] if author and kind in {Kind.AUTOMATIC, Kind.BOUNCE} else [])
    if kind is Kind.BOUNCE:
        texts = "\n".join((parsed.text, *parsed.all_text))[: 64 << 10].lower()
        told |= dict.fromkeys(_ADDRESS.findall(texts)[:MOST_REFERENCES])
    return told


def _takes_part(arrival: Arrival) -> str:
    """Who takes part in a case by this mail, lower case; empty for who writes from an address of ours.

    Everybody writes to that: it must not pass for a reporter's.
    """
    verdict = arrival.verdict
    if verdict.acknowledge_reason == BEHIND_OUR_LIST and verdict.acknowledge_to:
        return verdict.acknowledge_to.email.lower()
    if verdict.acknowledge_reason in FROM_OURS or not arrival.mail.authors:
        return ""
    return arrival.mail.authors[0].email.lower()


@dataclass(slots=True)
class Known:
    """The ledger's knowledge about a batch, kept current while the batch is decided."""

    contents: dict[bytes, int]
    set_aside: dict[bytes, tuple[str, str]]  # of these, what was only found in a folder for junk, and in which
    ours: dict[str, tuple[int | None, str]]  # our Message-ID -> case, recipient
    alarms: frozenset[str]  # of our Message-IDs, those of alarms and of other words that may be about any case
    theirs: dict[bytes, int]  # hash of a reporter's Message-ID -> case
    codes: dict[str, int]
    cases: dict[int, KnownCase]
    acknowledged_sender: Counter[bytes]
    acknowledged_domain: Counter[bytes]
    acknowledged_all: int
    answered: list[tuple[int, bytes | None, bytes | None]]  # those in cases that may be withheld: case, sender, domain
    recent: dict[bytes, Counter[int]]  # how many mails of a sender there are in each case
    refused: Counter[bytes]
    answers: dict[bytes, int]  # hash of the Message-ID of an organizer's answer to a reporter -> case
    wrote: frozenset[bytes]  # of the addresses that machine mail comes from or tells of, those that wrote in cases
    taken: set[tuple[str, str, int, int]] = field(default_factory=set)

    def fetched_out(self, marks: Marks, place: MailRef) -> bool:
        """Whether the mail was set aside as junk, and somebody has moved it to where people's mail is."""
        aside = self.set_aside.get(marks.content) if marks.content else None
        return aside is not None and aside != (place.mailbox, place.folder)

    def history(self, marks: Marks, own_id: str, place: MailRef) -> History:
        """What is known about the mail with these marks, which stands there and bears that Message-ID."""
        thread, how, token = next(self._threads(marks), (None, "", ""))
        known = self.contents.get(marks.content) if marks.content else None
        recent = self.recent.get(marks.sender or b"", Counter())
        return History(
            duplicate_of=None if self.fetched_out(marks, place) else known,
            thread=thread,
            thread_by=how,
            token_of=token,
            known_sender=bool(thread and marks.sender in thread.participants),
            beside=tuple(self._beside(marks, thread)),
            acknowledged_sender=self.acknowledged_sender[marks.sender] if marks.sender else 0,
            acknowledged_domain=self.acknowledged_domain[marks.domain] if marks.domain else 0,
            acknowledged_all=self.acknowledged_all,
            acknowledged_unseen=tuple(self._unseen(marks)),
            recent_from_sender=sum(recent.values()),
            recent_unseen=tuple(
                self.cases[one].withheld for one in recent.elements() if one in self.cases and self.cases[one].withheld
            ),
            recent_case=next(iter(recent)) or None if len(recent) == 1 else None,
            returned_about=next(filter(None, (self._about(one) for one in marks.plain_returned)), None),
            alarm_answered=not self.alarms.isdisjoint((*marks.plain_returned, *marks.plain_references)),
            ours_named=any(one in self.ours for one in marks.plain_returned),
            wrote_to_us=not self.wrote.isdisjoint(marks.told_of),
            ours_returned=own_id in self.ours,
            ours_about=self._about(own_id),
            answer_known=marks.message_id in self.answers,
            reporter_addressed=bool(thread and not thread.participants.isdisjoint(marks.addressed)),
            refused_today=self.refused[marks.sender] if marks.sender else 0,
            bounced_reply=next((self.cases[self.answers[one]] for one in marks.returned if one in self.answers), None),
        )

    def count_answer(self, marks: Marks, number: int | None) -> None:
        """A mail of this batch is acknowledged, in that case."""
        self.acknowledged_all += 1
        if marks.sender:
            self.acknowledged_sender[marks.sender] += 1
        if marks.domain:
            self.acknowledged_domain[marks.domain] += 1
        if number is not None:
            self.answered.append((number, marks.sender, marks.domain))

    def _unseen(self, marks: Marks) -> Iterator[Unseen]:
        for number, sender, domain in self.answered:
            case = self.cases.get(number)
            if case and case.withheld:
                same_sender, same_domain = sender == marks.sender, domain == marks.domain
                yield Unseen(case.withheld, bool(sender and same_sender), bool(domain and same_domain))

    def _about(self, message_id: str) -> int | None:
        """The case of a message of ours."""
        number = self.ours.get(message_id, (None, ""))[0]
        return number if number in self.cases else None

    def _beside(self, marks: Marks, thread: KnownCase | None) -> Iterator[Beside]:
        """What else it is about: threads are merged, and people name a case where they have a new subject."""
        found = [one for one, _, _ in self._threads(marks)]
        found += [self.cases[self.codes[code]] for code in marks.mentioned if code in self.codes]
        for one in dict.fromkeys(found):
            if one.withheld and one != thread:
                yield Beside(one.withheld, marks.sender in one.participants)

    def _threads(self, marks: Marks) -> Iterator[tuple[KnownCase, str, str]]:
        """The cases that it refers to, what says most about it first: the case, by what, whose copy."""
        ours = [self.ours[one] for one in reversed(marks.plain_references) if one in self.ours]
        ours = [(number, recipient) for number, recipient in ours if number in self.cases]
        # The author's own copy says more about them than somebody else's that they also refer to.
        for number, recipient in sorted(ours, key=lambda found: found[1] != marks.author):
            yield self.cases[number or 0], "ours", recipient
        for digest in reversed(marks.references):
            if digest in self.theirs:
                yield self.cases[self.theirs[digest]], "theirs", ""
        for code in marks.codes:
            if code in self.codes:
                yield self.cases[self.codes[code]], "code", ""


def look_up(connection: Connection, arrivals: Sequence[Arrival], marked: Sequence[Marks], now: datetime) -> Known:
    """All that is known about a batch of mails from one folder."""
    ref = arrivals[0].raw.ref
    taken = rows(
        connection,
        select(mail.c.uid).where(
            mail.c.mailbox == ref.mailbox, mail.c.folder == ref.folder, mail.c.uidvalidity == ref.uidvalidity
        ),
        mail.c.uid,
        {arrival.raw.ref.uid for arrival in arrivals},
    )
    contents = rows(
        connection,
        select(mail.c.content, mail.c.id, mail.c.mailbox, mail.c.folder, mail.c.outcome, mail.c.reason).where(
            mail.c.duplicate_of.is_(None)
        ),
        mail.c.content,
        {m.content for m in marked if m.content},
    )
    ours = rows(
        connection,
        select(delivery.c.message_id, delivery.c.case_id, delivery.c.recipient, delivery.c.kind),
        delivery.c.message_id,
        {i for m in marked for i in (*m.plain_references, *m.plain_returned)}
        | {a.mail.message_id for a in arrivals if a.mail.message_id},
    )
    theirs = rows(
        connection,
        select(mail.c.message_id, mail.c.case_id).where(mail.c.case_id.is_not(None)),
        mail.c.message_id,
        {r for m in marked for r in m.references},
    )
    answers = rows(
        connection,
        select(mail.c.message_id, mail.c.case_id).where(
            mail.c.case_id.is_not(None), mail.c.outcome == Outcome.TEAM, mail.c.reason == HUMAN_REPLY
        ),
        mail.c.message_id,
        {one for m in marked for one in (*m.returned, m.message_id) if one},
    )
    wrote = rows(
        connection,
        select(mail.c.sender).distinct().where(mail.c.outcome.in_(REPORTERS_MAIL), mail.c.kind == Kind.PERSON),
        mail.c.sender,
        {one for m in marked for one in m.told_of},
    )
    told = {c for m in marked for c in (*m.codes, *m.mentioned)}
    codes = rows(connection, select(case.c.code, case.c.id), case.c.code, told)
    day = now - timedelta(days=1)
    senders = {m.sender for m in marked if m.sender}
    domains = {m.domain for m in marked if m.domain}
    recent, refused = recent_mails(connection, senders, day)
    numbers = {row[1] for found in (ours, theirs, codes, answers) for row in found}
    numbers |= {one for by_case in recent.values() for one in by_case}
    answered = answered_in(connection, {n for n in numbers if n is not None}, day)
    numbers |= {number for number, _, _ in answered}
    return Known(
        contents={row[0]: row[1] for row in contents},
        set_aside=_set_aside(connection, contents),
        ours={row[0]: (row[1], row[2]) for row in ours},
        alarms=frozenset(row[0] for row in ours if row[1] is None and row[3] != MessageKind.DIGEST),
        theirs={row[0]: row[1] for row in theirs},
        codes={row[0]: row[1] for row in codes},
        cases=known_cases(connection, {n for n in numbers if n is not None}, alone=True),
        acknowledged_sender=acknowledged(connection, mail.c.sender, senders, day),
        acknowledged_domain=acknowledged(connection, mail.c.domain, domains, day),
        acknowledged_all=acknowledged_in_all(connection, day),
        answered=answered,
        recent=recent,
        refused=refused,
        answers={row[0]: row[1] for row in answers},
        wrote=frozenset(row[0] for row in wrote),
        taken={(ref.mailbox, ref.folder, ref.uidvalidity, row[0]) for row in taken},
    )


def _set_aside(connection: Connection, contents: Sequence[Any]) -> dict[bytes, tuple[str, str]]:
    junk = {row.id: row for row in contents if (row.outcome, row.reason) == (Outcome.RECORDED, JUNK)}
    seen = select(mail.c.duplicate_of).where(mail.c.outcome != Outcome.DUPLICATE)
    fetched = {row[0] for row in rows(connection, seen, mail.c.duplicate_of, junk)}
    return {row.content: (row.mailbox, row.folder) for number, row in junk.items() if number not in fetched}


def known_cases(connection: Connection, numbers: Iterable[int], *, alone: bool = False) -> dict[int, KnownCase]:
    """Cases with who wrote in them and who is withheld; ``alone``: to decide about them (``held.cases``)."""
    numbers = sorted(set(numbers))
    if not numbers:
        return {}
    if alone:
        held.cases(connection, numbers)
    participants: dict[int, set[bytes]] = {}
    for row in rows(
        connection,
        select(mail.c.case_id, mail.c.sender, mail.c.answer_at)
        .distinct()
        .where(mail.c.sender.is_not(None), mail.c.outcome.in_(REPORTERS_MAIL)),
        mail.c.case_id,
        numbers,
    ):
        participants.setdefault(row[0], set()).update(one for one in row[1:] if one)
    holders: dict[int, set[str]] = {}
    for row in rows(
        connection,
        select(delivery.c.case_id, delivery.c.recipient)
        .distinct()
        .where(
            delivery.c.kind.in_(COPIES),
            delivery.c.variant.not_in(NOT_COPIES),
            delivery.c.state.not_in((DeliveryState.WITHHELD, DeliveryState.FAILED)),
        ),
        delivery.c.case_id,
        numbers,
    ):
        holders.setdefault(row[0], set()).add(row[1])
    answered: dict[int, set[str]] = {}
    for row in rows(
        connection,
        select(case.c.id, change.c.by, change.c.about)
        .join(change, change.c.code == case.c.code)
        .where(change.c.what == "reply"),
        case.c.id,
        numbers,
    ):
        answered.setdefault(row[0], set()).update((row[1], *row[2].split()))
    withheld: dict[int, set[str]] = {}
    for row in rows(
        connection,
        select(recusal.c.case_id, recusal.c.organizer).where(recusal.c.released.is_(None)),
        recusal.c.case_id,
        numbers,
    ):
        withheld.setdefault(row[0], set()).add(row[1])
    return {
        row.id: KnownCase(
            id=row.id,
            code=row.code,
            state=CaseState(row.state),
            urgency=Urgency(row.urgency),
            participants=frozenset(participants.get(row.id, ())),
            withheld=frozenset(withheld.get(row.id, ())),
            category=row.category,
            event=row.event,
            claimed_by=row.claimed_by or "",
            holders=frozenset(holders.get(row.id, ())) - frozenset(withheld.get(row.id, ())),
            answered_by=frozenset(answered.get(row.id, ())),
        )
        for row in rows(connection, select(case), case.c.id, numbers)
    }
