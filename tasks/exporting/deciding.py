"""What a person decides about an order that is held: link it to a document, or send it all the same."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from tasks.connections.connection import Connection
from tasks.domain.errors import MonstockXeroError, NotFound, Refused
from tasks.domain.orders import Kind
from tasks.ledger.claims import Claim, Outcome, Settlement
from tasks.mapping.document import mark_for
from tasks.xero.endpoints import INVOICES, PURCHASE_ORDERS


class UnknownOrder(MonstockXeroError):
    """The ledger has no such order, or more than one."""


def send(connection: Connection, reference: str, by: str) -> str:
    """Let the next run export an order that is held as perhaps invoiced by hand, or whose document was removed."""
    row = _order(connection, reference)
    if row.payload is None:
        raise UnknownOrder(f"Order {row.reference} is {row.state}: there is nothing that waits to be sent.")
    generation = connection.documents.decide_send(Kind(row.kind), row.order_id, by)
    again = f" as generation {generation}" if generation > 1 else ""
    return f"Order {row.reference} goes to Xero with the next export{again}."


def link(connection: Connection, reference: str, document: str, by: str) -> str:
    """Join an order to a document that stands in Xero, by its number or id. It is then never exported."""
    row = _order(connection, reference)
    found = _document(connection, document)
    order_type = "purchase" if row.kind == Kind.supplier else "sale"
    claim = Claim(
        subject=row.kind,
        subject_id=row.order_id,
        role=order_type,
        mark=mark_for(row.order_id, row.reference, connection.settings, Kind(row.kind)),
        revision=row.revision,
        rules=connection.settings.digest,
        generation=row.generation,
    )
    if not connection.attempts.adopt([Settlement(claim, Outcome.linked, found)], f"person: {by}"):
        raise UnknownOrder(f"Order {row.reference} is being exported at this moment: look again in a minute.")
    name = found.get("InvoiceNumber") or found.get("PurchaseOrderNumber")
    return f"Order {row.reference} is joined to {name} ({found.get('Status')}, {found.get('Total')})."


def _order(connection: Connection, reference: str) -> Row[Any]:
    rows = connection.orders.find(reference)
    if len(rows) != 1:
        raise UnknownOrder(
            f'Connection {connection.name} knows {len(rows)} orders "{reference}"; name one by its id.'
        )
    return rows[0]


def _document(connection: Connection, document: str) -> Mapping[str, Any]:
    for endpoint in (INVOICES, PURCHASE_ORDERS):
        try:
            rows = connection.xero.one(endpoint, document)
        except (NotFound, Refused):
            continue
        if rows:
            return rows[0]
    raise UnknownOrder(f"Xero has no invoice, bill or purchase order {document}.")
