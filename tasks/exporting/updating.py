"""Lets a document follow its order: read just before, compared with our last write, changed by its ids."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.connections.connection import Connection
from tasks.domain.documents import DocumentType
from tasks.domain.errors import NotFound
from tasks.domain.outcomes import Cause, Finding
from tasks.exporting.planning import Ready
from tasks.ledger.claims import Outcome, Settlement
from tasks.ledger.documents import Link
from tasks.xero.client import calendar_date
from tasks.xero.endpoints import PURCHASE_ORDERS
from tasks.xero.wire import decimal, document_element
from tasks.xero.writing import Item, keeps_more, shows

_OPEN = {"DRAFT", "SUBMITTED", "AUTHORISED"}
_PLAIN = (
    "Status",
    "CurrencyCode",
    "LineAmountTypes",
    "Reference",
    "InvoiceNumber",
    "PurchaseOrderNumber",
    "Url",
)
_LINE = ("Description", "AccountCode", "TaxType", "ItemCode")
_AMOUNTS = ("Quantity", "UnitAmount", "DiscountRate")


def changes(
    connection: Connection, batch: Sequence[Ready], contact_links: Mapping[str, str]
) -> tuple[list[Item], list[Settlement]]:
    """The updates that may be sent, and the orders whose documents need none or do not allow one.

    One reading of 40 documents a call (purchase orders one by one). A document that differs from what we wrote
    last was changed by somebody: that is a conflict and is not overwritten.
    """
    rows = _read(connection, batch)
    items: list[Item] = []
    settled: list[Settlement] = []
    for ready, link in _with_links(connection, batch):
        row = rows.get(link.document_id)
        element = _element(ready, contact_links[ready.draft.contact.id], link, row or {})
        obstacle = _obstacle(ready, link, row, element)
        if obstacle:
            kept = row or {**link.written, ready.endpoint.id: link.document_id}
            settled.append(Settlement(ready.claim, obstacle[0], kept, (obstacle[1],)))
        elif row and shows(row, element):
            settled.append(Settlement(ready.claim, Outcome.adopted, row))
        else:
            items.append(Item(ready.claim, element))
    return items, settled


def _with_links(connection: Connection, batch: Sequence[Ready]) -> Iterator[tuple[Ready, Link]]:
    """Each order with its link as it is now, read after the document: another worker may have written both."""
    ids = [ready.draft.order_id for ready in batch]
    links = {kind: connection.documents.links(kind, ids) for kind in {ready.draft.kind for ready in batch}}
    for ready in batch:
        link = links[ready.draft.kind].get(ready.draft.order_id)
        if link and link.revision != ready.claim.revision:
            yield ready, link


def _read(connection: Connection, batch: Sequence[Ready]) -> dict[str, dict[str, Any]]:
    ids = [ready.link.document_id for ready in batch if ready.link]
    endpoint = batch[0].endpoint
    if endpoint is PURCHASE_ORDERS:
        rows = [row for one in ids for row in _one(connection, one)]
    else:
        rows = connection.xero.by_values(endpoint.name, "IDs", ids, {"unitdp": "4"})
    return {row[endpoint.id]: row for row in rows}


def _one(connection: Connection, document_id: str) -> list[dict[str, Any]]:
    try:
        return connection.xero.one(PURCHASE_ORDERS, document_id)
    except NotFound:
        return []


def _obstacle(
    ready: Ready, link: Link, row: Mapping[str, Any] | None, element: Mapping[str, Any]
) -> tuple[Outcome, Finding] | None:
    if row is None or row.get("Status") in {"VOIDED", "DELETED"}:
        status = row.get("Status") if row else "gone"
        return Outcome.removed, Finding(Cause.removed, f"The document is {status} in Xero.")
    if shows(row, element):
        return None
    if row.get("Status") not in _OPEN or decimal(row.get("AmountPaid")) or decimal(row.get("AmountCredited")):
        paid = decimal(row.get("AmountPaid"))
        detail = f"The document is {row.get('Status')}" + (f" with {paid} paid" if paid else "")
        return Outcome.conflict, Finding(Cause.closed, f"{detail}; the order changed after that.")
    if link.origin == "linked" and row.get(ready.endpoint.mark) != ready.claim.mark:
        detail = "The order changed; its document was made by hand and linked, and is not ours to change."
        return Outcome.conflict, Finding(Cause.conflict, detail)
    differing = differences(link.written, row)
    if differing:
        detail = f"Somebody changed {', '.join(differing)} in Xero since our last write."
        return Outcome.conflict, Finding(Cause.conflict, detail)
    return None


def differences(written: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    """Which of the fields that we set read otherwise now."""
    found = [name for name in _PLAIN if (written.get(name) or "") != (row.get(name) or "")]
    found += [
        n for n in ("Date", "DueDate", "DeliveryDate") if calendar_date(written, n) != calendar_date(row, n)
    ]
    if (written.get("Contact") or {}).get("ContactID") != (row.get("Contact") or {}).get("ContactID"):
        found.append("Contact")
    ours, theirs = written.get("LineItems") or [], row.get("LineItems") or []
    if len(ours) != len(theirs):
        found.append("LineItems")
    for place, (a, b) in enumerate(zip(ours, theirs, strict=False)):
        found += [f"LineItems[{place}].{n}" for n in _LINE if (a.get(n) or "") != (b.get(n) or "")]
        found += [f"LineItems[{place}].{n}" for n in _AMOUNTS if decimal(a.get(n)) != decimal(b.get(n))]
    return found


def _element(ready: Ready, contact_id: str, link: Link, row: Mapping[str, Any]) -> dict[str, Any]:
    """Our fields with the document's ids; status, number and mark are left as they are.

    Lines keep their ids in order. What is left out of a line stays as it is in Xero, so a line that is to lose
    a field is made anew.
    """
    element = document_element(ready.draft, contact_id)
    for name in ("Status", ready.endpoint.number, ready.endpoint.mark):
        del element[name]
    element[ready.endpoint.id] = link.document_id
    if row.get("Reference") and ready.draft.type is DocumentType.invoice:
        element.setdefault("Reference", "")
    for line, present in zip(element["LineItems"], row.get("LineItems") or [], strict=False):
        if not keeps_more(present, line):
            line["LineItemID"] = present["LineItemID"]
    return element
