"""Errors that an operator reads.

Each message is one line: what went wrong, where, and what to do about it.
No message carries anything out of a reporter's mail: no name, address, subject or text.
"""

from __future__ import annotations


class IntakeError(Exception):
    """Anything this program reports by itself; the command line prints it without a traceback."""


class ConfigError(IntakeError):
    """The configuration can't be used.

    ``problems`` holds every problem found, one line each, as ``file:line: what; what to do``.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class MailboxError(IntakeError):
    """A mailbox can't be read or filed right now; the mail in it is safe and is read later."""


class LedgerError(IntakeError):
    """The ledger can't be read or written; nothing has been filed that is not recorded."""


class OutdatedError(LedgerError):
    """The ledger became another one while this program ran: upgraded, replaced. Only a new start helps."""


class TemplateError(IntakeError):
    """A template can't be rendered; ``where`` is ``file:line`` where it is known."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where


class EncryptionError(IntakeError):
    """A message can't be encrypted: what is wrong with the key, and what to do. Nothing is sent in its place."""


class DeliveryError(IntakeError):
    """A message could not be handed over.

    ``permanent`` is the one bit that matters: trying again can't help. What is unknown is temporary.
    """

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent
