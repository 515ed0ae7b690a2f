"""Alembic's entrance: runs the migrations on the engine that the ledger hands over."""

from alembic import context

from tasks.ledger.schema import metadata

with context.config.attributes["engine"].begin() as connection:
    context.configure(connection=connection, target_metadata=metadata)
    context.run_migrations()
