"""A mailbox on a peer that says what a test makes it say, and a limit to how long anything may take there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from servers.mailboxes import Secret, Settings

from intake.errors import MailboxError
from intake.model import RawMail
from intake.receive.imap import ImapMailbox

DEADLINE_S = 0.4
AT_MOST_S = 8.0  # far beyond any deadline here, far below a hang


def mailbox_at(port: int, *, password: str = "secret", deadline_s: float = DEADLINE_S, **changes: Any) -> ImapMailbox:
    found = Settings(port, **{"security": "none", "host": "127.0.0.1", **changes})
    return ImapMailbox(found, lambda: Secret(password), deadline_s=deadline_s)


def everything(mailbox: ImapMailbox) -> list[RawMail]:
    mailbox.open()
    mailbox.select("INBOX")
    return list(mailbox.fetch(mailbox.heads(mailbox.uids(1))))


def fails(port: int, work: Callable[[ImapMailbox], object], **changes: Any) -> str:
    """What the error says; it comes in time, is one line and names the mailbox."""
    mailbox = mailbox_at(port, **changes)
    began = time.monotonic()
    with pytest.raises(MailboxError) as told:
        work(mailbox)
    assert time.monotonic() - began < AT_MOST_S
    mailbox.close()
    assert time.monotonic() - began < AT_MOST_S
    text = str(told.value)
    assert text.startswith(f"mailbox help (127.0.0.1:{port}): ")
    assert "\n" not in text
    assert "secret" not in text
    return text
