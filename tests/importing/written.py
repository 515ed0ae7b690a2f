"""Documents as our last write left them, beside what was last seen of them."""

from typing import Any

from sqlalchemy import select

from tasks.connections.connection import Connection
from tasks.ledger.schema import documents, links
from tests.exporting.driver import export
from tests.importing.driver import import_

FACTS = ("reference", "contact_id", "currency", "net", "tax", "total")
FACTS += ("date", "due_date", "line_count", "lines")
Key = tuple[str, str]


def differing(connection: Connection) -> dict[Key, dict[str, tuple[Any, Any]]]:
    """By order and role, the fields in which a document was seen otherwise than we left it."""
    same = (links.c.connection == documents.c.connection) & (links.c.document_id == documents.c.document_id)
    with connection.database.engine.connect() as tx:
        keys = list(tx.execute(select(links.c.order_id, links.c.role)))
        ours = list(
            tx.execute(select(links).join_from(links, documents, same).order_by(documents.c.document_id))
        )
        theirs = list(
            tx.execute(select(documents).join_from(links, documents, same).order_by(documents.c.document_id))
        )
    assert len(keys) == len(ours) > 0, "a document was not seen at all"
    return {
        (one.order_id, one.role): {
            name: (one._mapping[name], other._mapping[name])
            for name in FACTS
            if one._mapping[name] != other._mapping[name]
        }
        for one, other in zip(ours, theirs, strict=True)
    }


def agreed(connection: Connection) -> set[Key]:
    """Import, and look; then let the next export look at Xero in its own way. Returns what agreed, with its lines."""
    for look in (import_, export):
        look(connection)
        told = differing(connection)
        assert {key: fields for key, fields in told.items() if fields} == {}, look.__name__
    query = select(links.c.order_id, links.c.role).where(links.c.line_count > 0, links.c.lines != "")
    with connection.database.engine.connect() as tx:
        return {(row.order_id, row.role) for row in tx.execute(query)}
