"""An IMAP mailbox: what ``intake.ports.Mailbox`` promises, on a real connection.

Folders are opened with EXAMINE to read and with SELECT only to file, and bodies come by BODY.PEEK: whoever opens
the mailbox beside us sees it as if nobody had been there. Only UIDs name mails; sequence numbers never do.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from intake.errors import IntakeError, MailboxError
from intake.ports import Filed, Folder
from intake.receive.dates import NO_DATE, aware
from intake.receive.filing import COPIED, Mover, remove
from intake.receive.folders import Namespace, candidates
from intake.receive.login import PasswordLike
from intake.receive.session import Session
from intake.receive.trouble import LostError, RefusedError
from intake.receive.wire import Settings

if TYPE_CHECKING:
    from datetime import datetime

    from intake.model import MailHead, RawMail
    from intake.receive.fetching import Reader

DEADLINE_S = 60.0
# A SEARCH answer is one line, and imaplib reads lines up to 1,000,000 octets: 90,000 UIDs of ten digits.
SEARCH_AT_ONCE = 80_000
IDS_AT_ONCE = 20
SPECIAL = {"sent": b"\\Sent", "all": b"\\All", "trash": b"\\Trash"}  # RFC 6154, 2
_PLAIN = re.compile(
    r"<?[\w.!#$&'+/=?^`|~@:-]{3,250}>?", re.ASCII
)  # what needs no quoting, whatever a server takes for that
# Codes with which a server refuses a folder that exists (RFC 9051, 7.1); without one, it is taken to be missing.
NOT_MISSING = frozenset(
    {"NOPERM", "INUSE", "UNAVAILABLE", "SERVERBUG", "LIMIT", "READ-ONLY", "CORRUPTION", "CONTACTADMIN"}
)
# How servers refuse a token that has ended or was revoked; Exchange gives no code. A server that can't check tokens
# at the moment (UNAVAILABLE) would not take a new one either.
TOKEN_REFUSED = frozenset({"AUTHENTICATIONFAILED", "EXPIRED", ""})


@dataclass(frozen=True, slots=True)
class _Selected:
    folder: Folder
    wire_name: str
    writable: bool
    keywords: bool


class ImapMailbox:
    """A mailbox read over IMAP. ``credential`` is asked at every log-in, so that a token may be fresh.

    ``deadline_s`` bounds each step: opening, and each command that follows.
    """

    def __init__(
        self, settings: Settings, credential: Callable[[], PasswordLike], *, deadline_s: float = DEADLINE_S
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._credential = credential
        self._session = Session(settings, deadline_s)
        self._selected: _Selected | None = None
        self._known_namespace: Namespace | None = None
        self._wire_names: dict[str, str] = {}

    def open(self) -> None:
        """Connect and log in, anew if there was a connection."""
        self._selected = None
        with self._doing("can't log in"):
            self._connect()

    def close(self) -> None:
        """Log out, or drop the connection. Never raises."""
        self._selected = None
        self._session.close()

    def select(self, folder: str) -> Folder:
        """Select a folder to read from it."""
        self._selected = None
        with self._doing(f"folder {folder} can't be opened"):
            self._selected = self._open_folder(folder)
            return self._selected.folder

    def ensure_folder(self, folder: str) -> None:
        """Create and subscribe a folder if it is missing; that another made it meanwhile is fine."""
        with self._doing(f"folder {folder} can't be created"):
            self._ensure(folder)

    def append(self, folder: str, content: bytes) -> None:
        """Put a mail into a folder, unread, as if it had come in; for drills."""
        with self._doing(f"nothing can be put into folder {folder}"):
            self._session.append(self._names(folder)[0], content)

    def uids(self, first: int, last: int | None = None) -> list[int]:
        """UIDs from ``first`` to ``last``, ascending. One SEARCH, unless the answer would be too long for a line."""
        with self._doing("mail can't be listed"):
            folder = self._current().folder
            first = max(first, 1)
            if last is not None and last < first:
                return []
            span = f"{first}:{'*' if last is None else last}"
            most = min(folder.exists, folder.uidnext - first if folder.uidnext else folder.exists)
            if last is not None:
                most = min(most, last - first + 1)
            found: set[int] = set()
            for extra in _pages(folder.exists) if most > SEARCH_AT_ONCE else ((),):
                found.update(self._session.search(span, *extra))
            # ``N:*`` always names the last mail, also when its UID is below N (RFC 9051, 9: seq-range).
            return sorted(uid for uid in found if first <= uid and (last is None or uid <= last))

    def heads(self, uids: Sequence[int]) -> list[MailHead]:
        """Size and INTERNALDATE for those that are still there, by UID."""
        with self._doing("mail can't be looked at"):
            return sorted(self._reader(self._current()).heads(uids), key=lambda head: head.uid)

    def dates(self, uids: Sequence[int]) -> dict[int, datetime]:
        """INTERNALDATE of those that are still there; of none where a mail refuses the request or breaks it off."""
        with self._doing("mail can't be looked at"):
            selected = self._current()
            try:
                told = self._session.fetch(uids, "INTERNALDATE")
            except RefusedError:
                told = {}
            except LostError:
                self._reopen(selected)
                told = {}
            dates = {uid: aware(answer.get(b"INTERNALDATE")) for uid, answer in told.items()}
            return {uid: date for uid, date in dates.items() if date != NO_DATE}

    def fetch(self, heads: Iterable[MailHead], most: int | None = None) -> Iterator[RawMail]:
        """The mails themselves, those that the server has trouble with last."""
        from intake.model import MailRef, RawMail  # noqa: PLC0415 - as in _reader

        with self._doing("mail can't be fetched"):
            selected = self._current()
        folder = selected.folder
        bodies = self._reader(selected, most).bodies(heads)
        while True:
            with self._doing("mail can't be fetched"):
                body = next(bodies, None)
            if body is None:
                return
            yield RawMail(
                ref=MailRef(self.name, folder.name, folder.uidvalidity, body.head.uid),
                internal_date=body.head.internal_date,
                size=body.head.size,
                body=body.content,
                truncated=body.truncated,
                unreadable=body.unreadable,
            )

    def file(self, uids: Sequence[int], destination: str) -> Filed:
        """Move mail to a folder, which is created if need be; afterwards look which of it is really gone."""
        if not uids:
            return Filed((), ())
        with self._doing(f"mail can't be moved to {destination}"):
            target = self._ensure(destination)
            selected = self._current()
            if target == selected.wire_name:
                raise RefusedError("that is the folder it stands in: choose another `processed`")
            if not selected.writable:
                selected = self._selected = self._reselect(selected, writable=True)
            try:
                left = Mover(self._session, target, keywords=selected.keywords).move(uids)
            except RefusedError as refused:
                if refused.code in {"TRYCREATE", "NONEXISTENT"}:
                    self._wire_names.pop(destination, None)  # somebody has removed it: the next call makes it again
                raise
            return Filed(
                tuple(uid for uid in uids if uid not in left),
                tuple(uid for uid in uids if uid in left),
            )

    def remove(self, uids: Sequence[int]) -> Filed:
        """Delete mail for good, as far as the server lets anybody delete just these."""
        if not uids:
            return Filed((), ())
        with self._doing("mail can't be deleted"):
            selected = self._current()
            if not selected.writable:
                self._selected = self._reselect(selected, writable=True)
            left = remove(self._session, uids)
            return Filed(
                tuple(uid for uid in uids if uid not in left),
                tuple(uid for uid in uids if uid in left),
            )

    def special(self) -> dict[str, str]:
        """The folders for sent, all and deleted mail, by the server's names."""
        with self._doing("folders can't be listed"):
            found = {use: self._session.special(flag) for use, flag in SPECIAL.items()}
            return {use: name for use, name in found.items() if name}

    def bearing(self, message_ids: Sequence[str]) -> list[int]:
        """UIDs of mail with one of these Message-IDs: a server may find more, whose field holds it."""
        with self._doing("mail can't be searched"):
            self._current()
            asked = [piece for one in message_ids if (piece := _asked(one))]
            found: set[int] = set()
            for start in range(0, len(asked), IDS_AT_ONCE):
                some = [("HEADER", "Message-ID", one) for one in asked[start : start + IDS_AT_ONCE]]
                keys = [*(word for key in some[1:] for word in ("OR", *key)), *some[0]]
                found.update(self._session.search("1:*", *keys))
            return sorted(found)

    def wait(self, seconds: float, stopping: Callable[[], bool]) -> bool:
        """Listen to the selected folder by IDLE; whether there may be new mail."""
        with self._doing("new mail can't be waited for"):
            self._current()
            if not self._session.can("IDLE"):
                raise RefusedError("the server offers no IDLE: set idle = false")
            return self._session.idle(seconds, stopping)

    def _connect(self) -> None:
        self._known_namespace = None
        self._wire_names.clear()
        secret = self._credential()
        try:
            self._session.open(secret)
        except RefusedError as refused:
            renew = getattr(secret, "renew", None)
            if renew is None or refused.code not in TOKEN_REFUSED:
                raise
            self._session.open(renew())  # once: what was issued just now is not outdated

    def _reader(self, selected: _Selected, most: int | None = None) -> Reader:
        from intake.receive.fetching import Reader  # noqa: PLC0415 - most passes find no mail, and cron pays for each

        largest = min(self._settings.max_size, most or self._settings.max_size)
        return Reader(self._session, lambda: self._reopen(selected), largest)

    def _reopen(self, selected: _Selected) -> None:
        """Connect again and select the same folder. Raises when its UIDs no longer mean the same."""
        self._connect()
        self._selected = self._reselect(selected, writable=False)

    def _reselect(self, selected: _Selected, *, writable: bool) -> _Selected:
        again = self._examine(selected.folder.name, selected.wire_name, writable=writable)
        if again.folder.uidvalidity != selected.folder.uidvalidity:
            self._selected = None
            raise RefusedError("the server has renumbered the folder meanwhile: it is read anew in the next pass")
        return again

    def _current(self) -> _Selected:
        if self._selected is None or not self._session.is_open:
            raise LostError("no folder is open: the connection was lost before, it is opened again in the next pass")
        return self._selected

    def _open_folder(self, folder: str) -> _Selected:
        for wire_name in self._names(folder):
            try:
                selected = self._examine(folder, wire_name, writable=False)
            except RefusedError as refused:
                if refused.code in NOT_MISSING:
                    raise
                continue
            if not selected.folder.uidvalidity:
                raise RefusedError("the server gives no UIDVALIDITY, so its mails have no lasting names")
            self._wire_names[folder] = wire_name
            return selected
        raise RefusedError("it does not exist; create it on the server, or correct `folders`")

    def _examine(self, folder: str, wire_name: str, *, writable: bool) -> _Selected:
        told = self._session.select(wire_name, writable=writable)
        kept = told.get(b"PERMANENTFLAGS", ())
        return _Selected(
            Folder(folder, *(_count(told.get(key)) for key in (b"UIDVALIDITY", b"UIDNEXT", b"EXISTS"))),
            wire_name,
            writable,
            keywords=b"\\*" in kept or COPIED.encode() in kept,
        )

    def _ensure(self, folder: str) -> str:
        """The server's name of a folder that exists from now on."""
        if folder in self._wire_names:
            return self._wire_names[folder]
        names = self._names(folder)
        made = next((name for name in names if self._session.exists(name)), None) or self._create(names)
        self._wire_names[folder] = made
        return made

    def _create(self, names: Sequence[str]) -> str:
        refusal = RefusedError("the server takes no such name")
        for name in names:
            try:
                self._session.create(name)
            except RefusedError as refused:
                refusal = refused
                if not self._session.exists(name):  # else another was faster
                    continue
            with contextlib.suppress(RefusedError):  # people's programs show subscribed folders; ours needs none
                self._session.subscribe(name)
            return name
        raise RefusedError(f"{refusal}; make it by hand, or name another in `processed`")

    def _names(self, folder: str) -> Sequence[str]:
        if folder in self._wire_names:
            return (self._wire_names[folder],)
        if self._known_namespace is None:
            self._known_namespace = self._session.namespace()
        return candidates(folder, self._known_namespace)

    @contextlib.contextmanager
    def _doing(self, what: str) -> Iterator[None]:
        """Tell what failed, where, and what to do, in one line."""
        where = f"mailbox {self.name} ({self._settings.host}:{self._settings.port})"
        try:
            yield
        except (RefusedError, LostError) as error:
            raise MailboxError(f"{where}: {what}: {error}") from error
        except MailboxError:
            raise
        except IntakeError as error:  # the credential could not be had
            raise MailboxError(f"{where}: {what}: {' '.join(str(error).split())}") from error


def _pages(exists: int) -> Iterator[tuple[str, ...]]:
    """Search keys that cut a folder into pages by position, from its end.

    A mail only ever moves to lower positions, into pages that are still to come, so none is missed when others
    are removed meanwhile. Positions limit what is found, they never name a mail.
    """
    start = max(exists - SEARCH_AT_ONCE, 0) + 1
    yield (f"{start}:*",)
    while start > 1:
        start, end = max(start - SEARCH_AT_ONCE, 1), start - 1
        yield (f"{start}:{end}",)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _asked(message_id: str) -> str:
    """What to search for: the id, or the longest piece of it that needs no quoting; empty for what is no id.

    A server looks for a text within the field (RFC 9051, 6.4.4), so a piece finds the mail too, and maybe others.
    """
    if not (message_id.startswith("<") and message_id.endswith(">") and message_id.isprintable()):
        return ""
    return max(_PLAIN.findall(message_id), key=len, default="")
