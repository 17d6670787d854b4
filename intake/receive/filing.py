r"""Moving mail out of the selected folder, so that nothing is lost and nobody else's mail is touched.

With MOVE (RFC 6851) the server does it. Without, it is COPY, ``\\Deleted`` and UID EXPUNGE (RFC 4315) of exactly
the mails that were copied. A keyword set together with ``\\Deleted`` says that the copy is made, so that a crash
before the EXPUNGE does not end in a second copy. Without UIDPLUS the last step is left out: a plain EXPUNGE would
also take what other people have marked as deleted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from intake.receive.sequence import members, uid_chunks
from intake.receive.session import Session
from intake.receive.trouble import LostError, RefusedError

COPIED = "$IntakeFiled"
# Codes that no smaller batch can change (RFC 9051, 7.1).
HOPELESS = frozenset({"OVERQUOTA", "NOPERM", "READ-ONLY", "TRYCREATE", "NONEXISTENT", "UNAVAILABLE", "CANNOT"})
REFUSALS_WITHOUT_ONE_MOVE = 10


class Mover:
    """Moves mail of the selected folder to ``target``, a server's name. ``keywords``: the folder keeps keywords."""

    def __init__(self, session: Session, target: str, *, keywords: bool) -> None:
        self._session, self._target, self._keywords = session, target, keywords

    def move(self, uids: Sequence[int]) -> set[int]:
        """Move what is there; the UIDs that still stand in the folder afterwards. Raises RefusedError, LostError.

        A batch that is refused is split, so that a mail which can't be moved does not hold the others.
        """
        done = refusals = 0
        left: set[int] = set()
        parts: deque[Sequence[int]] = deque(uid_chunks(uids))
        while parts:
            part = parts.popleft()
            try:
                left |= self._part(part)
                done += 1
            except RefusedError as refused:
                refusals += 1
                alone = len(part) == 1
                if refused.code in HOPELESS or (
                    not done and (refusals > REFUSALS_WITHOUT_ONE_MOVE or (alone and not parts))
                ):
                    raise
                if alone:
                    left |= self._present(part)
                else:
                    middle = len(part) // 2
                    parts.extend((part[:middle], part[middle:]))
        return left

    def _part(self, part: Sequence[int]) -> set[int]:
        """Move one batch; what still stands in the folder. Moving a UID that is gone is no error to a server."""
        if self._session.can("MOVE"):
            self._session.move(part, self._target)
            return self._present(part)
        return self._copy_and_remove(part)

    def _copy_and_remove(self, part: Sequence[int]) -> set[int]:
        present = set(self._session.search(part))
        copied = set(self._session.search(present, "KEYWORD", COPIED)) if self._keywords and present else set()
        if present - copied:
            copied |= self._copy(present - copied)
        if not copied:
            return present
        self._session.mark(copied, "\\Deleted", *([COPIED] if self._keywords else []))
        if not self._session.can("UIDPLUS"):
            return present - copied  # as far as this server lets anybody go: copied, and marked as deleted
        self._session.expunge(copied)
        return self._present(part)

    def _copy(self, uids: set[int]) -> set[int]:
        """Copy; those known to be copied: by COPYUID where the server gives it, else all (RFC 9051, 6.4.7)."""
        told = self._session.copy(uids, self._target)
        if not told:
            return uids
        try:
            runs = [run for answer in told for run in members(answer.decode("ascii").split()[1])]
        except (ValueError, IndexError) as error:
            raise LostError("the server's COPYUID makes no sense: if this stays, look at the server") from error
        return {uid for uid in uids if any(uid in run for run in runs)}

    def _present(self, part: Sequence[int]) -> set[int]:
        return present(self._session, part)


def remove(session: Session, uids: Sequence[int]) -> set[int]:
    """Delete mail of the selected folder; what still stands there afterwards. Raises RefusedError, LostError."""
    left: set[int] = set()
    for part in uid_chunks(uids):
        there = set(session.search(part))
        if not there:
            continue
        session.mark(there, "\\Deleted")
        if not session.can("UIDPLUS"):
            left |= there  # as far as this server lets anybody go
            continue
        session.expunge(there)
        left |= present(session, part)
    return left


def present(session: Session, part: Sequence[int]) -> set[int]:
    """Which of them still stand in the folder. A second look, after NOOP, sees what others have removed."""
    if not session.search(part):
        return set()
    session.noop()
    return set(session.search(part))
