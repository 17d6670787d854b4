"""How far each folder has been read, what is still to be filed, and what could not be read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, insert, or_, select, update

from intake.ledger.outbox import FARTHEST
from intake.ledger.schema import folder, mail, meta, place, trouble
from intake.model import MailHead, MailRef, Outcome

SENT_BEFORE = "sent-before"  # the reason of sent mail that was there at first contact: nobody ever waited for it
NOT_FILED = "read, but not filed: "  # how the error of a pass begins that has read all there was


@dataclass(frozen=True, slots=True)
class Cursor:
    """A folder was read up to, not including, ``next_uid`` while it had this UIDVALIDITY.

    Mail below ``boundary`` was there at first contact or, if ``rescanning``, when the UIDVALIDITY changed.
    ``in_hand`` are the first and the last UID that a pass was working on when it ended without a word.
    """

    uidvalidity: int
    next_uid: int
    first_contact: datetime
    boundary: int
    rescanning: bool
    in_hand: tuple[int, int] | None = None


def cursor(connection: Connection, mailbox: str, name: str) -> Cursor | None:
    """Where reading goes on; None before the first contact."""
    row = connection.execute(select(folder).where(folder.c.mailbox == mailbox, folder.c.name == name)).one_or_none()
    return _cursor(row) if row else None


def _cursor(row: Row[Any]) -> Cursor:
    in_hand = (row.in_hand_first, row.in_hand_last) if row.in_hand_first is not None else None
    return Cursor(row.uidvalidity, row.next_uid, row.first_contact, row.boundary, row.rescanning, in_hand)


def dates(connection: Connection, mailbox: str, name: str, uidvalidity: int, uids: range) -> dict[int, datetime]:
    """INTERNALDATE of those of these mails that are written down, and could be read."""
    if not uids:
        return {}
    within = mail.c.uid.between(uids[0], uids[-1])
    known = select(mail.c.uid, mail.c.internal_date).where(_stands_in(mailbox, name, uidvalidity), within)
    return {row.uid: row.internal_date for row in connection.execute(known.where(mail.c.size > 0))}


def take_in_hand(connection: Connection, mailbox: str, name: str, uids: tuple[int, int] | None) -> None:
    """Note what is being worked on, or that nothing is."""
    first, last = uids or (None, None)
    connection.execute(
        update(folder)
        .where(folder.c.mailbox == mailbox, folder.c.name == name)
        .values(in_hand_first=first, in_hand_last=last)
    )


def begin(connection: Connection, mailbox: str, name: str, uidvalidity: int, boundary: int, now: datetime) -> None:
    """First contact with a folder; it will be read from its first UID. The boundary outlives a crash."""
    connection.execute(
        insert(folder).values(
            mailbox=mailbox,
            name=name,
            uidvalidity=uidvalidity,
            next_uid=1,
            first_contact=now,
            boundary=boundary,
            rescanning=False,
        )
    )


def restart(connection: Connection, mailbox: str, name: str, before: int, uidvalidity: int, boundary: int) -> bool:
    """The server has given every mail a new UID (RFC 9051, 2.3.1.1): read all again and recognise it by content.

    So it is if the server gives UIDs a second time, as one does that was restored from a backup: what the ledger knows
    under them stands there no more, and is put under a UIDVALIDITY that no server gives.

    What could not be read under its old UID is among that. ``before`` is the UIDVALIDITY that the ledger had: False
    when somebody has read on meanwhile, and whoever asks is late.
    """
    mine = (folder.c.mailbox == mailbox, folder.c.name == name, folder.c.uidvalidity == before)
    anew = {"uidvalidity": uidvalidity, "next_uid": 1, "boundary": boundary, "rescanning": True}
    changed = connection.execute(update(folder).where(*mine).values(**anew, in_hand_first=None, in_hand_last=None))
    if not changed.rowcount:
        return False
    lowest = select(func.min(mail.c.uidvalidity)).where(mail.c.mailbox == mailbox, mail.c.folder == name)
    nowhere = min(connection.execute(lowest).scalar() or 0, 0) - 1
    connection.execute(update(mail).where(_stands_in(mailbox, name, uidvalidity)).values(uidvalidity=nowhere))
    connection.execute(trouble.delete().where(trouble.c.mailbox == mailbox, trouble.c.folder == name))
    if before == uidvalidity:  # so it may be where mail was filed, and what is erased is found by its UID first
        connection.execute(delete(place).where(place.c.mailbox == mailbox))
    return True


def advance(connection: Connection, last: MailRef) -> None:
    """The folder has been read up to and with this UID."""
    connection.execute(
        update(folder)
        .where(
            folder.c.mailbox == last.mailbox,
            folder.c.name == last.folder,
            folder.c.uidvalidity == last.uidvalidity,
            folder.c.next_uid <= last.uid,
        )
        .values(next_uid=last.uid + 1)
    )


def record_before(
    connection: Connection,
    mailbox: str,
    name: str,
    uidvalidity: int,
    heads: Sequence[MailHead],
    now: datetime,
    *,
    sent: bool = False,
) -> int:
    """Mail that was there at first contact: counted and shown, never answered. Its bytes are not read."""
    taken = set(
        connection.execute(
            select(mail.c.uid).where(
                _stands_in(mailbox, name, uidvalidity), mail.c.uid.between(heads[0].uid, heads[-1].uid)
            )
        ).scalars()
        if heads
        else ()
    )
    rows = [
        {
            "mailbox": mailbox,
            "folder": name,
            "uidvalidity": uidvalidity,
            "uid": head.uid,
            "size": head.size,
            "internal_date": head.internal_date,
            "accepted": now,
            "kind": "",
            "category": "",
            "outcome": Outcome.BEFORE,
            "reason": SENT_BEFORE if sent else "before-start",
            "acknowledge_reason": "before-start",
            "filing": "stays",
            "filed_to": "",
        }
        for head in heads
        if head.uid not in taken
    ]
    if rows:
        connection.execute(insert(mail), rows)
    return len(rows)


def was_before(connection: Connection, mailbox: str, head: MailHead, but_not_in: str) -> bool:
    """Whether such a mail was there at first contact, in any folder but one.

    Its bytes were not read then, but its date and size are known, and go with it where it is moved.
    """
    known = select(mail.c.id).where(
        mail.c.mailbox == mailbox,
        mail.c.folder != but_not_in,
        mail.c.outcome == Outcome.BEFORE,
        mail.c.internal_date == head.internal_date,
        mail.c.size == head.size,
    )
    return connection.execute(known.limit(1)).first() is not None


def to_file(connection: Connection, mailbox: str, name: str, uidvalidity: int, limit: int) -> list[int]:
    """UIDs of mail that is written down and not filed yet."""
    return list(
        connection.execute(
            select(mail.c.uid)
            .where(_stands_in(mailbox, name, uidvalidity), mail.c.filing == "due")
            .order_by(mail.c.uid)
            .limit(limit)
        ).scalars()
    )


def filed(
    connection: Connection, mailbox: str, name: str, uidvalidity: int, uids: Iterable[int], destination: str
) -> None:
    """These mails are no longer in the folder."""
    listed = list(uids)
    for start in range(0, len(listed), 400):
        connection.execute(
            update(mail)
            .where(_stands_in(mailbox, name, uidvalidity), mail.c.uid.in_(listed[start : start + 400]))
            .values(filing="done", filed_to=destination)
        )


def give_up_filing(connection: Connection, mailbox: str, name: str, uidvalidity: int) -> None:
    """Mail noted under an older UIDVALIDITY can't be found by its UID any more; it is recognised by content."""
    connection.execute(
        update(mail)
        .where(
            mail.c.mailbox == mailbox,
            mail.c.folder == name,
            mail.c.uidvalidity != uidvalidity,
            mail.c.filing == "due",
        )
        .values(filing="stays")
    )


def troubled(connection: Connection, mailbox: str, name: str, uidvalidity: int, now: datetime) -> set[int]:
    """UIDs that could not be read and are due to be tried again."""
    due = or_(trouble.c.not_before <= now, trouble.c.not_before > now + FARTHEST)
    chosen = select(trouble.c.uid).where(_trouble_in(mailbox, name, uidvalidity), due)
    return set(connection.execute(chosen).scalars())


def in_trouble(connection: Connection, mailbox: str, name: str, uidvalidity: int) -> set[int]:
    """UIDs that could not be read yet, and are tried again."""
    return set(connection.execute(select(trouble.c.uid).where(_trouble_in(mailbox, name, uidvalidity))).scalars())


def note_trouble(connection: Connection, ref: MailRef, now: datetime, wait: timedelta) -> int:
    """A mail could not be read; it is tried again later. Says how often it has been tried."""
    before = connection.execute(select(trouble.c.attempts).where(_trouble_of(ref))).scalar()
    if before is None:
        connection.execute(
            insert(trouble).values(
                mailbox=ref.mailbox,
                folder=ref.folder,
                uidvalidity=ref.uidvalidity,
                uid=ref.uid,
                attempts=1,
                not_before=now + wait,
            )
        )
        return 1
    connection.execute(update(trouble).where(_trouble_of(ref)).values(attempts=before + 1, not_before=now + wait))
    return int(before) + 1


def clear_of_blame(connection: Connection, ref: MailRef) -> None:
    """The last try does not count; the mail is still tried by itself, and not before it was put off to."""
    connection.execute(update(trouble).where(_trouble_of(ref)).values(attempts=trouble.c.attempts - 1))


def forget_trouble(connection: Connection, ref: MailRef, uids: Sequence[int]) -> None:
    """Mail that could not be read before, and now was, or was shown to people."""
    here = _trouble_in(ref.mailbox, ref.folder, ref.uidvalidity)
    for start in range(0, len(uids), 400):
        connection.execute(trouble.delete().where(here, trouble.c.uid.in_(uids[start : start + 400])))


_TROUBLES = select(func.count()).select_from(trouble)


def trouble_count(connection: Connection) -> int:
    """How many mails wait to be readable."""
    return connection.execute(_TROUBLES).scalar() or 0


def doubt(connection: Connection, mailbox: str) -> None:
    """Mail came and went before it was read: it may stand in the processed folder, unknown to anybody."""
    if not in_doubt(connection, mailbox):
        connection.execute(insert(meta).values(name=_doubt(mailbox), value=mailbox))


def in_doubt(connection: Connection, mailbox: str) -> bool:
    """Whether nobody has looked for such mail since, or some was found."""
    return connection.execute(select(meta.c.name).where(meta.c.name == _doubt(mailbox))).first() is not None


def no_doubt(connection: Connection, mailbox: str) -> None:
    """All that stands in the processed folder is known."""
    connection.execute(delete(meta).where(meta.c.name == _doubt(mailbox)))


def _doubt(mailbox: str) -> str:
    # A mailbox's name may be longer than the column.
    return f"doubt {hashlib.sha256(mailbox.encode()).hexdigest()[:32]}"


def _stands_in(mailbox: str, name: str, uidvalidity: int) -> ColumnElement[bool]:
    return and_(mail.c.mailbox == mailbox, mail.c.folder == name, mail.c.uidvalidity == uidvalidity)


def _trouble_in(mailbox: str, name: str, uidvalidity: int) -> ColumnElement[bool]:
    return and_(trouble.c.mailbox == mailbox, trouble.c.folder == name, trouble.c.uidvalidity == uidvalidity)


def _trouble_of(ref: MailRef) -> ColumnElement[bool]:
    return and_(_trouble_in(ref.mailbox, ref.folder, ref.uidvalidity), trouble.c.uid == ref.uid)
