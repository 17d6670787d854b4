"""The ledger: what the steps call. Each method is one transaction; none of them waits for a network peer."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import and_, insert, select, update

from intake.errors import LedgerError
from intake.ledger import accept as accepting
from intake.ledger import auditing, context, folders, follow, originals, outbox, rewind, views
from intake.ledger.accept import Accepted, Decide, Makes
from intake.ledger.alarms import Alarms
from intake.ledger.casebook import CaseBook
from intake.ledger.context import MailContext
from intake.ledger.copies import KEPT
from intake.ledger.engine import ConflictError, Database
from intake.ledger.erasure import Eraser
from intake.ledger.folderbook import FolderBook
from intake.ledger.follow import GivenUp
from intake.ledger.glance import NOTE
from intake.ledger.holderbook import HolderBook
from intake.ledger.keys import Key
from intake.ledger.outbox import Became
from intake.ledger.rules import RuleBook
from intake.ledger.schema import meta
from intake.letters import MailboxHealth
from intake.model import (
    Arrival,
    Case,
    CaseState,
    Delivery,
    DeliveryDraft,
    DeliveryState,
    MailRef,
    MessageKind,
)

RACES = 5  # another machine took a code or accepted the same content meanwhile: decide once more


class Ledger(CaseBook, Eraser, FolderBook, HolderBook, RuleBook):
    """One community's ledger. ``key`` must be the one it was made with."""

    def __init__(
        self, url: str, key: Callable[[bool], Key], makes: Makes, say: Callable[[str], None] = lambda _line: None
    ) -> None:
        self._database = Database(url)
        self._say = say
        self._find_key = key
        self._makes = makes
        self._key: Key | None = None
        self._created: datetime | None = None

    # --- opening ---

    def open(self, now: datetime) -> None:
        """Bring the tables up to date and prove that the key fits. Raises LedgerError."""
        self._database.upgrade(self._say)
        proof = self._proof()
        self._key = self._find_key(proof is None)
        mine = self._key.proof()
        if proof is None:
            proof = self._found(mine, now)
        if proof != mine:
            raise LedgerError("the ledger was made with another key; restore that key file, see [ledger] key_file")

    def _proof(self) -> str | None:
        with self._database.reading() as connection:
            return connection.execute(select(meta.c.value).where(meta.c.name == "key")).scalar()

    def _found(self, mine: str, now: datetime) -> str | None:
        """Make the ledger ours, unless another machine was faster; say whose it is."""
        values = {"key": mine, "created": now.isoformat()}
        with suppress(ConflictError), self._database.transaction() as connection:
            if connection.execute(select(meta.c.value).where(meta.c.name == "key")).scalar() is None:
                connection.execute(insert(meta), [{"name": n, "value": v} for n, v in values.items()])
        return self._proof()

    def version(self) -> str | None:
        """The form of the tables; None when there are none yet."""
        return self._database.version()

    def copy(self, target: Path) -> None:
        """A copy of the ledger as it is now, in a file. Raises LedgerError."""
        self._database.copy(target)

    def drop_old_copies(self, now: datetime) -> None:
        """Remove what stands from before upgrades that are long past."""
        self._database.drop_copies(now - KEPT)

    def rest(self) -> None:
        """Keep no connection while nothing is to be done: where many ledgers share a server, it has few to give."""
        self._database.close()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    @property
    def alarms(self) -> Alarms:
        """Troubles, and who was told of them."""
        return Alarms(self._database, self._makes)

    @property
    def key(self) -> Key:
        """The key, once the ledger is open."""
        if self._key is None:
            raise LedgerError("the ledger is not open")
        return self._key

    def created(self) -> datetime:
        """When the ledger was made: nothing from before is due."""
        if self._created is None:
            with self._database.reading() as connection:
                told = connection.execute(select(meta.c.value).where(meta.c.name == "created")).scalar_one()
            self._created = datetime.fromisoformat(told)
        return self._created

    # --- the four transactions ---

    def accept(self, arrivals: Sequence[Arrival], decide: Decide, now: datetime) -> Accepted:
        """Write down a batch from one folder, all of it or nothing."""
        last = max(arrivals, key=lambda a: a.raw.ref.uid).raw.ref
        for attempt in range(RACES):
            try:
                with self._database.transaction() as connection:
                    accepted = accepting.accept(connection, self.key, arrivals, decide, self._makes, now)
                    folders.advance(connection, last)
                    folders.forget_trouble(connection, last, [a.raw.ref.uid for a in arrivals])
            except ConflictError:
                if attempt == RACES - 1:
                    raise
            else:
                return accepted
        raise AssertionError("unreachable: the last attempt returns or raises")

    def claim(
        self, holder: str, now: datetime, lease: timedelta, limit: int, kind: MessageKind | None = None
    ) -> list[Delivery]:
        """Take due deliveries (of one kind)."""
        with self._database.transaction() as connection:
            return outbox.claim(connection, holder, now, lease, limit, kind)

    def claim_pings(self, holder: str, now: datetime, lease: timedelta, limit: int) -> list[Delivery]:
        """Take due calls over channels that are not mail."""
        with self._database.transaction() as connection:
            return outbox.claim_pings(connection, holder, now, lease, limit)

    def record_all(self, became: Sequence[Became], now: datetime) -> list[bool]:
        """Write down what became of deliveries, and what follows from it, together; whether each was still ours."""
        try:
            return self._recorded(became, now)
        except outbox.ContestedError:
            return self._recorded(became, now, one_by_one=True)

    def _recorded(self, became: Sequence[Became], now: datetime, *, one_by_one: bool = False) -> list[bool]:
        with self._database.transaction() as connection:
            if lost := [one.mine for one in became if one.state is DeliveryState.FAILED]:
                follow.alone(connection, lost)
            won = outbox.record(connection, became, now, one_by_one=one_by_one)
            for one in (one for one, is_mine in zip(became, won, strict=True) if is_mine):
                follow.put(connection, one.mine, (*one.then, *one.lost()), self._makes, now)
            return won

    def given_up(self, word: Delivery) -> list[GivenUp]:
        """What a notice to the others has to tell of, by now."""
        with self._database.reading() as connection:
            return follow.given_up(connection, word)

    def with_ids(self, message_ids: Sequence[str]) -> list[Delivery]:
        """Deliveries that bear these Message-IDs of ours and may still turn out to have failed."""
        with self._database.reading() as connection:
            return outbox.with_ids(connection, message_ids)

    def came_back(
        self, returned: Delivery, reason: str, now: datetime, lost: Callable[[], Sequence[DeliveryDraft]]
    ) -> bool:
        """A delivery came back as undeliverable: write that down, and what follows from it, together."""
        with self._database.transaction() as connection:
            follow.alone(connection, [returned])
            first = follow.came_back(connection, returned, reason, now)
            if first:
                follow.put(connection, returned, lost(), self._makes, now)
            return first

    def put_all_back(self, mine: Sequence[tuple[Delivery, datetime]]) -> None:
        """Let go of claimed deliveries that were not tried."""
        if mine:
            with self._database.transaction() as connection:
                outbox.put_back(connection, mine)

    def add(self, drafts: Iterable[DeliveryDraft], now: datetime) -> int:
        """Put messages into the outbox that stem from no mail; those whose key is there already are left out."""
        given = tuple(drafts)
        with self._database.reading() as connection:  # the same ones are decided on again and again
            known = outbox.known(connection, [draft.key for draft in given])
        new = [draft for draft in given if draft.key not in known]
        if not new:
            return 0
        with self._database.transaction() as connection:
            return sum(outbox.add(connection, draft, self._makes.message_id(), now) for draft in new)

    # --- around the outbox ---

    def context(self, mail_id: int) -> MailContext:
        """All that composing the messages about one mail needs, as it is now."""
        return self.contexts([mail_id])[mail_id]

    def contexts(self, mail_ids: Collection[int]) -> dict[int, MailContext]:
        """The same for several mails, all as of one moment."""
        if not mail_ids:
            return {}
        with self._database.reading() as connection:
            return context.of(connection, mail_ids)

    def originals(self, mail_ids: Collection[int]) -> dict[int, bytes]:
        """The bytes of mails, of those that are not wiped yet."""
        if not mail_ids:
            return {}
        with self._database.reading() as connection:
            return originals.read(connection, self.key, mail_ids)

    def withheld(self, mail_id: int | None, case_id: int | None) -> frozenset[str]:
        """Who must not have a mail or its case, as of now: asked right before each message leaves."""
        with self._database.reading() as connection:
            return context.withheld(connection, mail_id, case_id)

    def withheld_from(
        self, pairs: Collection[tuple[int | None, int | None]]
    ) -> dict[tuple[int | None, int | None], frozenset[str]]:
        """The same for several mails and their cases."""
        if not pairs:
            return {}
        with self._database.reading() as connection:
            return context.withheld_from(connection, pairs)

    def deliveries(self, states: Sequence[DeliveryState]) -> list[Delivery]:
        """Deliveries in these states."""
        with self._database.reading() as connection:
            return outbox.listed(connection, states)

    def acknowledgements(self, message_ids: Sequence[str]) -> list[Delivery]:
        """The acknowledgements of ours that bear these Message-IDs."""
        with self._database.reading() as connection:
            return outbox.acknowledgements(connection, message_ids)

    def deliveries_of_case(self, case_id: int) -> list[Delivery]:
        """Every delivery of a case."""
        with self._database.reading() as connection:
            return outbox.of_case(connection, case_id)

    def self_checks(self, to: str, most: int) -> list[Delivery]:
        """The last drills that the passes sent to this address by themselves, the newest first."""
        with self._database.reading() as connection:
            return outbox.self_checks(connection, to, most)

    def delivery_counts(self) -> dict[str, int]:
        """How many deliveries are in each state."""
        with self._database.reading() as connection:
            return outbox.counts(connection)

    def is_anything_open(self) -> bool:
        """Whether any delivery still has to happen, calls included."""
        with self._database.reading() as connection:
            return outbox.is_any_open(connection)

    def open_count(self) -> int:
        """How many deliveries still have to happen."""
        with self._database.reading() as connection:
            return outbox.open_count(connection)

    def retry(self, numbers: Sequence[int], now: datetime, to: str = "") -> int:
        """Make failed deliveries due again; ``to``: to somebody else."""
        with self._database.transaction() as connection:
            return outbox.retry(connection, numbers, now, to)

    def tidy(self) -> int:
        """Wipe the originals that nothing needs any more."""
        with self._database.transaction() as connection:
            return outbox.forget_originals(connection)

    def set_right(
        self, now: datetime, answer_wait: timedelta, longest_wait: timedelta, longest_lease: timedelta, *, period: str
    ) -> bool:
        """Correct times that a wrong clock has left behind; False when there is nothing to correct."""
        with self._database.reading() as connection:
            self._database.demand_current(connection)
            if not rewind.is_needed(connection, now):
                return False
        with self._database.transaction() as connection:
            rewind.rewind(connection, now, answer_wait, longest_wait, longest_lease, period=period)
        return True

    # --- what people may be told ---

    def cases(
        self,
        *,
        code: str | None = None,
        states: Iterable[CaseState] | None = None,
        closed_before: datetime | None = None,
        organizer: str | None = None,
    ) -> list[Case]:
        """Cases; with ``organizer`` only those that may be seen by them."""
        with self._database.reading() as connection:
            return views.cases(connection, code=code, states=states, closed_before=closed_before, organizer=organizer)

    def overview(
        self, organizer: str, since: datetime | None, now: datetime, *, answers: bool = True
    ) -> views.Overview:
        """Everything a digest for one organizer is made of; ``answers``: programs' that name no message count, too."""
        with self._database.reading() as connection:
            return views.overview(connection, organizer, since, now, answers=answers)

    def last_digest(self, organizer: str, before: datetime) -> datetime | None:
        """When the organizer's previous digest was decided."""
        with self._database.reading() as connection:
            return views.last_digest(connection, organizer, before)

    def last_good_pass(self, name: str) -> datetime | None:
        """When a mailbox was last read to its end, by whomever."""
        with self._database.reading() as connection:
            return views.last_good_pass(connection, name)

    def mailbox_health(self) -> list[MailboxHealth]:
        """How the last passes went."""
        with self._database.reading() as connection:
            return views.mailbox_health(connection)

    def leave_note(self, note: Callable[[], str]) -> bool:
        """Leave a note for a quick look (``glance``); every later transaction takes it away.

        ``note`` is asked in between: if anybody writes meanwhile, what it says may be wrong, and nothing is left.
        """
        draft = secrets.token_hex(16)
        with self._database.transaction() as connection:
            connection.execute(insert(meta).values(name=NOTE, value=draft))
        made = note()
        with self._database.transaction(keeps_note=True) as connection:
            mine = and_(meta.c.name == NOTE, meta.c.value == draft)
            return bool(connection.execute(update(meta).where(mine).values(value=made)).rowcount)

    # --- the audit ---

    def accounts(self, mailbox: str, name: str, uidvalidity: int) -> dict[int, auditing.Account]:
        """Every mail of a folder that the ledger knows, by UID."""
        with self._database.reading() as connection:
            return auditing.accounts(connection, mailbox, name, uidvalidity)

    def recognise(self, contents: Sequence[bytes], message_ids: Sequence[bytes]) -> dict[bytes, int]:
        """Mails by the keyed hash of their bytes or of their Message-ID."""
        with self._database.reading() as connection:
            return auditing.recognise(connection, contents, message_ids)

    def remember_places(self, found: Sequence[tuple[MailRef, int]]) -> None:
        """Note where filed mail stands."""
        with self._database.transaction() as connection:
            auditing.remember(connection, found)

    def unheard(self) -> list[str]:
        """Codes of cases that nobody has."""
        with self._database.reading() as connection:
            return auditing.unheard(connection)

    def outcomes(self) -> dict[str, int]:
        """How many mails had each outcome."""
        with self._database.reading() as connection:
            return views.outcomes(connection)

    def acknowledged(self) -> dict[int, datetime]:
        """By case, when its reporter was first answered automatically."""
        with self._database.reading() as connection:
            return views.acknowledged(connection)

    def counted(self, since: datetime | None = None) -> list[views.Counted]:
        """Mail that was written down without being passed on to anybody, the newest first."""
        with self._database.reading() as connection:
            return views.counted(connection, since)
