"""What the steps ask of the ledger about folders: how far each was read, what can't be read, what is to be filed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from intake.ledger import folders
from intake.ledger.folders import Cursor
from intake.model import MailHead, MailRef

if TYPE_CHECKING:
    from intake.ledger.engine import Database


class FolderBook:
    """Methods of the ledger; each is one transaction."""

    _database: Database

    def cursor(self, mailbox: str, name: str) -> Cursor | None:
        """Where reading of a folder goes on."""
        with self._database.reading() as connection:
            return folders.cursor(connection, mailbox, name)

    def dates(self, mailbox: str, name: str, uidvalidity: int, uids: range) -> dict[int, datetime]:
        """When those of these mails came in that were read."""
        with self._database.reading() as connection:
            return folders.dates(connection, mailbox, name, uidvalidity, uids)

    def begin(self, mailbox: str, name: str, uidvalidity: int, boundary: int, now: datetime) -> None:
        """First contact; mail below ``boundary`` was there before."""
        with self._database.transaction() as connection:
            folders.begin(connection, mailbox, name, uidvalidity, boundary, now)

    def restart(self, mailbox: str, name: str, before: int, uidvalidity: int, boundary: int) -> None:
        """The folder's UIDVALIDITY is no longer ``before``; mail below ``boundary`` may be known by its content."""
        with self._database.transaction() as connection:
            if folders.restart(connection, mailbox, name, before, uidvalidity, boundary):
                folders.give_up_filing(connection, mailbox, name, uidvalidity)

    def was_before(self, mailbox: str, head: MailHead, but_not_in: str) -> bool:
        """Whether such a mail was there at first contact, in another folder."""
        with self._database.reading() as connection:
            return folders.was_before(connection, mailbox, head, but_not_in)

    def record_before(
        self, mailbox: str, name: str, uidvalidity: int, heads: Sequence[MailHead], now: datetime, *, sent: bool = False
    ) -> int:
        """Write down mail that was there at first contact, in a folder of ``sent`` mail or not, and read on behind."""
        with self._database.transaction() as connection:
            count = folders.record_before(connection, mailbox, name, uidvalidity, heads, now, sent=sent)
            if heads:
                folders.advance(connection, MailRef(mailbox, name, uidvalidity, heads[-1].uid))
            return count

    def advance(self, last: MailRef) -> None:
        """Read on behind this mail."""
        with self._database.transaction() as connection:
            folders.advance(connection, last)

    def troubled(self, mailbox: str, name: str, uidvalidity: int, now: datetime) -> set[int]:
        """Mail that could not be read and is to be tried again."""
        with self._database.reading() as connection:
            return folders.troubled(connection, mailbox, name, uidvalidity, now)

    def note_trouble(self, ref: MailRef, now: datetime, wait: timedelta) -> int:
        """A mail could not be read; say how often that has been. Reading does not go on behind it yet."""
        with self._database.transaction() as connection:
            return folders.note_trouble(connection, ref, now, wait)

    def forget_trouble(self, ref: MailRef) -> None:
        """It was not the mail's fault."""
        with self._database.transaction() as connection:
            folders.forget_trouble(connection, ref, [ref.uid])

    def clear_of_blame(self, ref: MailRef) -> None:
        """The last try does not count against a mail: the connection or the server was to blame."""
        with self._database.transaction() as connection:
            folders.clear_of_blame(connection, ref)

    def take_in_hand(self, mailbox: str, name: str, uids: tuple[int, int] | None) -> None:
        """Note the UIDs being worked on, so that the next pass knows if this one ends without a word."""
        with self._database.transaction() as connection:
            folders.take_in_hand(connection, mailbox, name, uids)

    def trouble_count(self) -> int:
        """How many mails could not be read yet."""
        with self._database.reading() as connection:
            return folders.trouble_count(connection)

    def in_trouble(self, mailbox: str, name: str, uidvalidity: int) -> set[int]:
        """UIDs that could not be read yet."""
        with self._database.reading() as connection:
            return folders.in_trouble(connection, mailbox, name, uidvalidity)

    def to_file(self, mailbox: str, name: str, uidvalidity: int, limit: int) -> list[int]:
        """UIDs to be filed."""
        with self._database.reading() as connection:
            return folders.to_file(connection, mailbox, name, uidvalidity, limit)

    def filed(self, mailbox: str, name: str, uidvalidity: int, uids: Sequence[int], destination: str) -> None:
        """These mails have left the folder."""
        with self._database.transaction() as connection:
            folders.filed(connection, mailbox, name, uidvalidity, uids, destination)

    def doubt(self, mailbox: str) -> None:
        """Mail came and went unread. Written down before anything is read on from there, so that nobody forgets it."""
        with self._database.transaction() as connection:
            folders.doubt(connection, mailbox)

    def in_doubt(self, mailbox: str) -> bool:
        """Whether such mail must be looked for in the processed folder."""
        with self._database.reading() as connection:
            return folders.in_doubt(connection, mailbox)

    def no_doubt(self, mailbox: str) -> None:
        """It was looked for, and all is known."""
        with self._database.transaction() as connection:
            folders.no_doubt(connection, mailbox)
