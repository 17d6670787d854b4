"""Lines on stderr, plain or JSON. They hold what our own errors hold: nothing out of anybody's mail."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC

import click

from intake.cli.common import json_line
from intake.edge import Clock

FORMATS = ("plain", "json")


def lines(how: str, clock: Clock) -> Callable[[str, str], None]:
    """Says one line in this format: ``plain``, or ``json`` with ``time``, ``message`` and ``community``.

    The second argument is the community that it is about, where there are several; else empty.
    """

    def plain(line: str, name: str) -> None:
        click.echo(f"intake: {name}: {line}" if name else f"intake: {line}", err=True)

    def as_json(line: str, name: str) -> None:
        at = clock.now().astimezone(UTC).isoformat(timespec="milliseconds")
        about = {"community": name} if name else {}
        click.echo(json_line({"time": at, **about, "message": line}), err=True)

    return as_json if how == "json" else plain
