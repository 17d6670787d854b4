"""``audit``: reconciles mailbox, ledger and receipts."""

from __future__ import annotations

import os

import click

from intake.cli.common import DONE, FINDING, Invocation, each_community, options, print_json
from intake.steps.audit import Audit, Line


@click.command()
@options
@click.option("--quiet", is_flag=True, help="Only what is not accounted for.")
@each_community
def audit(invocation: Invocation, quiet: bool) -> int:
    """One line for every mail in the watched and the processed folders: its outcome and its receipts."""
    from intake import app
    from intake.steps import audit as auditing

    parts = app.build(invocation.config(), app.Outside(clock=invocation.clock), os.environ)
    try:
        found = auditing.audit(parts)
    finally:
        parts.ledger.close()
    if invocation.json:
        print_json(answer(found))
    else:
        _show(found, quiet=quiet)
    for error in found.errors:
        click.echo(f"intake: {error}", err=True)
    return DONE if found.ok else FINDING


def answer(found: Audit) -> dict[str, object]:
    """The contract's JSON."""
    return {
        "mails": len(found.lines),
        "accounted": len(found.lines) - len(found.unaccounted),
        "unaccounted": [
            {"mailbox": line.mailbox, "folder": line.folder, "uid": line.uid, "why": line.why}
            for line in found.unaccounted
        ],
        "cases_without_reader": found.unheard,
        "deliveries": found.deliveries,
        "log": {"lines": found.log.lines, "head": found.log.head, "problems": found.log.problems},
        "errors": found.errors,
        "ok": found.ok,
    }


def _show(found: Audit, *, quiet: bool) -> None:
    for line in found.lines:
        if not quiet or line in found.unaccounted:
            click.echo(_line(line))
    for code in found.unheard:
        click.echo(f"case {code}: nobody has it; see: intake cases show {code}")
    for problem in found.log.problems:
        click.echo(f"log of cases: {problem}; restore the ledger from a backup, or find out who changed it")
    counts = ", ".join(f"{name} {count}" for name, count in found.deliveries.items() if count)
    click.echo(
        f"{len(found.lines)} mail(s), {len(found.unaccounted)} not accounted for; deliveries: {counts or 'none'}"
    )


def _line(line: Line) -> str:
    where = f"{line.mailbox}/{line.folder} {line.uid}:"
    if line.account is None:
        return f"{where} {line.why}"
    receipts = ", ".join(f"{name} {count}" for name, count in sorted(line.account.deliveries.items()))
    return " ".join(part for part in (where, line.account.outcome, line.account.code, receipts) if part)
