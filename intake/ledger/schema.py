"""The tables. Everything here may be read by a thief of the disk, so nothing here says who wrote or what.

Addresses, Message-IDs and bytes of reporters appear only as keyed hashes, and as the sealed original while a
delivery of it is not final. Addresses of organizers are in the configuration anyway and stand here as they are.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

HEAD = "0003"  # the newest migration; a ledger that says this needs no Alembic, which is slow to import


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept as milliseconds since 1970 in UTC: the same on every database, and it sorts."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's shape
        """To milliseconds."""
        return None if value is None else round(value.timestamp() * 1000)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - as above
        """To an aware datetime."""
        return None if value is None else datetime.fromtimestamp(value / 1000, UTC)


def _id() -> Column[int]:
    # SQLite gives rowids, and their AUTOINCREMENT-free speed, only to INTEGER; PostgreSQL needs the width.
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

meta = Table(
    "meta",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

# How far each folder has been read. UIDs below next_uid are in `mail`, or in `trouble`.
folder = Table(
    "folder",
    metadata,
    _id(),
    Column("mailbox", String(200), nullable=False),
    Column("name", String(500), nullable=False),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("next_uid", BigInteger, nullable=False),
    Column("first_contact", Moment, nullable=False),
    # UIDs below this one were there at first contact, or (rescanning) when the UIDVALIDITY changed.
    Column("boundary", BigInteger, nullable=False),
    Column("rescanning", Boolean, nullable=False),
    # The UIDs in hand. Found here at the next pass, one of them may be what ended the last one.
    Column("in_hand_first", BigInteger),
    Column("in_hand_last", BigInteger),
    UniqueConstraint("mailbox", "name"),
)

case = Table(
    "case_file",
    metadata,
    _id(),
    Column("code", String(40), nullable=False, unique=True),
    Column("category", String(100), nullable=False),
    Column("rule", String(300), nullable=False),
    Column("urgency", String(10), nullable=False),
    Column("urgency_reasons", Text, nullable=False),
    Column("language", String(10), nullable=False),
    Column("event", String(200), nullable=False),
    Column("authentication", String(10), nullable=False),
    Column("state", String(10), nullable=False),
    Column("opened", Moment, nullable=False),
    Column("claimed_by", String(320)),
    Column("claimed_at", Moment),
    Column("first_human_reply", Moment),
    Column("closed_at", Moment),
    Column("outcome", String(40), nullable=False, server_default=""),
    Column("linked_to", BigInteger, ForeignKey("case_file.id")),
    # The clock: since when it runs, the latest answer of a person, and the reminders of the clock that runs now.
    Column("clock_since", Moment, nullable=False),
    Column("last_human_reply", Moment),
    Column("reminders", Integer, nullable=False, server_default="0"),
    Column("reminded_at", Moment),
    Column("look_at", Moment),  # when to see again whether a reminder is due; null while no clock runs
    Index("ix_case_file_state", "state", "opened"),
    Index("ix_case_file_look_at", "look_at"),
    # The latest of each says at every pass whether the clock was ahead; what was closed long ago is to be erased.
    *(Index(f"ix_case_file_{name}", name) for name in ("opened", "clock_since", "claimed_at", "closed_at")),
)

mail = Table(
    "mail",
    metadata,
    _id(),
    Column("mailbox", String(200), nullable=False),
    Column("folder", String(500), nullable=False),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    Column("content", LargeBinary(16)),  # keyed hash of the bytes; null for mail whose bytes were not read
    Column("message_id", LargeBinary(16)),  # keyed hash
    Column("sender", LargeBinary(16)),  # keyed hash of the author's address
    Column("domain", LargeBinary(16)),  # keyed hash of its domain
    Column("answer_at", LargeBinary(16)),  # keyed hash of the address to be answered, where it is another one
    Column("size", BigInteger, nullable=False),
    Column("internal_date", Moment, nullable=False),
    Column("accepted", Moment, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("category", String(100), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("reason", String(100), nullable=False),
    Column("acknowledge_reason", String(100), nullable=False),
    Column("case_id", BigInteger, ForeignKey("case_file.id"), index=True),
    Column("duplicate_of", BigInteger, ForeignKey("mail.id")),
    Column("filing", String(10), nullable=False),  # due | done | stays
    Column("filed_to", String(500), nullable=False, server_default=""),
    UniqueConstraint("mailbox", "folder", "uidvalidity", "uid"),
    # One mail for each content: a copy that somebody moved is a duplicate, also when two machines race.
    Index(
        "uq_mail_content",
        "content",
        unique=True,
        sqlite_where=text("duplicate_of IS NULL"),
    ),
    Index("ix_mail_message_id", "message_id"),
    Index("ix_mail_sender", "sender", "accepted"),
    Index("ix_mail_domain", "domain", "accepted"),
    Index("ix_mail_accepted", "accepted"),
    Index(
        "ix_mail_filing",
        "mailbox",
        "folder",
        sqlite_where=text("filing = 'due'"),
    ),
)

# The sealed bytes of a mail, for as long as a delivery of it is not final; of a large one the first of them, and how
# many parts come after it (``originals``).
original = Table(
    "original",
    metadata,
    Column("mail_id", BigInteger, ForeignKey("mail.id"), primary_key=True, autoincrement=False),
    Column("truncated", Boolean, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("parts", Integer, nullable=False, server_default="0"),
)
original_part = Table(
    "original_part",
    metadata,
    Column("mail_id", BigInteger, ForeignKey("original.mail_id", ondelete="CASCADE"), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

# Where mail stands that was filed, as far as somebody has looked: a cache for the audit.
place = Table(
    "place",
    metadata,
    _id(),
    Column("mail_id", BigInteger, ForeignKey("mail.id"), nullable=False, index=True),
    Column("mailbox", String(200), nullable=False),
    Column("folder", String(500), nullable=False),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    UniqueConstraint("mailbox", "folder", "uidvalidity", "uid"),
)

# Mail that the server could not deliver, to be tried again and then shown to people.
trouble = Table(
    "trouble",
    metadata,
    _id(),
    Column("mailbox", String(200), nullable=False),
    Column("folder", String(500), nullable=False),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", Moment, nullable=False),
    UniqueConstraint("mailbox", "folder", "uidvalidity", "uid"),
)

# Who must not see a case (or a machine mail that opened none).
recusal = Table(
    "recusal",
    metadata,
    _id(),
    Column("case_id", BigInteger, ForeignKey("case_file.id"), index=True),
    Column("mail_id", BigInteger, ForeignKey("mail.id"), index=True),
    Column("organizer", String(320), nullable=False, index=True),
    Column("reason", String(100), nullable=False),
    Column("since", Moment, nullable=False),
    Column("released", Moment),
)

# Every change of every case, each line bound to the one before it by a keyed hash. The code stands here and no number:
# the log outlives the case that it is about. Nothing of a reporter is in it.
change = Table(
    "change",
    metadata,
    _id(),
    Column("code", String(40), nullable=False, index=True),
    Column("at", Moment, nullable=False),
    Column("by", String(320), nullable=False),
    Column("what", String(20), nullable=False),
    Column("about", String(320), nullable=False),
    Column("previous", LargeBinary(16), nullable=False, unique=True),  # two writers can't both follow one line
    Column("hash", LargeBinary(16), nullable=False, unique=True),
)

# What organizers noted about a case, sealed.
note = Table(
    "note",
    metadata,
    _id(),
    Column("case_id", BigInteger, ForeignKey("case_file.id"), nullable=False, index=True),
    Column("by", String(320), nullable=False),
    Column("at", Moment, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

# Cases that must be kept, whoever asks to erase them: somebody is bound by law to keep them for now.
hold = Table(
    "hold",
    metadata,
    Column("case_id", BigInteger, ForeignKey("case_file.id"), primary_key=True, autoincrement=False),
    Column("since", Moment, nullable=False),
)

# What is left of erased cases: numbers, by the month in which they were opened (UTC). No row names a case.
past = Table(
    "past",
    metadata,
    Column("month", String(7), primary_key=True),  # 2026-04
    Column("category", String(100), primary_key=True),
    Column("outcome", String(40), primary_key=True),  # one of OUTCOMES; empty: none was named, or it was still open
    Column("cases", Integer, nullable=False),
    Column("mails", Integer, nullable=False),
    Column("urgent", Integer, nullable=False),
    Column("answered", Integer, nullable=False),  # by a person
    Column("answered_in_a_day", Integer, nullable=False),
    Column("closed_in_time", Integer, nullable=False),  # within three months (Directive (EU) 2019/1937, art. 9)
)

# With its values in it, and not as parameters: a database sees only so that the index of what is open can serve.
_OPEN = "state IN ('waiting', 'pending', 'claimed', 'unknown')"
IS_OPEN = text(f"delivery.{_OPEN}")

delivery = Table(
    "delivery",
    metadata,
    _id(),
    Column("key", String(500), nullable=False, unique=True),
    Column("kind", String(20), nullable=False),
    Column("case_id", BigInteger, ForeignKey("case_file.id"), index=True),
    Column("mail_id", BigInteger, ForeignKey("mail.id"), index=True),
    Column("recipient", String(320), nullable=False),
    Column("variant", String(40), nullable=False),
    Column("message_id", String(200), nullable=False, unique=True),  # ours
    Column("state", String(10), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created", Moment, nullable=False),
    Column("not_before", Moment, nullable=False),
    Column("lease_until", Moment),
    Column("holder", String(200)),
    Column("sent_at", Moment),
    Column("error", String(500), nullable=False),
    Column("receipt", String(500), nullable=False),
    # How often it was claimed and then not reported on: it may be what ends the passes.
    Column("unreported", Integer, nullable=False, server_default="0"),
    Column("alarmed", Moment),  # when whoever looks after the program was told that it was given up
    # What is due is found without looking at what is done.
    Index(
        "ix_delivery_open",
        "priority",
        "id",
        sqlite_where=text(_OPEN),
    ),
    Index(
        "ix_delivery_failed",
        "id",
        sqlite_where=text("state = 'failed'"),
    ),
    Index("ix_delivery_recipient", "recipient", "kind", "created"),
)

# Who reads a mailbox just now, so that two runs do not read it at once.
lease = Table(
    "lease",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("until", Moment, nullable=False),
)

# How the last passes over each mailbox went, for `status` and the digest.
mailbox_pass = Table(
    "mailbox_pass",
    metadata,
    Column("mailbox", String(200), primary_key=True),
    Column("tried", Moment, nullable=False),
    Column("succeeded", Moment),
    Column("error", String(500), nullable=False),
    Column("failing_since", Moment),
)

# Troubles that somebody was told of, each from its beginning to its end; one line without anything personal.
alarm = Table(
    "alarm",
    metadata,
    _id(),
    Column("name", String(200), nullable=False),  # which trouble it is: "mailbox help"
    Column("topic", String(40), nullable=False),  # chooses the words
    Column("detail", String(300), nullable=False),
    Column("began", Moment, nullable=False),
    Column("ended", Moment),
    # Whether its beginning and its end still have to be told over the channels that are not mail.
    Column("untold", String(10), nullable=False),  # begin | end | empty
    Column("tries", Integer, nullable=False),
    Column("not_before", Moment, nullable=False),
    Index(
        "uq_alarm_open",
        "name",
        unique=True,
        sqlite_where=text("ended IS NULL"),
    ),
)


def for_postgresql() -> None:
    """Tell the indexes of a part of a table about PostgreSQL too. Not before: that loads all of its dialect."""
    for table in metadata.tables.values():
        for index in table.indexes:
            where = index.dialect_options["sqlite"]["where"]
            if where is not None:
                index.dialect_options["postgresql"]["where"] = where
