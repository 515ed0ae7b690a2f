"""Finds the documents that equal another one in contact and date."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NAME = "ix_documents_connection_contact_id_date"


def upgrade() -> None:
    """Apply."""
    op.create_index(op.f(NAME), "documents", ["connection", "contact_id", "date"])
