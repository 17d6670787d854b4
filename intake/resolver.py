"""Keys out of the DNS, with an end to every wait: dnspython behind one call.

Whoever writes to us chooses which servers are asked. So an answer is waited for ``SECONDS`` at most, all answers
together ``PATIENCE`` in any minute, and what was learnt is kept for a while; without an answer nothing is proved.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

SECONDS = 3.0
PATIENCE = 15.0
KEPT = 300.0
MOST_KEPT = 500
MISSING = "[acknowledgement] dkim needs dnspython; install it: pip install 'conduct-intake[dkim]'"


def is_installed() -> bool:
    """Whether the extra is there."""
    try:
        import dns.resolver  # noqa: F401, PLC0415 - an extra
    except ImportError:
        return False
    return True


@dataclass
class Resolver:
    """``ports.TextRecords``. ``servers`` and ``port`` are for tests; else the machine's own resolver is asked."""

    monotonic: Callable[[], float] = time.monotonic
    servers: Sequence[str] = ()
    port: int = 53
    seconds: float = SECONDS
    _asked: Any = field(default=None, repr=False)
    _known: OrderedDict[str, tuple[float, tuple[bytes, ...]]] = field(default_factory=OrderedDict, repr=False)
    _minute: float = float("-inf")
    _waited: float = 0.0

    def __call__(self, name: str) -> tuple[bytes, ...] | None:
        """The TXT records under a name; empty when there is none, None when nobody answers in time."""
        begun = self.monotonic()
        kept = self._known.get(name)
        if kept is not None and begun - kept[0] < KEPT:
            return kept[1]
        if begun - self._minute > 60:
            self._minute, self._waited = begun, 0.0
        if self._waited >= PATIENCE:
            return None
        found = self._ask(name)
        self._waited += self.monotonic() - begun
        if found is not None:
            self._known[name] = (begun, found)
            while len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)
        return found

    def _ask(self, name: str) -> tuple[bytes, ...] | None:
        import dns.exception  # noqa: PLC0415 - an extra, loaded when the first signature is met
        import dns.resolver  # noqa: PLC0415

        try:
            if self._asked is None:
                self._asked = dns.resolver.Resolver(configure=not self.servers)
                if self.servers:
                    self._asked.nameservers = list(self.servers)
                    self._asked.port = self.port
            answer = self._asked.resolve(f"{name}.", "TXT", lifetime=self.seconds, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except (dns.exception.DNSException, OSError, ValueError, UnicodeError):
            return None
        return tuple(b"".join(record.strings) for record in answer)
