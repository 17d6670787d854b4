"""Run by Alembic: the connection comes from ``migrate``."""

from __future__ import annotations

from alembic import context

from intake.ledger.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite")
context.run_migrations()
