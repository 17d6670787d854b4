"""Mail that is announced (IMAP IDLE, RFC 2177): one thread and one connection for each folder that is listened to.

It only ever wakes the reading of the mailbox, which goes on by the clock all the same: a connection that is dead and
does not know it costs time, never a mail.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from intake.errors import IntakeError

if TYPE_CHECKING:
    from intake.ports import Watched

RENEW_SECONDS = 540.0  # servers and the routers between forget a connection that is silent for ten minutes and more
FIRST_REST, LONGEST_REST = 2.0, 300.0  # between attempts to connect


class Watch(threading.Thread):
    """Listens to one folder until ``over``. ``wake`` is called when there may be new mail."""

    def __init__(
        self,
        make: Callable[[], Watched],
        folder: str,
        wake: Callable[[], None],
        over: threading.Event,
        say: Callable[[str], None],
        *,
        renew_seconds: float = RENEW_SECONDS,
    ) -> None:
        super().__init__(name="idle", daemon=True)
        self._make, self._folder, self._wake, self._over, self._say = make, folder, wake, over, say
        self._renew_seconds = renew_seconds

    def run(self) -> None:
        """Connect, listen, and connect again, at growing intervals while that fails."""
        rest, told = FIRST_REST, ""
        while not self._over.is_set():
            mailbox = self._make()
            try:
                mailbox.open()
                mailbox.select(self._folder)
                rest, told = FIRST_REST, ""
                self._wake()  # for what came while nobody listened
                while not self._over.is_set():
                    if mailbox.wait(self._renew_seconds, self._over.is_set):
                        self._wake()
            except IntakeError as error:
                if str(error) != told:  # the same trouble is told once
                    told = str(error)
                    self._say(f"{told}; meanwhile new mail is found by polling")
            finally:
                mailbox.close()
            self._over.wait(rest)
            rest = min(2 * rest, LONGEST_REST)
