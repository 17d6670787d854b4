"""Whoever needs all mailboxes at rest waits for the busy one without keeping the others from being read."""

from __future__ import annotations

import queue
import threading
from typing import Any

from intake.service import Outset, Service


class Watched:
    """A lock that tells when somebody waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.waited_for = threading.Event()

    def acquire(self, *, blocking: bool = True, timeout: float = -1) -> bool:
        if self._lock.acquire(blocking=False):
            return True
        if not blocking:
            return False
        self.waited_for.set()
        return self._lock.acquire(timeout=timeout)

    def release(self) -> None:
        self._lock.release()

    def locked(self) -> bool:
        return self._lock.locked()


def test_nothing_is_held_while_one_is_waited_for() -> None:
    unused: Any = None
    service: Any = Service(Outset(unused, unused, unused), queue.SimpleQueue(), {})
    locks = first, busy, last = Watched(), Watched(), Watched()
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with service._all_held(locks):
            inside.set()
            leave.wait(20)

    busy.acquire()
    thread = threading.Thread(target=work)
    thread.start()
    assert busy.waited_for.wait(20)
    assert (first.locked(), last.locked()) == (False, False)
    busy.release()
    assert inside.wait(20)
    assert all(lock.locked() for lock in locks)
    leave.set()
    thread.join(20)
    assert not any(lock.locked() for lock in locks)
