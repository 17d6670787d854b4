"""Whether mail that stands somewhere is mail of a case: by its bytes, or as near as that can be said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from intake.config import MailboxConfig
    from intake.ledger.erasure import Trace
    from intake.model import MailHead, RawMail
    from intake.ports import Mailbox
    from intake.steps.parts import Parts

AT_ONCE = 200


def in_folder(
    parts: Parts, settings: MailboxConfig, mailbox: Mailbox, name: str, traces: Sequence[Trace]
) -> dict[int, int]:
    """Select a folder; the UIDs of the case's mails in it, by where the ledger knows them, else by what they are."""
    uidvalidity = mailbox.select(name).uidvalidity
    there = mailbox.uids(1)
    places = placed(traces, settings.name, name, uidvalidity)
    found = {uid: places[uid] for uid in there if uid in places}
    known = parts.ledger.accounts(settings.name, name, uidvalidity)
    others = [uid for uid in there if uid not in found and uid not in known]
    sizes, times = {one.size for one in traces}, {one.internal_date for one in traces}
    for start in range(0, len(others), AT_ONCE):
        heads = mailbox.heads(others[start : start + AT_ONCE])
        alike = [head for head in heads if head.size in sizes or head.internal_date in times]
        found.update(recognised(parts, mailbox, alike, traces))
    return found


def placed(traces: Sequence[Trace], mailbox: str, folder: str, uidvalidity: int) -> dict[int, int]:
    """Where the ledger knows mails of the case to stand in a folder: by UID, which of them."""
    return {
        place.uid: one.mail_id
        for one in traces
        for place in one.places
        if (place.mailbox, place.folder, place.uidvalidity) == (mailbox, folder, uidvalidity)
    }


def recognised(
    parts: Parts, mailbox: Mailbox, heads: Sequence[MailHead], traces: Sequence[Trace]
) -> Iterator[tuple[int, int]]:
    """UIDs of the selected folder, with the mails of the case that they are."""
    contents = {one.content: one.mail_id for one in traces if one.content}
    by_id: dict[tuple[bytes, datetime], int] = {
        (one.message_id, one.internal_date): one.mail_id for one in traces if one.message_id
    }
    key = parts.ledger.key
    for raw in mailbox.fetch(heads):
        content = key.hash("content", raw.body)
        if content in contents:
            yield raw.ref.uid, contents[content]
            continue
        # A server, or somebody's program, has changed the bytes. They are not another mail's that we know.
        number = by_id.get((key.hash("message-id", message_id(parts, raw)), raw.internal_date))
        if number is not None and not parts.ledger.recognise([content], []):
            yield raw.ref.uid, number


def message_id(parts: Parts, raw: RawMail) -> str:
    """The Message-ID of a mail, of which the head is enough."""
    return parts.parse()(raw.body, truncated=raw.truncated).message_id
