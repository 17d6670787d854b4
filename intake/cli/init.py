"""``intake init``: asks for the mailbox, the community and the organizers, tries them, writes ``config.toml``."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import click

from intake.cli.asking import Asker
from intake.cli.common import DONE, FINDING, Invocation, options, print_json
from intake.cli.drafting import text
from intake.cli.findings import Level
from intake.cli.interview import Interview
from intake.errors import ConfigError


@click.command("init")
@click.option("--offline", is_flag=True, help="Dial nobody: write down what is said, without trying it.")
@options
def init(invocation: Invocation, offline: bool) -> int:
    """Ask for the mailbox, the community and the organizers, try them, and write the configuration.

    Enter takes what stands in brackets. Answers may also come from a pipe, a line each.
    """
    path = (invocation.config_file or Path("config.toml")).absolute()
    _refuse_to_overwrite([path])
    asker = Asker()
    asker.say(f"This writes {path}. Enter takes what stands in [brackets]; Ctrl-C ends it and writes nothing.")
    answers = Interview(asker, path, offline=offline).answers()
    head = (
        f"Written by intake init on {invocation.clock.now():%Y-%m-%d}. config.example.toml shows every other setting."
    )
    written = write(path, text(answers, head=head), answers.secrets())
    asker.say()
    for file in written:
        asker.say(f"Wrote {file}, readable by you alone.", style="green")
    return _first_check(replace(invocation, config_file=path), written, offline=offline)


def _first_check(invocation: Invocation, written: list[Path], *, offline: bool) -> int:
    from intake.cli.check import everything, line

    worst, findings = DONE, []
    click.echo("", err=True)
    for finding in everything(invocation.config(), invocation, offline=offline):
        findings.append(finding)
        worst = FINDING if finding.level is Level.FAILURE else worst
        if not invocation.json:
            click.echo(line(finding))
    if invocation.json:
        print_json({"files": [str(file) for file in written], "check": [finding.as_json() for finding in findings]})
    then = (
        "correct what failed, then: intake check"
        if worst
        else "look at every message first: intake preview; then: intake once"
    )
    click.echo(f"Next: {then}", err=True)
    return worst


# --- writing ---


def _refuse_to_overwrite(files: list[Path]) -> None:
    there = [file for file in files if file.exists() or file.is_symlink()]
    if there:
        raise ConfigError([f"{there[0]} is there already; remove it, or name another file with --config FILE"])


def write(path: Path, content: str, secrets: dict[str, str]) -> list[Path]:
    """Every file with rights 0600, the secrets first; all of them or none. Raises ConfigError."""
    files = {path.parent / name: secret + "\n" for name, secret in secrets.items()} | {path: content}
    _refuse_to_overwrite(list(files))
    made: list[Path] = []
    try:
        for file, what in files.items():
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            made.append(file)
            with os.fdopen(descriptor, "w", encoding="utf-8") as out:
                out.write(what)
                out.flush()
                os.fsync(out.fileno())
    except OSError as error:
        for file in made:
            file.unlink(missing_ok=True)
        raise ConfigError(
            [f"{path.parent}: {error.strerror or 'not writable'}; choose another with --config FILE"]
        ) from None
    return made
