"""``cases``: the cases, for whoever runs the program."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import click

from intake.cli.common import FINDING, Invocation, Listing, Moment, options, print_json
from intake.cli.tables import Cell, plain, span, table, when
from intake.edge import Chance
from intake.model import DRILL, OPERATOR, OUTCOMES, Case, CaseAction, CaseState, DeliveryState

if TYPE_CHECKING:
    from intake.config import Config
    from intake.decide.command import Command
    from intake.ledger.ledger import Ledger
    from intake.ledger.views import Counted
    from intake.model import KnownCase


@contextmanager
def open_ledger(invocation: Invocation) -> Iterator[Ledger]:
    """The ledger of the configuration, for one command."""
    with open_both(invocation) as (book, _):
        yield book


@contextmanager
def open_both(invocation: Invocation) -> Iterator[tuple[Ledger, Config]]:
    """The ledger, and the configuration it belongs to."""
    from intake import app

    config = invocation.config()
    book = app.ledger(config, Chance(), os.environ)
    book.open(invocation.clock.now())
    try:
        yield book, config
    finally:
        book.close()


def as_json(case: Case) -> dict[str, object]:
    """A case as the contract lists it."""
    return {
        "code": case.code,
        "category": case.category,
        "urgency": case.urgency,
        "urgency_reasons": case.urgency_reasons,
        "state": case.state,
        "opened": case.opened,
        "claimed_by": case.claimed_by,
        "claimed_at": case.claimed_at,
        "first_human_reply": case.first_human_reply,
        "closed": case.closed_at,
        "outcome": case.outcome,
        "mails": case.mails,
        "language": case.language,
        "event": case.event,
        "authentication": case.authentication,
        "recused": [{"organizer": one.organizer, "reason": one.reason} for one in case.recused],
    }


@click.group(cls=Listing)
def cases() -> None:
    """The cases."""


@cases.command("list")
@options
@click.option("--all", "everything", is_flag=True, help="Closed ones too; JSON always has them.")
def listed(invocation: Invocation, everything: bool) -> None:
    """All cases that are open."""
    states = None if everything or invocation.json else (CaseState.NEW, CaseState.CLAIMED)
    with open_both(invocation) as (book, config):
        found = book.cases(states=states)
    if invocation.json:
        print_json([as_json(case) for case in found])
        return
    now = invocation.clock.now()
    found = sorted(found, key=lambda case: _order(case, config, now)) if states else found
    table(
        ("code", "category", "urgency", "state", "opened", "due", "lead", "answered", "mails", "withheld"),
        [
            (
                case.code,
                f"{case.category} (drill)" if case.rule == DRILL else case.category,
                Cell(case.urgency, "bold red" if case.urgency == "urgent" else ""),
                Cell(case.state, _STATES.get(case.state, "")),
                when(case.opened, now),
                _due(case, config, now),
                _lead(case, config),
                when(case.first_human_reply, now),
                str(case.mails),
                str(len(case.recused) or "-"),
            )
            for case in found
        ],
        empty="No open case.",
        spare=("mails", "withheld", "answered", "lead", "category"),
    )


_SENDING = {
    DeliveryState.SENT: "green",
    DeliveryState.WITHHELD: "yellow",
    DeliveryState.UNKNOWN: "yellow",
    DeliveryState.FAILED: "bold red",
}
_STATES = {CaseState.NEW: "yellow", CaseState.CLAIMED: "green", CaseState.CLOSED: "dim"}


def _due_at(case: Case, config: Config) -> tuple[datetime | None, str]:
    """Until when somebody must have taken or answered a case, and which of the two; a drill has no clock."""
    from intake.decide.reminders import due_of

    return (None, "") if case.rule == DRILL else due_of(case, config.category(case.category))


def _due(case: Case, config: Config, now: datetime) -> Cell:
    at, what = _due_at(case, config)
    if at is None:
        return Cell("-")
    late, soon = at <= now, at - now < (at - case.opened) / 4
    return Cell(f"{what} {span(at - now)}{' late' if late else ''}", "bold red" if late else "yellow" if soon else "")


def _order(case: Case, config: Config, now: datetime) -> tuple[bool, bool, datetime]:
    """As in a digest: what is overdue first, then what is urgent, then by age."""
    at, _ = _due_at(case, config)
    return not (at is not None and at <= now), case.urgency != "urgent", case.opened


def _lead(case: Case, config: Config) -> str:
    """The name of who has taken it, as the configuration has it."""
    if not case.claimed_by:
        return "-"
    names = (one.name for one in config.organizers if one.email.lower() == case.claimed_by)
    return next(names, case.claimed_by)


@cases.command()
@options
@click.argument("code")
def show(invocation: Invocation, code: str) -> int:
    """Everything the ledger knows about one case; it holds nothing personal."""
    with open_both(invocation) as (book, config):
        found = book.cases(code=code)
        if not found:
            click.echo(f"intake: no case has the code {code!r}; see: intake cases list --all", err=True)
            return FINDING
        deliveries = book.deliveries_of_case(found[0].id)
        log, notes = book.case_log(found[0].code), book.notes(found[0].id)
    answer = as_json(found[0])
    answer["log"] = [
        {"at": line.at, "what": line.entry.what, "by": line.entry.by, "about": line.entry.about} for line in log
    ]
    answer["notes"] = [{"at": at, "by": by, "text": text} for at, by, text in notes]
    answer["deliveries"] = [
        {
            "kind": d.kind,
            "to": d.recipient,
            "state": d.state,
            "sent": d.sent_at,
            "attempts": d.tries,
            "error": d.error,
        }
        for d in deliveries
    ]
    if invocation.json:
        print_json(answer)
        return 0
    now = invocation.clock.now()
    for name, value in answer.items():
        if name not in {"deliveries", "recused", "log", "notes"} and value not in (None, "", ()):
            shown = ", ".join(value) if isinstance(value, tuple) else value
            if isinstance(value, datetime):
                shown = f"{when(value, now)}, {value.astimezone(config.zone):%Y-%m-%d %H:%M (%Z)}"
            click.echo(f"{name.replace('_', ' '):18} {shown}")
    for one in found[0].recused:
        click.echo(f"{'withheld from':18} {one.organizer} ({one.reason})")
    click.echo()
    table(
        ("message", "to", "state", "sent", "tries", "error"),
        [
            (d.kind, d.recipient, Cell(d.state, _SENDING.get(d.state, "")), when(d.sent_at, now), str(d.tries), d.error)
            for d in deliveries
        ],
        empty="",
    )
    click.echo()
    table(
        ("when", "what", "by", "about"),
        [(when(line.at, now), line.entry.what, line.entry.by, line.entry.about) for line in log],
        empty="",
    )
    for at, by, text in notes:
        click.echo(f"\n{when(at, now)}, {by}:\n" + "\n".join(f"  {plain(part)}" for part in text.splitlines()))
    return 0


# --- what is done to them: the same rules as by mail -------------------------------------------------

_BY = click.option("--by", default="", help="The organizer in whose name: a name or an address.")
_WORDS = {
    "withheld": "that organizer is withheld from the case",
    "no-name": "say whom: a name or an address",
    "unknown-name": "no organizer has that name; see [[organizer]] in the configuration",
    "several-names": "several organizers have that name; write the whole name or the address",
    "withheld-already": "they are withheld from it already",
    "not-withheld": "they are not withheld from it",
    "nobody-left": "then nobody would have it; add an organizer or a [fallback] first",
    "closed": "it is closed already; give --outcome to change how it ended",
}


@cases.command()
@options
@click.argument("code")
@click.argument("organizer", default="")
@_BY
def claim(invocation: Invocation, code: str, organizer: str, by: str) -> int:
    """Write down who has taken a case."""
    from intake.decide.command import Command

    return _change(invocation, code, Command(CaseAction.CLAIM), by, lead=organizer)


@cases.command()
@options
@click.argument("code")
@click.argument("reason", default="")
@click.option("--outcome", type=click.Choice(OUTCOMES), help="How it ended.")
@_BY
def close(invocation: Invocation, code: str, reason: str, outcome: str | None, by: str) -> int:
    """Close a case. It opens again by itself when its reporter writes."""
    from intake.decide.command import Command, outcome_of

    command = Command(CaseAction.CLOSE, outcome=outcome or outcome_of(reason), text=reason)
    return _change(invocation, code, command, by)


@cases.command()
@options
@click.argument("code")
@click.argument("text")
@_BY
def note(invocation: Invocation, code: str, text: str, by: str) -> int:
    """Note something about a case; it is kept encrypted.

    With - for TEXT it is read from standard input: words on a command line stand in the list of processes, which
    everybody on the machine may read, and in the shell's history.
    """
    from intake.decide.command import Command

    text = sys.stdin.buffer.read().decode("utf-8", "replace").strip() if text == "-" else text
    if not text:
        raise click.UsageError("there is nothing to note")
    return _change(invocation, code, Command(CaseAction.NOTE, text=text), by)


@cases.command()
@options
@click.argument("code")
@click.argument("name")
@_BY
def recuse(invocation: Invocation, code: str, name: str, by: str) -> int:
    """Withhold a case from an organizer, from now on and without a word to them."""
    from intake.decide.command import Command

    return _change(invocation, code, Command(CaseAction.RECUSE, name=name), by)


@cases.command()
@options
@click.argument("code")
@click.argument("name")
@_BY
def release(invocation: Invocation, code: str, name: str, by: str) -> int:
    """Let an organizer have a case that was withheld from them; its mails go to them."""
    from intake.decide.command import Command

    return _change(invocation, code, Command(CaseAction.RELEASE, name=name), by)


def _change(invocation: Invocation, code: str, command: Command, by: str, lead: str = "") -> int:
    """Decide and carry out; ends with 1 when it is refused, and says why."""
    from intake.decide.casework import Casework, Decision

    with open_both(invocation) as (book, config):
        actor, taker = _person(by, config), _person(lead or by, config)
        if actor is None or taker is None:
            click.echo(f"intake: {_WORDS['unknown-name']}", err=True)
            return FINDING
        now = invocation.clock.now()

        def decide(known: KnownCase) -> Decision:
            if {actor, taker} & known.withheld:
                return Decision(refusal="withheld")
            return Casework(config).decide(command, actor, known, now, taker)

        decided = book.change(code, decide, now)
        found = book.cases(code=code)
    if decided is None or not found:
        click.echo(f"intake: no case has the code {code!r}; see: intake cases list --all", err=True)
        return FINDING
    if decided.refusal:
        click.echo(f"intake: {found[0].code}: {_WORDS[decided.refusal]}", err=True)
        return FINDING
    if invocation.json:
        print_json(as_json(found[0]))
    else:
        click.echo(f"{found[0].code}: {command.action} done; it is {found[0].state}")
    return 0


def _person(name: str, config: Config) -> str | None:
    """The address of an organizer by name; who runs the program when none is given; None when nobody is meant."""
    from intake.decide.casework import named

    if not name:
        return OPERATOR
    people = named(name, config)
    if config.fallback and name.casefold() in {config.fallback.name.casefold(), config.fallback.email.lower()}:
        return config.fallback.email.lower()
    return people[0].email.lower() if len(people) == 1 else None


# --- mail that made no case ----------------------------------------------------------------------------


@cases.command()
@options
@click.option("--since", type=Moment(), help="Only what came in after this.")
@click.option("--all", "everything", is_flag=True, help="What was there before the start too.")
def machine(invocation: Invocation, since: datetime | None, everything: bool) -> None:
    """Mail that was counted and not passed on: automatic, bounces, lists, junk. Where it stands, and why."""
    with open_ledger(invocation) as book:
        found = [one for one in book.counted(since) if everything or invocation.json or one.group != "before"]
    if invocation.json:
        print_json([_place(one) for one in found])
        return
    now = invocation.clock.now()
    rows = [(one.group, one.reason, when(one.accepted, now), *_where(one)) for one in found]
    table(("kind", "why", "came", "mailbox", "folder", "uid"), rows, empty="Nothing but mail that people got.")


def _where(one: Counted) -> tuple[str, str, str]:
    """Mailbox, folder and UID; of mail that was moved, the UID is only known once an audit has seen it."""
    if one.found:
        return one.found.mailbox, one.found.folder, str(one.found.uid)
    if one.filed_to:
        return one.arrived.mailbox, one.filed_to, "-"
    return one.arrived.mailbox, one.arrived.folder, str(one.arrived.uid)


def _place(one: Counted) -> dict[str, object]:
    mailbox, folder, uid = _where(one)
    return {
        "kind": one.group,
        "reason": one.reason,
        "came": one.accepted,
        "bytes": one.size,
        "mailbox": mailbox,
        "folder": folder,
        "uid": int(uid) if uid.isdecimal() else None,
        "arrived_in": one.arrived.folder,
    }
