"""Discrepancies get longer ids and when they were told; what webhooks tell of is found by index in any ledger."""

import hashlib

import sqlalchemy as sa
from alembic import op

from tasks.ledger import schema

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SUBJECT = ("kind", "order_kind", "order_id", "document_id")


def upgrade() -> None:
    """Apply."""
    op.create_index("ix_links_document_id", "links", ["document_id"])
    op.create_index("ix_events_received_at", "events", ["received_at"])
    with op.batch_alter_table("discrepancies") as table:
        table.alter_column("id", existing_type=sa.String(length=12), type_=sa.String(length=16))
        table.add_column(
            sa.Column(
                "told_at",
                schema.Utc(),
                nullable=True,
                comment="when people were told of it; empty: it is news",
            )
        )
    op.execute("UPDATE discrepancies SET told_at = last_seen")
    _rename(op.get_bind())


def _rename(bind: sa.Connection) -> None:
    """Eight digits are two discrepancies' sooner or later; sixteen are not."""
    names = ["connection", "id", *SUBJECT]
    table = sa.table("discrepancies", *map(sa.column, names))
    key = sa.and_(table.c.connection == sa.bindparam("its"), table.c.id == sa.bindparam("old"))
    new = [
        {"its": row[0], "old": row[1], "new": _id(row[0], *(part or "" for part in row[2:]))}
        for row in bind.execute(sa.select(*(table.c[name] for name in names)))
    ]
    if new:
        bind.execute(table.update().where(key).values(id=sa.bindparam("new")), new)


def _id(*subject: str) -> str:
    return hashlib.sha256("\n".join(subject).encode()).hexdigest()[:16]
