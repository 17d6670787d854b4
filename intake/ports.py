"""What the steps ask of the world outside: two contracts that fit on a screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from intake.model import MailHead, Outgoing, RawMail, Result


@dataclass(frozen=True, slots=True)
class Folder:
    """A selected folder. ``uidnext`` is the first UID that is not yet given out; 0 when the server does not say."""

    name: str
    uidvalidity: int
    uidnext: int
    exists: int


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of a request to move mail: UIDs that are gone from the folder, and those that still stand there."""

    moved: tuple[int, ...]
    left: tuple[int, ...]


class Mailbox(Protocol):
    """An IMAP mailbox (RFC 9051). Every call ends within its deadline; every failure is a MailboxError.

    Nothing is ever marked as read, and nothing is expunged that ``file`` did not move or ``remove`` was not asked for.
    """

    name: str

    def open(self) -> None:
        """Connect and log in. Raises MailboxError, which says whether the host, TLS or the log-in failed."""

    def close(self) -> None:
        """Log out, or drop the connection. Never raises."""

    def select(self, folder: str) -> Folder:
        """Select a folder by its configured name. Raises MailboxError when it does not exist."""

    def ensure_folder(self, folder: str) -> None:
        """Create and subscribe a folder if it is missing."""

    def append(self, folder: str, content: bytes) -> None:
        """Put a mail of our own into a folder, unread: a drill."""

    def uids(self, first: int, last: int | None = None) -> list[int]:
        """UIDs of the selected folder from ``first`` (to ``last``), ascending. Costs the same at any folder size."""

    def heads(self, uids: Sequence[int]) -> list[MailHead]:
        """Size and INTERNALDATE for those that are still there."""

    def dates(self, uids: Sequence[int]) -> dict[int, datetime]:
        """INTERNALDATE of those that are still there, by one request; of none where one of them can't be looked at."""

    def fetch(self, heads: Iterable[MailHead], most: int | None = None) -> Iterator[RawMail]:
        """The mails themselves; one that has vanished meanwhile is left out.

        With ``most``, only the beginning of those that are larger: truncated, as above ``max_size``.

        A mail that the server can't deliver does not spoil the others: it is fetched by itself, and if that
        fails too, it comes marked ``unreadable``.
        """

    def file(self, uids: Sequence[int], destination: str) -> Filed:
        """Move mail of the selected folder: MOVE, else COPY, the Deleted flag and UID EXPUNGE of just these."""

    def remove(self, uids: Sequence[int]) -> Filed:
        """Delete mail of the selected folder for good: the Deleted flag and UID EXPUNGE (RFC 4315) of just these.

        Without UIDPLUS all of it is marked as deleted and left: expunging would take other people's mail along.
        """


class Watched(Mailbox, Protocol):
    """A mailbox that can also announce new mail (RFC 2177), and tell where a server keeps copies (RFC 6154)."""

    def special(self) -> dict[str, str]:
        """The folders for mail that was ``sent``, for ``all`` mail, for deleted mail (``trash``), where there are any.

        By the server's names for them, in the order in which a copy would move.
        """

    def bearing(self, message_ids: Sequence[str]) -> list[int]:
        """UIDs of the selected folder whose mail bears one of these Message-IDs; none where a server can't be asked."""

    def wait(self, seconds: float, stopping: Callable[[], bool]) -> bool:
        """Listen to the selected folder, at most so long; whether there may be new mail. Raises MailboxError."""


class TextRecords(Protocol):
    """What the DNS holds under a name."""

    def __call__(self, name: str) -> tuple[bytes, ...] | None:
        """The TXT records, each joined to one; none is an empty tuple, None that nobody answers now. Never raises."""


class Transport(Protocol):
    """A way out for one message to one recipient. Keeps its connection between calls."""

    def send(self, outgoing: Outgoing) -> Result:
        """Hand one message over. Never raises for what the network or the server does."""

    def may_send(self, ahead: int = 0) -> float:
        """Seconds until one more message may go under the rate limit, after ``ahead`` others; 0: it may go now."""

    def check(self) -> None:
        """Connect and log in without sending. Raises DeliveryError."""

    def close(self) -> None:
        """Say goodbye. Never raises."""
