"""``retention``: closed cases whose time is up are counted, then erased, then reported."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from intake.cli.common import DONE, LEFT, Invocation, options, print_json
from intake.cli.erase import as_json, out_of_reach

if TYPE_CHECKING:
    from intake.config import Config
    from intake.steps.erasure import Retention


@click.command()
@options
@click.option("--apply", "apply_it", is_flag=True, help="Erase them; without it, only say which.")
def retention(invocation: Invocation, apply_it: bool) -> int:
    """Erase the cases that were closed longer ago than [retention] closed_cases, after adding them to the figures."""
    from intake import app
    from intake.steps import erasure

    config = invocation.config()
    parts = app.build(config, app.Outside(clock=invocation.clock), os.environ)
    try:
        told = erasure.retention(parts, apply=apply_it)
    finally:
        parts.ledger.close()
    if invocation.json:
        print_json(_answer(config, told, applied=apply_it))
    else:
        _show(config, told, applied=apply_it)
    left = _left(told)
    for problem in left:
        click.echo(f"intake: {problem}", err=True)
    return LEFT if left else DONE


def _left(told: Retention) -> list[str]:
    return [*(f"case {code}: {why}" for code, why in told.problems.items()), *told.busy]


def _answer(config: Config, told: Retention, *, applied: bool) -> dict[str, object]:
    return {
        "before": told.before,
        "applied": applied,
        "due": told.due,
        "held": told.held,
        "erased": [{**as_json(one), "out_of_reach": list(out_of_reach(config, one))} for one in told.erased],
        "problems": _left(told),
        "mails_without_marks": told.faded,
    }


def _show(config: Config, told: Retention, *, applied: bool) -> None:
    since = f"closed before {told.before.astimezone(config.zone):%Y-%m-%d}"
    for code in told.held:
        click.echo(f"{code}: {since}, but held; to let it go: intake hold {code} --end")
    if not applied:
        for code in told.due:
            click.echo(f"{code}: {since}; would be erased")
        click.echo(f"{len(told.due)} case(s) to erase. To do it: intake retention --apply")
        return
    for one in told.erased:
        gone = sum(one.removed.values())
        rest = one.missing + sum(one.marked.values())
        click.echo(f"{one.code}: erased; {gone} mail(s) deleted" + (f", {rest} not within reach" if rest else ""))
    click.echo(f"{len(told.erased)} case(s) counted and erased, {told.faded} older mail(s) without marks.")
    if told.erased:
        click.echo(
            "Copies in the mailboxes of organizers and reporters, and in backups, are out of reach: remind them."
        )
