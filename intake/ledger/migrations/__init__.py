"""Migrations of the ledger, forward only; the one place that knows Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from intake.errors import LedgerError


def settings() -> AlembicConfig:
    """Alembic's configuration, made here: there is no ini file to lose."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def migrate(engine: Engine, version: str | None) -> None:
    """Bring the ledger from ``version`` (None: empty) to the newest form, in one transaction.

    Raises LedgerError when a newer program made it.
    """
    config = settings()
    if version is not None and version not in {
        r.revision for r in ScriptDirectory.from_config(config).walk_revisions()
    }:
        raise LedgerError(
            f"the ledger was made by a newer intake (its form is {version}); install that version again, or a newer one"
        )
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
