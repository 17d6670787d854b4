"""Lines on stderr, plain or JSON. They hold what our own errors hold: nothing out of anybody's mail."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC

import click

from intake.edge import Clock

FORMATS = ("plain", "json")


def lines(how: str, clock: Clock) -> Callable[[str], None]:
    """Says one line in this format: ``plain``, or ``json`` with ``time`` and ``message``."""

    def plain(line: str) -> None:
        click.echo(f"intake: {line}", err=True)

    def as_json(line: str) -> None:
        at = clock.now().astimezone(UTC).isoformat(timespec="milliseconds")
        click.echo(json.dumps({"time": at, "message": line}, ensure_ascii=False), err=True)

    return as_json if how == "json" else plain
