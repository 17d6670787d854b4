"""A ledger of many years: the mails that are in it again and again, all of them done with."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from intake.ledger.schema import case, change, delivery, mail, recusal

MINUTE, DAY = 60_000, 86_400_000  # in milliseconds, as the ledger has them; a mail each minute
FIRST = 1_000  # the number of the first that is made: the patterns have lower ones
OPEN = 500  # of so many cases one is still open
_NUMBER = f"{FIRST} + n"
_AGE = f"CAST(n AS BIGINT) * {MINUTE}"
# Of each table: which row is the pattern, and what differs from it. `{bytes}` stands for 16 that nobody else has.
_MADE: dict[Any, tuple[str, dict[str, str]]] = {
    case: (
        "id = 1",
        {
            "id": _NUMBER, "code": "'OLD-' || n", "opened": f"opened - {_AGE}", "look_at": "NULL",
            "clock_since": f"opened - {_AGE}", "closed_at": f"opened - {_AGE} + {DAY}",
            "state": f"CASE WHEN n % {OPEN} = 0 THEN 'claimed' ELSE 'closed' END",
        },
    ),
    mail: (
        "id = 1",
        {
            "id": _NUMBER, "uid": _NUMBER, "case_id": _NUMBER, "accepted": f"accepted - {_AGE}",
            "filing": "'done'", **dict.fromkeys(("content", "message_id", "sender", "domain", "answer_at"), "{bytes}"),
        },
    ),
    delivery: (
        "mail_id = 1",
        {
            "id": f"id + CAST({FIRST} AS BIGINT) * n", "key": "key || '-' || n", "message_id": "message_id || n", "state": "'sent'",
            "case_id": _NUMBER, "mail_id": _NUMBER, "created": f"created - {_AGE}",
            "sent_at": f"created - {_AGE}",
        },
    ),
    change: (
        "id = 1",
        {"id": _NUMBER, "code": "'OLD-' || n", "previous": "{bytes}", "hash": "{bytes}"},
    ),
    recusal: (
        "id = 1",
        {"id": _NUMBER, "case_id": f"CASE WHEN n % 20 = 0 THEN {_NUMBER} END", "released": "NULL"},
    ),
}  # fmt: skip


def grow(connection: Connection, mails: int) -> None:
    """So many more mails, each a case with its deliveries. The first mail opened the first case, which has a recusal."""
    sqlite = connection.dialect.name == "sqlite"
    fresh = "randomblob(16)" if sqlite else "decode(md5(random()::text || n), 'hex')"
    numbers = f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {mails})"
    for table, (which, differs) in _MADE.items():
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        values = ", ".join(differs.get(column.name, f'"{column.name}"') for column in table.columns)
        made = f"SELECT {values.format(bytes=fresh)} FROM {table.name}, numbers WHERE {which}"
        connection.execute(text(f"INSERT INTO {table.name} ({names}) {numbers} {made}"))
        if not sqlite:
            question = f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id)) FROM {table.name}"
            connection.execute(text(question))
    connection.execute(text("ANALYZE"))
