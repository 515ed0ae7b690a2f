"""Alembic's entrance: runs the migrations in the transaction that the ledger hands over."""

from alembic import context

from tasks.ledger.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
