"""The ``intake`` command: finds the module of a subcommand only when it is called, so that start-up stays cheap."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from intake import __version__
from intake.cli.common import MISCONFIGURED
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
    "status": ("intake.cli.status", "status", "Healthy or not, and why."),
    "export": ("intake.cli.export", "export", "All that can be reached of a case, for an access request."),
    "erase": ("intake.cli.erase", "erase", "Erase a case wherever it can be reached."),
    "hold": ("intake.cli.erase", "hold", "Keep a case from being erased."),
    "retention": ("intake.cli.retention", "retention", "Erase closed cases whose time is up."),
    "systemd": ("intake.cli.systemd", "systemd", "Print hardened unit files for this installation."),
    "demo": ("intake.cli.demo", "demo", "The main job on embedded parts, with sample mail."),
}


class Lazy(click.Group):
    """A group whose commands are imported when they are called; the help needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the table."""
        return list(COMMANDS)

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
def intake(debug: bool) -> None:  # noqa: FBT001 - click passes flags so
    """The program behind a community's Code-of-Conduct address.

    It reads the mailbox, tells the organizers, answers the reporter, and keeps count: nothing lost,
    nothing leaked, nobody left waiting.
    """


def main() -> None:
    """Run the command line; errors become one line each on stderr and the documented exit code."""
    debug = "--debug" in sys.argv[1:]
    argv = [word for word in sys.argv[1:] if word != "--debug"]
    try:
        code = intake.main(args=argv, prog_name="intake", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except ConfigError as error:
        _explain(error, debug=debug)
        sys.exit(MISCONFIGURED)
    except IntakeError as error:
        _explain(error, debug=debug)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _explain(error: IntakeError, *, debug: bool) -> None:
    if debug:
        import traceback  # noqa: PLC0415 - loaded for errors only

        traceback.print_exc()
    for line in str(error).splitlines():
        click.echo(f"intake: {line}", err=True)
