"""Documents as they stand in Xero, whose they are, and what Monstock shows of them."""

import sqlalchemy as sa
from alembic import op

from tasks.ledger import schema

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "accounting",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("order_id", sa.String(length=100), nullable=False),
        sa.Column("shown", sa.Text(), nullable=True, comment="JSON of the link as it stands in Monstock"),
        sa.Column(
            "due",
            sa.Integer(),
            nullable=False,
            comment="how often a document of its order changed since it was shown",
        ),
        sa.Column("failed", sa.Text(), nullable=True, comment="why it could not be written"),
        sa.Column(
            "findings",
            sa.Text(),
            nullable=True,
            comment="JSON: what is wrong between the order and its documents",
        ),
        sa.Column(
            "billed", sa.Text(), nullable=True, comment="net of a supplier order's bills, less credits"
        ),
        sa.Column("skipped", sa.Text(), nullable=True, comment="why a person took it out of the inbox"),
        sa.Column("since", schema.Utc(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "kind", "order_id"),
    )
    op.create_index(op.f("ix_accounting_connection_due"), "accounting", ["connection", "due"], unique=False)
    op.create_table(
        "matches",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("order_id", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False, comment="linked, proposed or refused"),
        sa.Column("reason", sa.Text(), nullable=False, comment="what speaks for it"),
        sa.Column("decided_by", sa.Text(), nullable=True, comment="a person; empty where it was certain"),
        sa.Column("since", schema.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "document_id", "kind", "order_id"),
    )
    op.create_index(
        op.f("ix_matches_connection_kind_order_id"),
        "matches",
        ["connection", "kind", "order_id"],
        unique=False,
    )
    op.create_table(
        "unread",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("endpoint", sa.String(length=40), nullable=False),
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("connection", "endpoint", "document_id"),
    )
    op.add_column("decisions", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("documents", sa.Column("net", sa.Text(), nullable=True))
    op.add_column("documents", sa.Column("tax", sa.Text(), nullable=True))
    op.add_column("documents", sa.Column("paid", sa.Text(), nullable=True))
    op.add_column(
        "documents",
        sa.Column(
            "credited", sa.Text(), nullable=True, comment="by credit notes, prepayments and overpayments"
        ),
    )
    op.add_column(
        "documents", sa.Column("due", sa.Text(), nullable=True, comment="of a credit, what is left of it")
    )
    op.add_column("documents", sa.Column("due_date", sa.Date(), nullable=True))
    op.add_column("documents", sa.Column("paid_on", sa.Date(), nullable=True))
    op.add_column("documents", sa.Column("sent", sa.Boolean(), nullable=True, comment="to the contact"))
    op.add_column(
        "documents",
        sa.Column("text", sa.Text(), nullable=True, comment="what its lines say, where a person made it"),
    )
    op.add_column("documents", sa.Column("modified", sa.Text(), nullable=True, comment="Xero's own stamp"))
    op.add_column(
        "documents",
        sa.Column("read_at", sa.Text(), nullable=True, comment="when it was read, by Xero's clock"),
    )
    op.add_column(
        "documents",
        sa.Column(
            "standing",
            sa.String(length=10),
            nullable=True,
            comment="linked, proposed, unmatched, aside or unreadable; empty: new",
        ),
    )
    op.add_column(
        "documents",
        sa.Column("since", schema.Utc(), nullable=True, comment="when it came to stand so"),
    )
    op.add_column(
        "documents",
        sa.Column("findings", sa.Text(), nullable=True, comment="JSON: what people must know of it"),
    )
    op.add_column(
        "documents",
        sa.Column("skipped", sa.Text(), nullable=True, comment="why a person took it out of the inbox"),
    )
    op.add_column(
        "documents",
        sa.Column("raw", schema.Compressed(), nullable=True, comment="JSON of what could not be read"),
    )
    op.create_index(
        op.f("ix_documents_connection_number"), "documents", ["connection", "number"], unique=False
    )
    op.create_index(
        op.f("ix_documents_connection_standing"), "documents", ["connection", "standing"], unique=False
    )
    op.add_column("orders", sa.Column("currency", sa.String(length=3), nullable=True))
    op.add_column("orders", sa.Column("net", sa.Text(), nullable=True))
    op.add_column("orders", sa.Column("gross", sa.Text(), nullable=True))
    op.add_column(
        "orders",
        sa.Column(
            "received",
            sa.Text(),
            nullable=True,
            comment="net of what was delivered so far; empty where that is not tracked",
        ),
    )
    op.add_column(
        "orders",
        sa.Column("external", sa.Text(), nullable=True, comment="the customer's or supplier's own number"),
    )
