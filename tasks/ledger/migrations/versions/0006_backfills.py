"""What became of each chunk of a backfill."""

import sqlalchemy as sa
from alembic import op

from tasks.ledger import schema

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "backfill_chunks",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("backfill_id", sa.String(length=100), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column(
            "run_id", sa.String(length=100), nullable=False, comment="the run that did it, or is at it"
        ),
        sa.Column(
            "state", sa.String(length=40), nullable=False, comment="waiting, running, parked, failed or done"
        ),
        sa.Column("calls", sa.Integer(), nullable=False, comment="to Xero, of all its runs"),
        sa.Column("documents", sa.Integer(), nullable=False, comment="written to Xero, or shown in Monstock"),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("updated_at", schema.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "backfill_id", "first"),
    )
