"""Purchase orders."""

from deployments.sandbox.codec import Json
from deployments.sandbox.xero import contacts, render
from deployments.sandbox.xero.call import Call
from deployments.sandbox.xero.documents import (
    Sort,
    build,
    check_number,
    existing,
    given_fields,
    holder,
    locked,
    next_number,
)
from deployments.sandbox.xero.errors import Problems, RefusedError

SORT = Sort(
    kind="purchase_order",
    plural="PurchaseOrders",
    id="PurchaseOrderID",
    number="PurchaseOrderNumber",
    prefix="PO-",
    plain=(
        "Reference",
        "BrandingThemeID",
        "SentToContact",
        "DeliveryAddress",
        "AttentionTo",
        "Telephone",
        "DeliveryInstructions",
    ),
    days=("Date", "DeliveryDate", "ExpectedArrivalDate"),
    creates_contacts=False,
    needs_account=False,
    decimals=4,
    blank={"PurchaseOrderNumber": "", "Type": "PURCHASEORDER", "Reference": "", "SentToContact": False},
)
STATUSES = ("DRAFT", "SUBMITTED", "AUTHORISED", "BILLED", "DELETED")
_STRICT = {
    "DRAFT": ("SUBMITTED", "AUTHORISED", "DELETED"),
    "SUBMITTED": ("DRAFT", "AUTHORISED", "DELETED"),
    "AUTHORISED": ("BILLED", "DELETED"),
    "BILLED": ("DELETED",),
}
_DEAD = "Deleted PurchaseOrders cannot be updated"


def write(call: Call, given: Json) -> Json:
    """PUT or POST of one purchase order."""
    given = given_fields(SORT, given)
    old = existing(call, SORT, given) or _by_number(call, given)
    if old and old["Status"] == "DELETED":
        raise RefusedError(_DEAD, zero_id="PurchaseOrderID" not in given)
    status = _status(call, given, old)
    problems = Problems()
    body = build(call, SORT, given, old, discounts=True, status=status, problems=problems)
    locked(call, body["Date"], old["Date"] if old else None)
    _number(call, given, body, problems)
    if not body["LineItems"]:
        problems.add("One or more line items must be specified")
    problems.end()
    call.store.put(call.tenant, "purchase_order", body)
    contacts.mark(call, body["Contact"]["ContactID"], "IsSupplier")
    return body


def _by_number(call: Call, given: Json) -> Json | None:
    number = given.get("PurchaseOrderNumber")
    if not number or given.get("PurchaseOrderID"):
        return None
    found = holder(call, SORT, number)
    if found is None or found["Status"] == "DELETED":
        return found
    if call.creates_only and call.switches["po_put_number_in_use"] == "refuse":
        raise RefusedError("Order number must be unique")
    return found


def _status(call: Call, given: Json, old: Json | None) -> str:
    status = given.get("Status", old["Status"] if old else "DRAFT")
    if status not in STATUSES or (old is None and status == "DELETED"):
        raise RefusedError("PurchaseOrder status is invalid")
    if old is None or status == old["Status"]:
        return str(status)
    strict = call.switches["po_transitions"] == "strict"
    allowed = _STRICT[old["Status"]] if strict else STATUSES
    if status not in allowed or (old["Status"] == "AUTHORISED" and status == "DRAFT"):
        raise RefusedError("PurchaseOrder status change is invalid")
    return str(status)


def _number(call: Call, given: Json, body: Json, problems: Problems) -> None:
    if number := given.get("PurchaseOrderNumber"):
        body["PurchaseOrderNumber"] = number
        check_number(number, "PurchaseOrderNumber", problems)
        other = holder(call, SORT, number)
        if other is not None and other["PurchaseOrderID"] != body["PurchaseOrderID"]:
            problems.add(_DEAD if other["Status"] == "DELETED" else "Order number must be unique")
    elif not body["PurchaseOrderNumber"]:
        body["PurchaseOrderNumber"] = next_number(call, SORT)


def show(call: Call, bodies: list[Json]) -> list[Json]:
    """Purchase orders as they go out."""
    return render.documents(call, "purchase_order", bodies)
