"""The one object that the steps ask for messages."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from intake.compose import acknowledgement, digests, encrypt, helplines, notices
from intake.compose.copies import Copies
from intake.compose.house import House
from intake.compose.markdown import Markdown
from intake.compose.mime import Lines
from intake.compose.render import Templates
from intake.letters import Acknowledgement, Alarm, Copy, Digest, Notice, Ping, Reminder
from intake.model import Outgoing

if TYPE_CHECKING:
    from intake.config import Config


class Composer:
    """Turns the facts of a message into its bytes: the same facts give the same bytes, except for ``now``'s Date.

    Every method raises TemplateError (``file:line``) when a template can't be rendered, and a permanent DeliveryError
    when the recipient's address can't be written in a message; neither names the address.
    """

    def __init__(self, config: Config | House, templates: Templates | None = None) -> None:
        if isinstance(config, House):
            self.house = config
            self.templates = templates or Templates()
        else:
            self.house = House.of(config)
            self.templates = templates or Templates(config.templates.directory)
        self.markdown = Markdown()
        self._lines = Lines()
        self._copies = Copies(self.house, self.templates, self.markdown, lambda: self.helplines, self._lines)

    @cached_property
    def helplines(self) -> helplines.Helplines:
        """The numbers to call, read at first use."""
        return helplines.load(self.templates)

    def acknowledgement(self, letter: Acknowledgement, now: datetime) -> Outgoing:
        """The automatic answer to a reporter; envelope sender as configured."""
        return acknowledgement.compose(
            letter, now, self.house, self.templates, self.markdown, self.helplines, self._lines
        )

    def copy(self, letter: Copy, now: datetime) -> Outgoing:
        """One organizer's copy of a report or follow-up; what is common to all organizers is composed once."""
        return self._copies.compose(letter, now)

    def encrypted(self, outgoing: Outgoing, key_file: Path, now: datetime) -> Outgoing:
        """A message for an organizer's eyes only. Raises EncryptionError, and then nothing was made."""
        key = encrypt.read_key(key_file, now)
        return encrypt.encrypted(outgoing, key)

    def digest(self, letter: Digest, now: datetime) -> Outgoing:
        """One organizer's digest; ages are told as of the letter's own ``now``."""
        return digests.compose(letter, now, self.house, self.templates, self.markdown)

    def notice(self, letter: Notice, now: datetime) -> Outgoing:
        """A short message about a case."""
        return notices.notice(letter, now, self.house, self.templates, self.markdown)

    def reminder(self, letter: Reminder, now: datetime) -> Outgoing:
        """Word that a case is overdue."""
        return notices.reminder(letter, now, self.house, self.templates, self.markdown)

    def alarm(self, letter: Alarm, now: datetime) -> Outgoing:
        """Word to whoever looks after the program."""
        return notices.alarm(letter, now, self.house, self.templates, self.markdown)

    def ping(self, letter: Ping) -> tuple[str, str]:
        """A call over a channel that is not mail: its title and its text."""
        return notices.ping(letter, self.house, self.templates)

    def forget(self) -> None:
        """Drop what is kept of mails between copies; for when a pass has ended."""
        self._copies.forget()
        self._lines.forget()
