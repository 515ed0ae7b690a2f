"""What the two systems told of, and who follows it; the far side's stamp of what we wrote."""

import sqlalchemy as sa
from alembic import op

from tasks.ledger import schema

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "events",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column(
            "side", sa.String(length=10), nullable=False, comment="orders or documents: what it tells of"
        ),
        sa.Column(
            "subject", sa.String(length=20), nullable=False, comment="customer or supplier; Xero's category"
        ),
        sa.Column("subject_id", sa.String(length=100), nullable=False),
        sa.Column(
            "changed", sa.Text(), nullable=False, comment="when, by the far side's stamp, as text that sorts"
        ),
        sa.Column("received_at", schema.Utc(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False, comment="waiting, taken or done"),
        sa.Column("outcome", sa.Text(), nullable=True, comment="what became of it"),
        sa.Column("run_id", sa.String(length=100), nullable=True, comment="the run that has it, or ended it"),
        sa.PrimaryKeyConstraint("connection", "id"),
    )
    op.create_index(
        "ix_events_connection_side_state_received_at",
        "events",
        ["connection", "side", "state", "received_at"],
    )
    op.create_table(
        "followers",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("side", sa.String(length=10), nullable=False),
        sa.Column(
            "busy_until", schema.Utc(), nullable=True, comment="somebody is called, or at it, until then"
        ),
        sa.Column(
            "run_id",
            sa.String(length=100),
            nullable=True,
            comment="who is at it; empty while somebody is called",
        ),
        sa.Column(
            "calls", sa.Integer(), nullable=False, comment="how often somebody was called since one came"
        ),
        sa.PrimaryKeyConstraint("connection", "side"),
    )
    op.add_column(
        "links",
        sa.Column(
            "modified",
            sa.Text(),
            nullable=True,
            comment="Xero's own stamp, as our last write brought it back",
        ),
    )
    op.add_column(
        "accounting",
        sa.Column(
            "modified",
            sa.Text(),
            nullable=True,
            comment="Monstock's own stamp of the order, as our last write brought it back",
        ),
    )
