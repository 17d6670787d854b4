"""Codes of cases that stand anywhere in a mail, however they are written there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from intake.edge import CODE_ALPHABET
from intake.model import ParsedMail

MOST = 200  # codes that are asked about; a digest that somebody quotes names a case in each of its lines
_DASHES = "\u00a0\u2010-\u2015\u2212"  # that people and their programs write for a hyphen; a space as well
_TAIL = re.compile(rf"[- {_DASHES}]([{CODE_ALPHABET}{CODE_ALPHABET.lower()}]{{6}})(?![A-Za-z0-9])")
_HEAD = re.compile(r"[A-Za-z0-9]{1,16}\Z")


def mentioned(mail: ParsedMail) -> tuple[str, ...]:
    """The codes, as the ledger writes them, and what looks like one."""
    files = [attachment.name for attachment in mail.attachments]
    texts = (mail.subject, mail.text, *mail.all_text, *files, *mail.values("thread-topic"))
    found: dict[str, None] = {}
    for text in texts:
        for code in _in(text):
            found[code] = None
            if len(found) >= MOST:
                return tuple(found)
    return tuple(found)


def _in(text: str) -> Iterator[str]:
    for tail in _TAIL.finditer(text):
        if head := _HEAD.search(text, max(0, tail.start() - 16), tail.start()):
            yield f"{head[0]}-{tail[1]}".upper()
