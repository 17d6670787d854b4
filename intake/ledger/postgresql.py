"""A connection to PostgreSQL as the ledger needs it, also through a pooler, and after a failover."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext

from intake.ledger.schema import for_postgresql

BUSY_SECONDS = 20
# A network that is cut shows after so many seconds, not after the hours that TCP has for it.
PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# A machine that is cut off or asleep in the middle of a transaction keeps its rows from the others no longer.
_LIMITS = {"idle_in_transaction_session_timeout": f"{2 * BUSY_SECONDS}s", "lock_timeout": f"{BUSY_SECONDS}s"}
# It has ended this transaction for the sake of another one: a deadlock, a row that was written meanwhile.
LOST_A_RACE = frozenset({"40P01", "40001"})
_READ_ONLY = "25006"
MEANING = {
    "in a read-only transaction": "that server takes no writes; whichever does is looked for at the next step",
    "No space left on device": "its server's disk is full; free some space there, nothing is lost meanwhile",
    "too many c": "its server has no connection left; it is tried again, and see max_connections there",
    "remaining connection slots": "its server has no connection left; it is tried again, and see max_connections there",
}


def engine(url: URL) -> Engine:
    """What is decided in a transaction counts on seeing what others have committed, once it holds a case's row.

    So the level of isolation is ours, whatever the database has for others.
    """
    for_postgresql()
    made = create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=2,
        max_overflow=10,
        isolation_level="READ COMMITTED",
        connect_args=PATIENCE,
    )
    event.listen(made, "connect", _connect)
    event.listen(made, "begin", _begin)
    event.listen(made, "handle_error", _failed)
    return made


def _connect(connection: Any, _record: object) -> None:
    """A pooler gives each transaction to any server process, and is known by having numbers of its own for them.

    A prepared statement is then one of somebody else's under the same name: none is made. And settings are for one
    transaction, see below.
    """
    with connection.cursor() as cursor:
        (process,) = cursor.execute("SELECT pg_backend_pid()").fetchone()
        if process == connection.info.backend_pid:
            cursor.execute(_limits("SET"))
        else:
            connection.prepare_threshold = None
    connection.commit()


def _begin(connection: Connection) -> None:
    pooled: Any = connection.connection.dbapi_connection
    if pooled.prepare_threshold is None:
        connection.exec_driver_sql(_limits("SET LOCAL"))


def _limits(how: str) -> str:
    return "; ".join(f"{how} {name} = '{value}'" for name, value in _LIMITS.items())


def _failed(context: ExceptionContext) -> None:
    """A server that has become a replica keeps its connections: they are no use, another one takes the writes."""
    if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
        context.is_disconnect = True
