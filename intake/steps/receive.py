"""Read a mailbox: fetch, understand, decide, write down; then, and only then, file.

If the machine dies before the commit, the mail still stands unread in its folder. If it dies after it, the mail is
in the ledger and is filed by the next pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from intake.decide.clock import POISON_TRIES, SUSPECT_WAIT, next_try
from intake.errors import LedgerError, MailboxError
from intake.model import (
    Arrival,
    History,
    MailHead,
    MailRef,
    Outcome,
    ParsedMail,
    Plan,
    RawMail,
)
from intake.steps.audit import unknown_in_processed
from intake.steps.blame import others_can_be_read
from intake.steps.bounces import take_back
from intake.steps.parts import MailboxReport, Parts
from intake.steps.quoted import own_words
from intake.steps.understand import UNPROCESSABLE, understand, unprocessable

if TYPE_CHECKING:
    from intake.config import MailboxConfig
    from intake.ledger.folders import Cursor
    from intake.ports import Folder, Mailbox

MOST_MAILS = 200  # in one transaction
MOST_BYTES = 16 << 20  # in memory at once, unless a single mail is larger
A_DAY = timedelta(days=1)
MOST_HEADS = 2_000  # asked for at once
ENOUGH = 256 << 10  # of a sent mail, to see whether it is one of ours
OURS = b"\nx-intake-kind:"


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
        report.error = errors[0] if errors else None
        parts.ledger.note_pass(settings.name, parts.now, report.error or "")
        parts.ledger.drop_lease(lease, parts.holder)
    return report


def _folders(
    parts: Parts,
    settings: MailboxConfig,
    mailbox: Mailbox,
    report: MailboxReport,
    meanwhile: Callable[[], object],
) -> list[str]:
    errors: list[str] = []
    connected = False
    for name in settings.watched:
        if parts.stopping():
            break
        try:
            if not connected:
                mailbox.open()
                connected = True
            _folder(parts, settings, mailbox, name, report, meanwhile)
        except MailboxError as error:
            errors.append(str(error))
            if not connected:
                break  # the server can't be reached, or the log-in is refused: that holds for every folder
            mailbox.close()  # it may be in any state; the next folder gets a fresh connection
            connected = False
    if connected and report.before and settings.processed:
        _say_what_was_there(parts, settings, mailbox, report.before)
    doubted = report.vanished or f"audit {settings.name}" in parts.ledger.alarms.open()
    if connected and settings.processed and doubted and not parts.stopping():
        try:
            report.unaccounted = unknown_in_processed(parts, settings, mailbox)
        except MailboxError as error:
            errors.append(str(error))
    return errors


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


def _folder(
    parts: Parts,
    settings: MailboxConfig,
    mailbox: Mailbox,
    name: str,
    report: MailboxReport,
    meanwhile: Callable[[], object],
) -> None:
    folder = mailbox.select(name)
    cursor = _cursor(parts, settings, mailbox, name, folder)
    retried = parts.ledger.troubled(settings.name, name, folder.uidvalidity, parts.now)
    uids = list(retried)
    if not folder.uidnext or cursor.next_uid < folder.uidnext:
        listed = mailbox.uids(cursor.next_uid)
        report.vanished += 0 if name == settings.sent else _came_and_went(parts, cursor, folder, listed)
        put_off = parts.ledger.in_trouble(settings.name, name, folder.uidvalidity) if listed else set()
        uids += [uid for uid in listed if uid not in put_off]
    uids = sorted(set(uids))
    if not cursor.rescanning:
        before = [uid for uid in uids if uid < cursor.boundary and uid not in retried]
        _record_before(parts, settings, mailbox, name, folder, before, report)
        uids = [uid for uid in uids if uid >= cursor.boundary or uid in retried]
    begun = False
    for start in range(0, len(uids), MOST_HEADS):
        block = uids[start : start + MOST_HEADS]
        met: set[int] = set()
        for chunk in _chunks(mailbox.heads(block)):
            if begun:
                meanwhile()
            begun = True
            if parts.stopping():
                return
            _keep_lease(parts, settings)
            met |= _accept(parts, settings, mailbox, name, cursor, chunk, retried, report)
            _file(parts, settings, mailbox, name, folder.uidvalidity, report)
        _leave_none_behind(parts, settings, mailbox, name, folder.uidvalidity, sorted(set(block) - met), report)
        parts.ledger.advance(MailRef(settings.name, name, folder.uidvalidity, block[-1]))
    _file(parts, settings, mailbox, name, folder.uidvalidity, report)


def _came_and_went(parts: Parts, cursor: Cursor, folder: Folder, listed: Sequence[int]) -> int:
    """How many mails came since the last pass and are gone: no UID is given twice (RFC 9051, 2.3.1.1)."""
    low = max(cursor.next_uid, cursor.boundary)
    if low == 1 and parts.now - cursor.first_contact < timedelta(minutes=1):
        return 0  # all that ever came and went before we came
    return max(0, folder.uidnext - low - sum(low <= uid < folder.uidnext for uid in listed))


def _keep_lease(parts: Parts, settings: MailboxConfig) -> None:
    if not parts.ledger.take_lease(f"mailbox {settings.name}", parts.holder, parts.now, parts.mailbox_lease):
        raise _taken_over(settings)


def _taken_over(settings: MailboxConfig) -> MailboxError:
    return MailboxError(f"mailbox {settings.name}: another run has taken it over meanwhile, and goes on with it")


def _leave_none_behind(
    parts: Parts,
    settings: MailboxConfig,
    mailbox: Mailbox,
    name: str,
    uidvalidity: int,
    missed: Sequence[int],
    report: MailboxReport,
) -> None:
    """Mail that the server listed and then did not hand over: gone meanwhile, or to be asked for again."""
    if not missed:
        return
    there = set(mailbox.uids(missed[0], missed[-1])).intersection(missed)
    for uid in sorted(there):
        ref = MailRef(settings.name, name, uidvalidity, uid)
        arrival = _unreadable(parts, ref)
        if not _try_later(parts, arrival.raw, parts.now):
            _write_down(parts, settings, [arrival], report)
    for uid in set(missed) - there:
        parts.ledger.forget_trouble(MailRef(settings.name, name, uidvalidity, uid))


def _unreadable(parts: Parts, ref: MailRef) -> Arrival:
    raw = RawMail(ref, parts.now, 0, b"", unreadable=True)
    mail, verdict = understand(parts, raw.body, raw.internal_date, raw)
    return Arrival(raw, mail, verdict)


def _cursor(parts: Parts, settings: MailboxConfig, mailbox: Mailbox, name: str, folder: Folder) -> Cursor:
    ledger = parts.ledger
    cursor = ledger.cursor(settings.name, name)
    if cursor is not None and cursor.uidvalidity == folder.uidvalidity:
        return cursor
    end = folder.uidnext or max(mailbox.uids(1), default=0) + 1
    if cursor is None:
        boundary = end if settings.start == "now" or name == settings.sent else 1
        ledger.begin(settings.name, name, folder.uidvalidity, boundary, parts.now)
    else:
        parts.say(f"{settings.name}/{name}: the server has renumbered its mail (UIDVALIDITY); reading all of it again")
        ledger.restart(settings.name, name, cursor.uidvalidity, folder.uidvalidity, end)
    found = ledger.cursor(settings.name, name)
    if found is None or found.uidvalidity != folder.uidvalidity:
        raise _taken_over(settings)
    return found


def _record_before(
    parts: Parts,
    settings: MailboxConfig,
    mailbox: Mailbox,
    name: str,
    folder: Folder,
    uids: Sequence[int],
    report: MailboxReport,
) -> None:
    for start in range(0, len(uids), MOST_HEADS):
        heads = mailbox.heads(uids[start : start + MOST_HEADS])
        place = (settings.name, name, folder.uidvalidity)
        count = parts.ledger.record_before(*place, heads, parts.now, sent=name == settings.sent)
        report.seen += len(heads)
        report.accepted += count
        report.before += count


def _chunks(heads: Sequence[MailHead]) -> Iterator[list[MailHead]]:
    chunk: list[MailHead] = []
    total = 0
    for head in heads:
        if chunk and (len(chunk) >= MOST_MAILS or total + head.size > MOST_BYTES):
            yield chunk
            chunk, total = [], 0
        chunk.append(head)
        total += head.size
    if chunk:
        yield chunk


def _accept(
    parts: Parts,
    settings: MailboxConfig,
    mailbox: Mailbox,
    name: str,
    cursor: Cursor,
    chunk: Sequence[MailHead],
    retried: Collection[int],
    report: MailboxReport,
) -> set[int]:
    """Take mails in hand and write them down; say which the server has handed over.

    The note of what is in hand outlives a sudden death. If the last pass left one, its mails are taken one by one and
    each is counted, so that the one that ends passes is found, and ends no more than a few. Between its tries it is
    put off for longer than cron waits, so that everything else gets its turn.
    """
    report.seen += len(chunk)
    ledger = parts.ledger
    met: set[int] = set()

    def suspect(head: MailHead) -> bool:
        in_hand = cursor.in_hand is not None and cursor.in_hand[0] <= head.uid <= cursor.in_hand[1]
        return in_hand or head.uid in retried

    # In the order of their UIDs: what is written down says that everything before it is, too.
    for suspected, heads in groupby(chunk, suspect):
        if suspected:
            for head in heads:
                met |= _accept_suspect(parts, settings, mailbox, name, cursor, head, report)
            continue
        others = list(heads)
        ledger.take_in_hand(settings.name, name, (others[0].uid, others[-1].uid))
        try:
            met |= _take(parts, settings, mailbox, name, cursor, others, report)
        except LedgerError:
            ledger.take_in_hand(settings.name, name, None)  # the disk's fault, no mail's
            raise
    ledger.take_in_hand(settings.name, name, None)
    return met


def _accept_suspect(
    parts: Parts,
    settings: MailboxConfig,
    mailbox: Mailbox,
    name: str,
    cursor: Cursor,
    head: MailHead,
    report: MailboxReport,
) -> set[int]:
    ref = MailRef(settings.name, name, cursor.uidvalidity, head.uid)
    tries = parts.ledger.note_trouble(ref, parts.now, SUSPECT_WAIT)
    try:
        return _take(parts, settings, mailbox, name, cursor, [head], report, tries)
    except LedgerError:
        parts.ledger.forget_trouble(ref)  # the disk's fault, no mail's
        raise
    except MailboxError:
        if not others_can_be_read(parts, settings, mailbox, ref):
            parts.ledger.clear_of_blame(ref)
        elif tries > POISON_TRIES:  # asked for by itself, it breaks or hangs the connection every time
            _write_down(parts, settings, [_unreadable(parts, ref)], report)
        raise


def _take(
    parts: Parts,
    settings: MailboxConfig,
    mailbox: Mailbox,
    name: str,
    cursor: Cursor,
    heads: Sequence[MailHead],
    report: MailboxReport,
    tries: int = 0,
) -> set[int]:
    arrivals, later = _arrivals(parts, settings, mailbox, name, cursor, heads, tries)
    _write_down(parts, settings, arrivals, report)
    return later | {arrival.raw.ref.uid for arrival in arrivals}


def _arrivals(
    parts: Parts,
    settings: MailboxConfig,
    mailbox: Mailbox,
    name: str,
    cursor: Cursor,
    chunk: Sequence[MailHead],
    tries: int = 0,
) -> tuple[list[Arrival], set[int]]:
    """The mails, understood and judged, in the order of their UIDs; and those that are to be asked for again.

    ``tries``: so often this one was taken in hand by itself; 0 for mails that nothing is suspected of.
    """
    now = parts.now
    arrivals: list[Arrival] = []
    later: set[int] = set()
    for found in _sent(settings, mailbox, chunk) if name == settings.sent else mailbox.fetch(chunk):
        # The name that the configuration uses is the one that the ledger knows the folder by.
        raw = replace(found, ref=replace(found.ref, mailbox=settings.name, folder=name))
        if tries > POISON_TRIES and not raw.unreadable:
            arrivals.append(Arrival(raw, ParsedMail(defects=(UNPROCESSABLE,)), unprocessable(parts, raw.body)))
            continue
        if raw.unreadable and tries and not others_can_be_read(parts, settings, mailbox, raw.ref):
            raise MailboxError(f"{settings.name}/{name}: no mail can be read just now; it is tried again")
        if raw.unreadable and _try_later(parts, raw, now, tries):
            later.add(raw.ref.uid)
            continue
        mail, verdict = understand(parts, raw.body, raw.internal_date, raw)
        if verdict.recused and (quoted := own_words(parts, mail)):
            verdict = parts.judge()(mail, raw.internal_date, quoted)
        arrivals.append(Arrival(raw, mail, verdict, _was_before(parts, settings, cursor, raw)))
    return sorted(arrivals, key=lambda arrival: arrival.raw.ref.uid), later


def _sent(settings: MailboxConfig, mailbox: Mailbox, chunk: Sequence[MailHead]) -> list[RawMail]:
    """Sent mail. Many servers keep a copy of all that we send, with its attachments: of that the head is enough."""
    found = list(mailbox.fetch(chunk, ENOUGH))
    longer = {raw.ref.uid for raw in found if raw.truncated and OURS not in raw.body.partition(b"\r\n\r\n")[0].lower()}
    wanted = [head for head in chunk if head.uid in longer and head.size <= settings.max_size]
    whole = {raw.ref.uid: raw for raw in mailbox.fetch(wanted)} if wanted else {}
    return [whole.get(raw.ref.uid, raw) for raw in found]


def _was_before(parts: Parts, settings: MailboxConfig, cursor: Cursor, raw: RawMail) -> bool:
    """Whether a mail was there at first contact, and only stands elsewhere or has another number now."""
    # A machine whose clock was years behind at first contact: what was written down of those mails is still right.
    recent = raw.internal_date >= cursor.first_contact + A_DAY
    first_is_old = settings.start == "now" or raw.ref.folder == settings.sent
    if not first_is_old or (recent and not cursor.rescanning):
        return False
    elsewhere = "" if cursor.rescanning else raw.ref.folder  # a new mail in the same folder is a new mail
    if parts.ledger.was_before(settings.name, MailHead(raw.ref.uid, raw.size, raw.internal_date), elsewhere):
        return True
    # Also if the server's clock is not ours.
    return cursor.rescanning and raw.ref.uid < cursor.boundary and raw.internal_date < cursor.first_contact - A_DAY


def _write_down(parts: Parts, settings: MailboxConfig, arrivals: list[Arrival], report: MailboxReport) -> None:
    if not arrivals:
        return
    now, planner = parts.now, parts.planner()
    if settings.sent and arrivals[0].raw.ref.folder == settings.sent:
        arrivals = [replace(arrival, sent=True) for arrival in arrivals]
    else:
        take_back(parts, arrivals)

    def decide(arrival: Arrival, history: History) -> Plan:
        plan = planner(arrival, history, now)
        return plan if settings.processed and not arrival.sent else replace(plan, file=False)

    accepted = parts.ledger.accept(arrivals, decide, now)
    duplicates = accepted.count(Outcome.DUPLICATE)
    report.duplicates += duplicates
    report.accepted += len(accepted.outcomes) - duplicates


def _try_later(parts: Parts, raw: RawMail, now: datetime, tries: int = 0) -> bool:
    """Note that a mail can't be read; False when it has been tried often enough and people must know."""
    if not tries:
        wait = next_try(1, now, parts.chance.fraction()) - now
        tries = parts.ledger.note_trouble(raw.ref, now, wait)
    parts.say(f"{raw.ref.mailbox}/{raw.ref.folder}: mail {raw.ref.uid} can't be read (try {tries} of {POISON_TRIES})")
    return tries < POISON_TRIES


def _file(
    parts: Parts, settings: MailboxConfig, mailbox: Mailbox, name: str, uidvalidity: int, report: MailboxReport
) -> None:
    if not settings.processed:
        return
    while uids := parts.ledger.to_file(settings.name, name, uidvalidity, MOST_MAILS):
        mailbox.ensure_folder(settings.processed)
        result = mailbox.file(uids, settings.processed)
        parts.ledger.filed(settings.name, name, uidvalidity, result.moved, settings.processed)
        report.filed += len(result.moved)
        if result.left:
            raise MailboxError(
                f"{settings.name}/{name}: {len(result.left)} mail(s) could not be moved to {settings.processed!r}; "
                "they are written down and are moved by a later pass"
            )
