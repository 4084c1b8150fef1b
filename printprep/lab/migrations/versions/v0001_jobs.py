"""Jobs, their history, plates and leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from printprep.lab.tables import Amount, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "jobs",
        sa.Column("number", sa.Integer, autoincrement=True),
        sa.Column("printer", sa.String(64), nullable=False),
        sa.Column("profile", sa.String(64)),
        sa.Column("process", sa.String(64)),
        sa.Column("case_id", sa.String(32)),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("position", sa.Integer),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("estimate_s", sa.Float),
        sa.Column("cost", Amount),
        sa.Column("currency", sa.String(3)),
        sa.Column("deadline", UtcTime),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("updated_at", UtcTime, nullable=False),
        sa.Column("started_at", UtcTime),
        sa.Column("ended_at", UtcTime),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("lines", sa.Integer),
        sa.Column("layer", sa.Integer),
        sa.Column("reason", sa.Text),
        sa.Column("cancel_by", sa.String(64)),
        sa.Column("agent", sa.String(64)),
        sa.PrimaryKeyConstraint("number", name="pk_jobs"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_jobs_printer_state", "jobs", ["printer", "state"])
    one_print = sa.text("state IN ('printing', 'paused')")
    op.create_index(
        "ux_jobs_one_print", "jobs", ["printer"], unique=True, sqlite_where=one_print, postgresql_where=one_print
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Integer, autoincrement=True),
        sa.Column("job", sa.Integer, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("before", sa.String(16)),
        sa.Column("after", sa.String(16), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.ForeignKeyConstraint(["job"], ["jobs.number"], name="fk_events_job"),
    )
    op.create_index("ix_events_job", "events", ["job"])
    op.create_table(
        "plates",
        sa.Column("printer", sa.String(64)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("job", sa.Integer),
        sa.Column("who", sa.String(64)),
        sa.Column("at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("printer", name="pk_plates"),
        sa.ForeignKeyConstraint(["job"], ["jobs.number"], name="fk_plates_job"),
    )
    op.create_table(
        "leases",
        sa.Column("printer", sa.String(64)),
        sa.Column("agent", sa.String(64), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("born", sa.String(64), nullable=False),
        sa.Column("since", UtcTime, nullable=False),
        sa.Column("heartbeat", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("printer", name="pk_leases"),
    )


def downgrade() -> None:
    """Take the tables away, with what is in them."""
    for table in ("leases", "plates", "events", "jobs"):
        op.drop_table(table)
