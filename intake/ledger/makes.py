"""What the ledger needs from the edge to write something new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from intake.model import MessageKind

# An answer leaves once a copy of its mail has: waiting for copies of others, it would have its mail read once more.
PRIORITY = {MessageKind.DIGEST: 3}


@dataclass(frozen=True, slots=True)
class Makes:
    """What accept needs from the edge: a Message-ID of ours, and a case code."""

    message_id: Callable[[], str]
    code: Callable[[], str]
