"""Migrations of the ledger, forward only; the one place that knows Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from intake.errors import LedgerError


def settings() -> AlembicConfig:
    """Alembic's configuration, made here: there is no ini file to lose."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def check(version: str | None) -> None:
    """Raises LedgerError for a form that this program does not know: a newer one made it."""
    known = {revision.revision for revision in ScriptDirectory.from_config(settings()).walk_revisions()}
    if version is not None and version not in known:
        raise LedgerError(
            f"the ledger was made by a newer intake (its form is {version}); install that version again, or a newer one"
        )


def migrate(connection: Connection) -> None:
    """Bring the ledger to the newest form, in the transaction that ``connection`` is in."""
    config = settings()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
