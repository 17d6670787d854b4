"""What the steps ask of the ledger about who is at work: leases of mailboxes, claims, and how each turn went."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from intake.ledger import held, views

if TYPE_CHECKING:
    from intake.ledger.engine import Database


class HolderBook:
    """Methods of the ledger; each is one transaction."""

    _database: Database

    def take_lease(self, name: str, holder: str, now: datetime, lease: timedelta) -> bool:
        """Take or renew a lease."""
        with self._database.transaction() as connection:
            self._database.demand_current(connection)
            return held.take(connection, name, holder, now, now + lease)

    def drop_lease(self, name: str, holder: str) -> None:
        """Give a lease back."""
        with self._database.transaction() as connection:
            held.drop(connection, name, holder)

    def end_turn(self, mailbox: str, lease: str, holder: str, now: datetime, error: str) -> None:
        """Write down how reading a mailbox went, and give its lease back."""
        with self._database.transaction() as connection:
            views.note_pass(connection, mailbox, now, error)
            held.drop(connection, lease, holder)

    def orphaned(self) -> set[str]:
        """Holders of claims and leases."""
        with self._database.reading() as connection:
            return held.orphaned(connection)

    def take_over(self, holders: Sequence[str], now: datetime, *, leases: bool = True) -> None:
        """End the claims of holders that are dead."""
        with self._database.transaction() as connection:
            held.take_over(connection, holders, now, leases=leases)

    def hold_on(self, holders: Sequence[str], until: datetime) -> None:
        """Prolong the claims of holders that live."""
        with self._database.transaction() as connection:
            held.hold_on(connection, holders, until)
