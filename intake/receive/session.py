"""One connection to an IMAP server, step by step: each within the deadline, each failure one of two kinds."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from intake.deadline import Deadline
from intake.receive.folders import Namespace
from intake.receive.login import LoginRefusedError, PasswordLike, log_in, why_not, why_refused
from intake.receive.sequence import sequence_set
from intake.receive.trouble import (
    TROUBLE,
    LostError,
    RefusedError,
    explain_dialling,
    explain_talking,
    response_code,
    too_slow,
)
from intake.receive.wire import Client, LoginError, Settings, connect, is_answer
from intake.tls import UnsafeError

LONGEST_GOODBYE_S = 5.0
LONGEST_REST_S = 2.0  # between two looks at whether to stop, while the server is listened to

Told = dict[int, dict[bytes, Any]]  # what FETCH told, by UID


class Session:
    """A connection that can be opened again. Every command raises RefusedError or LostError. One thread at a time."""

    def __init__(self, settings: Settings, seconds: float) -> None:
        self._settings = settings
        self._deadline = Deadline(seconds)
        self._client: Client | None = None
        self._capabilities: frozenset[bytes] = frozenset()

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as one can know."""
        return self._client is not None

    def can(self, capability: str) -> bool:
        """Whether the server offers this to those who have logged in."""
        return capability.encode() in self._capabilities

    def open(self, secret: PasswordLike) -> None:
        """Connect, secure the connection, log in: within the deadline in all."""
        self.drop()
        token = self._settings.auth != "password"
        with self._deadline.step():
            try:
                self._client = connect(self._settings, self._deadline)
            except TROUBLE as error:
                self.drop()
                raise self._lost(error, explain_dialling(error, self._settings.host)) from error
            except UnsafeError as error:
                self.drop()
                raise RefusedError(str(error)) from error
            except RefusedError:
                self.drop()
                raise
            try:
                log_in(self._client, self._settings.user, secret, token=token)
                self._capabilities = frozenset(self._client.capabilities())
            except LoginRefusedError as error:
                self.drop()
                raise RefusedError(str(error)) from error
            except TROUBLE as error:
                self.drop()
                raise self._not_let_in(error, token=token) from error

    def close(self) -> None:
        """Log out in good order if that is quick, else drop the connection. Never raises."""
        if self._client is not None:
            seconds = min(LONGEST_GOODBYE_S, self._deadline.seconds)
            with self._deadline.step(seconds), contextlib.suppress(*TROUBLE):
                self._client.logout()
        self.drop()

    def drop(self) -> None:
        """Close the connection without a word. Never raises."""
        client, self._client = self._client, None
        self._capabilities = frozenset()
        if client is not None:
            with contextlib.suppress(*TROUBLE):
                client.shutdown()
        self._deadline.forget()

    def select(self, folder: str, *, writable: bool) -> dict[bytes, Any]:
        """SELECT, or EXAMINE; what the server told about the folder."""
        told: dict[bytes, Any] = self._run("select_folder", folder, not writable)
        return told

    def search(self, uids: str | Iterable[int], *more: str) -> list[int]:
        """Those of these UIDs that are there (and match ``more``). ``uids`` may be a range such as ``7:*``."""
        return list(self._run("search", ["UID", uids if isinstance(uids, str) else sequence_set(uids), *more]))

    def fetch(self, uids: Sequence[int], *items: str) -> Told:
        """UID FETCH. What is gone, or what the server leaves out, is not in the answer."""
        told: Told = self._run("fetch", uids, items)
        return told

    def noop(self) -> None:
        """Let the server tell what others have done."""
        self._run("noop")

    def special(self, flag: bytes) -> str:
        """The folder of a special use, by its flag or by the names that are usual for it; empty when there is none."""
        found = self._run("find_special_folder", flag)
        return found if isinstance(found, str) else ""

    def exists(self, folder: str) -> bool:
        """Whether a folder is there and can hold mail."""
        try:
            self._run("folder_status", folder, ["UIDVALIDITY"])
        except RefusedError:
            return False
        return True

    def create(self, folder: str) -> None:
        """CREATE."""
        self._run("create_folder", folder)

    def subscribe(self, folder: str) -> None:
        """SUBSCRIBE."""
        self._run("subscribe_folder", folder)

    def append(self, folder: str, content: bytes) -> None:
        """APPEND, unread."""
        self._run("append", folder, content)

    def move(self, uids: Iterable[int], folder: str) -> None:
        """UID MOVE (RFC 6851)."""
        self._run("move", sequence_set(uids), folder)

    def copy(self, uids: Iterable[int], folder: str) -> list[bytes]:
        """UID COPY; the COPYUIDs that the server gave."""
        told: list[bytes] = self._run("copy_and_tell", sequence_set(uids), folder)
        return told

    def mark(self, uids: Iterable[int], *flags: str) -> None:
        """Add flags."""
        self._run("add_flags", sequence_set(uids), [flag.encode() for flag in flags], True)  # noqa: FBT003 - "silent"

    def expunge(self, uids: Iterable[int]) -> None:
        """UID EXPUNGE (RFC 4315): of these, those that are marked as deleted; no others."""
        self._run("uid_expunge", sequence_set(uids))

    def idle(self, seconds: float, stopping: Callable[[], bool]) -> bool:
        """IDLE (RFC 2177), at most so long; whether the server told of new mail.

        An answer of nothing before its time is how a connection shows that it is dead.
        """
        end = time.monotonic() + seconds
        self._run("idle")
        told: list[Any] = []
        while not _new_mail(told) and time.monotonic() < end and not stopping():
            rest = max(min(end - time.monotonic(), LONGEST_REST_S), 0.2)
            began = time.monotonic()
            told = self._run("idle_check", rest)
            if not told and time.monotonic() - began < rest / 2:
                self.drop()
                raise LostError("the server closed the connection: it is opened again")
        _, late = self._run("idle_done")
        return _new_mail([*told, *late])

    def namespace(self) -> Namespace:
        """The first personal namespace (RFC 2342), or what LIST tells where there is none."""
        if self.can("NAMESPACE"):
            match self._run("namespace"):
                case ((((str(prefix), separator), *_)), *_):
                    return Namespace(prefix, str(separator or ""), known=True)
        separator = self._run("levels")
        return Namespace("", separator.decode("ascii", "ignore") if isinstance(separator, bytes) else "", known=False)

    def _run(self, command: str, *given: Any) -> Any:
        """One command of the client within the deadline; nothing of ours runs inside the boundary."""
        if self._client is None:
            raise LostError("not connected: the connection was lost before, it is opened again in the next pass")
        with self._deadline.step():
            try:
                return getattr(self._client, command)(*given)
            except TROUBLE as error:
                if is_answer(error) and not self._deadline.expired:
                    raise RefusedError(why_not(error), response_code(error)) from error
                self.drop()
                raise self._lost(error, explain_talking(error)) from error

    def _not_let_in(self, error: BaseException, *, token: bool) -> RefusedError | LostError:
        """A refused log-in; imapclient wraps a connection that broke on the way in the same LoginError."""
        within = error.__context__ if isinstance(error, LoginError) else error
        if self._deadline.expired or within is None or not is_answer(within):
            return self._lost(error, explain_talking(within or error))
        code = response_code(error)
        return RefusedError(why_refused(code, token=token), code)

    def _lost(self, error: BaseException, what: str) -> LostError:
        cut = self._deadline.expired or isinstance(error, TimeoutError)
        return LostError(too_slow(self._deadline.seconds) if cut else what, deadline=cut)


def _new_mail(told: Iterable[Any]) -> bool:
    """Whether EXISTS is among what a server told; flags and removals are nothing new."""
    return any(isinstance(one, tuple) and len(one) > 1 and one[1] == b"EXISTS" for one in told)
