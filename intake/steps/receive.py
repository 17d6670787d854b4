"""Read a mailbox, every folder of it (``reading``), while its lease is held: no two runs read it at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from intake.errors import MailboxError
from intake.ledger.folders import NOT_FILED
from intake.steps.alarm import AUDIT
from intake.steps.audit import unknown_in_processed
from intake.steps.parts import MailboxReport, Parts
from intake.steps.reading import read_folder

if TYPE_CHECKING:
    from intake.config import MailboxConfig
    from intake.ports import Mailbox


def read(parts: Parts, settings: MailboxConfig, meanwhile: Callable[[], object] = lambda: None) -> MailboxReport:
    """One mailbox, every folder of it. Trouble with one folder leaves the others readable.

    ``meanwhile`` is called between two batches of a folder that holds more than one: what was read may leave by then.
    """
    report = MailboxReport(settings.name)
    lease = f"mailbox {settings.name}"
    if not parts.ledger.take_lease(lease, parts.holder, parts.now, parts.mailbox_lease):
        report.busy = True
        return report
    mailbox = parts.mailbox(settings)
    errors: list[str] = []
    try:
        errors = _folders(parts, settings, mailbox, report, meanwhile)
    finally:
        mailbox.close()
        # What can't be read is worse than what can't be filed.
        report.error = min(errors, key=lambda error: error.startswith(NOT_FILED), default=None)
        parts.ledger.end_turn(settings.name, lease, parts.holder, parts.now, report.error or "")
    return report


def _folders(
    parts: Parts,
    settings: MailboxConfig,
    mailbox: Mailbox,
    report: MailboxReport,
    meanwhile: Callable[[], object],
) -> list[str]:
    errors: list[str] = []
    connected, reachable = False, True
    for name in settings.watched:
        if parts.stopping():
            break
        try:
            if not connected:
                mailbox.open()
                connected = True
            read_folder(parts, settings, mailbox, name, report, meanwhile)
        except MailboxError as error:
            errors.append(str(error))
            reachable = connected
            if not connected:
                break  # the server can't be reached, or the log-in is refused: that holds for every folder
            mailbox.close()  # it may be in any state; the next folder gets a fresh connection
            connected = False
    if connected and report.before and settings.processed:
        _say_what_was_there(parts, settings, mailbox, report.before)
    if reachable and settings.processed and not parts.stopping():
        try:
            _settle_doubt(parts, settings, mailbox, report, connected=connected)
        except MailboxError as error:
            errors.append(str(error))
    return errors


def _settle_doubt(
    parts: Parts, settings: MailboxConfig, mailbox: Mailbox, report: MailboxReport, *, connected: bool
) -> None:
    """Look for mail that was filed unread, if there may be some; what was told of, until it is over."""
    if not (parts.ledger.in_doubt(settings.name) or f"{AUDIT}{settings.name}" in parts.ledger.alarms.open()):
        return
    if not connected:
        mailbox.open()
    report.unaccounted = unknown_in_processed(parts, settings, mailbox)
    if not report.unaccounted:
        parts.ledger.no_doubt(settings.name)


def _say_what_was_there(parts: Parts, settings: MailboxConfig, mailbox: Mailbox, before: int) -> None:
    """At a first contact that is none: mail has been filed here, and the ledger knows nothing of it."""
    try:
        filed = mailbox.select(settings.processed).exists
    except MailboxError:
        return  # there is no such folder yet
    if filed:
        parts.say(
            f"{settings.name}: {before} mail(s) stood here, and {filed} in {settings.processed}, before this ledger "
            "was made; they are recorded and answered to nobody. If you lost a ledger, look at them; see: "
            "intake cases machine --all"
        )
