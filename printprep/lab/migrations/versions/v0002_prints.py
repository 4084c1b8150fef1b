"""What prints really took."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "prints",
        sa.Column("job", sa.Integer, nullable=False),
        sa.Column("printer", sa.String(64), nullable=False),
        sa.Column("process", sa.String(64)),
        sa.Column("estimate_s", sa.Float, nullable=False),
        sa.Column("actual_s", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("job", name="pk_prints"),
        sa.ForeignKeyConstraint(["job"], ["jobs.number"], name="fk_prints_job"),
    )
    op.create_index("ix_prints_printer_process", "prints", ["printer", "process"])


def downgrade() -> None:
    """Take it away, with what was learned."""
    op.drop_table("prints")
