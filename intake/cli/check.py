"""``intake check``: looks over the configuration and tries everything it names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from intake.cli.common import DONE, FINDING, Invocation, each_community, options, print_json
from intake.cli.findings import Finding, Level, failure, ok
from intake.errors import ConfigError

if TYPE_CHECKING:
    from intake.config import Config, MailboxConfig, SmtpConfig

_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILURE: "red"}


@click.command(help="Look over the configuration and try everything it names.")
@click.option("--offline", is_flag=True, help="Dial nobody: only what is on this machine.")
@options
@each_community
def check(invocation: Invocation, offline: bool) -> int:
    """A line each: ok, warning or FAILURE, and what to do. Ends with 1 when something failed."""
    try:
        config = invocation.config()
    except ConfigError as error:
        if invocation.json:
            print_json([failure("config", *_halves(problem)).as_json() for problem in error.problems])
        raise
    worst = DONE
    found: list[Finding] = []
    for finding in everything(config, invocation, offline=offline):
        found.append(finding)
        worst = FINDING if finding.level is Level.FAILURE else worst
        if not invocation.json:
            click.echo(line(finding))
    if invocation.json:
        print_json([finding.as_json() for finding in found])
    return worst


def everything(config: Config, invocation: Invocation, *, offline: bool) -> Iterator[Finding]:
    """Every finding as soon as it is there: the quick ones first, then what has to be dialled."""
    from intake.cli import advice, pgp, trials

    now = invocation.clock.now()
    yield ok("config", f"{config.path}, without problems")
    yield from advice.channels(config)
    yield from advice.leftovers(config)
    yield from advice.people(config)
    yield from pgp.keys(config, now)
    yield from advice.signatures(config)
    yield from advice.secrets(config, os.environ)
    yield from advice.expiries(config, now)
    yield from advice.key(config, os.environ)
    yield from advice.clock(config, now)
    yield from trials.templates(config, now)
    yield from trials.ledger(config, now)
    if offline:
        return
    failing: list[MailboxConfig | SmtpConfig] = []
    for mailbox in config.mailboxes:
        yield from _noting(failing, mailbox, trials.mailbox(config, mailbox))
    yield from _noting(failing, config.smtp, trials.way_out(config))
    yield from trials.names(config)
    yield from trials.certificates(config, now, failing)


def _noting(
    failing: list[MailboxConfig | SmtpConfig], server: MailboxConfig | SmtpConfig, findings: Iterator[Finding]
) -> Iterator[Finding]:
    for finding in findings:
        if finding.level is Level.FAILURE and server not in failing:
            failing.append(server)
        yield finding


def line(finding: Finding) -> str:
    """One line for a terminal; colours vanish when it is piped."""
    word = finding.level.value if finding.level is not Level.FAILURE else "FAILURE"
    return f"{click.style(f'{word:8}', fg=_COLOURS[finding.level])} {finding}"


def _halves(problem: str) -> tuple[str, str]:
    what, _, action = problem.rpartition("; ")
    return (what, action) if what else (problem, "")
