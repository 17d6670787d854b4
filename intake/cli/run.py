"""``run``: the service, for systemd or a container."""

from __future__ import annotations

import os
import queue
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from intake.cli.common import DONE, LEFT, Invocation, collect_less, options
from intake.cli.lines import FORMATS, lines
from intake.errors import ConfigError

if TYPE_CHECKING:
    from intake.config import Config
    from intake.service import Wish
    from intake.steps.parts import Parts


@click.command()
@options
@click.option("--log-format", type=click.Choice(FORMATS), default="plain", help="How lines on stderr look.")
def run(invocation: Invocation, log_format: str) -> int:
    """The service: the same steps on a schedule.

    --config may name a directory: each NAME.toml in it is a community of its own.

    SIGTERM ends it within seconds; SIGHUP reads the configuration again, and keeps the old one if it is wrong.
    """
    from intake import app
    from intake.service import Outset, Service, Wish

    say = lines(log_format, invocation.clock)
    wishes: queue.SimpleQueue[Wish] = queue.SimpleQueue()

    def build(name: str, config: Config, stopping: Callable[[], bool]) -> Parts:
        def tell(line: str) -> None:
            say(line, name)

        outside = app.Outside(clock=invocation.clock, stopping=stopping, say=tell, announce=tell)
        return app.build(config, outside, os.environ)

    figures = app.metrics(app.Outside(clock=invocation.clock, say=lambda line: say(line, "")), serves=True)
    outset = Outset(lambda: _load(invocation), build, say, figures.note, figures.gone)
    with _wishing(wishes, {signal.SIGTERM: Wish.STOP, signal.SIGINT: Wish.STOP, signal.SIGHUP: Wish.RELOAD}):
        service = Service(outset, wishes)
        collect_less()
        ended = service.run()
    if not ended:
        # A step hangs in a thread that Python would wait for at its end. What it had claimed is taken over later.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(LEFT if service.outdated else DONE)
    return LEFT if service.outdated else DONE  # whoever started it starts the new version


def _load(invocation: Invocation) -> Mapping[str, Config | ConfigError]:
    """The configurations, with every secret that they name within reach. Raises ConfigError when there is none."""
    from intake import credentials
    from intake.config import load, load_each

    def whole(path: Path) -> Config:
        config = load(path)
        problems = credentials.problems(config, os.environ)
        if problems:
            raise ConfigError(problems)
        return config

    path = invocation.path()
    if not path.is_dir():
        return {"": whole(path)}
    return load_each(path, whole)


@contextmanager
def _wishing(wishes: queue.SimpleQueue[Wish], meaning: dict[signal.Signals, Wish]) -> Iterator[None]:
    """Signals become wishes in a queue; SimpleQueue may be put to from a signal's handler, an Event may not."""
    before = {
        number: signal.signal(number, lambda _number, _frame, wish=wish: wishes.put(wish))  # type: ignore[misc]
        for number, wish in meaning.items()
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
