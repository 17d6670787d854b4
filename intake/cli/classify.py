"""``classify``: what would happen to each ``.eml``, and why. Sends and stores nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from intake.cli.common import DONE, FINDING, Invocation, find_config, options, print_json

if TYPE_CHECKING:
    from intake.config import Config
    from intake.model import ParsedMail, Verdict

_MAX_FILE = 64 << 20


@click.command()
@options
@click.argument("mails", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.pass_context
def classify(context: click.Context, invocation: Invocation, mails: tuple[Path, ...]) -> int:
    """Say what would happen to each mail FILE (.eml), and why.

    Nothing is sent or stored; only keys of signatures are looked up, if the configuration says so. Without a
    configuration the shipped rules apply, and nobody can be withheld.
    """
    config, configured = _config(invocation)
    if not configured:
        click.echo("intake: no configuration found: these are the shipped rules, without organizers", err=True)
    moment = _moment(context, invocation)
    look = _look(config, lambda mail: moment or mail.date or invocation.clock.now())
    failed = False
    for path in mails:
        try:
            raw, whole = _read(path)
        except OSError as error:
            why = error.strerror or "can't be read"
            click.echo(f"intake: {_printable(str(path))}: {why}; name a file that holds one mail", err=True)
            failed = True
            continue
        mail, verdict = look(raw, whole)
        if invocation.json:
            print_json(_as_json(path, mail, verdict))
        else:
            click.echo("\n".join(map(_printable, _explained(path, mail, verdict))))
    return FINDING if failed else DONE


def _look(
    config: Config, arrived: Callable[[ParsedMail], datetime]
) -> Callable[[bytes, bool], tuple[ParsedMail, Verdict]]:
    """What understands a mail's bytes (all of them, or not) as a pass would."""
    from intake import app
    from intake.steps.understand import signed

    judge, parse = app.judge(config), app.parse()
    keys = app.keys(config, lambda line: click.echo(f"intake: {line}", err=True))

    def look(raw: bytes, whole: bool) -> tuple[ParsedMail, Verdict]:
        mail = parse(raw, truncated=not whole)
        when = arrived(mail)
        mail = signed(keys, config, mail, raw, when)
        return mail, judge(mail, when)

    return look


def _config(invocation: Invocation) -> tuple[Config, bool]:
    """The configuration, or the shipped defaults where there is none to find."""
    from intake.config import CommunityConfig, Config, SmtpConfig, load
    from intake.errors import ConfigError

    try:
        found = find_config(invocation.config_file, os.environ)
    except ConfigError:
        community = CommunityConfig(
            name="This community", address="help@example.invalid", languages=("en", "nl", "fr", "de")
        )
        nowhere = Path("config.toml").absolute()
        return Config(nowhere, community, mailboxes=(), smtp=SmtpConfig(host="localhost"), organizers=()), False
    return load(found), True


def _moment(context: click.Context, invocation: Invocation) -> datetime | None:
    """``--now`` when it was given; else each mail's own date counts."""
    return invocation.clock.now().astimezone(UTC) if _now_was_given(context) else None


def _now_was_given(context: click.Context) -> bool:
    return context.params.get("moment") is not None


def _read(path: Path) -> tuple[bytes, bool]:
    """The file's bytes, and whether that is all of it: a very large one is looked at in part."""
    with path.open("rb") as file:
        raw = file.read(_MAX_FILE + 1)
    return raw[:_MAX_FILE], len(raw) <= _MAX_FILE


def _as_json(path: Path, mail: ParsedMail, verdict: Verdict) -> dict[str, object]:
    """The answer of the contract, one object for a file."""
    return {
        "file": str(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        "kind": verdict.kind.value,
        "category": verdict.category,
        "rule": verdict.rule,
        "evidence": list(verdict.evidence),
        "urgency": verdict.urgency.value,
        "urgency_reasons": list(verdict.urgency_reasons),
        "language": verdict.language,
        "acknowledge": verdict.acknowledge,
        "acknowledge_reason": verdict.acknowledge_reason,
        "acknowledge_to": verdict.acknowledge_to.email if verdict.acknowledge_to else None,
        "recused": [{"organizer": one.organizer, "reason": one.reason} for one in verdict.recused],
        "defects": list(mail.defects),
        "event": verdict.event,
        "authentication": verdict.authentication,
    }


def _explained(path: Path, mail: ParsedMail, verdict: Verdict) -> list[str]:
    """The same for people, a line for each thing there is to say."""
    to = f" to {verdict.acknowledge_to.email}" if verdict.acknowledge_to else ""
    answer = f"yes{to}" if verdict.acknowledge else "no"
    lines = [
        str(path),
        f"  sent by    {verdict.kind.value}",
        f"  category   {verdict.category}  ({verdict.rule})",
        *([f"  because of {', '.join(verdict.evidence)}"] if verdict.evidence else []),
        f"  urgency    {verdict.urgency.value}" + _in_brackets(verdict.urgency_reasons),
        f"  language   {verdict.language}",
        *([f"  event      {verdict.event}"] if verdict.event else []),
        f"  answered   {answer}  ({verdict.acknowledge_reason})",
        *[f"  withheld   from {one.organizer}  ({one.reason})" for one in verdict.recused],
        *([f"  sender     authentication {verdict.authentication}"] if verdict.authentication != "none" else []),
        *([f"  defects    {', '.join(mail.defects)}"] if mail.defects else []),
    ]
    if not verdict.matched and verdict.kind.value != "person":
        lines.append("  people     do not get it: a program's mail that no rule is for; the digest counts it")
    return lines


def _in_brackets(reasons: tuple[str, ...]) -> str:
    return f"  ({', '.join(reasons)})" if reasons else ""


def _printable(text: str) -> str:
    """Without control characters: a terminal obeys them."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
