"""The audit: every mail in the watched and the processed folders has one outcome, and every case reached somebody."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from intake.errors import MailboxError
from intake.ledger.journal import Verified
from intake.model import MailHead, MailRef

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from intake.config import MailboxConfig
    from intake.ledger.auditing import Account
    from intake.ports import Mailbox
    from intake.steps.parts import Parts

AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One mail: where it stands, and what became of it; ``account`` is None when nothing is known."""

    mailbox: str
    folder: str
    uid: int
    account: Account | None
    why: str = ""


@dataclass(slots=True)
class Audit:
    """What an audit found."""

    lines: list[Line] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    unheard: list[str] = field(default_factory=list)
    deliveries: dict[str, int] = field(default_factory=dict)
    log: Verified = field(default_factory=lambda: Verified(0, "", ()))  # of what happened to cases

    @property
    def unaccounted(self) -> list[Line]:
        """Mail without an outcome."""
        return [line for line in self.lines if line.account is None and line.why not in ACCEPTABLE]

    @property
    def ok(self) -> bool:
        """Whether everything adds up."""
        return not (self.unaccounted or self.errors or self.unheard or self.log.problems)


BEFORE = "in the processed folder since before intake began"
UNREADABLE = "the server can't deliver it yet; it is tried again"
NOT_READ = "not read yet; it is handled by the next pass"
UNKNOWN = "the ledger knows nothing of it: somebody moved it here, or the ledger is older than it; look at it"
OLDER = "not looked at: it was there when the mailbox was last read"
ACCEPTABLE = frozenset({BEFORE, UNREADABLE, OLDER})


def audit(parts: Parts, progress: Callable[[str], None] = lambda _where: None) -> Audit:
    """Look at every folder of every mailbox; nothing is changed in any of them."""
    found = Audit(
        unheard=parts.ledger.unheard(), deliveries=parts.ledger.delivery_counts(), log=parts.ledger.verify_log()
    )
    for settings in parts.config.mailboxes:
        mailbox = parts.mailbox(settings)
        try:
            mailbox.open()
            for name in dict.fromkeys(settings.known):
                progress(f"{settings.name}/{name}")
                found.lines += _folder(parts, settings, mailbox, name)
        except MailboxError as error:
            found.errors.append(str(error))
        finally:
            mailbox.close()
    return found


def unknown_in_processed(parts: Parts, settings: MailboxConfig, mailbox: Mailbox, since: datetime | None = None) -> int:
    """How many mails stand in the processed folder that the ledger does not know; ``since`` then alone, if given.

    Asked when mail came and went before it was read: somebody filed it unread, or the ledger is older than the mail.
    """
    mailbox.ensure_folder(settings.processed)
    lines = _folder(parts, settings, mailbox, settings.processed, since)
    count = sum(line.account is None and line.why not in ACCEPTABLE for line in lines)
    if count:
        parts.say(
            f"{settings.name}/{settings.processed}: {count} mail(s) that the ledger does not know; run: intake audit"
        )
    return count


def _folder(
    parts: Parts, settings: MailboxConfig, mailbox: Mailbox, name: str, since: datetime | None = None
) -> list[Line]:
    if name not in settings.watched:
        mailbox.ensure_folder(name)
    folder = mailbox.select(name)
    ledger = parts.ledger
    known = ledger.accounts(settings.name, name, folder.uidvalidity)
    trouble = ledger.in_trouble(settings.name, name, folder.uidvalidity)
    uids = mailbox.uids(1)
    missing = [uid for uid in uids if uid not in known and uid not in trouble]
    watched = name in settings.watched
    reasons: dict[int, str] = dict.fromkeys(trouble, UNREADABLE)
    if watched:
        reasons.update(dict.fromkeys(missing, NOT_READ))
    else:
        for start in range(0, len(missing), AT_ONCE):
            heads = mailbox.heads(missing[start : start + AT_ONCE])
            if since is not None:
                reasons.update({head.uid: OLDER for head in heads if head.internal_date < since})
                heads = [head for head in heads if head.internal_date >= since]
            reasons.update(_recognise(parts, settings, mailbox, name, folder.uidvalidity, heads))
        known = ledger.accounts(settings.name, name, folder.uidvalidity)
    return [Line(settings.name, name, uid, known.get(uid), reasons.get(uid, "")) for uid in uids]


def _recognise(
    parts: Parts, settings: MailboxConfig, mailbox: Mailbox, name: str, uidvalidity: int, heads: list[MailHead]
) -> dict[int, str]:
    """Find out which mails these are that stand in the processed folder; what stays unknown comes with a reason."""
    key = parts.ledger.key
    began = parts.ledger.created()
    marks: dict[int, tuple[bytes, bytes]] = {}
    for raw in mailbox.fetch(heads):
        message_id = parts.parse()(raw.body, truncated=raw.truncated).message_id
        marks[raw.ref.uid] = (key.hash("content", raw.body), key.hash("message-id", message_id) if message_id else b"")
    found = parts.ledger.recognise([m[0] for m in marks.values()], [m[1] for m in marks.values() if m[1]])
    places: list[tuple[MailRef, int]] = []
    reasons: dict[int, str] = {}
    for head in heads:
        content, message_id_hash = marks.get(head.uid, (b"", b""))
        mail_id = found.get(content) or found.get(message_id_hash)
        if mail_id is not None:
            places.append((MailRef(settings.name, name, uidvalidity, head.uid), mail_id))
        else:
            reasons[head.uid] = BEFORE if head.internal_date < began else UNKNOWN
    parts.ledger.remember_places(places)
    return reasons
