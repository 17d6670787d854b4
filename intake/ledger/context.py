"""What composing needs to know about one mail and its case, read at the moment of sending and in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import BigInteger, Connection, bindparam, func, or_, select

from intake.ledger import outbox, views
from intake.ledger.keys import Key
from intake.ledger.schema import case, delivery, original, recusal
from intake.letters import AcknowledgementState
from intake.model import Case, Delivery, DeliveryState


@dataclass(frozen=True, slots=True)
class MailContext:
    """A mail, its case and its deliveries as they are now.

    ``original`` is None once it is wiped; ``withheld`` are the addresses that must not have it, by the mail itself or
    by its case; ``roots`` tells by recipient the Message-ID that began their thread of the case.
    """

    place: views.MailPlace
    original: bytes | None = field(repr=False)
    truncated: bool
    case: Case | None
    linked_code: str
    withheld: frozenset[str]
    deliveries: tuple[Delivery, ...]
    acknowledgement: AcknowledgementState
    roots: dict[str, str]

    def copies(self, *states: DeliveryState) -> tuple[Delivery, ...]:
        """The copies of this mail that are in one of the states."""
        return tuple(
            d
            for d in self.deliveries
            if d.kind in outbox.COPIES and d.variant not in outbox.NOT_COPIES and d.state in states
        )


_ABOUT = bindparam("mail", type_=BigInteger)
_CASE = bindparam("case", type_=BigInteger)
_ORIGINAL = select(original).where(original.c.mail_id == _ABOUT)
_CODE = select(case.c.code).where(case.c.id == _CASE)
_DELIVERIES = select(delivery).where(delivery.c.mail_id == _ABOUT).order_by(delivery.c.id)
_WITHHELD = select(recusal.c.organizer).where(
    or_(recusal.c.mail_id == _ABOUT, recusal.c.case_id == _CASE), recusal.c.released.is_(None)
)
_FIRSTS = (
    select(func.min(delivery.c.id))
    .where(delivery.c.case_id == _CASE, delivery.c.kind.in_(outbox.COPIES))
    .group_by(delivery.c.recipient)
)
_ROOTS = select(delivery.c.recipient, delivery.c.message_id).where(delivery.c.id.in_(_FIRSTS))


def of(connection: Connection, key: Key, mail_id: int) -> MailContext:
    """Read it. The mail exists: a delivery refers to it."""
    place = views.mail_place(connection, mail_id)
    row = connection.execute(_ORIGINAL, {"mail": mail_id}).one_or_none()
    its_case = views.case_by_id(connection, place.case_id) if place.case_id is not None else None
    linked = its_case.linked_to if its_case else None
    return MailContext(
        place=place,
        original=key.open(row.sealed, b"original") if row else None,
        truncated=bool(row and row.truncated),
        case=its_case,
        linked_code=connection.execute(_CODE, {"case": linked}).scalar() or "" if linked else "",
        withheld=withheld(connection, mail_id, place.case_id),
        deliveries=tuple(outbox.as_delivery(one) for one in connection.execute(_DELIVERIES, {"mail": mail_id})),
        acknowledgement=views.acknowledgement_state(connection, its_case.id)
        if its_case
        else AcknowledgementState("not-sent", ""),
        roots=roots(connection, its_case.id) if its_case else {},
    )


def withheld(connection: Connection, mail_id: int | None, case_id: int | None) -> frozenset[str]:
    """Organizers who must not have a mail, by itself or by its case."""
    return frozenset(connection.execute(_WITHHELD, {"mail": mail_id, "case": case_id}).scalars())


def roots(connection: Connection, case_id: int) -> dict[str, str]:
    """By recipient the Message-ID that began their thread of a case."""
    return {row.recipient: row.message_id for row in connection.execute(_ROOTS, {"case": case_id})}
