"""Every pass asks for the latest times of cases, and every digest for those that were closed long ago."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward: an index for each of these times."""
    for name in ("opened", "clock_since", "claimed_at", "closed_at"):
        op.create_index(f"ix_case_file_{name}", "case_file", [name], unique=False)
