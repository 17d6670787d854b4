"""``export``: all that can be reached of a case, in a file, for whoever has a right to see it."""

from __future__ import annotations

import os
from pathlib import Path

import click

from intake.cli.common import DONE, FINDING, Invocation, options, print_json


@click.command()
@options
@click.argument("code", metavar="CASE")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, help="A folder.")
def export(invocation: Invocation, code: str, folder: Path) -> int:
    """Write a zip with the reporter's part and other people's part of a case; nothing in any mailbox is changed."""
    from intake import app
    from intake.steps import access, erasure

    parts = app.build(invocation.config(), app.Outside(clock=invocation.clock), os.environ)
    try:
        handed = access.hand_out(parts, erasure.the_case(parts, code), folder)
    finally:
        parts.ledger.close()
    if invocation.json:
        print_json(
            {
                "file": str(handed.path),
                "reporter_mails": handed.reporter,
                "other_mails": handed.others,
                "not_found": handed.missing,
            }
        )
    else:
        click.echo(f"{handed.path}: {handed.reporter} mail(s) of the reporter, {handed.others} of others")
        click.echo("Read its README.txt before you give any of it to anybody.")
    if handed.missing:
        click.echo(f"intake: {handed.missing} mail(s) of the case could not be found in the mailbox", err=True)
    return FINDING if handed.missing else DONE
