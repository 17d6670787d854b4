"""Copies of a case's mail that a server keeps by itself: of what was sent, of all mail there is, of what was deleted.

Our own messages are found by their Message-IDs, which nobody can guess; other mail only if its bytes are those of the
case's, because anybody may give a mail the Message-ID of another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from intake.errors import MailboxError
from intake.model import DeliveryState
from intake.steps.recognise import in_folder, message_id, placed, recognised

if TYPE_CHECKING:
    from collections.abc import Callable

    from intake.config import MailboxConfig
    from intake.ledger.erasure import Trace
    from intake.model import Case
    from intake.ports import Watched
    from intake.steps.erasure import Erasure
    from intake.steps.parts import Parts

NEVER_TRIED = {DeliveryState.WAITING, DeliveryState.WITHHELD}
HEAD_ENOUGH = 64 << 10  # of a mail, to see its Message-ID
TRASH, ALL = "trash", "all"


def ours(parts: Parts, case: Case) -> list[str]:
    """The Message-IDs of all that may have been sent about a case."""
    return [one.message_id for one in parts.ledger.deliveries_of_case(case.id) if one.state not in NEVER_TRIED]


def remove_copies(
    parts: Parts,
    settings: MailboxConfig,
    traces: Sequence[Trace],
    sent: Sequence[str],
    told: Erasure,
    still_free: Callable[[], None],
) -> set[int]:
    """Delete the copies in one mailbox; which mails of the case were among them. Raises MailboxError."""
    mailbox = parts.mailbox(settings)
    met: set[int] = set()
    try:
        mailbox.open()
        special = mailbox.special()
        if settings.sent:
            special["sent"] = settings.sent
        keeps_all = special.keys() & {ALL, TRASH}
        theirs = _their_ids(parts, settings, mailbox, traces) if keeps_all else []
        for use, folder in special.items():
            try:
                uidvalidity = mailbox.select(folder).uidvalidity
            except MailboxError:
                told.closed.append(f"{settings.name}/{folder}")
                continue
            places = placed(traces, settings.name, folder, uidvalidity)
            found = {uid: places.get(uid, 0) for uid in mailbox.bearing(sent)}
            if use in keeps_all:
                candidates = [uid for uid in mailbox.bearing(theirs) if uid not in found]
                found |= dict(recognised(parts, mailbox, mailbox.heads(candidates), traces))
            told.searched.append(f"{settings.name}/{folder}")
            if found:
                still_free()
                _remove(mailbox, settings, folder, sorted(found), special.get(TRASH, "") if use == ALL else "", told)
                met |= set(found.values()) - {0}
    finally:
        mailbox.close()
    return met


def _remove(
    mailbox: Watched, settings: MailboxConfig, folder: str, uids: Sequence[int], trash: str, told: Erasure
) -> None:
    """Delete. Where a server keeps all mail (Gmail), only what went through the folder of deleted mail is gone."""
    where = f"{settings.name}/{folder}"
    filed = mailbox.file(uids, trash) if trash else mailbox.remove(uids)
    told.count(told.removed, where, 0 if trash else len(filed.moved))
    told.count(told.marked, where, len(filed.left))


def _their_ids(parts: Parts, settings: MailboxConfig, mailbox: Watched, traces: Sequence[Trace]) -> list[str]:
    """The Message-IDs of the case's mails, as far as those still stand in the folders where they were put."""
    mine = [one for one in traces if one.mailbox == settings.name]
    found: list[str] = []
    for name in dict.fromkeys(settings.known if mine else ()):
        try:
            uids = in_folder(parts, settings, mailbox, name, mine)
        except MailboxError:
            continue  # it is told when the mails themselves are looked for
        found += [message_id(parts, raw) for raw in mailbox.fetch(mailbox.heads(sorted(uids)), HEAD_ENOUGH)]
    return [one for one in dict.fromkeys(found) if one]
