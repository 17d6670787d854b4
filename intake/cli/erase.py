"""``erase`` and ``hold``: a case goes, wherever it can be reached; or it must stay."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from intake.cli.common import DONE, FINDING, LEFT, USAGE, Invocation, options, print_json
from intake.cli.tables import plain

if TYPE_CHECKING:
    from intake.config import Config
    from intake.steps.erasure import Erasure


@click.command()
@options
@click.argument("code", metavar="CASE")
@click.option("--yes", is_flag=True, help="Do it, without asking.")
def erase(invocation: Invocation, code: str, yes: bool) -> int:
    """Erase a case: ledger, outbox, and its mail in the mailbox folders. It can't be undone."""
    from intake import app
    from intake.steps import erasure

    config = invocation.config()
    parts = app.build(config, app.Outside(clock=invocation.clock), os.environ)
    try:
        case = erasure.the_case(parts, code)
        if not yes:
            for line in _before(erasure.survey(parts, case)):
                click.echo(line, err=True)
            if not _agreed():
                click.echo("intake: nothing was erased; to do it: intake erase CASE --yes", err=True)
                return USAGE
        told = erasure.erase(parts, case)
    except erasure.NotNowError as error:
        click.echo(f"intake: {error}", err=True)
        return LEFT
    finally:
        parts.ledger.close()
    if invocation.json:
        print_json({**as_json(told), "out_of_reach": list(out_of_reach(config, told))})
    else:
        for line in _after(config, told):
            click.echo(line)
    unfinished = told.ledger is not None and not told.ledger.emptied
    return FINDING if told.missing or told.marked or told.elsewhere or unfinished else DONE


def as_json(told: Erasure) -> dict[str, object]:
    """What became of a case, in counts."""
    return {
        "code": told.code,
        "mails": told.mails,
        "removed": told.removed,
        "marked_as_deleted": told.marked,
        "not_found": told.missing,
        "searched": told.searched,
        "other_mailboxes": told.elsewhere,
        "ledger": asdict(told.ledger) if told.ledger else None,
    }


def _agreed() -> bool:
    if not sys.stdin.isatty():
        return False
    return click.confirm("Erase it? This can't be undone", default=False, err=True)


def _before(told: Erasure) -> Iterator[str]:
    yield f"Case {told.code}: {told.mails} mail(s) in the mailbox, and all that the ledger holds of them, are erased."
    if told.waiting:
        yield f"{told.waiting} message(s) that still wait are not sent any more."


def _after(config: Config, told: Erasure) -> Iterator[str]:
    yield f"Case {told.code} is erased."
    for where, number in told.removed.items():
        yield f"  {plain(where)}: {number} mail(s) deleted"
    if told.ledger:
        gone = told.ledger
        yield (
            f"  ledger: {gone.mails} mail(s), {gone.messages} message(s), {gone.notes} note(s) and "
            f"{gone.originals} waiting original(s) taken out"
        )
    if told.ledger and not told.ledger.emptied:
        yield "  the ledger's files still hold what was taken out: another program is reading it (a backup?); it goes"
        yield "  within a day, or as soon as that has ended and you run: intake retention --apply"
    yield "  what stays: that a case of this code was erased and when, and a keyed mark by which its mails"
    yield "  are known again if the server restores them; neither tells who wrote, about whom, or what"
    yield "Not within reach; ask for it where it matters:"
    for line in out_of_reach(config, told):
        yield f"  - {line}"


def out_of_reach(config: Config, told: Erasure) -> Iterator[str]:
    """The copies that remain, as far as one can know, and who can do something about each."""
    names = {one.email.lower(): one.name for one in config.organizers}
    if config.fallback:
        names[config.fallback.email.lower()] = config.fallback.name
    if told.readers:
        readers = ", ".join(plain(names.get(email, email)) for email in told.readers)
        yield f"copies in the mailboxes of {readers}, and what they wrote and kept themselves: ask them to delete it"
    yield "the reporter's own mail" + (", and the acknowledgement they got" if told.answered else "")
    yield "the mail server's backups and its log of addresses" + (
        "" if told.searched else ", its folder of deleted mail"
    )
    read = {one.user.lower() for one in config.mailboxes}
    if not told.searched or config.smtp.user.lower() not in {*read, ""}:
        whose = config.smtp.user or config.community.address
        yield f"a Sent folder of {plain(whose)}, if the way out keeps copies of what it sends"
    for name in told.closed:
        yield f"copies in {plain(name)}: the server does not open that folder to us"
    yield "backups of the ledger, and of its key, that were made before now"
    for where, number in told.marked.items():
        yield f"{number} mail(s) in {plain(where)}: marked as deleted; they go when somebody empties that folder"
    if told.missing:
        yield f"{told.missing} mail(s) that stand in none of the folders we look at: somebody has moved or deleted them"
    for name in told.elsewhere:
        yield f"mailbox {plain(name)}: the configuration does not name it any more"


@click.command()
@options
@click.argument("code", metavar="CASE")
@click.option("--end", is_flag=True, help="The case need not be kept any longer.")
def hold(invocation: Invocation, code: str, end: bool) -> int:
    """Keep a case, whatever retention says and whoever asks to erase it: for as long as the law demands it."""
    from intake.cli.cases import open_ledger

    with open_ledger(invocation) as book:
        found = book.cases(code=code)
        if not found:
            click.echo("intake: no case has that code; see: intake cases list --all", err=True)
            return FINDING
        if end:
            book.let_go(found[0].id)
        else:
            book.keep(found[0].id, invocation.clock.now())
    if invocation.json:
        print_json({"code": found[0].code, "held": not end})
    else:
        click.echo(f"Case {found[0].code} " + ("is held no longer." if end else "is held: it is not erased."))
    return DONE
