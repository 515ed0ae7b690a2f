"""What a person decides about an order: link or unlink it, send it, or take one of two versions."""

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
from tasks.ledger.trail import Entry
from tasks.mapping.document import mark_for
from tasks.monstock import wire
from tasks.xero.endpoints import CREDIT_NOTES, INVOICES, PURCHASE_ORDERS, Endpoint, endpoint_for
from tasks.xero.reading import read_documents, stamp
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

    A bill or credit note stands beside the order's own document, where it has one. Raises `CannotDecide` where the
    document is none for this order, or the order has one that is alive and the document would be a second.
    """
    row = _order(connection, reference)
    endpoint, found = _document(connection, document)
    _refuse_unfit(row, found)
    if _stands_beside(connection, row, found):
        return _link_beside(connection, row, endpoint, found, by)
    _refuse_living(connection, row, but=document_id(found))
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


def _stands_beside(connection: Connection, row: Row[Any], document: Mapping[str, Any]) -> bool:
    """A credit note always does; a bill beside the purchase order or the bill that the order has."""
    if str(document.get("Type")).endswith("CREDIT"):
        return True
    own = connection.documents.links(Kind(row.kind), [row.order_id]).get(row.order_id)
    other = own is not None and own.document_id != document_id(document)
    return other and document.get("Type") == "ACCPAY"


def _link_beside(
    connection: Connection, row: Row[Any], endpoint: Endpoint, document: Mapping[str, Any], by: str
) -> str:
    connection.mirror.take_in(
        read_documents(endpoint, [document]), stamp(connection.xero.http.far_now()), touch=True
    )
    said = Entry(
        "linked",
        row.kind,
        row.order_id,
        row.revision,
        connection.settings.digest,
        document_id=document_id(document),
        content={"document": document},
    )
    connection.ownership.link(document_id(document), (row.kind, row.order_id), by, said)
    return f"{_named(document)} is joined to order {row.reference}, beside its own document."


def unlink(connection: Connection, reference: str, document: str, by: str) -> str:
    """Part an order from a document that was joined to it, beside its own; only `link` joins them again.

    Raises `CannotDecide` where the document is not joined to the order, or is the order's own.
    """
    row = _order(connection, reference)
    found = _known(connection, document)
    if not found:
        raise CannotDecide(f"Connection {connection.name} knows no document {document}.")
    key = (row.kind, row.order_id)
    if connection.ownership.is_own(found[0], key):
        raise CannotDecide(
            f"{document} is order {row.reference}'s own document, which cannot be parted from it: delete or void it "
            "in Xero, then `monstock-xero send` makes another."
        )
    said = Entry(
        "unlinked",
        row.kind,
        row.order_id,
        row.revision,
        connection.settings.digest,
        document_id=found[0],
        content={"document": document},
    )
    if not connection.ownership.refuse(found[0], key, by, said):
        raise CannotDecide(
            f"{document} is not joined to order {row.reference}; `monstock-xero inbox skip` refuses what is proposed."
        )
    return f"{document} is parted from order {row.reference}, and is looked at anew with the next import."


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
    """Customer orders have sales invoices, supplier orders bills or purchase orders, or credit notes; none is dead."""
    sale = document.get("Type") in {"ACCREC", "ACCRECCREDIT"}
    if sale is not (row.kind == Kind.customer):
        raise CannotDecide(f"{_named(document)} is no document for a {row.kind} order.")
    if document.get("Status") in _GONE:
        raise CannotDecide(f"{_named(document)} is {document.get('Status')}.")


def _named(document: Mapping[str, Any]) -> str:
    numbers = ("InvoiceNumber", "PurchaseOrderNumber", "CreditNoteNumber")
    return next((str(document[n]) for n in numbers if document.get(n)), document_id(document))


def _order(connection: Connection, reference: str) -> Row[Any]:
    rows = connection.orders.find(reference)
    if len(rows) != 1:
        raise CannotDecide(
            f'Connection {connection.name} knows {len(rows)} orders "{reference}"; name one by its id.'
        )
    return rows[0]


def _known(connection: Connection, document: str) -> list[str]:
    """The id of a document that the ledger knows by its number or id, if it does."""
    known = connection.mirror.find(document)
    if len(known) > 1:
        ids = ", ".join(sorted(known))
        raise CannotDecide(f"Xero has {len(known)} documents {document}: name one by its id ({ids}).")
    return known


def _document(connection: Connection, document: str) -> tuple[Endpoint, Mapping[str, Any]]:
    """A document by its number or id: as the ledger knows it, else as Xero does. It is read from Xero either way."""
    known = _known(connection, document)
    for endpoint in (INVOICES, PURCHASE_ORDERS, CREDIT_NOTES):
        try:
            rows = connection.xero.one(endpoint, next(iter(known), document))
        except (NotFound, Refused):
            continue
        if len(rows) > 1:
            raise CannotDecide(f"Xero has {len(rows)} documents {document}: name one by its id.")
        if rows:
            return endpoint, rows[0]
    raise CannotDecide(f"Xero has no invoice, bill, purchase order or credit note {document}.")
