"""Whether a UID that was read stands for the mail that was read: a server restored from a backup gives UIDs again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from intake.ports import Folder, Mailbox

LATEST = 5  # of the UIDs that were read: the mail under the very last one may be gone again


def given_again(
    mailbox: Mailbox, folder: Folder, next_uid: int, known: Callable[[range], Mapping[int, datetime]]
) -> bool:
    """Whether the selected folder gives UIDs a second time that were read, all below ``next_uid``.

    Its UIDNEXT shows it until as many have come in as were lost. From then on the last that was read stands for another
    mail, and that has another INTERNALDATE (RFC 9051, 2.3.3: it does not change). ``known`` tells those that were read.
    One request, at any size of the folder; none of an empty one.
    """
    if 0 < folder.uidnext < next_uid:
        return True
    dates = known(range(max(next_uid - LATEST, 1), next_uid)) if folder.exists else {}
    return bool(dates) and any(dates[uid] != date for uid, date in mailbox.dates(sorted(dates)).items() if uid in dates)
