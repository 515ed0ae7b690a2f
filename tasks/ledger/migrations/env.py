"""Alembic's entrance: runs the migrations on the engine that the ledger hands over.

One process at a time: SQLite's writers wait for each other, Postgres is told to. Who comes second finds the
work done.
"""

from alembic import context

from tasks.ledger.schema import metadata

with context.config.attributes["engine"].begin() as connection:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("select pg_advisory_xact_lock(hashtext('monstock-xero ledger'))")
    context.configure(connection=connection, target_metadata=metadata)
    context.run_migrations()
