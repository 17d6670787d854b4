"""Read one folder: fetch, understand, decide, write down; then, and only then, file.

If the machine dies before the commit, the mail still stands unread in its folder. If it dies after it, the mail is
in the ledger and is filed by the next pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from intake.decide.clock import POISON_TRIES, SUSPECT_WAIT, next_try
from intake.errors import LedgerError, MailboxError
from intake.ledger.folders import NOT_FILED
from intake.model import Arrival, History, MailHead, MailRef, Outcome, ParsedMail, Plan, RawMail
from intake.steps.audit import unknown_in_processed
from intake.steps.blame import others_can_be_read
from intake.steps.bounces import take_back
from intake.steps.numbers import given_again
from intake.steps.quoted import own_words
from intake.steps.understand import UNPROCESSABLE, understand, unprocessable

if TYPE_CHECKING:
    from intake.config import MailboxConfig
    from intake.ledger.folders import Cursor
    from intake.ports import Folder, Mailbox
    from intake.steps.parts import MailboxReport, Parts

MOST_MAILS = 200  # in one transaction
MOST_BYTES = 16 << 20  # in memory at once, unless a single mail is larger
A_DAY = timedelta(days=1)
MOST_HEADS = 2_000  # asked for at once
ENOUGH = 256 << 10  # of a sent mail, to see whether it is one of ours
OURS = b"\nx-intake-kind:"


def read_folder(
    parts: Parts,
    settings: MailboxConfig,
    mailbox: Mailbox,
    name: str,
    report: MailboxReport,
    meanwhile: Callable[[], object],
) -> None:
    """Everything that is new in it, or to be tried again. Raises MailboxError and LedgerError.

    ``meanwhile`` is called between two batches.
    """
    folder = mailbox.select(name)
    cursor = _cursor(parts, settings, mailbox, name, folder)
    _Reading(parts, settings, mailbox, name, report, cursor).run(folder, meanwhile)


def _cursor(parts: Parts, settings: MailboxConfig, mailbox: Mailbox, name: str, folder: Folder) -> Cursor:
    ledger = parts.ledger
    cursor = ledger.cursor(settings.name, name)
    if cursor is not None and cursor.uidvalidity == folder.uidvalidity:
        place = settings.name, name, folder.uidvalidity
        if not given_again(mailbox, folder, cursor.next_uid, lambda uids: ledger.dates(*place, uids)):
            return cursor
    end = folder.uidnext or max(mailbox.uids(1), default=0) + 1
    if cursor is None:
        boundary = end if settings.start == "now" or name == settings.sent else 1
        ledger.begin(settings.name, name, folder.uidvalidity, boundary, parts.now)
    else:
        what = "it gives UIDs a second time" if cursor.uidvalidity == folder.uidvalidity else "UIDVALIDITY"
        parts.say(f"{settings.name}/{name}: the server has renumbered its mail ({what}); reading all of it again")
        if settings.processed:
            _look_back(parts, settings, mailbox)
            mailbox.select(name)
        ledger.restart(settings.name, name, cursor.uidvalidity, folder.uidvalidity, end)
    found = ledger.cursor(settings.name, name)
    if found is None or found.uidvalidity != folder.uidvalidity:
        raise _taken_over(settings)
    return found


def _look_back(parts: Parts, settings: MailboxConfig, mailbox: Mailbox) -> None:
    """Whether mail was filed that this ledger, restored perhaps, does not know: numbers don't tell what came and went.

    Done before the new numbers are taken over: a pass that ends here does it again. What is filed already and can't be
    read keeps nobody's mail waiting.
    """
    last = parts.ledger.last_good_pass(settings.name)
    try:
        all_known = not unknown_in_processed(parts, settings, mailbox, last and last - A_DAY)
    except MailboxError as error:
        all_known = False
        parts.say(str(error))
        mailbox.close()
        mailbox.open()
    if not all_known:
        parts.ledger.doubt(settings.name)


def _taken_over(settings: MailboxConfig) -> MailboxError:
    return MailboxError(f"mailbox {settings.name}: another run has taken it over meanwhile, and goes on with it")


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


@dataclass(frozen=True, slots=True)
class _Reading:
    """One folder, selected, and ``cursor`` as it was when it was."""

    parts: Parts
    settings: MailboxConfig
    mailbox: Mailbox
    name: str
    report: MailboxReport
    cursor: Cursor

    @property
    def place(self) -> tuple[str, str, int]:
        """The folder as the ledger knows it."""
        return self.settings.name, self.name, self.cursor.uidvalidity

    @property
    def is_sent(self) -> bool:
        """Whether it is the folder of sent mail."""
        return self.name == self.settings.sent

    def run(self, folder: Folder, meanwhile: Callable[[], object]) -> None:
        """All of it, block by block."""
        ledger, cursor = self.parts.ledger, self.cursor
        retried = ledger.troubled(*self.place, self.parts.now)
        uids = list(retried)
        if not folder.uidnext or cursor.next_uid < folder.uidnext:
            listed = self.mailbox.uids(cursor.next_uid)
            if self._came_and_went(folder, listed):
                self._doubt()
            put_off = ledger.in_trouble(*self.place) if listed else set()
            uids += [uid for uid in listed if uid not in put_off]
        uids = sorted(set(uids))
        if not cursor.rescanning:
            self._record_before([uid for uid in uids if uid < cursor.boundary and uid not in retried])
            uids = [uid for uid in uids if uid >= cursor.boundary or uid in retried]
        begun = False
        for start in range(0, len(uids), MOST_HEADS):
            block = uids[start : start + MOST_HEADS]
            for chunk in _chunks(self._heads(block)):
                if begun:
                    meanwhile()
                begun = True
                if self.parts.stopping():
                    return
                self._keep_lease()
                self._accept(chunk, retried)
                self._file()
            ledger.advance(MailRef(*self.place, block[-1]))
        self._file()

    def _came_and_went(self, folder: Folder, listed: Sequence[int]) -> bool:
        """Whether mails came since the last pass and are gone: no UID is given twice (RFC 9051, 2.3.1.1)."""
        low = max(self.cursor.next_uid, self.cursor.boundary)
        if low == 1 and self.parts.now - self.cursor.first_contact < timedelta(minutes=1):
            return False  # all that ever came and went before we came
        return sum(low <= uid < folder.uidnext for uid in listed) < folder.uidnext - low

    def _doubt(self) -> None:
        """Mail went before it was read, to the processed folder perhaps. Whoever reads on from there must know that."""
        if self.settings.processed and not self.is_sent:
            self.parts.ledger.doubt(self.settings.name)

    def _keep_lease(self) -> None:
        parts, lease = self.parts, f"mailbox {self.settings.name}"
        if not parts.ledger.take_lease(lease, parts.holder, parts.now, parts.mailbox_lease):
            raise _taken_over(self.settings)

    def _record_before(self, uids: Sequence[int]) -> None:
        for start in range(0, len(uids), MOST_HEADS):
            heads = self.mailbox.heads(uids[start : start + MOST_HEADS])
            count = self.parts.ledger.record_before(*self.place, heads, self.parts.now, sent=self.is_sent)
            self.report.seen += len(heads)
            self.report.accepted += count
            self.report.before += count

    def _heads(self, uids: Sequence[int]) -> list[MailHead]:
        """By UID; of no size for a mail that stands there although the server says nothing of it."""
        heads = self.mailbox.heads(uids)
        if untold := set(uids) - {head.uid for head in heads}:
            heads += [MailHead(uid, 0, self.parts.now) for uid in self._still_there(sorted(untold))]
        return sorted(heads, key=lambda head: head.uid)

    def _still_there(self, uids: Sequence[int]) -> list[int]:
        """Those of them that are not gone meanwhile; what is gone is no trouble any more."""
        there = set(self.mailbox.uids(uids[0], uids[-1])).intersection(uids)
        gone = set(uids) - there
        if gone:
            self._doubt()
        for uid in gone:
            self.parts.ledger.forget_trouble(MailRef(*self.place, uid))
        return sorted(there)

    # --- writing down ---

    def _accept(self, chunk: Sequence[MailHead], retried: Collection[int]) -> None:
        """Take mails in hand and write them down.

        The note of what is in hand outlives a sudden death. If the last pass left one, its mails are taken one by one
        and each is counted, so that the one that ends passes is found, and ends no more than a few. Between its tries
        it is put off for longer than cron waits, so that everything else gets its turn.
        """
        self.report.seen += len(chunk)
        in_hand = self.cursor.in_hand

        def suspect(head: MailHead) -> bool:
            return head.uid in retried or (in_hand is not None and in_hand[0] <= head.uid <= in_hand[1])

        take_in_hand = self.parts.ledger.take_in_hand
        # In the order of their UIDs: what is written down says that everything before it is, too.
        for suspected, heads in groupby(chunk, suspect):
            if suspected:
                for head in heads:
                    self._accept_suspect(head)
                continue
            others = list(heads)
            take_in_hand(self.settings.name, self.name, (others[0].uid, others[-1].uid))
            try:
                self._take(others)
            except LedgerError:
                take_in_hand(self.settings.name, self.name, None)  # the disk's fault, no mail's
                raise
        take_in_hand(self.settings.name, self.name, None)

    def _accept_suspect(self, head: MailHead) -> None:
        ledger, ref = self.parts.ledger, MailRef(*self.place, head.uid)
        tries = ledger.note_trouble(ref, self.parts.now, SUSPECT_WAIT)
        try:
            self._take([head], tries)
        except LedgerError:
            ledger.forget_trouble(ref)  # the disk's fault, no mail's
            raise
        except MailboxError:
            if not others_can_be_read(self.parts, self.settings, self.mailbox, ref):
                ledger.clear_of_blame(ref)
            elif tries > POISON_TRIES:  # asked for by itself, it breaks or hangs the connection every time
                self._write_down([self._unreadable(head.uid)])
            raise

    def _take(self, heads: Sequence[MailHead], tries: int = 0) -> None:
        """Write these down, all of them; what can't be read yet is noted before anything behind it is written down.

        ``tries``: so often this one was taken in hand by itself; 0 for mails that nothing is suspected of.
        """
        arrivals, later = self._arrivals(heads, tries)
        met = later.union(arrival.raw.ref.uid for arrival in arrivals)
        if left_out := [head.uid for head in heads if head.uid not in met]:  # gone, or not handed over
            unread = [self._unreadable(uid) for uid in self._still_there(left_out)]
            arrivals += [arrival for arrival in unread if not self._try_later(arrival.raw, tries)]
        self._write_down(sorted(arrivals, key=lambda arrival: arrival.raw.ref.uid))

    def _write_down(self, arrivals: list[Arrival]) -> None:
        if not arrivals:
            return
        parts, settings = self.parts, self.settings
        now, planner = parts.now, parts.planner()
        if self.is_sent:
            arrivals = [replace(arrival, sent=True) for arrival in arrivals]
        else:
            take_back(parts, arrivals)

        def decide(arrival: Arrival, history: History) -> Plan:
            plan = planner(arrival, history, now)
            return plan if settings.processed and not arrival.sent else replace(plan, file=False)

        accepted = parts.ledger.accept(arrivals, decide, now)
        duplicates = accepted.count(Outcome.DUPLICATE)
        self.report.duplicates += duplicates
        self.report.accepted += len(accepted.outcomes) - duplicates

    def _file(self) -> None:
        try:
            self._move()
        except MailboxError as error:
            raise MailboxError(f"{NOT_FILED}{error}") from error

    def _move(self) -> None:
        destination = self.settings.processed
        if not destination:
            return
        while uids := self.parts.ledger.to_file(*self.place, MOST_MAILS):
            self.mailbox.ensure_folder(destination)
            result = self.mailbox.file(uids, destination)
            self.parts.ledger.filed(*self.place, result.moved, destination)
            self.report.filed += len(result.moved)
            if result.left:
                raise MailboxError(
                    f"{self.settings.name}/{self.name}: {len(result.left)} mail(s) could not be moved to "
                    f"{destination!r}; they are written down and are moved by a later pass"
                )

    # --- understanding ---

    def _arrivals(self, heads: Sequence[MailHead], tries: int) -> tuple[list[Arrival], set[int]]:
        """The mails, understood and judged; and those that are to be asked for again."""
        parts = self.parts
        arrivals: list[Arrival] = []
        later: set[int] = set()
        for found in self._sent(heads) if self.is_sent else self.mailbox.fetch(heads):
            # The name that the configuration uses is the one that the ledger knows the folder by.
            raw = replace(found, ref=replace(found.ref, mailbox=self.settings.name, folder=self.name))
            if tries > POISON_TRIES and not raw.unreadable:
                arrivals.append(Arrival(raw, ParsedMail(defects=(UNPROCESSABLE,)), unprocessable(parts, raw.body)))
                continue
            if raw.unreadable and tries and not others_can_be_read(parts, self.settings, self.mailbox, raw.ref):
                raise MailboxError(f"{self.settings.name}/{self.name}: no mail can be read just now; it is tried again")
            if raw.unreadable and self._try_later(raw, tries):
                later.add(raw.ref.uid)
                continue
            arrived = min(raw.internal_date, parts.now)  # the server's clock may be ahead, or ours act as in the past
            mail, verdict = understand(parts, raw.body, arrived, raw)
            if verdict.recused and (quoted := own_words(parts, mail)):
                verdict = parts.judge()(mail, arrived, quoted)
            arrivals.append(Arrival(raw, mail, verdict, self._was_before(raw)))
        return arrivals, later

    def _sent(self, heads: Sequence[MailHead]) -> list[RawMail]:
        """Sent mail. Many servers keep a copy of all that we send, with its attachments: of that the head is enough."""
        found = list(self.mailbox.fetch(heads, ENOUGH))
        longer = {
            raw.ref.uid for raw in found if raw.truncated and OURS not in raw.body.partition(b"\r\n\r\n")[0].lower()
        }
        wanted = [head for head in heads if head.uid in longer and head.size <= self.settings.max_size]
        whole = {raw.ref.uid: raw for raw in self.mailbox.fetch(wanted)} if wanted else {}
        return [whole.get(raw.ref.uid, raw) for raw in found]

    def _was_before(self, raw: RawMail) -> bool:
        """Whether a mail was there at first contact, and only stands elsewhere or has another number now."""
        settings, cursor = self.settings, self.cursor
        # A machine whose clock was years behind at first contact: what was written down of those mails is still right.
        recent = raw.internal_date >= cursor.first_contact + A_DAY
        first_is_old = settings.start == "now" or self.is_sent
        if not first_is_old or (recent and not cursor.rescanning):
            return False
        elsewhere = "" if cursor.rescanning else self.name  # a new mail in the same folder is a new mail
        head = MailHead(raw.ref.uid, raw.size, raw.internal_date)
        if self.parts.ledger.was_before(settings.name, head, elsewhere):
            return True
        # Also if the server's clock is not ours.
        return cursor.rescanning and raw.ref.uid < cursor.boundary and raw.internal_date < cursor.first_contact - A_DAY

    def _unreadable(self, uid: int) -> Arrival:
        raw = RawMail(MailRef(*self.place, uid), self.parts.now, 0, b"", unreadable=True)
        return Arrival(raw, *understand(self.parts, raw.body, raw.internal_date, raw))

    def _try_later(self, raw: RawMail, tries: int) -> bool:
        """Note that a mail can't be read; False when it has been tried often enough and people must know."""
        parts, now = self.parts, self.parts.now
        if not tries:
            wait = next_try(1, now, parts.chance.fraction()) - now
            tries = parts.ledger.note_trouble(raw.ref, now, wait)
        where = f"{self.settings.name}/{self.name}"
        parts.say(f"{where}: mail {raw.ref.uid} can't be read (try {tries} of {POISON_TRIES})")
        return tries < POISON_TRIES
