"""Whose fault it is that a mail can't be read: its own, or that of the connection and the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intake.errors import MailboxError

if TYPE_CHECKING:
    from intake.config import MailboxConfig
    from intake.model import MailRef
    from intake.ports import Mailbox
    from intake.steps.parts import Parts

COMPARED = 3  # mails, the smallest of the latest; one that can be read is enough
LATEST = 20


def others_can_be_read(parts: Parts, settings: MailboxConfig, mailbox: Mailbox, ref: MailRef) -> bool:
    """Whether, on a new connection, some other mail can be read; where there is none, whether the server answers.

    Only then does it count against a mail that it could not be read. Leaves its folder selected.
    """
    mailbox.close()
    try:
        mailbox.open()
        there = mailbox.select(ref.folder)
        mailbox.heads([ref.uid])
        troubled = parts.ledger.in_trouble(ref.mailbox, ref.folder, ref.uidvalidity)
        others = [uid for uid in mailbox.uids(1) if uid != ref.uid and uid not in troubled]
        if not others and settings.processed:
            mailbox.ensure_folder(settings.processed)
            mailbox.select(settings.processed)
            others = mailbox.uids(1)
        latest = mailbox.heads(others[-LATEST:]) if others else []
        heads = sorted(latest, key=lambda head: head.size)[:COMPARED]
        well = not heads or any(not raw.unreadable for raw in mailbox.fetch(heads))
        return mailbox.select(ref.folder).uidvalidity == there.uidvalidity == ref.uidvalidity and well
    except MailboxError:
        return False
