"""What a pass has come to: counts and troubles, nothing else, so that a pass without news loads nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class MailboxReport:
    """How reading one mailbox went; ``error`` is None when well. ``busy``: another run is reading it."""

    name: str
    error: str | None = None
    seen: int = 0
    accepted: int = 0
    duplicates: int = 0
    filed: int = 0
    busy: bool = False
    before: int = 0  # mails that were there at first contact
    unaccounted: int | None = None  # mails in the processed folder that nobody knows; None: not looked


@dataclass(slots=True)
class PassReport:
    """What one pass has come to. ``pending`` still has to happen; ``failed`` was given up in this pass."""

    mailboxes: list[MailboxReport] = field(default_factory=list)
    sent: int = 0
    failed: int = 0
    pending: int = 0
    problems: list[str] = field(default_factory=list)
    way_out_failed: bool = False
    alarms: int = 0  # troubles that are not over
    erased: int = 0  # cases whose time was up

    def total(self, what: str) -> int:
        """A count over all mailboxes."""
        return sum(getattr(report, what) for report in self.mailboxes)

    @property
    def left(self) -> bool:
        """Whether something has to be tried again."""
        return bool(self.pending or self.problems or any(report.error for report in self.mailboxes))
