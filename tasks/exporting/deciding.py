"""What a person decides about an order that is held: link it, send it, or take one of two versions."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from tasks.connections.connection import Connection
from tasks.domain.documents import DocumentType
from tasks.domain.errors import MonstockXeroError, NotFound, Refused, Unreadable
from tasks.domain.orders import Kind
from tasks.exporting.reading import has_money, is_gone, read, standing
from tasks.ledger.claims import REMOVE, UPDATE, Claim, Outcome, Settlement
from tasks.ledger.credit_notes import Noted
from tasks.ledger.documents import Link
from tasks.ledger.settlement import document_id
from tasks.mapping.document import mark_for
from tasks.monstock import wire
from tasks.xero.endpoints import INVOICES, PURCHASE_ORDERS, endpoint_for
from tasks.xero.wire import decimal

_GONE = {"VOIDED", "DELETED"}
_ROLES = {Kind.customer: DocumentType.invoice.role, Kind.supplier: DocumentType.bill.role}


class CannotDecide(MonstockXeroError):
    """What a person asked for cannot be done with this order or document; the text says why."""


def send(connection: Connection, reference: str, by: str) -> str:
    """Let the next run export an order that is held as perhaps invoiced by hand, or whose document was removed.

    Raises `CannotDecide` while the order's document is alive: another one would double it.
    """
    row = _order(connection, reference)
    if row.payload is None:
        raise CannotDecide(f"Order {row.reference} is {row.state}: there is nothing that waits to be sent.")
    _refuse_living(connection, row)
    generation = connection.documents.decide_send(Kind(row.kind), row.order_id, by)
    again = f" as generation {generation}" if generation > 1 else ""
    return f"Order {row.reference} goes to Xero with the next export{again}."


def link(connection: Connection, reference: str, document: str, by: str) -> str:
    """Join an order to a document that stands in Xero, by its number or id. It is then never exported.

    Raises `CannotDecide` where the document is none for this order, or the order has one that is alive.
    """
    row = _order(connection, reference)
    found = _document(connection, document)
    _refuse_living(connection, row, but=document_id(found))
    _refuse_unfit(row, found)
    claim = Claim(
        subject=row.kind,
        subject_id=row.order_id,
        role=_ROLES[row.kind],
        mark=mark_for(
            row.order_id, row.reference, connection.settings, Kind(row.kind), generation=row.generation
        ),
        revision=row.revision,
        rules=connection.settings.digest,
        generation=row.generation,
    )
    if not connection.attempts.adopt([Settlement(claim, Outcome.linked, found)], f"person: {by}"):
        raise CannotDecide(f"Order {row.reference} is being exported at this moment: look again in a minute.")
    return (
        f"Order {row.reference} is joined to {_named(found)} ({found.get('Status')}, {found.get('Total')})."
    )


def take(connection: Connection, reference: str, whose: str, by: str) -> str:
    """End that an order and its document say different things.

    "theirs" lets the document stand as it is, for this revision of the order; "ours" lets the next export overwrite
    what somebody changed on it. Raises `CannotDecide` where there is no such document, or Xero allows no change.
    """
    row = _order(connection, reference)
    own = connection.documents.links(Kind(row.kind), [row.order_id]).get(row.order_id)
    if own is None or row.payload is None:
        raise CannotDecide(f"Order {row.reference} is {row.state}: there are no two versions to choose from.")
    endpoint = endpoint_for(DocumentType(own.document_type))
    document = read(connection, endpoint, [own.document_id]).get(own.document_id)
    if document is None or is_gone(document):
        raise CannotDecide(
            f"The document of order {row.reference} is gone: `monstock-xero send` makes it anew."
        )
    if whose == "ours":
        return _take_ours(connection, row, document, by)
    if whose != "theirs":
        raise CannotDecide('Say "theirs" or "ours".')
    return _take_theirs(connection, row, own, document, by)


def _take_ours(connection: Connection, row: Row[Any], document: Mapping[str, Any], by: str) -> str:
    if has_money(document):
        raise CannotDecide(f"{standing(document)}: Xero allows no change. Correct it there by hand.")
    connection.documents.decide_ours(Kind(row.kind), row.order_id, by)
    return f"{_named(document)} becomes what order {row.reference} says with the next export."


def _take_theirs(
    connection: Connection, row: Row[Any], own: Link, document: Mapping[str, Any], by: str
) -> str:
    claim = Claim(
        subject=row.kind,
        subject_id=row.order_id,
        role=DocumentType(own.document_type).role,
        mark=own.written.get(endpoint_for(DocumentType(own.document_type)).mark) or "",
        revision=row.revision,
        rules=connection.settings.digest,
        generation=row.generation,
        operation=REMOVE if _is_cancelled(row) else UPDATE,
    )
    accepted = Settlement(claim, Outcome.accepted, document)
    if not connection.attempts.adopt([accepted], f"person: {by}"):
        raise CannotDecide(f"Order {row.reference} is being exported at this moment: look again in a minute.")
    return f"{_named(document)} stands as it is ({document.get('Status')}, {document.get('Total')})."


def _is_cancelled(row: Row[Any]) -> bool:
    try:
        return wire.order(row.payload, row.revision).status == "cancelled"
    except Unreadable:
        return False


def _refuse_living(connection: Connection, row: Row[Any], but: str | None = None) -> None:
    """An order whose own document lives is not sent again, nor joined to another one, unless all of it was credited."""
    own = connection.documents.links(Kind(row.kind), [row.order_id]).get(row.order_id)
    if own is None or own.document_id == but:
        return
    endpoint = endpoint_for(DocumentType(own.document_type))
    try:
        found = connection.xero.one(endpoint, own.document_id)
    except NotFound:
        return
    credited = sum(note.total for note in _notes(connection, row))
    for document in found:
        if document.get("Status") not in _GONE and decimal(document.get("Total")) > credited:
            raise CannotDecide(
                f"Order {row.reference} has {_named(document)} ({document.get('Status')}) in Xero: "
                "correct that one there, or delete or void it first."
            )


def _notes(connection: Connection, row: Row[Any]) -> list[Noted]:
    return connection.credit_notes.of(Kind(row.kind), [row.order_id]).get(row.order_id, [])


def _refuse_unfit(row: Row[Any], document: Mapping[str, Any]) -> None:
    """Customer orders have sales invoices; supplier orders have bills or purchase orders; none is a dead one."""
    sale = document.get("Type") == "ACCREC"
    if sale is not (row.kind == Kind.customer):
        raise CannotDecide(f"{_named(document)} is no document for a {row.kind} order.")
    if document.get("Status") in _GONE:
        raise CannotDecide(f"{_named(document)} is {document.get('Status')}.")


def _named(document: Mapping[str, Any]) -> str:
    return str(document.get("InvoiceNumber") or document.get("PurchaseOrderNumber") or document_id(document))


def _order(connection: Connection, reference: str) -> Row[Any]:
    rows = connection.orders.find(reference)
    if len(rows) != 1:
        raise CannotDecide(
            f'Connection {connection.name} knows {len(rows)} orders "{reference}"; name one by its id.'
        )
    return rows[0]


def _document(connection: Connection, document: str) -> Mapping[str, Any]:
    for endpoint in (INVOICES, PURCHASE_ORDERS):
        try:
            rows = connection.xero.one(endpoint, document)
        except (NotFound, Refused):
            continue
        if len(rows) > 1:
            raise CannotDecide(f"Xero has {len(rows)} documents {document}: name one by its id.")
        if rows:
            return rows[0]
    raise CannotDecide(f"Xero has no invoice, bill or purchase order {document}.")
