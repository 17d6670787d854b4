"""Mails out of the selected folder, whatever state they are in: batches, slices, and one bad mail kept apart.

A server may die on one mail (a truncated file, a broken index), and then every batch with that mail in it dies.
So a batch that fails is split, level by level, until the bad mail stands alone; it gets another chance at the
end, in slices, and only then is it given as unreadable. A server that delivers nothing at all is another matter:
that is a failure of the server, not of the mails, and is raised.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeVar

from intake.model import MailHead
from intake.receive.dates import aware
from intake.receive.sequence import batches, uid_chunks
from intake.receive.session import Session, Told
from intake.receive.trouble import LostError, RefusedError

SLICE = 1 << 20  # a larger mail comes in pieces of this size: memory, and steps that end in time
BEGINNING = 256 << 10  # what is fetched of a mail above max_size
# With no mail read at all, so many broken connections mean that the server is ill, not the mails: by then a batch
# of 200 has been split so far that every handful of mails would have to hold a bad one.
BROKEN_WITHOUT_ONE_GOOD = 40
CUT_WITHOUT_ONE_GOOD = 2
CUT_AT_MOST = 5  # each costs a whole deadline

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Body:
    """What was read of one mail; ``truncated`` and ``unreadable`` as in ``RawMail``."""

    head: MailHead
    content: bytes
    truncated: bool = False
    unreadable: bool = False


class _End(Enum):
    """How reading one mail in slices ended."""

    WHOLE = auto()
    CUT = auto()  # there is more than was wanted
    GONE = auto()
    NOTHING = auto()  # the server has the mail, and gives NIL


class Reader:
    """Reads heads or bodies for one call. ``reopen`` connects anew and selects the same folder."""

    def __init__(self, session: Session, reopen: Callable[[], None], max_size: int) -> None:
        self._session, self._reopen, self._max_size = session, reopen, max_size
        self._small = min(SLICE, max_size)
        self._good = self._broken = self._cut = 0

    def heads(self, uids: Iterable[int]) -> Iterator[MailHead]:
        """Size and date of every mail that is still there; size 0 where the server can't tell."""
        for chunk in uid_chunks(uids):
            untold: list[int] = []
            for part, told in self._ask(chunk, lambda some: self._session.fetch(some, "RFC822.SIZE", "INTERNALDATE")):
                for uid in part:
                    if uid in told:
                        yield _head(uid, told[uid])
                    else:
                        untold.append(uid)
            for uid in self._still_there(untold):
                for _, told in self._ask([uid], lambda one: self._session.fetch(one, "INTERNALDATE")):
                    yield _head(uid, told.get(uid, {}))

    def bodies(self, heads: Iterable[MailHead]) -> Iterator[Body]:
        """Every mail that is still there, the doubtful ones last. Raises LostError, RefusedError."""
        doubtful: list[MailHead] = []
        for batch in batches(heads):
            small = [head for head in batch if head.size <= self._small]
            for part, told in self._ask(
                small, lambda some: self._session.fetch([one.uid for one in some], "BODY.PEEK[]")
            ):
                for head in part:
                    content = _section(told.get(head.uid), b"BODY[]")
                    if content is None:
                        doubtful.append(head)
                    else:
                        yield Body(head, content)
            for head in batch:
                if head.size > self._small:
                    yield from self._in_slices(head, doubtful)
        present = self._still_there([head.uid for head in doubtful])
        for head in doubtful:
            if head.uid in present:
                yield from self._once_more(head)

    def _ask(
        self, items: Sequence[Item], ask: Callable[[Sequence[Item]], Told]
    ) -> Iterator[tuple[Sequence[Item], Told]]:
        """Ask for many together, and split what fails; nothing is told of one that fails by itself."""
        parts = deque([items] if items else [])
        while parts:
            part = parts.popleft()
            try:
                told = ask(part)
            except (LostError, RefusedError) as failure:
                one_by_one = self._note(failure)
                if len(part) == 1:
                    yield part, {}
                else:  # cutting costs a deadline each time, so a server that hangs is not searched by halves
                    size = 1 if one_by_one else (len(part) + 1) // 2
                    parts.extend(part[start : start + size] for start in range(0, len(part), size))
            else:
                self._good += bool(told)
                yield part, told

    def _in_slices(self, head: MailHead, doubtful: list[MailHead]) -> Iterator[Body]:
        got = bytearray()
        try:
            end = self._slices(head, got)
        except (LostError, RefusedError) as failure:
            self._note(failure)
            doubtful.append(head)
            return
        if end is _End.NOTHING:
            doubtful.append(head)
        elif end is not _End.GONE:
            self._good += 1
            yield Body(head, bytes(got), truncated=end is _End.CUT)

    def _once_more(self, head: MailHead) -> Iterator[Body]:
        got = bytearray()
        try:
            end = self._slices(head, got)
        except (LostError, RefusedError) as failure:
            self._note(failure)
            yield Body(head, bytes(got) or self._sections(head), unreadable=True)
            return
        if end is _End.GONE:
            return
        if end is _End.NOTHING:
            yield Body(head, self._sections(head), unreadable=head.size > 0)
        else:
            self._good += 1
            yield Body(head, bytes(got), truncated=end is _End.CUT)

    def _slices(self, head: MailHead, got: bytearray) -> _End:
        """Read into ``got``, going on where a connection broke; raises when it breaks twice at one place.

        The size that a server tells is a hint (some lie): the mail ends where a slice comes back empty, or short when
        that size is reached. Where it is not reached, whatever a server answers to asking for more may mean the end.
        """
        wanted = BEGINNING if head.size > self._max_size else self._max_size + 1
        broke_at, may_end = -1, False
        while len(got) < wanted:
            count = min(SLICE, wanted - len(got))
            try:
                found = self._session.fetch([head.uid], f"BODY.PEEK[]<{len(got)}.{count}>")
            except LostError as lost:
                if broke_at == len(got):
                    raise
                broke_at = len(got)
                self._note(lost)
                continue
            except RefusedError:
                if may_end:
                    return _End.WHOLE
                raise
            if head.uid not in found and not may_end:
                return _End.GONE
            # A server that knows no slices gives all; what an earlier FETCH left behind must not be taken for a slice.
            names = (b"BODY[]<%d>" % len(got), *([] if got else [b"BODY[]"]))
            piece = _section(found.get(head.uid), *names)
            if piece is None:
                return _End.WHOLE if got else _End.NOTHING
            got += piece
            short, complete = len(piece) < count, len(got) >= head.size
            may_end = short or complete
            if not piece or len(piece) > count or (short and complete):  # longer: all at once
                break
        if len(got) < wanted and len(got) <= self._max_size:
            return _End.WHOLE
        del got[BEGINNING if head.size > self._max_size else self._max_size :]
        return _End.CUT

    def _sections(self, head: MailHead) -> bytes:
        """Header and text by themselves, as far as they can be had: some servers keep them apart."""
        content = b""
        for section, name in (
            ("BODY.PEEK[HEADER]", b"BODY[HEADER]"),
            (f"BODY.PEEK[TEXT]<0.{BEGINNING}>", b"BODY[TEXT]<0>"),
        ):
            try:
                found = self._session.fetch([head.uid], section)
            except (LostError, RefusedError) as failure:
                self._note(failure)
                break
            content += _section(found.get(head.uid), name) or b""
        return content

    def _still_there(self, uids: Sequence[int]) -> set[int]:
        present: set[int] = set()
        for chunk in uid_chunks(uids):
            self._session.noop()
            present.update(self._session.search(chunk))
        return present

    def _note(self, failure: LostError | RefusedError) -> bool:
        """Count a failure, raise it when the server is to blame, else be connected again; True if time was up."""
        if isinstance(failure, RefusedError):
            return False
        self._broken += 1
        self._cut += failure.deadline
        hopeless = self._broken >= BROKEN_WITHOUT_ONE_GOOD or self._cut >= CUT_WITHOUT_ONE_GOOD
        if (hopeless and not self._good) or self._cut >= CUT_AT_MOST:
            raise failure
        self._reopen()
        return failure.deadline


def _section(told: dict[bytes, Any] | None, *names: bytes) -> bytes | None:
    """The first of these sections in what FETCH told; None for NIL, and where the server left it out."""
    found = ((told or {}).get(name) for name in names)
    return next((value for value in found if isinstance(value, bytes)), None)


def _head(uid: int, told: dict[bytes, Any]) -> MailHead:
    size, moment = told.get(b"RFC822.SIZE"), told.get(b"INTERNALDATE")
    return MailHead(uid, size if isinstance(size, int) and size > 0 else 0, aware(moment))
