"""Credit notes, and the allocation of credit to invoices."""

from typing import Any
from uuid import uuid4

from deployments.sandbox.codec import Json
from deployments.sandbox.store import Filter
from deployments.sandbox.xero import dates, render
from deployments.sandbox.xero.call import Call
from deployments.sandbox.xero.documents import (
    Sort,
    build,
    existing,
    given_fields,
    holder,
    locked,
    next_number,
)
from deployments.sandbox.xero.errors import (
    HAS_PAYMENT,
    STATUS,
    BadRequestError,
    MissingError,
    Problems,
    RefusedError,
)
from deployments.sandbox.xero.settling import settle
from deployments.sandbox.xero.totals import ZERO, number

SORT = Sort(
    kind="credit_note",
    plural="CreditNotes",
    id="CreditNoteID",
    number="CreditNoteNumber",
    prefix="CN-",
    plain=("Reference", "BrandingThemeID", "SentToContact"),
    days=("Date", "DueDate"),
    blank={
        "CreditNoteNumber": "",
        "Reference": "",
        "SentToContact": False,
        "Allocations": [],
        "Payments": [],
        "AppliedAmount": ZERO,
    },
)
CREDITS = ("credit_note", "prepayment", "overpayment")
ID_FIELDS = {"credit_note": "CreditNoteID", "prepayment": "PrepaymentID", "overpayment": "OverpaymentID"}
_TYPES = ("ACCRECCREDIT", "ACCPAYCREDIT")
_NEXT = {
    "DRAFT": ("DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"),
    "SUBMITTED": ("SUBMITTED", "DRAFT", "AUTHORISED", "DELETED"),
    "AUTHORISED": ("AUTHORISED", "VOIDED"),
}


def write(call: Call, given: Json) -> Json:
    """PUT or POST of one credit note."""
    given = given_fields(SORT, given)
    old = existing(call, SORT, given) or _by_number(call, given)
    kind = old["Type"] if old else given.get("Type")
    if kind not in _TYPES:
        raise RefusedError(f"Type must be one of {', '.join(_TYPES)}")
    status = _status(given, old)
    if old and (old["Allocations"] or old["Payments"]):
        raise RefusedError(HAS_PAYMENT)
    problems = Problems()
    body = build(call, SORT, given, old, discounts=False, status=status, problems=problems)
    locked(call, body["Date"], old["Date"] if old else None)
    body["Type"] = kind
    _number(call, given, body, problems)
    problems.end()
    body["RemainingCredit"] = ZERO if status in ("VOIDED", "DELETED") else body["Total"]
    call.store.put(call.tenant, "credit_note", body)
    return body


def _by_number(call: Call, given: Json) -> Json | None:
    named = given.get("CreditNoteNumber") and given.get("Type") == "ACCRECCREDIT"
    if call.creates_only or given.get("CreditNoteID") or not named:
        return None
    return holder(call, SORT, given["CreditNoteNumber"], Filter("type = 'ACCRECCREDIT'"))


def _status(given: Json, old: Json | None) -> str:
    status = str(given.get("Status", old["Status"] if old else "DRAFT"))
    allowed = _NEXT.get(old["Status"], ()) if old else ("DRAFT", "SUBMITTED", "AUTHORISED")
    if status not in allowed:
        raise RefusedError(STATUS.replace("Invoice", "Credit note"))
    return status


def _number(call: Call, given: Json, body: Json, problems: Problems) -> None:
    if asked := given.get("CreditNoteNumber"):
        body["CreditNoteNumber"] = asked
        other = holder(call, SORT, asked, Filter("type = 'ACCRECCREDIT'"))
        if body["Type"] == "ACCRECCREDIT" and other and other["CreditNoteID"] != body["CreditNoteID"]:
            problems.add("Credit Note # must be unique.")
    elif not body["CreditNoteNumber"] and body["Type"] == "ACCRECCREDIT":
        body["CreditNoteNumber"] = next_number(call, SORT)


def allocate(call: Call, kind: str, key: str, given: Json) -> Json:
    """Allocate credit to an invoice: Amount, Invoice and Date are all required."""
    if missing := [name for name in ("Amount", "Invoice", "Date") if given.get(name) is None]:
        raise BadRequestError(f"{', '.join(missing)} must be specified for an allocation.")
    credit = call.store.get(call.tenant, kind, key)
    invoice = call.store.get(call.tenant, "invoice", str(given["Invoice"].get("InvoiceID", "")).lower())
    if credit is None or invoice is None:
        raise MissingError
    try:
        amount, day = number(given["Amount"]), dates.read_day(given["Date"])
    except ValueError as error:
        raise BadRequestError.post(str(error)) from error
    _check(call, credit, invoice, amount, day)
    allocation = {
        "AllocationID": str(uuid4()),
        "Amount": amount,
        "Date": day,
        "Invoice": {"InvoiceID": invoice["InvoiceID"], "InvoiceNumber": invoice["InvoiceNumber"]},
    }
    _apply(call, kind, credit, allocation)
    _credit_invoice(call, kind, credit, invoice, allocation)
    return allocation


def _check(call: Call, credit: Json, invoice: Json, amount: Any, day: str) -> None:
    locked(call, day)
    if credit["Status"] != "AUTHORISED" or invoice["Status"] != "AUTHORISED":
        raise RefusedError("Credit can only be allocated between documents of status AUTHORISED")
    if credit["Contact"] != invoice["Contact"]:
        raise RefusedError("The credit and the invoice must belong to the same contact")
    if credit["CurrencyCode"] != invoice["CurrencyCode"]:
        raise RefusedError("The credit and the invoice must have the same currency")
    if amount <= 0 or amount > credit["RemainingCredit"] or amount > invoice["AmountDue"]:
        raise RefusedError("The amount exceeds the remaining credit or the amount due")


def _apply(call: Call, kind: str, credit: Json, allocation: Json) -> None:
    credit["Allocations"] = [*credit["Allocations"], allocation]
    credit["RemainingCredit"] -= allocation["Amount"]
    credit["AppliedAmount"] = credit["Total"] - credit["RemainingCredit"]
    credit["Status"] = "AUTHORISED" if credit["RemainingCredit"] else "PAID"
    call.store.put(call.tenant, kind, credit | {"UpdatedDateUTC": call.stamp})


def _credit_invoice(call: Call, kind: str, credit: Json, invoice: Json, allocation: Json) -> None:
    entry = {
        "_kind": kind,
        "_allocation": allocation["AllocationID"],
        ID_FIELDS[kind]: credit[ID_FIELDS[kind]],
        "ID": credit[ID_FIELDS[kind]],
        "Date": allocation["Date"],
        "AppliedAmount": allocation["Amount"],
        "Total": credit["Total"],
        "LineItems": [],
    }
    if kind == "credit_note":
        entry["CreditNoteNumber"] = credit["CreditNoteNumber"]
    settle(call, invoice | {"_credits": [*invoice["_credits"], entry]}, allocation["Date"])


def unallocate(call: Call, kind: str, key: str, allocation_id: str) -> Json:
    """Take an allocation back."""
    credit = call.store.get(call.tenant, kind, key)
    found = [one for one in (credit or {}).get("Allocations", []) if one["AllocationID"] == allocation_id]
    if credit is None or not found:
        raise MissingError
    credit["Allocations"] = [one for one in credit["Allocations"] if one is not found[0]]
    credit["RemainingCredit"] += found[0]["Amount"]
    credit["AppliedAmount"] = credit["Total"] - credit["RemainingCredit"]
    call.store.put(call.tenant, kind, credit | {"Status": "AUTHORISED", "UpdatedDateUTC": call.stamp})
    invoice = call.store.get(call.tenant, "invoice", found[0]["Invoice"]["InvoiceID"])
    if invoice is not None:
        credits = [one for one in invoice["_credits"] if one["_allocation"] != allocation_id]
        settle(call, invoice | {"_credits": credits}, None)
    return {**found[0], "IsDeleted": True}


def show(call: Call, bodies: list[Json]) -> list[Json]:
    """Credit notes as they go out."""
    return render.documents(call, "credit_note", bodies)
