"""Consents and their tokens, keys, budgets of calls, the audit trail."""

import sqlalchemy as sa
from alembic import op

from tasks.ledger import schema

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "connections",
        sa.Column("consent_id", sa.String(length=36), nullable=True, comment="whose tokens it uses"),
    )
    op.add_column(
        "connections",
        sa.Column(
            "connected_at",
            schema.Utc(),
            nullable=True,
            comment="when a person joined it to its organisation",
        ),
    )
    op.add_column("orders", sa.Column("contact_id", sa.Text(), nullable=True))
    op.create_table(
        "consents",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("identity_url", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column(
            "grant_type",
            sa.String(length=20),
            nullable=False,
            comment="authorization_code or client_credentials",
        ),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column(
            "dead",
            sa.Text(),
            nullable=True,
            comment="why only a person's new consent helps; empty while it lives",
        ),
        sa.Column("access", sa.LargeBinary(), nullable=True, comment="sealed"),
        sa.Column("access_until", schema.Utc(), nullable=True, comment="by Xero's clock"),
        sa.Column("refresh", sa.LargeBinary(), nullable=True, comment="sealed"),
        sa.Column(
            "previous",
            sa.LargeBinary(),
            nullable=True,
            comment="sealed: the refresh token before the last renewal",
        ),
        sa.Column("previous_until", schema.Utc(), nullable=True, comment="by Xero's clock"),
        sa.Column("renewer", sa.String(length=100), nullable=True, comment="who holds the right to renew"),
        sa.Column("renewer_until", schema.Utc(), nullable=True, comment="by the ledger's clock"),
        sa.Column("changed_at", schema.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "keys",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "budgets",
        sa.Column("scope", sa.String(length=120), nullable=False),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="JSON: calls of the last minute, under way, in line; limits",
        ),
        sa.PrimaryKeyConstraint("scope"),
    )
    op.create_table(
        "trail",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", schema.Utc(), nullable=False),
        sa.Column("event", sa.String(length=20), nullable=False),
        sa.Column("run_id", sa.String(length=100), nullable=False, comment="the run, or the person"),
        sa.Column(
            "subject",
            sa.String(length=20),
            nullable=False,
            comment="customer, supplier, contact or connection",
        ),
        sa.Column("subject_id", sa.String(length=100), nullable=False),
        sa.Column("revision", sa.String(length=64), nullable=True),
        sa.Column("rules", sa.String(length=64), nullable=True),
        sa.Column("document_id", sa.String(length=36), nullable=True),
        sa.Column(
            "content",
            sa.LargeBinary(),
            nullable=True,
            comment="deflated JSON: request, answer, findings; empty once erased",
        ),
        sa.Column("content_mac", sa.String(length=64), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=False, comment="over this row and the one before"),
        sa.PrimaryKeyConstraint("connection", "number"),
    )
    op.create_index(
        op.f("ix_trail_connection_subject_subject_id"), "trail", ["connection", "subject", "subject_id"]
    )
    op.create_table(
        "trail_heads",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("connection"),
    )
