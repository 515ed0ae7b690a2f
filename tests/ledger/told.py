"""What is told of and not followed yet, as tests ask for it."""

from sqlalchemy import func, select

from tasks.ledger.database import Database
from tasks.ledger.schema import events


def waiting(database: Database, connection: str) -> list[tuple[str, int]]:
    """How many events of a connection wait or are being followed, by side."""
    query = select(events.c.side, func.count()).where(
        events.c.connection == connection, events.c.state != "done"
    )
    with database.engine.connect() as tx:
        return [(row[0], row[1]) for row in tx.execute(query.group_by(events.c.side))]
