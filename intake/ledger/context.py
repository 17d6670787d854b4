"""What composing needs to know about one mail and its case, read at the moment of sending and in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, func, or_, select

from intake.ledger import outbox, views
from intake.ledger.prepared import Prepared
from intake.ledger.schema import case, delivery, mail, original, recusal
from intake.letters import AcknowledgementState
from intake.model import Case, DeliveryState, Withheld


@dataclass(frozen=True, slots=True)
class SentTo:
    """A delivery that brings a mail to somebody, and how far it has come."""

    id: int
    recipient: str
    state: DeliveryState


@dataclass(frozen=True, slots=True)
class MailContext:
    """A mail, its case and who has it, as they are now.

    ``kept``: its original is not wiped yet; ``withheld`` are the addresses that must not have it, by the mail itself or
    by its case; ``roots`` tells by recipient the Message-ID that began their thread of the case.
    """

    place: views.MailPlace
    kept: bool
    truncated: bool
    case: Case | None
    linked_code: str
    withheld: frozenset[str]
    sent_to: tuple[SentTo, ...]
    acknowledgement: AcknowledgementState
    roots: dict[str, str]

    def copies(self, *states: DeliveryState) -> tuple[SentTo, ...]:
        """The copies of this mail that are in one of the states."""
        return tuple(copy for copy in self.sent_to if copy.state in states)


# Built once: they run for every mail whose messages are composed.
_MAILS = bindparam("mails", type_=BigInteger, expanding=True)
_CASES = bindparam("cases", type_=BigInteger, expanding=True)
_PLACES = select(mail).where(mail.c.id.in_(_MAILS))
_KEPT = select(original.c.mail_id, original.c.truncated).where(original.c.mail_id.in_(_MAILS))
_FILES = select(case).where(case.c.id.in_(_CASES))
_CODES = select(case.c.id, case.c.code).where(case.c.id.in_(_CASES))
_COPIES = (
    select(delivery.c.mail_id, delivery.c.id, delivery.c.recipient, delivery.c.state)
    .where(
        delivery.c.mail_id.in_(_MAILS),
        delivery.c.kind.in_(outbox.COPIES),
        delivery.c.variant.not_in(outbox.NOT_COPIES),
    )
    .order_by(delivery.c.id)
)
_RECUSALS = (
    select(recusal.c.mail_id, recusal.c.case_id, recusal.c.organizer, recusal.c.reason)
    .where(or_(recusal.c.mail_id.in_(_MAILS), recusal.c.case_id.in_(_CASES)), recusal.c.released.is_(None))
    .order_by(recusal.c.id)
)
_FIRSTS = (
    select(func.min(delivery.c.id))
    .where(delivery.c.case_id.in_(_CASES), delivery.c.kind.in_(outbox.COPIES))
    .group_by(delivery.c.case_id, delivery.c.recipient)
)
_ROOTS = select(delivery.c.case_id, delivery.c.recipient, delivery.c.message_id).where(delivery.c.id.in_(_FIRSTS))
# Asked whenever messages leave, so it has as many places as leave together, as a rule.
FEW = 6
_MAIL_PLACES = tuple(f"mail{place}" for place in range(FEW))
_CASE_PLACES = tuple(f"case{place}" for place in range(FEW))
_WITHHELD_FROM = Prepared(
    select(recusal.c.mail_id, recusal.c.case_id, recusal.c.organizer).where(
        or_(
            recusal.c.mail_id.in_([bindparam(name, type_=BigInteger) for name in _MAIL_PLACES]),
            recusal.c.case_id.in_([bindparam(name, type_=BigInteger) for name in _CASE_PLACES]),
        ),
        recusal.c.released.is_(None),
    )
)
CHUNK = 400  # bound parameters in one question


def of(connection: Connection, mail_ids: Collection[int]) -> dict[int, MailContext]:
    """Read it for several mails. They exist: deliveries refer to them."""
    wanted = sorted(mail_ids)
    found: dict[int, MailContext] = {}
    for start in range(0, len(wanted), CHUNK):
        found |= _of(connection, wanted[start : start + CHUNK])
    return found


def _of(connection: Connection, mails: list[int]) -> dict[int, MailContext]:
    places = {row.id: views.as_place(row) for row in connection.execute(_PLACES, {"mails": mails})}
    numbers = sorted({place.case_id for place in places.values() if place.case_id is not None})
    kept: dict[int, bool] = {row.mail_id: row.truncated for row in connection.execute(_KEPT, {"mails": mails})}
    sent_to: dict[int, list[SentTo]] = {}
    for mail_id, number, recipient, state in connection.execute(_COPIES, {"mails": mails}):
        sent_to.setdefault(mail_id, []).append(SentTo(number, recipient, DeliveryState(state)))
    recusals = connection.execute(_RECUSALS, {"mails": mails, "cases": numbers}).all()
    cases = _cases(connection, numbers, recusals)
    states = views.acknowledgement_states(connection, numbers)
    threads = _roots(connection, numbers)
    linked = {one.linked_to for one in cases.values() if one.linked_to is not None}
    rows = connection.execute(_CODES, {"cases": sorted(linked)}) if linked else ()
    codes: dict[int, str] = {row.id: row.code for row in rows}
    found: dict[int, MailContext] = {}
    for number, place in places.items():
        its_case = cases.get(place.case_id or 0)
        found[number] = MailContext(
            place=place,
            kept=number in kept,
            truncated=kept.get(number, False),
            case=its_case,
            linked_code=codes.get(its_case.linked_to or 0, "") if its_case else "",
            withheld=frozenset(
                one.organizer
                for one in recusals
                if one.mail_id == number or (one.case_id is not None and one.case_id == place.case_id)
            ),
            sent_to=tuple(sent_to.get(number, ())),
            acknowledgement=states[its_case.id] if its_case else AcknowledgementState("not-sent", ""),
            roots=threads.get(its_case.id, {}) if its_case else {},
        )
    return found


def _cases(connection: Connection, numbers: list[int], recusals: Iterable[Any]) -> dict[int, Case]:
    if not numbers:
        return {}
    recused: dict[int, dict[str, Withheld]] = {}
    for one in recusals:
        if one.case_id is not None:
            recused.setdefault(one.case_id, {}).setdefault(one.organizer, Withheld(one.organizer, one.reason))
    counts = views.mail_counts(connection, numbers)
    return {
        row.id: views.as_case(row, tuple(recused.get(row.id, {}).values()), counts.get(row.id, 0))
        for row in connection.execute(_FILES, {"cases": numbers})
    }


def withheld_from(
    connection: Connection, pairs: Collection[tuple[int | None, int | None]]
) -> dict[tuple[int | None, int | None], frozenset[str]]:
    """Organizers who must not have a mail, by itself or by its case: for a few mails, each with its case."""
    listed = list(pairs)
    rows: list[Any] = []
    for start in range(0, len(listed), FEW):
        few = [*listed[start : start + FEW], *([(None, None)] * FEW)]
        about = {name: mail_id for name, (mail_id, _) in zip(_MAIL_PLACES, few, strict=False)}
        about |= {name: case_id for name, (_, case_id) in zip(_CASE_PLACES, few, strict=False)}
        rows += _WITHHELD_FROM.rows(connection, about)
    return {
        (mail_id, case_id): frozenset(
            organizer
            for its_mail, its_case, organizer in rows
            if (its_mail is not None and its_mail == mail_id) or (its_case is not None and its_case == case_id)
        )
        for mail_id, case_id in listed
    }


def withheld(connection: Connection, mail_id: int | None, case_id: int | None) -> frozenset[str]:
    """The same for one."""
    return withheld_from(connection, [(mail_id, case_id)])[mail_id, case_id]


def roots(connection: Connection, case_id: int) -> dict[str, str]:
    """By recipient the Message-ID that began their thread of a case."""
    return _roots(connection, [case_id]).get(case_id, {})


def _roots(connection: Connection, cases: list[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for row in connection.execute(_ROOTS, {"cases": cases}) if cases else ():
        found.setdefault(row.case_id, {})[row.recipient] = row.message_id
    return found
