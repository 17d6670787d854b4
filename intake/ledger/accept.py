"""The first transaction: mails, cases, recusals and deliveries are written down together, many mails at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, literal, select, update

from intake.ledger import changes, journal, originals, turns
from intake.ledger.journal import Entry
from intake.ledger.keys import Key
from intake.ledger.lately import REFUSED
from intake.ledger.makes import Makes
from intake.ledger.outbox import COPIES, NOT_COPIES
from intake.ledger.recall import REPORTERS_MAIL, Known, Marks, look_up, marks
from intake.ledger.schema import Moment, case, delivery, mail, recusal
from intake.model import (
    PROGRAM,
    REPORTER,
    Arrival,
    CaseAction,
    CaseState,
    DeliveryState,
    History,
    KnownCase,
    MessageKind,
    Outcome,
    Plan,
    Urgency,
    Verdict,
    Withheld,
    moved,
)

Decide = Callable[[Arrival, History], Plan]

__all__ = ["Accepted", "Decide", "Makes", "accept"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """What one batch came to."""

    outcomes: tuple[Outcome, ...]

    def count(self, outcome: Outcome) -> int:
        """How many mails had this outcome."""
        return self.outcomes.count(outcome)


def accept(
    connection: Connection, key: Key, arrivals: Sequence[Arrival], decide: Decide, makes: Makes, now: datetime
) -> Accepted:
    """Decide and write down a batch from one folder. Mail that is there already is passed over."""
    marked = [marks(key, arrival) for arrival in arrivals]
    known = look_up(connection, arrivals, marked, now)
    writer = _Writer(key, makes, now)
    for arrival, its_marks in zip(arrivals, marked, strict=True):
        ref = arrival.raw.ref
        if (ref.mailbox, ref.folder, ref.uidvalidity, ref.uid) in known.taken:
            continue
        plan = decide(arrival, known.history(its_marks, arrival.mail.message_id, ref))
        writer.add(arrival, its_marks, plan, known)
    writer.write(connection)
    return Accepted(tuple(plan.outcome for _, _, plan, _ in writer.entries))


class _Writer:
    """Collects the rows of a batch and inserts them table by table.

    A case that the batch itself opens has a negative number until the database has given it one.
    """

    def __init__(self, key: Key, makes: Makes, now: datetime) -> None:
        self.key, self.makes, self.now = key, makes, now
        self.entries: list[tuple[Arrival, Marks, Plan, int | None]] = []
        self.opened: list[dict[str, Any]] = []
        self.codes: dict[int, str] = {}
        self.beside: dict[int, int] = {}  # place of a mail in the batch -> the mail with the same bytes

    def add(self, arrival: Arrival, its: Marks, plan: Plan, known: Known) -> None:
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
            known.recent.setdefault(its.sender, Counter())[number or 0] += 1
        if plan.reason.startswith(REFUSED) and its.sender:
            known.refused[its.sender] += 1
        if any(d.kind is MessageKind.ACKNOWLEDGEMENT for d in plan.deliveries):
            known.count_answer(its, number)

    def _remember(self, arrival: Arrival, its: Marks, plan: Plan, number: int, known: Known) -> None:
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
        writers = {its.sender, its.answer_at} - {None} if plan.outcome in REPORTERS_MAIL else set()
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
                answered_by=before.answered_by | ({_author(arrival), *plan.signed_by} if plan.human_reply else set()),
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
        kept = (
            (mail_id, arrival.raw.body, arrival.raw.truncated)
            for mail_id, (arrival, _, plan, _) in zip(ids, self.entries, strict=True)
            if plan.keep_original and plan.deliveries
        )
        originals.keep(connection, self.key, kept)

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
        turn = turns.next_turn(connection, self.entries[0][0].raw.ref, self.now)
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
                "priority": 0 if arrival.verdict.urgency is Urgency.URGENT else turn + place,
                "attempts": 0,
                "created": self.now,
                "not_before": draft.not_before,
                "error": "",
                "receipt": "",
            }
            for place, (mail_id, (arrival, _, plan, number)) in enumerate(zip(ids, self.entries, strict=True))
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
        yield CaseAction.REPLY, _author(arrival), " ".join(plan.signed_by)
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


def _mail_row(arrival: Arrival, its: Marks, plan: Plan, number: int | None, now: datetime) -> dict[str, Any]:
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
