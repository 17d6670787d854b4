"""``backup``: a copy of the ledger while everything runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from intake.cli.cases import open_both
from intake.cli.common import DONE, Invocation, options, print_json
from intake.errors import LedgerError

if TYPE_CHECKING:
    from intake.config import Config

SQLITE = b"SQLite format 3\0"


@click.command()
@options
@click.argument("to", type=click.Path(path_type=Path), metavar="TO")
def backup(invocation: Invocation, to: Path) -> int:
    """Copy the ledger to a file, or into a folder under the day's name, while everything runs.

    It does not hold the ledger's key. A backup that stands there is replaced.
    """
    with open_both(invocation) as (book, config):
        target = _target(config, to, f"{invocation.clock.now().astimezone(config.zone):%Y-%m-%d}")
        book.copy(target)
    size = target.stat().st_size
    if invocation.json:
        print_json({"file": str(target), "bytes": size, "form": book.version()})
        return DONE
    click.echo(f"{target}: the ledger, {size:,} bytes, whole")
    if config.ledger.key_file is not None:
        click.echo(f"Without its key it is of no use; keep a copy of {config.ledger.key_file} somewhere else.")
    return DONE


def _target(config: Config, to: Path, day: str) -> Path:
    """The file to write. Raises LedgerError for one that must not be written over."""
    ledger = config.ledger.file
    name = ledger.name if ledger else "intake.db"
    target = to.absolute() / f"{Path(name).stem}-{day}.db" if to.is_dir() else to.absolute()
    try:
        if ledger and target.exists() and target.samefile(ledger):
            raise LedgerError(f"{target}: this is the ledger itself; name another file")
        if target.exists() and not _is_backup(target):
            raise LedgerError(f"{target}: there is a file of another kind; name another one, or remove it")
    except OSError as error:
        raise LedgerError(f"{target}: it can't be written ({error.strerror}); name another file") from None
    return target


def _is_backup(target: Path) -> bool:
    with target.open("rb") as file:
        return file.read(len(SQLITE)) in {SQLITE, b""}
