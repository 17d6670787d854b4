"""Large originals stand in the ledger in parts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward. An original that is there already is in one piece."""
    op.add_column("original", sa.Column("parts", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "original_part",
        sa.Column("mail_id", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mail_id"], ["original.mail_id"], name=op.f("fk_original_part_mail_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("mail_id", "part", name=op.f("pk_original_part")),
    )
