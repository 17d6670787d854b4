"""Sets of UIDs as IMAP writes them (RFC 9051, 9: sequence-set), and how much is asked for at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from intake.model import MailHead

BATCH_MAILS = 200  # beyond this a batch gains nothing, and a bad mail costs more to find
BATCH_BYTES = 4 << 20  # so that a slow line finishes one within the deadline; more is not faster
BATCH_UIDS = 500  # so that a command line stays below 8,192 octets (RFC 9051, 4)


def sequence_set(uids: Iterable[int]) -> str:
    """``1:3,7`` for 1, 2, 3 and 7: exactly these UIDs, runs written as ranges."""
    runs: list[tuple[int, int]] = []
    for uid in sorted(set(uids)):
        if runs and runs[-1][1] == uid - 1:
            runs[-1] = (runs[-1][0], uid)
        else:
            runs.append((uid, uid))
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in runs)


def members(text: str) -> Iterator[range]:
    """The runs of a sequence set without ``*``, as ranges. Raises ValueError on anything else."""
    for part in text.split(","):
        first, _, last = part.partition(":")
        low, high = sorted((int(first), int(last or first)))
        yield range(low, high + 1)


def uid_chunks(uids: Iterable[int]) -> Iterator[list[int]]:
    """Ascending UIDs without repetition, as many at once as one command may name."""
    ordered = sorted(set(uids))
    for start in range(0, len(ordered), BATCH_UIDS):
        yield ordered[start : start + BATCH_UIDS]


def batches(heads: Iterable[MailHead]) -> Iterator[Sequence[MailHead]]:
    """Mails that are asked for together: at most BATCH_MAILS of them and, beyond the first, BATCH_BYTES."""
    batch: list[MailHead] = []
    size = 0
    for head in heads:
        if batch and (len(batch) == BATCH_MAILS or size + head.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(head)
        size += head.size
    if batch:
        yield batch
