"""The first transaction: mails, cases, recusals and deliveries are written down together, many mails at once.

What the ledger knows is read in a few questions for the whole batch and kept current in memory while the batch is
decided, so that the second mail of a batch sees the case that the first one opened.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, literal, select, update

from intake.ledger import changes, journal
from intake.ledger.journal import Entry
from intake.ledger.keys import Key
from intake.ledger.makes import PRIORITY, Makes
from intake.ledger.outbox import COPIES, NOT_COPIES
from intake.ledger.schema import Moment, case, change, delivery, mail, original, recusal
from intake.model import (
    PROGRAM,
    REPORTER,
    Arrival,
    CaseAction,
    CaseState,
    DeliveryState,
    History,
    Kind,
    KnownCase,
    MailRef,
    MessageKind,
    Outcome,
    Plan,
    Urgency,
    Verdict,
    Withheld,
    moved,
)

Decide = Callable[[Arrival, History], Plan]
CHUNK = 400  # bound parameters in one question, well under every database's limit
MOST_REFERENCES = 40  # the first and the last twenty: what a real thread needs, whatever a hostile one holds
_CODE = re.compile(r"\b[A-Z0-9]{1,16}-[0-9A-Z]{6}\b")
BEHIND_OUR_LIST = "person:behind-our-list"  # our own list stands in From in somebody's place
FROM_OURS = ("sender:own-form", "author:own-address", "ours:own-address")  # whatever else writes as we do
JUNK = "junk"  # the reason of a mail that was only written down, because it stood in a folder for junk
COUNTED_AHEAD = timedelta(days=2)  # what bears a later time was written while the clock was wrong: nobody pays for it
HUMAN_REPLY = "human-reply"  # the reason of a mail with which an organizer answered the reporter
REFUSED = "refused:"  # how the reason of a command begins that was not carried out

__all__ = ["PRIORITY", "Accepted", "Decide", "Makes", "accept"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """What one batch came to."""

    outcomes: tuple[Outcome, ...]

    def count(self, outcome: Outcome) -> int:
        """How many mails had this outcome."""
        return self.outcomes.count(outcome)


@dataclass(slots=True)
class _Marks:
    """The keyed hashes of one arrival."""

    content: bytes | None
    message_id: bytes | None
    sender: bytes | None
    domain: bytes | None
    references: tuple[bytes, ...]  # of the mails it refers to, its own Message-ID included
    plain_references: tuple[str, ...]
    codes: tuple[str, ...]
    author: str
    answer_at: bytes | None  # where the reporter wants to be answered, if that is not the author's address
    addressed: tuple[bytes, ...]  # whom it is addressed to
    returned: tuple[bytes, ...]  # Message-IDs that a bounce returns


def marks(key: Key, arrival: Arrival) -> _Marks:
    """Hash what is to be recognised again; a mail whose bytes are incomplete has no content to recognise."""
    parsed = arrival.mail
    author = _takes_part(arrival)
    whole = bool(arrival.raw.body) and not arrival.raw.truncated and not arrival.raw.unreadable
    ids = tuple(dict.fromkeys((*parsed.in_reply_to, *parsed.references)))
    if len(ids) > MOST_REFERENCES:
        ids = ids[: MOST_REFERENCES // 2] + ids[-MOST_REFERENCES // 2 :]
    own = (parsed.message_id,) if parsed.message_id else ()
    wanted = arrival.verdict.acknowledge_to or (parsed.reply_to[0] if parsed.reply_to else None)
    answer = wanted.email.lower() if wanted else ""
    codes = tuple(_CODE.findall(parsed.subject.upper()))[:4]
    addressed = dict.fromkeys(one.email.lower() for one in (*parsed.to, *parsed.cc)[:MOST_REFERENCES])
    bounced = parsed.nested_message_ids[:MOST_REFERENCES] if arrival.verdict.kind is Kind.BOUNCE else ()
    return _Marks(
        content=key.hash("content", arrival.raw.body) if whole else None,
        message_id=key.hash("message-id", parsed.message_id) if parsed.message_id else None,
        sender=key.hash("address", author) if author else None,
        domain=key.hash("domain", author.rpartition("@")[2]) if "@" in author else None,
        references=tuple(key.hash("message-id", one) for one in (*ids, *own)),
        plain_references=ids,
        codes=codes,
        author=author,
        answer_at=key.hash("address", answer) if answer and answer != author else None,
        # Asked only of mail that may belong to a case: most mail does not.
        addressed=tuple(key.hash("address", one) for one in addressed) if ids or codes else (),
        returned=tuple(key.hash("message-id", one) for one in bounced),
    )


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
class _Known:
    """The ledger's knowledge about a batch, kept current while the batch is decided."""

    contents: dict[bytes, int]
    set_aside: dict[bytes, tuple[str, str]]  # of these, what was only found in a folder for junk, and in which
    ours: dict[str, tuple[int | None, str]]  # our Message-ID -> case, recipient
    theirs: dict[bytes, int]  # hash of a reporter's Message-ID -> case
    codes: dict[str, int]
    cases: dict[int, KnownCase]
    acknowledged_sender: Counter[bytes]
    acknowledged_domain: Counter[bytes]
    acknowledged_all: int
    recent: Counter[bytes]
    refused: Counter[bytes]
    answers: dict[bytes, int]  # hash of the Message-ID of an organizer's answer to a reporter -> case
    taken: set[tuple[str, str, int, int]] = field(default_factory=set)

    def fetched_out(self, marks: _Marks, place: MailRef) -> bool:
        """Whether the mail was set aside as junk, and somebody has moved it to where people's mail is."""
        aside = self.set_aside.get(marks.content) if marks.content else None
        return aside is not None and aside != (place.mailbox, place.folder)

    def history(self, marks: _Marks, own_id: str, place: MailRef) -> History:
        thread, how, token = self._thread(marks)
        known = self.contents.get(marks.content) if marks.content else None
        return History(
            duplicate_of=None if self.fetched_out(marks, place) else known,
            thread=thread,
            thread_by=how,
            token_of=token,
            known_sender=bool(thread and marks.sender in thread.participants),
            acknowledged_sender=self.acknowledged_sender[marks.sender] if marks.sender else 0,
            acknowledged_domain=self.acknowledged_domain[marks.domain] if marks.domain else 0,
            acknowledged_all=self.acknowledged_all,
            recent_from_sender=self.recent[marks.sender] if marks.sender else 0,
            ours_returned=own_id in self.ours,
            reporter_addressed=bool(thread and not thread.participants.isdisjoint(marks.addressed)),
            refused_today=self.refused[marks.sender] if marks.sender else 0,
            bounced_reply=next((self.cases[self.answers[one]] for one in marks.returned if one in self.answers), None),
        )

    def _thread(self, marks: _Marks) -> tuple[KnownCase | None, str, str]:
        ours = [self.ours[one] for one in reversed(marks.plain_references) if one in self.ours]
        ours = [(number, recipient) for number, recipient in ours if number in self.cases]
        # The author's own copy says more about them than somebody else's that they also refer to.
        for number, recipient in sorted(ours, key=lambda found: found[1] != marks.author):
            return self.cases[number or 0], "ours", recipient
        for digest in reversed(marks.references):
            if digest in self.theirs:
                return self.cases[self.theirs[digest]], "theirs", ""
        for code in marks.codes:
            if code in self.codes:
                return self.cases[self.codes[code]], "code", ""
        return None, "", ""


def accept(
    connection: Connection, key: Key, arrivals: Sequence[Arrival], decide: Decide, makes: Makes, now: datetime
) -> Accepted:
    """Decide and write down a batch from one folder. Mail that is there already is passed over."""
    marked = [marks(key, arrival) for arrival in arrivals]
    known = _look_up(connection, arrivals, marked, now)
    writer = _Writer(key, makes, now)
    for arrival, its_marks in zip(arrivals, marked, strict=True):
        ref = arrival.raw.ref
        if (ref.mailbox, ref.folder, ref.uidvalidity, ref.uid) in known.taken:
            continue
        plan = decide(arrival, known.history(its_marks, arrival.mail.message_id, ref))
        writer.add(arrival, its_marks, plan, known)
    writer.write(connection)
    return Accepted(tuple(plan.outcome for _, _, plan, _ in writer.entries))


def _look_up(connection: Connection, arrivals: Sequence[Arrival], marked: Sequence[_Marks], now: datetime) -> _Known:
    ref = arrivals[0].raw.ref
    taken = _rows(
        connection,
        select(mail.c.uid).where(
            mail.c.mailbox == ref.mailbox, mail.c.folder == ref.folder, mail.c.uidvalidity == ref.uidvalidity
        ),
        mail.c.uid,
        {arrival.raw.ref.uid for arrival in arrivals},
    )
    contents = _rows(
        connection,
        select(mail.c.content, mail.c.id, mail.c.mailbox, mail.c.folder, mail.c.outcome, mail.c.reason).where(
            mail.c.duplicate_of.is_(None)
        ),
        mail.c.content,
        {m.content for m in marked if m.content},
    )
    ours = _rows(
        connection,
        select(delivery.c.message_id, delivery.c.case_id, delivery.c.recipient),
        delivery.c.message_id,
        {i for m in marked for i in m.plain_references} | {a.mail.message_id for a in arrivals if a.mail.message_id},
    )
    theirs = _rows(
        connection,
        select(mail.c.message_id, mail.c.case_id).where(mail.c.case_id.is_not(None)),
        mail.c.message_id,
        {r for m in marked for r in m.references},
    )
    answers = _rows(
        connection,
        select(mail.c.message_id, mail.c.case_id).where(
            mail.c.case_id.is_not(None), mail.c.outcome == Outcome.TEAM, mail.c.reason == HUMAN_REPLY
        ),
        mail.c.message_id,
        {one for m in marked for one in m.returned},
    )
    codes = _rows(connection, select(case.c.code, case.c.id), case.c.code, {c for m in marked for c in m.codes})
    day = now - timedelta(days=1)
    senders = {m.sender for m in marked if m.sender}
    domains = {m.domain for m in marked if m.domain}
    numbers = {row[1] for found in (ours, theirs, codes, answers) for row in found}
    recent, refused = _recent(connection, senders, day)
    return _Known(
        contents={row[0]: row[1] for row in contents},
        set_aside=_set_aside(connection, contents),
        ours={row[0]: (row[1], row[2]) for row in ours},
        theirs={row[0]: row[1] for row in theirs},
        codes={row[0]: row[1] for row in codes},
        cases=known_cases(connection, {n for n in numbers if n is not None}),
        acknowledged_sender=_acknowledged(connection, mail.c.sender, senders, day),
        acknowledged_domain=_acknowledged(connection, mail.c.domain, domains, day),
        acknowledged_all=_acknowledged_all(connection, day),
        recent=recent,
        refused=refused,
        answers={row[0]: row[1] for row in answers},
        taken={(ref.mailbox, ref.folder, ref.uidvalidity, row[0]) for row in taken},
    )


def _set_aside(connection: Connection, contents: Sequence[Any]) -> dict[bytes, tuple[str, str]]:
    junk = {row.id: row for row in contents if (row.outcome, row.reason) == (Outcome.RECORDED, JUNK)}
    seen = select(mail.c.duplicate_of).where(mail.c.outcome != Outcome.DUPLICATE)
    fetched = {row[0] for row in _rows(connection, seen, mail.c.duplicate_of, junk)}
    return {row.content: (row.mailbox, row.folder) for number, row in junk.items() if number not in fetched}


def _chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    listed = list(values)
    for start in range(0, len(listed), CHUNK):
        yield listed[start : start + CHUNK]


def _rows(connection: Connection, question: Any, column: Any, values: Iterable[Any]) -> list[Any]:
    return [row for chunk in _chunks(values) for row in connection.execute(question.where(column.in_(chunk)))]


def known_cases(connection: Connection, numbers: Iterable[int]) -> dict[int, KnownCase]:
    """Cases with who wrote in them and who is withheld."""
    numbers = set(numbers)
    if not numbers:
        return {}
    participants: dict[int, set[bytes]] = {}
    for row in _rows(
        connection,
        select(mail.c.case_id, mail.c.sender, mail.c.answer_at)
        .distinct()
        .where(mail.c.sender.is_not(None), mail.c.outcome.in_(_REPORTERS)),
        mail.c.case_id,
        numbers,
    ):
        participants.setdefault(row[0], set()).update(one for one in row[1:] if one)
    holders: dict[int, set[str]] = {}
    for row in _rows(
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
    for row in _rows(
        connection,
        select(case.c.id, change.c.by).join(change, change.c.code == case.c.code).where(change.c.what == "reply"),
        case.c.id,
        numbers,
    ):
        answered.setdefault(row[0], set()).add(row[1])
    withheld: dict[int, set[str]] = {}
    for row in _rows(
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
        for row in _rows(connection, select(case), case.c.id, numbers)
    }


# Whose mail makes its sender a participant. Mail that is only recorded does not: anyone could send that.
_REPORTERS = (Outcome.CASE, Outcome.FOLLOW_UP, Outcome.QUARANTINED)
_COUNTED = (
    DeliveryState.WAITING,
    DeliveryState.PENDING,
    DeliveryState.CLAIMED,
    DeliveryState.UNKNOWN,
    DeliveryState.SENT,
)


def _acknowledged(connection: Connection, column: Any, values: set[bytes], since: datetime) -> Counter[bytes]:
    question = (
        select(column, func.count())
        .join(delivery, delivery.c.mail_id == mail.c.id)
        .where(
            mail.c.accepted.between(since, since + COUNTED_AHEAD),
            delivery.c.kind == MessageKind.ACKNOWLEDGEMENT,
            delivery.c.state.in_(_COUNTED),
        )
        .group_by(column)
    )
    return Counter({row[0]: row[1] for row in _rows(connection, question, column, values)})


def _acknowledged_all(connection: Connection, since: datetime) -> int:
    return (
        connection.execute(
            select(func.count()).where(
                delivery.c.recipient == REPORTER,
                delivery.c.kind == MessageKind.ACKNOWLEDGEMENT,
                delivery.c.created.between(since, since + COUNTED_AHEAD),
                delivery.c.state.in_(_COUNTED),
            )
        ).scalar()
        or 0
    )


def _recent(connection: Connection, senders: set[bytes], since: datetime) -> tuple[Counter[bytes], Counter[bytes]]:
    """Mails of each sender, and refused commands in their name."""
    question = (
        select(mail.c.sender, mail.c.outcome, mail.c.reason, func.count())
        .where(
            mail.c.accepted.between(since, since + COUNTED_AHEAD),
            mail.c.outcome.in_((Outcome.CASE, Outcome.FOLLOW_UP, Outcome.TEAM)),
        )
        .group_by(mail.c.sender, mail.c.outcome, mail.c.reason)
    )
    recent: Counter[bytes] = Counter()
    refused: Counter[bytes] = Counter()
    for sender, outcome, reason, number in _rows(connection, question, mail.c.sender, senders):
        if outcome != Outcome.TEAM:
            recent[sender] += number
        elif reason.startswith(REFUSED):
            refused[sender] += number
    return recent, refused


class _Writer:
    """Collects the rows of a batch and inserts them table by table.

    A case that the batch itself opens has a negative number until the database has given it one.
    """

    def __init__(self, key: Key, makes: Makes, now: datetime) -> None:
        self.key, self.makes, self.now = key, makes, now
        self.entries: list[tuple[Arrival, _Marks, Plan, int | None]] = []
        self.opened: list[dict[str, Any]] = []
        self.codes: dict[int, str] = {}
        self.beside: dict[int, int] = {}  # place of a mail in the batch -> the mail with the same bytes

    def add(self, arrival: Arrival, its: _Marks, plan: Plan, known: _Known) -> None:
        number = plan.case_id
        if plan.opens:
            self.opened.append(_new_case(arrival.verdict, plan, self.makes.code(), self.now))
            number = -len(self.opened)
        self.entries.append((arrival, its, plan, number))
        place = -1_000_000 - len(self.entries)  # stands for a mail of this batch until it has a number
        if plan.duplicate_of is None and known.fetched_out(its, arrival.raw.ref):
            # It takes part in a case as itself; for its bytes the first one stands, and this one beside it.
            self.beside[len(self.entries) - 1] = known.contents[its.content or b""]
            del known.set_aside[its.content or b""]
        if its.content and plan.outcome is not Outcome.DUPLICATE:
            known.contents.setdefault(its.content, place)
        if number is not None:
            self._remember(arrival, its, plan, number, known)
        if plan.outcome in {Outcome.CASE, Outcome.FOLLOW_UP} and its.sender:
            known.recent[its.sender] += 1
        if plan.reason.startswith(REFUSED) and its.sender:
            known.refused[its.sender] += 1
        if any(d.kind is MessageKind.ACKNOWLEDGEMENT for d in plan.deliveries):
            known.acknowledged_all += 1
            if its.sender:
                known.acknowledged_sender[its.sender] += 1
            if its.domain:
                known.acknowledged_domain[its.domain] += 1

    def _remember(self, arrival: Arrival, its: _Marks, plan: Plan, number: int, known: _Known) -> None:
        if its.message_id:
            known.theirs[its.message_id] = number
            if plan.human_reply:
                known.answers[its.message_id] = number
        before = known.cases.get(number)
        if before is None:
            row = self.opened[-number - 1]
            before = KnownCase(
                number, row["code"], CaseState.NEW, arrival.verdict.urgency, frozenset(), frozenset(),
                row["category"], row["event"],
            )  # fmt: skip
            known.codes[row["code"]] = number
        withheld = before.withheld | {w.organizer for w in _recused(plan)}
        writers = {its.sender, its.answer_at} - {None} if plan.outcome in _REPORTERS else set()
        state = CaseState.NEW if plan.reopens else before.state
        state, lead = journal.after_recusal(state, before.claimed_by, withheld)
        self.codes[number] = before.code
        known.cases[number] = _changed(
            replace(
                before,
                state=state,
                claimed_by=lead or "",
                urgency=Urgency.URGENT if plan.raises_urgency else before.urgency,
                participants=before.participants | frozenset(one for one in writers if one),
                withheld=withheld,
                holders=(before.holders | _receivers(plan)) - withheld,
                answered_by=before.answered_by | ({_author(arrival)} if plan.human_reply else set()),
            ),
            plan,
        )

    def write(self, connection: Connection) -> None:
        if not self.entries:
            return
        numbers = self._cases(connection)
        ids = self._mails(connection, numbers)
        self._originals(connection, ids)
        self._recusals(connection, numbers, ids)
        self._deliveries(connection, numbers, ids)
        journal.write(connection, self.key, self._log(), self.now)
        for mail_id, (_, _, plan, number) in zip(ids, self.entries, strict=True):
            known_number = numbers[number]
            if known_number is None or plan.opens:
                continue
            _touch_case(connection, known_number, plan, self.now)
            if withheld := _recused(plan):
                changes.withhold_open(connection, known_number, [w.organizer for w in withheld], self.now)
            if plan.change:
                changes.apply(connection, self.key, known_number, plan.change, self.makes, self.now, mail_id)
            changes.grant(connection, known_number, plan.also_to, self.makes, self.now)

    def _log(self) -> list[Entry]:
        """What happens to cases by these mails, apart from what people do to them."""
        return [
            Entry(self.codes[number], what, by, about)
            for arrival, _, plan, number in self.entries
            if number is not None
            for what, by, about in _happened(arrival, plan)
        ]

    def _cases(self, connection: Connection) -> dict[int | None, int | None]:
        if not self.opened:
            return _Numbers({})
        plain = [{k: v for k, v in row.items() if k != "linked_to"} for row in self.opened]
        made = (
            connection.execute(insert(case).returning(case.c.id, sort_by_parameter_order=True), plain).scalars().all()
        )
        numbers = _Numbers({-place: number for place, number in enumerate(made, start=1)})
        for row, number in zip(self.opened, made, strict=True):
            if row["linked_to"] is not None:
                connection.execute(update(case).where(case.c.id == number).values(linked_to=numbers[row["linked_to"]]))
        return numbers

    def _mails(self, connection: Connection, numbers: dict[int | None, int | None]) -> list[int]:
        rows = [_mail_row(arrival, its, plan, numbers[number], self.now) for arrival, its, plan, number in self.entries]
        for i, first in self.beside.items():
            rows[i]["duplicate_of"] = first
        # A duplicate of a mail in this very batch learns the other's number afterwards.
        later = {i: row["duplicate_of"] for i, row in enumerate(rows) if (row["duplicate_of"] or 0) < 0}
        firsts = [i for i in range(len(rows)) if i not in later]
        ids: dict[int, int] = {}
        for group in (firsts, sorted(later)):
            if not group:
                continue
            for i in group:
                if i in later:
                    rows[i]["duplicate_of"] = ids[-later[i] - 1_000_001]
            made = connection.execute(
                insert(mail).returning(mail.c.id, sort_by_parameter_order=True), [rows[i] for i in group]
            ).scalars()
            ids.update(zip(group, made, strict=True))
        return [ids[i] for i in range(len(rows))]

    def _originals(self, connection: Connection, ids: Sequence[int]) -> None:
        rows = [
            {
                "mail_id": mail_id,
                "truncated": arrival.raw.truncated,
                "sealed": self.key.seal(arrival.raw.body, b"original"),
            }
            for mail_id, (arrival, _, plan, _) in zip(ids, self.entries, strict=True)
            if plan.keep_original and plan.deliveries
        ]
        if rows:
            connection.execute(insert(original), rows)

    def _recusals(self, connection: Connection, numbers: dict[int | None, int | None], ids: Sequence[int]) -> None:
        rows = [
            {
                "case_id": numbers[number] if _recused(plan) else None,
                "mail_id": mail_id,
                "organizer": withheld.organizer,
                "reason": withheld.reason,
                "since": self.now,
            }
            for mail_id, (_, _, plan, number) in zip(ids, self.entries, strict=True)
            for withheld in plan.withheld
        ]
        if rows:
            connection.execute(insert(recusal), rows)

    def _deliveries(self, connection: Connection, numbers: dict[int | None, int | None], ids: Sequence[int]) -> None:
        rows = [
            {
                "key": f"mail {mail_id}: {draft.key}",
                "kind": draft.kind,
                "case_id": numbers[number],
                "mail_id": mail_id,
                "recipient": draft.recipient,
                "variant": draft.variant,
                "message_id": self.makes.message_id(),
                "state": draft.state,
                "priority": 0 if arrival.verdict.urgency is Urgency.URGENT else PRIORITY.get(draft.kind, 1),
                "attempts": 0,
                "created": self.now,
                "not_before": draft.not_before,
                "error": "",
                "receipt": "",
            }
            for mail_id, (arrival, _, plan, number) in zip(ids, self.entries, strict=True)
            for draft in plan.deliveries
        ]
        if rows:
            connection.execute(insert(delivery), rows)


def _recused(plan: Plan) -> tuple[Withheld, ...]:
    """Who is withheld from the case. Mail that is only recorded withholds nobody from any: it says nothing of its own.

    A bounce of a copy names all its readers.
    """
    return () if plan.outcome is Outcome.RECORDED else plan.withheld


def _happened(arrival: Arrival, plan: Plan) -> Iterator[tuple[CaseAction, str, str]]:
    if plan.opens:
        yield CaseAction.OPENED, PROGRAM, plan.outcome
    elif plan.outcome is Outcome.FOLLOW_UP:
        yield CaseAction.FOLLOW_UP, REPORTER, ""
    if plan.human_reply:
        yield CaseAction.REPLY, _author(arrival), ""
    if plan.reply_bounced:
        yield CaseAction.REPLY_BOUNCED, PROGRAM, ""
    for withheld in _recused(plan):
        yield CaseAction.RECUSE, PROGRAM, withheld.organizer


def _author(arrival: Arrival) -> str:
    return arrival.mail.authors[0].email.lower() if arrival.mail.authors else ""


def _receivers(plan: Plan) -> frozenset[str]:
    copies = [d for d in plan.deliveries if d.kind in COPIES and d.variant not in NOT_COPIES]
    reached = {d.recipient for d in copies if d.state is not DeliveryState.WITHHELD}
    return frozenset(reached) | frozenset(plan.also_to)


def _changed(known: KnownCase, plan: Plan) -> KnownCase:
    """A case after what somebody did to it."""
    change = plan.change
    if change is None:
        return known
    withheld = known.withheld
    if change.action is CaseAction.RECUSE:
        withheld |= {change.about}
    elif change.action is CaseAction.RELEASE:
        withheld -= {change.about}
    lead = change.about or change.by if change.action is CaseAction.CLAIM else known.claimed_by
    state, still = journal.after_recusal(moved(known.state, change.action), lead, withheld)
    return replace(
        known,
        state=state,
        claimed_by=still or "",
        withheld=withheld,
        holders=(known.holders | set(change.also_to)) - withheld,
    )


class _Numbers(dict[int | None, int | None]):
    """Case numbers by their place in the batch; a number that the ledger gave stands for itself."""

    def __missing__(self, number: int | None) -> int | None:
        return number


def _new_case(verdict: Verdict, plan: Plan, code: str, now: datetime) -> dict[str, Any]:
    return {
        "code": code,
        "category": verdict.category,
        "rule": verdict.rule[:300],
        "urgency": Urgency.URGENT if plan.raises_urgency else verdict.urgency,
        "urgency_reasons": json.dumps(plan.urgency_reasons or verdict.urgency_reasons),
        "language": verdict.language,
        "event": verdict.event[:200],
        "authentication": verdict.authentication,
        "state": CaseState.NEW,
        "opened": now,
        "outcome": "",
        "linked_to": plan.linked_to,
        "clock_since": now,
        "look_at": now,
        "reminders": 0,
    }


def _mail_row(arrival: Arrival, its: _Marks, plan: Plan, number: int | None, now: datetime) -> dict[str, Any]:
    raw, ref = arrival.raw, arrival.raw.ref
    return {
        "mailbox": ref.mailbox,
        "folder": ref.folder,
        "uidvalidity": ref.uidvalidity,
        "uid": ref.uid,
        "content": its.content,
        "message_id": its.message_id,
        "sender": its.sender,
        "domain": its.domain,
        "answer_at": its.answer_at,
        "size": raw.size,
        "internal_date": raw.internal_date,
        "accepted": now,
        "kind": arrival.verdict.kind,
        "category": arrival.verdict.category,
        "outcome": plan.outcome,
        "reason": plan.reason[:100],
        "acknowledge_reason": plan.acknowledge_reason[:100],
        "case_id": number,
        "duplicate_of": plan.duplicate_of,
        "filing": "due" if plan.file else "stays",
        "filed_to": "",
    }


def _waits_again(connection: Connection, number: int, now: datetime) -> dict[str, Any]:
    """Whoever writes again after an answer waits for one again: the clock that it stopped begins anew."""
    row = connection.execute(
        select(case.c.state, case.c.clock_since, case.c.last_human_reply).where(case.c.id == number)
    ).one()
    answer = row.last_human_reply
    if row.state == CaseState.CLOSED or answer is None or answer < row.clock_since:
        return {}
    return {"clock_since": max(now, answer + timedelta(milliseconds=1)), **changes.restarted(now)}


def _touch_case(connection: Connection, number: int, plan: Plan, now: datetime) -> None:
    values: dict[str, Any] = {}
    if plan.raises_urgency:
        known = json.loads(connection.execute(select(case.c.urgency_reasons).where(case.c.id == number)).scalar_one())
        reasons = tuple(dict.fromkeys((*known, *plan.urgency_reasons)))
        values |= {"urgency": Urgency.URGENT, "urgency_reasons": json.dumps(reasons)}
    if plan.reopens:
        values |= {"state": CaseState.NEW, "claimed_by": None, "claimed_at": None, "closed_at": None, "outcome": ""}
        values |= {"clock_since": now, **changes.restarted(now)}
    if plan.outcome is Outcome.FOLLOW_UP and not plan.reopens:
        values |= _waits_again(connection, number, now)
    if plan.human_reply:
        first = func.coalesce(case.c.first_human_reply, literal(now, Moment()))
        values |= {"first_human_reply": first, "last_human_reply": now, "look_at": None}
    if plan.reply_bounced:
        # The answer did not arrive: the clock runs on from where it was.
        last = case.c.last_human_reply
        values |= {"first_human_reply": func.nullif(case.c.first_human_reply, last), "last_human_reply": None}
        values["look_at"] = now
    if values:
        connection.execute(update(case).where(case.c.id == number).values(values))
