"""The sealed originals of mails that wait: written and read in parts, so that a large one costs memory once.

Each part is sealed for its place among a set number of parts: none can be left out, doubled or put elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import BigInteger, Connection, bindparam, insert, select

from intake.ledger.keys import Key
from intake.ledger.schema import original, original_part

PART = 1 << 20  # bytes; a mail that has no more is in one piece
_MAILS = bindparam("mails", type_=BigInteger, expanding=True)
_FIRST = select(original.c.mail_id, original.c.parts, original.c.sealed).where(original.c.mail_id.in_(_MAILS))
_NEXT = select(original_part.c.sealed).where(
    original_part.c.mail_id == bindparam("mail", type_=BigInteger), original_part.c.part == bindparam("number")
)
_WRITE = insert(original)
_WRITE_NEXT = insert(original_part)


def keep(connection: Connection, key: Key, mails: Iterable[tuple[int, bytes, bool]]) -> None:
    """Seal the bytes of mails and write them: ``(mail_id, content, truncated)``."""
    rows = []
    large = []
    for mail_id, content, truncated in mails:
        parts = max(0, len(content) - 1) // PART  # besides the first
        sealed = key.seal(content[:PART] if parts else content, _context(0, parts))
        rows.append({"mail_id": mail_id, "truncated": truncated, "parts": parts, "sealed": sealed})
        if parts:
            large.append((mail_id, content, parts))
    if rows:
        connection.execute(_WRITE, rows)
    for mail_id, content, parts in large:
        for number in range(1, parts + 1):
            sealed = key.seal(content[number * PART : (number + 1) * PART], _context(number, parts))
            connection.execute(_WRITE_NEXT, {"mail_id": mail_id, "part": number, "sealed": sealed})


def read(connection: Connection, key: Key, mails: Collection[int]) -> dict[int, bytes]:
    """The bytes of mails, of those that are not wiped yet. Raises LedgerError when they can't be opened."""
    found: dict[int, bytes] = {}
    for mail_id, parts, sealed in connection.execute(_FIRST, {"mails": sorted(mails)}).all():
        content = key.open(sealed, _context(0, parts))
        if not parts:
            found[mail_id] = content
            continue
        pieces = [content]
        for number in range(1, parts + 1):
            further = connection.execute(_NEXT, {"mail": mail_id, "number": number}).scalar()
            if further is None:
                break  # wiped by another machine meanwhile
            pieces.append(key.open(further, _context(number, parts)))
        else:
            found[mail_id] = b"".join(pieces)
    return found


def _context(number: int, parts: int) -> bytes:
    return f"original {number} of {parts}".encode() if parts else b"original"
