"""``intake drill``: a synthetic report through the real path, and who was reached, how fast, who was withheld."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from intake.cli.common import DONE, FINDING, LEFT, Invocation, options, print_json
from intake.errors import DeliveryError, IntakeError
from intake.model import Failed

if TYPE_CHECKING:
    from intake.ports import Transport
    from intake.steps.drill import Line, Sent, Watched
    from intake.steps.parts import Parts

_LOOK_EVERY = 0.25  # seconds


class Span(click.ParamType[timedelta]):
    """A duration as in the configuration."""

    name = "DURATION"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Parse, or fail as a usage error."""
        from intake.config.values import duration

        try:
            return duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option("--to", default="", help="Send every copy to this address, and none to an organizer.")
@click.option("--named", default="", help="Name somebody in it, to see who is withheld then.")
@click.option("--by", type=click.Choice(["smtp", "imap"]), default="smtp", show_default=True,
              help="How it comes in: sent to our own address, or put into the mailbox.")  # fmt: skip
@click.option("--wait", type=Span(), default="90s", show_default=True,
              help="How long to wait for a pass to read it and to send its copies.")  # fmt: skip
@click.option("--pass", "passes", is_flag=True, help="Do the passes too, instead of waiting for cron or the service.")
@click.option("--every", type=Span(), help="Look at the self-checks: start one unless the last is younger than this.")
@options
def drill(
    invocation: Invocation,
    to: str,
    named: str,
    by: str,
    wait: timedelta,
    passes: bool,
    every: timedelta | None,
) -> int:
    """A synthetic report through the real path, marked as a drill to everybody who gets it.

    It opens a case that is in no figures and no digest, and closes it again. Ends with 0 when everybody was reached
    who should be, 1 when somebody was not, 75 when something is still on its way.

    With --every it waits for nothing: it starts a self-check to the address of --to or [drill] if one is due, which
    the next passes send and watch, and tells of the last one. The service does the same by itself: see [drill].
    """
    from intake import app

    config = invocation.config()
    parts = app.build(config, app.Outside(clock=invocation.clock), os.environ)
    if every is not None:
        from intake.cli.selfcheck import look

        return look(invocation, parts, _address(to) or config.drill.to, every)
    try:
        sent = _send(parts, _address(to), named, by)
        if not invocation.json:
            whose = "passes of our own" if passes else "the service or cron"
            said = f"waiting at most {wait.total_seconds():g} s for {whose} to read it and to send its copies …"
            click.echo(f"Sent by {by} to {config.community.address}; {said}", err=True)
        seen = _follow(parts, sent, wait, passes=passes)
        if seen.case:
            from intake.steps.drill import end

            end(parts, seen.case)
    finally:
        parts.ledger.close()
    _show(invocation, seen, passes=passes)
    if seen.case is None:
        return FINDING
    return DONE if seen.ok else FINDING if seen.finished else LEFT


def _address(said: str) -> str:
    from intake.config.values import optional_email

    try:
        return optional_email(said)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--to") from None


def _send(parts: Parts, to: str, named: str, by: str) -> Sent:
    from intake.steps.drill import compose, drop, outgoing

    sent = compose(parts, to=to, named=" ".join(named.split()))
    if by == "imap":
        drop(parts, parts.config.mailboxes[0], sent)
        return sent
    way: Transport = parts.transport()
    try:
        result = way.send(outgoing(parts, sent))
    finally:
        way.close()
    if isinstance(result, Failed):
        raise DeliveryError(f"the drill could not be sent: {result.reason}", permanent=result.permanent)
    return sent


def _follow(parts: Parts, sent: Sent, wait: timedelta, *, passes: bool) -> Watched:
    from intake.steps.drill import watch
    from intake.steps.whole import one_pass

    until = time.monotonic() + wait.total_seconds()
    with _progress() as told:
        while True:
            if passes:
                one_pass(parts)
            seen = watch(parts, sent)
            left = until - time.monotonic()
            if seen.finished or left <= 0:
                return seen
            told("read; its copies are on their way" if seen.case else f"not read yet, {left:.0f} s left")
            time.sleep(_LOOK_EVERY)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """How far it is, in a line that changes; on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _said: None
        return
    from rich.console import Console

    with Console(stderr=True).status("sent") as status:
        yield status.update


def _show(invocation: Invocation, seen: Watched, *, passes: bool) -> None:
    if invocation.json:
        answer = seen.acknowledgement
        print_json(
            {
                "ok": seen.ok,
                "case": seen.case.code if seen.case else None,
                "read_after": seen.read_after,
                "organizers": [
                    {"organizer": line.recipient, "state": line.state, "reason": line.reason, "after": line.seconds}
                    for line in seen.lines
                ],
                "acknowledgement": {k: v for k, v in asdict(answer).items() if k in {"state", "reason", "seconds"}}
                if answer
                else None,
            }
        )
        return
    if seen.case is None:
        if seen.read_after is None:
            what = "no pass has read the drill in this time;"
            if passes:
                raise IntakeError(f"{what} does mail to your own address arrive? try --by imap, or --wait 5m")
            raise IntakeError(f"{what} is the service or cron running? give it longer with --wait 5m, or use --pass")
        raise IntakeError("it was read, but opened no case: is a second copy of it in the mailbox? see: intake audit")
    from intake.cli.tables import Cell, table

    click.echo(f"Drill {seen.case.code}: read after {_seconds(seen.read_after)}.")
    rows = [*seen.lines, *([seen.acknowledgement] if seen.acknowledgement else [])]
    colours = {"sent": "green", "withheld": "yellow", "failed": "bold red"}
    table(
        ("who", "became", "after", "why"),
        [
            (_who(line), Cell(_state(line), colours.get(line.state, "")), _seconds(line.seconds), _why(line))
            for line in rows
        ],
        empty="",
    )
    click.echo(f"\n{_summary(seen)}")


def _who(line: Line) -> str:
    return f"{line.name} <{line.recipient}>" if line.name else "acknowledgement"


def _why(line: Line) -> str:
    """The reason in words; an id of ours reads well enough without its hyphens."""
    if line.state == "not-asked":
        return "gets other categories or events, or is away"
    return line.reason.replace("-", " ") if line.state == "withheld" else line.reason


def _summary(seen: Watched) -> str:
    """How it went, in one line."""
    reached = [line.seconds for line in seen.lines if line.state == "sent" and line.seconds is not None]
    asked = [line for line in seen.lines if line.state not in {"not-asked", "withheld"}]
    said = f"{len(reached)} of {len(asked)} who should get it were reached"
    said += f", the last one after {max(reached):.1f} s" if reached else ""
    withheld = sum(line.state == "withheld" for line in seen.lines)
    said += f"; withheld from {withheld}." if withheld else "."
    return said if seen.finished else f"{said} No longer waited for the rest: see intake outbox."


def _state(line: Line) -> str:
    return {"sent": "reached", "not-asked": "not asked"}.get(line.state, line.state)


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"
