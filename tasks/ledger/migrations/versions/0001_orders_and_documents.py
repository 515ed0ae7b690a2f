"""Orders, documents, contacts, links, attempts and claims."""

import sqlalchemy as sa
from alembic import op

from tasks.ledger import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "attempts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("run_id", sa.String(length=100), nullable=False),
        sa.Column("method", sa.String(length=10), nullable=False),
        sa.Column("endpoint", sa.String(length=40), nullable=False),
        sa.Column(
            "body",
            schema.Compressed(),
            nullable=False,
            comment="empty once closed: the trail has it then",
        ),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False, comment="stored, sent, faulted or closed"),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("lease_until", schema.Utc(), nullable=False),
        sa.Column("stored_at", schema.Utc(), nullable=False),
        sa.Column("first_sent_at", schema.Utc(), nullable=True, comment="by Xero's clock"),
        sa.Column("last_sent_at", schema.Utc(), nullable=True, comment="by Xero's clock"),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("closed_at", schema.Utc(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True, comment="how it ended, in a word or Xero's own"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_attempts_connection_state"), "attempts", ["connection", "state"], unique=False)
    op.create_table(
        "claims",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("operation", sa.String(length=10), nullable=False),
        sa.Column("attempt_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False, comment="open, done or released"),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("total", sa.Text(), nullable=True, comment="what Xero was predicted to answer"),
        sa.Column("revision", sa.String(length=64), nullable=False),
        sa.Column("rules", sa.String(length=64), nullable=False),
        sa.Column("warnings", sa.Text(), nullable=True, comment="JSON: what was adjusted"),
        sa.Column("findings", sa.Text(), nullable=True, comment="JSON: what was found when it ended"),
        sa.PrimaryKeyConstraint("connection", "subject", "subject_id", "role", "generation", "operation"),
    )
    op.create_index(op.f("ix_claims_attempt_id"), "claims", ["attempt_id"], unique=False)
    op.create_table(
        "connections",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("tenant_name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("connection"),
    )
    op.create_table(
        "contact_links",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("contact_id", sa.String(length=100), nullable=False),
        sa.Column("xero_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("connection", "contact_id"),
        sa.UniqueConstraint("connection", "xero_id", name=op.f("uq_contact_links_connection_xero_id")),
    )
    op.create_table(
        "contacts",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("xero_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("merged_to", sa.String(length=36), nullable=True),
        sa.Column("terms", sa.Text(), nullable=True, comment="JSON: sales and bills, each a day and a type"),
        sa.PrimaryKeyConstraint("connection", "xero_id"),
    )
    op.create_index(
        op.f("ix_contacts_connection_name_key"), "contacts", ["connection", "name_key"], unique=False
    )
    op.create_index(op.f("ix_contacts_connection_number"), "contacts", ["connection", "number"], unique=False)
    op.create_table(
        "cursors",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("stream", sa.String(length=60), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "stream"),
    )
    op.create_table(
        "decisions",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("order_id", sa.String(length=100), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=False, comment="send, skip or ours"),
        sa.Column("decided_at", schema.Utc(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "kind", "order_id"),
    )
    op.create_table(
        "documents",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("mark", sa.Text(), nullable=True),
        sa.Column("contact_id", sa.String(length=36), nullable=False),
        sa.Column("contact_name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total", sa.Text(), nullable=False),
        sa.Column("date", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("before_us", sa.Boolean(), nullable=False, comment="stood in Xero before the first export"),
        sa.PrimaryKeyConstraint("connection", "document_id"),
    )
    op.create_index(op.f("ix_documents_connection_mark"), "documents", ["connection", "mark"], unique=False)
    op.create_table(
        "links",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("order_id", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("document_type", sa.String(length=20), nullable=False),
        sa.Column("document_number", sa.Text(), nullable=True),
        sa.Column("origin", sa.String(length=10), nullable=False, comment="made, adopted or linked"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("total", sa.Text(), nullable=True),
        sa.Column(
            "revision", sa.String(length=64), nullable=False, comment="the order revision that we wrote last"
        ),
        sa.Column(
            "rules", sa.String(length=64), nullable=True, comment="digest of the rules it was written under"
        ),
        sa.Column(
            "written",
            schema.Compressed(),
            nullable=True,
            comment="JSON of the document as our last write left it",
        ),
        sa.Column("updated_at", schema.Utc(), nullable=False),
        sa.Column("run_id", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("connection", "kind", "order_id", "role", "generation"),
    )
    op.create_index(
        op.f("ix_links_connection_document_id"), "links", ["connection", "document_id"], unique=False
    )
    op.create_table(
        "orders",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("order_id", sa.String(length=100), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("contact_name", sa.Text(), nullable=True),
        sa.Column("order_date", sa.Date(), nullable=True),
        sa.Column("revision", sa.String(length=64), nullable=False),
        sa.Column(
            "updated_at",
            sa.Text(),
            nullable=False,
            comment="Monstock's own stamp: an older reading changes nothing",
        ),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column(
            "since", schema.Utc(), nullable=False, comment="when it entered this state with this finding"
        ),
        sa.Column("findings", sa.Text(), nullable=True, comment="JSON: holds, rejections or warnings"),
        sa.Column("payload", sa.Text(), nullable=True, comment="the order's JSON while it is not settled"),
        sa.Column(
            "tried",
            sa.String(length=64),
            nullable=True,
            comment="the rules under which Xero was asked in vain",
        ),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(length=100), nullable=False, comment="the run that last touched it"),
        sa.PrimaryKeyConstraint("connection", "kind", "order_id"),
    )
    op.create_index(op.f("ix_orders_connection_run_id"), "orders", ["connection", "run_id"], unique=False)
    op.create_index(
        op.f("ix_orders_connection_state_kind_order_id"),
        "orders",
        ["connection", "state", "kind", "order_id"],
        unique=False,
    )
    op.create_table(
        "rulebooks",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False, comment="JSON: new rules apply to new documents only"),
        sa.PrimaryKeyConstraint("connection", "digest"),
    )
