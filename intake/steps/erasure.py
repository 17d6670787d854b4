"""Finding every mail of a case in the mailboxes, to delete it or to hand it out; then the ledger forgets it too.

The mailbox comes first: a crash in between leaves the case in the ledger, and with it the way to what is left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from intake.decide.clock import MAILBOX_LEASE
from intake.errors import IntakeError, MailboxError
from intake.ledger.erasure import InUseError
from intake.model import OPERATOR, PROGRAM, REPORTER, Case, CaseState, DeliveryState, MessageKind
from intake.steps.copies import ours, remove_copies
from intake.steps.recognise import in_folder

if TYPE_CHECKING:
    from intake.config import MailboxConfig
    from intake.ledger.erasure import Gone, Trace
    from intake.ports import Mailbox
    from intake.steps.parts import Parts


class NotNowError(IntakeError):
    """It can't be done at this moment; trying again later can help."""


class HeldError(IntakeError):
    """The case must be kept."""


@dataclass(slots=True)
class Erasure:
    """What erasing a case has come to, or would. ``waiting`` messages are not sent any more.

    ``removed`` counts mails by ``mailbox/folder``; ``marked`` those that the server only lets us mark as deleted;
    ``missing`` are mails that stand in no folder we look at; ``readers`` hold copies of their own. ``searched`` are
    folders in which a server keeps copies by itself (sent, all, deleted), ``closed`` those that can't be opened.
    """

    code: str
    mails: int = 0
    removed: dict[str, int] = field(default_factory=dict)
    marked: dict[str, int] = field(default_factory=dict)
    missing: int = 0
    searched: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    elsewhere: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    answered: bool = False
    waiting: int = 0
    ledger: Gone | None = None

    @staticmethod
    def count(counts: dict[str, int], name: str, number: int) -> None:
        """Add to a count, unless there is nothing to add."""
        if number:
            counts[name] = counts.get(name, 0) + number


def the_case(parts: Parts, code: str) -> Case:
    """The case of that code. Raises IntakeError, which says if it was erased."""
    found = parts.ledger.cases(code=code)
    if found:
        return found[0]
    erased = parts.ledger.erased_before(code)
    if erased:
        raise IntakeError(f"case {code.upper()} was erased on {erased:%Y-%m-%d}; there is nothing more of it here")
    raise IntakeError("no case has that code; see: intake cases list --all")


def survey(parts: Parts, case: Case) -> Erasure:
    """What there is to erase, from the ledger alone: nothing is dialled."""
    traces = parts.ledger.traces(case.id)
    told = Erasure(case.code, mails=len(traces), elsewhere=_elsewhere(parts, traces))
    deliveries = parts.ledger.deliveries_of_case(case.id)
    sent = [d for d in deliveries if d.state in {DeliveryState.SENT, DeliveryState.UNKNOWN}]
    told.answered = any(d.kind is MessageKind.ACKNOWLEDGEMENT for d in sent)
    told.readers = tuple(sorted({d.recipient for d in sent} - {REPORTER}))
    told.waiting = sum(
        d.state in {DeliveryState.WAITING, DeliveryState.PENDING, DeliveryState.CLAIMED} for d in deliveries
    )
    return told


def _elsewhere(parts: Parts, traces: Sequence[Trace]) -> tuple[str, ...]:
    """Mailboxes that mails of the case came from and that the configuration no longer names."""
    return tuple(sorted({one.mailbox for one in traces} - {settings.name for settings in parts.config.mailboxes}))


def erase(parts: Parts, case: Case, *, closed_before: datetime | None = None) -> Erasure:
    """Erase a case wherever we can reach it: because somebody asked, or if it was ``closed_before`` then and still is.

    Raises NotNowError while somebody reads a mailbox or sends a message of the case, MailboxError when a mailbox can't
    be reached (the case then stays, to be erased again), HeldError when it must be kept.
    """
    _demand_free(parts, case)
    told = survey(parts, case)
    traces = parts.ledger.traces(case.id)
    with _alone(parts):
        if parts.ledger.being_sent(case.id, parts.now):
            raise NotNowError(f"a message of case {case.code} is just being sent; try again in a few minutes")
        closed = (CaseState.CLOSED,)
        if closed_before and not parts.ledger.cases(code=case.code, states=closed, closed_before=closed_before):
            raise NotNowError(f"case {case.code} was opened again, or somebody has just erased it")
        met: set[int | bytes] = set()
        sent = ours(parts, case)
        for settings in parts.config.mailboxes:
            # Copies first: it is by the mails themselves that some of them are found.
            met |= remove_copies(parts, settings, traces, sent, told, lambda: _demand_free(parts, case))
            for mailbox, folder, found in locate(parts, settings, traces):
                _demand_free(parts, case)  # somebody may say so while folders are searched
                filed = mailbox.remove(sorted(found))
                told.count(told.removed, f"{settings.name}/{folder}", len(filed.moved))
                told.count(told.marked, f"{settings.name}/{folder}", len(filed.left))
                met |= set(found.values())
        met |= {one.content for one in traces if one.content and one.mail_id in met}
        told.missing = sum(not _any(one, met) for one in traces)
        by, why = (PROGRAM, "retention") if closed_before else (OPERATOR, "request")
        try:
            told.ledger = parts.ledger.erase(case.code, by, why, parts.now, closed_before)
        except InUseError as error:  # since the mailboxes are searched
            raise NotNowError(str(error)) from None
    return told


def _demand_free(parts: Parts, case: Case) -> None:
    if case.id in parts.ledger.held():
        raise HeldError(f"case {case.code} is held and must be kept; end that first: intake hold {case.code} --end")


@contextmanager
def _alone(parts: Parts) -> Iterator[None]:
    """Nobody else reads a mailbox meanwhile: a pass would file what is being looked for."""
    with ExitStack() as leases:
        for settings in parts.config.mailboxes:
            name = f"mailbox {settings.name}"
            if not parts.ledger.take_lease(name, parts.holder, parts.now, MAILBOX_LEASE):
                raise NotNowError(f"another run is reading mailbox {settings.name}; try again in a minute")
            leases.callback(parts.ledger.drop_lease, name, parts.holder)
        yield


def originals(parts: Parts, traces: Sequence[Trace]) -> Iterator[tuple[Trace, bytes]]:
    """The bytes of each mail of a case that can be had, once: from the mailboxes, else as it waits in the ledger."""
    met: set[int | bytes] = set()
    by_number = {one.mail_id: one for one in traces}
    for settings in parts.config.mailboxes:
        for mailbox, _, found in locate(parts, settings, traces):
            for raw in mailbox.fetch(mailbox.heads(sorted(found))):
                trace = by_number[found[raw.ref.uid]]
                if not (_any(trace, met) or raw.unreadable or raw.truncated):
                    met |= {trace.mail_id, trace.content or trace.mail_id}
                    yield trace, raw.body
    for trace in traces:
        if trace.waiting and not _any(trace, met):
            yield trace, parts.ledger.original(trace.mail_id) or b""


def _any(trace: Trace, met: Collection[int | bytes]) -> bool:
    """Whether a mail, or another one with the same bytes, is among those that were met."""
    return trace.mail_id in met or trace.content in met


def locate(
    parts: Parts, settings: MailboxConfig, traces: Sequence[Trace]
) -> Iterator[tuple[Mailbox, str, dict[int, int]]]:
    """Each folder that holds mails of the case, selected, with its UIDs and the mails they are. Raises MailboxError."""
    mine = [one for one in traces if one.mailbox == settings.name]
    if not mine:
        return
    mailbox = parts.mailbox(settings)
    try:
        mailbox.open()
        for name in dict.fromkeys(settings.known):
            if name not in settings.watched:
                mailbox.ensure_folder(name)
            found = in_folder(parts, settings, mailbox, name, mine)
            if found:
                yield mailbox, name, found
    finally:
        mailbox.close()


@dataclass(slots=True)
class Retention:
    """What keeping nothing too long has come to, or would: codes of cases, and how many mails lost their marks."""

    before: datetime
    due: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    erased: list[Erasure] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)  # why a case could not be erased, by its code
    busy: list[str] = field(default_factory=list)  # what somebody was at just then
    faded: int = 0


def retention(parts: Parts, *, apply: bool, at_most: int | None = None) -> Retention:
    """Find the cases whose time is up; with ``apply`` count them, erase them, and go on where one can't be."""
    told = Retention(parts.now - parts.config.retention.closed_cases)
    held = parts.ledger.held()
    for case in parts.ledger.outlived(told.before):
        (told.held if case.id in held else told.due).append(case.code)
        if not apply or case.id in held or len(told.due) > (at_most or len(told.due)) or parts.stopping():
            continue
        try:
            told.erased.append(erase(parts, case, closed_before=told.before))
        except (NotNowError, HeldError) as error:
            told.busy.append(f"case {case.code}: {error}")
        except MailboxError as error:
            told.problems[case.code] = str(error)
    if apply:
        told.faded = parts.ledger.fade(told.before)
    return told
