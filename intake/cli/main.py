"""The ``intake`` command: finds the module of a subcommand only when it is called, so that start-up stays cheap."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import resource
import sys
from importlib import import_module
from pathlib import Path

import click

from intake import __version__
from intake.cli.common import MISCONFIGURED, behind_the_command
from intake.cli.streams import steady
from intake.errors import ConfigError, IntakeError

# name -> (module, attribute, one line of help)
COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("intake.cli.init", "init", "Ask for mailbox, community and organizers, try them, write config.toml."),
    "check": ("intake.cli.check", "check", "Look over the configuration and try everything it names."),
    "once": ("intake.cli.passes", "once", "One whole pass: read, decide, record, file, send. For cron."),
    "run": ("intake.cli.run", "run", "The service: the same steps on a schedule."),
    "classify": ("intake.cli.classify", "classify", "What would happen to each .eml, and why."),
    "preview": ("intake.cli.preview", "preview", "Every message the program can send, as a page to look at."),
    "drill": ("intake.cli.drill", "drill", "A synthetic report through the real path: who was reached, how fast."),
    "cases": ("intake.cli.cases", "cases", "The cases."),
    "digest": ("intake.cli.digest", "digest", "Show or send each organizer's digest as it would be now."),
    "outbox": ("intake.cli.outbox", "outbox", "What waits, what failed, and why."),
    "audit": ("intake.cli.audit", "audit", "Reconcile mailbox, ledger and receipts."),
    "backup": ("intake.cli.backup", "backup", "A copy of the ledger, while everything runs."),
    "status": ("intake.cli.status", "status", "Healthy or not, and why."),
    "export": ("intake.cli.export", "export", "All that can be reached of a case, for an access request."),
    "erase": ("intake.cli.erase", "erase", "Erase a case wherever it can be reached."),
    "hold": ("intake.cli.erase", "hold", "Keep a case from being erased."),
    "retention": ("intake.cli.retention", "retention", "Erase closed cases whose time is up."),
    "systemd": ("intake.cli.systemd", "systemd", "Print hardened unit files for this installation."),
    "transparency": ("intake.cli.transparency", "transparency", "Figures for publication; small numbers are hidden."),
    "demo": ("intake.cli.demo", "demo", "The main job on embedded parts, with sample mail."),
}


class Lazy(click.Group):
    """A group whose commands are imported when they are called; the help needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the table."""
        return list(COMMANDS)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Let ``intake --config FILE once`` be ``intake once --config FILE``."""
        return super().parse_args(ctx, behind_the_command(args))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="intake")
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
def intake(debug: bool) -> None:
    """The program behind a community's Code-of-Conduct address.

    It reads the mailbox, tells the organizers, answers the reporter, and keeps count: nothing lost,
    nothing leaked, nobody left waiting.
    """


def main() -> None:
    """Run the command line; errors become one line each on stderr and the documented exit code."""
    harden()
    steady()
    debug = "--debug" in sys.argv[1:]
    sys.excepthook = functools.partial(_unexpected, debug)
    argv = [word for word in sys.argv[1:] if word != "--debug"]
    try:
        code = intake.main(args=argv, prog_name="intake", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _wrong_usage(error)
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except ConfigError as error:
        _explain(error, debug=debug)
        sys.exit(MISCONFIGURED)
    except IntakeError as error:
        _explain(error, debug=debug)
        sys.exit(1)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        click.echo("intake: can't write, the disk is full: make room and try again", err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def harden() -> None:
    """No core dump, which would hold mail and keys; and whatever is written is for nobody else to read.

    A program that the system pipes core dumps to gets them whatever their limit is (core(5)): with no kind of memory
    chosen, there is nothing of ours in them.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        Path("/proc/self/coredump_filter").write_text("0", "ascii")
    os.umask(0o077)


def _wrong_usage(error: click.ClickException) -> None:
    path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "intake"
    words = " ".join(error.format_message().split()).rstrip(".")
    click.echo(f"intake: {words}; see: {path} --help", err=True)


def _explain(error: IntakeError, *, debug: bool) -> None:
    if debug:
        _trace(error)
    for line in str(error).splitlines():
        click.echo(f"intake: {line}", err=True)


def _unexpected(debug: bool, _kind: type[BaseException], error: BaseException, _trace_of_it: object) -> None:
    """What nobody foresaw is told by its kind and place only: its words may be somebody's mail."""
    if debug:
        _trace(error)
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "an unknown place"
    click.echo(
        f"intake: an error in the program ({type(error).__name__} at {where}); nothing is lost: please report it, "
        "with what --debug shows",
        err=True,
    )


def _trace(error: BaseException) -> None:
    """Where an error came from, with its causes. Only our own errors have words that may be shown."""
    import traceback

    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        _trace(cause)
        click.echo("which led to:", err=True)
    click.echo("Traceback (most recent call last):", err=True)
    click.echo("".join(traceback.format_tb(error.__traceback__)).rstrip(), err=True)
    click.echo(f"{type(error).__name__}: {error}" if isinstance(error, IntakeError) else type(error).__name__, err=True)
