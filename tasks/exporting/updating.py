"""Lets a document follow its order: read just before, compared with our last write, changed by its ids."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.connections.connection import Connection
from tasks.domain.outcomes import Cause, Finding
from tasks.exporting.planning import Ready
from tasks.ledger.claims import Outcome, Settlement
from tasks.xero.client import calendar_date
from tasks.xero.endpoints import PURCHASE_ORDERS
from tasks.xero.wire import decimal, document_element
from tasks.xero.writing import Item

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
    """The updates that may be sent, and the orders whose documents do not allow one.

    One reading of 40 documents a call (purchase orders one by one). A document that differs from what we wrote
    last was changed by somebody: that is a conflict and is not overwritten.
    """
    rows = _read(connection, batch)
    items: list[Item] = []
    stuck: list[Settlement] = []
    for ready in batch:
        link = ready.link
        contact = contact_links.get(ready.draft.contact.id)
        if link is None or contact is None:
            continue
        row = rows.get(link.document_id)
        obstacle = _obstacle(row, link.written)
        if obstacle:
            kept = row or {**link.written, ready.endpoint.id: link.document_id}
            stuck.append(Settlement(ready.claim, obstacle[0], kept, (obstacle[1],)))
        else:
            items.append(Item(ready.claim, _element(ready, contact, row or {})))
    return items, stuck


def _read(connection: Connection, batch: Sequence[Ready]) -> dict[str, dict[str, Any]]:
    ids = [ready.link.document_id for ready in batch if ready.link]
    endpoint = batch[0].endpoint
    if endpoint is PURCHASE_ORDERS:
        rows = [row for one in ids for row in connection.xero.one(endpoint, one)]
    else:
        rows = connection.xero.by_values(endpoint.name, "IDs", ids, {"unitdp": "4"})
    return {row[endpoint.id]: row for row in rows}


def _obstacle(row: Mapping[str, Any] | None, written: Mapping[str, Any]) -> tuple[Outcome, Finding] | None:
    if row is None or row.get("Status") in {"VOIDED", "DELETED"}:
        status = row.get("Status") if row else "gone"
        return Outcome.removed, Finding(Cause.removed, f"The document is {status} in Xero.")
    differing = differences(written, row)
    if differing:
        detail = f"Somebody changed {', '.join(differing)} in Xero since our last write."
        return Outcome.conflict, Finding(Cause.conflict, detail)
    if row.get("Status") not in _OPEN or decimal(row.get("AmountPaid")) or decimal(row.get("AmountCredited")):
        paid = decimal(row.get("AmountPaid"))
        detail = f"The document is {row.get('Status')}" + (f" with {paid} paid" if paid else "")
        return Outcome.conflict, Finding(Cause.closed, f"{detail}; the order changed after that.")
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


def _element(ready: Ready, contact_id: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Our fields with the document's ids: lines keep theirs in order; the status is left as it is."""
    element = document_element(ready.draft, contact_id)
    del element["Status"]
    element[ready.endpoint.id] = row[ready.endpoint.id]
    for line, present in zip(element["LineItems"], row.get("LineItems") or [], strict=False):
        line["LineItemID"] = present["LineItemID"]
    return element
