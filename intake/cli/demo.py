"""``intake demo``: the main job on embedded parts, with sample mail, and a page that shows what came of it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from intake.cli.common import DONE, FINDING, Invocation, options, print_json
from intake.errors import IntakeError

if TYPE_CHECKING:
    from intake.demo.stage import Play

NEEDS = ("pymap", "aiosmtpd")


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="The folder for the page and the messages. One that an earlier demo made is emptied first.",
)
@options
def demo(invocation: Invocation, out: Path) -> int:
    """The main job on embedded parts, with sample mail.

    An IMAP server, an SMTP server and a ledger of its own, all on this machine: nothing leaves it.
    """
    if any(find_spec(name) is None for name in NEEDS):
        raise IntakeError("the demo's own servers are not installed: in a clone of Intake, run: make demo")
    from intake.demo import show
    from intake.demo.stage import folder_for, perform

    now = invocation.clock.now()
    where = folder_for(out)
    quiet = invocation.json
    with show.steps(quiet=quiet) as say:
        play = perform(where, now, say)
        say("Writing the messages and the page")
        index = show.write(play, where, now)
    if invocation.json:
        print_json(_answer(play, index))
    else:
        show.tables(play)
        show.farewell(index, where)
    return DONE if all(not report.left and not report.failed for report in play.passes) else FINDING


def _answer(play: Play, index: Path) -> dict[str, object]:
    return {
        "page": str(index),
        "mails": len(play.received),
        "sent": len(play.sent),
        "filed": play.filed,
        "recipients": {address: len(play.to(address)) for address in sorted({mail.recipient for mail in play.sent})},
    }
