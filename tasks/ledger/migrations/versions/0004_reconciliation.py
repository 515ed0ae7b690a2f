"""What both sides are compared by, and the discrepancies that were found."""

import sqlalchemy as sa
from alembic import op

from tasks.ledger import schema

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _orders()
    _links()
    _documents()
    _discrepancies()


def _orders() -> None:
    op.add_column("orders", sa.Column("status", sa.String(length=20), comment="Monstock's own word"))
    op.add_column(
        "orders", sa.Column("document_date", sa.Date(), comment="the billing date, else the order date")
    )
    op.add_column(
        "orders",
        sa.Column("taxes", sa.Text(), comment="JSON by Xero's tax type, as the rules tell it: net and tax"),
    )
    op.add_column(
        "orders",
        sa.Column("listed_at", schema.Utc(), comment="when a reconciliation last saw it in Monstock"),
    )
    op.create_index(op.f("ix_orders_connection_document_date"), "orders", ["connection", "document_date"])


def _links() -> None:
    comment = "from here to `lines`: the document as our last write left it"
    op.add_column("links", sa.Column("reference", sa.Text(), comment=comment))
    op.add_column("links", sa.Column("contact_id", sa.String(length=36)))
    for name in ("currency", "net", "tax"):
        op.add_column("links", sa.Column(name, sa.Text()))
    for name in ("date", "due_date"):
        op.add_column("links", sa.Column(name, sa.Date()))
    op.add_column("links", sa.Column("line_count", sa.Integer()))
    op.add_column("links", sa.Column("lines", sa.String(length=16), comment="digest of what its lines say"))


def _documents() -> None:
    op.add_column("documents", sa.Column("line_count", sa.Integer()))
    digest = "digest of what its lines say, prices and accounts included"
    op.add_column("documents", sa.Column("lines", sa.String(length=16), comment=digest))
    op.add_column("documents", sa.Column("taxes", sa.Text(), comment="JSON by tax type: net and tax"))
    op.create_index(op.f("ix_documents_connection_date"), "documents", ["connection", "date"])


def _discrepancies() -> None:
    op.create_table(
        "discrepancies",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("id", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column(
            "order_kind",
            sa.String(length=20),
            comment="customer or supplier; empty for a document without an order",
        ),
        sa.Column("order_id", sa.String(length=100)),
        sa.Column("document_id", sa.String(length=36)),
        sa.Column("ours", sa.Text(), nullable=False, comment="what Monstock says, or we wrote last"),
        sa.Column("theirs", sa.Text(), nullable=False, comment="what Xero says"),
        sa.Column("difference", sa.Text(), comment="Monstock less Xero, in the document's currency"),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column(
            "state", sa.String(length=10), nullable=False, comment="open, seen, accepted, repaired or gone"
        ),
        sa.Column("since", schema.Utc(), comment="when it came to be, as far as that can be told"),
        sa.Column("first_seen", schema.Utc(), nullable=False),
        sa.Column("last_seen", schema.Utc(), nullable=False),
        sa.Column(
            "run_id", sa.String(length=100), nullable=False, comment="the run that last saw it, or ended it"
        ),
        sa.Column("reason", sa.Text(), comment="why a person accepted it"),
        sa.Column("decided_by", sa.Text()),
        sa.PrimaryKeyConstraint("connection", "id"),
    )
    op.create_index(op.f("ix_discrepancies_connection_state"), "discrepancies", ["connection", "state"])
