"""What every command shares: options, the way to a configuration, and how an answer is printed."""

from __future__ import annotations

import functools
import gc
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from intake.edge import YEARS, Clock
from intake.errors import ConfigError, IntakeError

if TYPE_CHECKING:
    from intake.config import Config

DONE, FINDING, USAGE, LEFT, MISCONFIGURED = 0, 1, 2, 75, 78
Command = TypeVar("Command", bound=Callable[..., Any])


class Moment(click.ParamType[datetime]):
    """An ISO 8601 date and time; without an offset it is UTC."""

    name = "ISO8601"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse, or fail as a usage error."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no ISO 8601 time, such as 2026-04-18T08:30:00+02:00", param, ctx)
        if moment.year not in YEARS:
            self.fail(f"{value!r} is not between {YEARS[0]} and {YEARS[-1]}", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Listing(click.Group):
    """A group that lists when no subcommand is named: ``intake cases --json`` is ``intake cases list --json``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the word in that was left out."""
        args = behind_the_command(args)
        if not args or (args[0].startswith("-") and args[0] not in {"-h", "--help"}):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def behind_the_command(args: list[str]) -> list[str]:
    """Arguments in which the options that every command takes stand behind the command's name, also if given before."""
    at = 0
    while at < len(args) and args[at].partition("=")[0] in _EVERYWHERE:
        at += 1 + (args[at] in _WITH_VALUE)
    return [*args[at : at + 1], *args[:at], *args[at + 1 :]]


_WITH_VALUE = frozenset({"-c", "--config", "--now"})
_EVERYWHERE = _WITH_VALUE | {"--json"}


@dataclass(frozen=True, slots=True)
class Invocation:
    """How a command was called."""

    config_file: Path | None
    clock: Clock
    json: bool

    def config(self) -> Config:
        """The configuration. Raises ConfigError with every problem there is."""
        from intake.config import load

        return load(self.path())

    def path(self) -> Path:
        """The configuration's file. Raises ConfigError when there is none."""
        return find_config(self.config_file, os.environ)


def find_config(given: Path | None, environ: Mapping[str, str]) -> Path:
    """``--config``, else ``$INTAKE_CONFIG``, else ./config.toml, else /etc/intake/config.toml."""
    if given is not None:
        return given
    if environ.get("INTAKE_CONFIG"):
        return Path(environ["INTAKE_CONFIG"])
    places = [Path("config.toml"), Path("/etc/intake/config.toml")]
    for place in places:
        if place.is_file():
            return place
    raise ConfigError(
        ["no configuration: name one with --config FILE, or write ./config.toml (start from config.example.toml)"]
    )


def options(command: Command) -> Command:
    """Give a command ``--config``, ``--json`` and ``--now``, and pass an Invocation as its first argument."""

    @click.option("-c", "--config", "config_file", type=click.Path(path_type=Path), help="The configuration file.")
    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON on standard output.")
    @click.option("--now", "moment", type=Moment(), help="Act as at this time (for drills, replays and tests).")
    @functools.wraps(command)
    def wrapped(config_file: Path | None, as_json: bool, moment: datetime | None, **rest: Any) -> Any:
        clock = Clock.at(moment) if moment else Clock()
        return command(Invocation(config_file, clock, as_json), **rest)

    return wrapped  # type: ignore[return-value]  # the decorators keep the command's shape


def each_community(command: Command) -> Command:
    """Under ``options``: with a directory as ``--config``, the command runs for each file in it, none stopping another.

    The exit code is the gravest of theirs. In JSON there is one answer a line, in the order of the files' names.
    """

    @functools.wraps(command)
    def wrapped(invocation: Invocation, **rest: Any) -> int:
        path = invocation.config_file or Path(os.environ.get("INTAKE_CONFIG") or "config.toml")
        if not path.is_dir():
            return int(command(invocation, **rest) or DONE)
        from intake.config.directory import files

        codes = [_one(command, replace(invocation, config_file=file), rest) for file in files(path)]
        return max(codes, key=_GRAVITY.index)

    return wrapped  # type: ignore[return-value]  # as above


_GRAVITY = (DONE, LEFT, FINDING, MISCONFIGURED)


def _one(command: Callable[..., Any], invocation: Invocation, rest: Mapping[str, Any]) -> int:
    assert invocation.config_file is not None  # noqa: S101 - the caller has just set it
    if not invocation.json:
        click.echo(f"--- {invocation.config_file.stem}", err=True)
    try:
        return int(command(invocation, **rest) or DONE)
    except IntakeError as error:
        for line in str(error).splitlines():
            click.echo(f"intake: {line}", err=True)
        return MISCONFIGURED if isinstance(error, ConfigError) else FINDING


def collect_less() -> None:
    """Before much mail is dealt with: what is loaded by now stays, and need not be searched for garbage over and over.

    What mails leave behind goes when the last reference does; only what refers to itself waits for the collector.
    """
    gc.freeze()
    gc.set_threshold(5_000, 5, 5)


def print_json(answer: object) -> None:
    """One JSON value on a line of its own; times as ISO 8601 in UTC."""
    click.echo(json_line(answer))


def json_line(answer: object) -> str:
    """The same as text. What a terminal would obey, or what turns the direction of letters, is written as an escape."""
    written = json.dumps(answer, ensure_ascii=False, default=_plain)
    if written.isprintable():
        return written
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in written)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
