"""Invoices (ACCREC) and bills (ACCPAY)."""

import re
from typing import Any

from deployments.sandbox.codec import Json
from deployments.sandbox.store import Filter
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
from deployments.sandbox.xero.errors import HAS_PAYMENT, STATUS, Problems, RefusedError
from deployments.sandbox.xero.lines import bare
from deployments.sandbox.xero.totals import ZERO

SORT = Sort(
    kind="invoice",
    plural="Invoices",
    id="InvoiceID",
    number="InvoiceNumber",
    prefix="INV-",
    plain=("Reference", "Url", "BrandingThemeID", "SentToContact"),
    days=("Date", "DueDate", "ExpectedPaymentDate", "PlannedPaymentDate"),
    blank={
        "InvoiceNumber": "",
        "Reference": "",
        "SentToContact": False,
        "AmountPaid": ZERO,
        "AmountCredited": ZERO,
        "_payments": [],
        "_credits": [],
    },
)
_NEW = ("DRAFT", "SUBMITTED", "AUTHORISED")
_NEXT = {
    "DRAFT": ("DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"),
    "SUBMITTED": ("SUBMITTED", "DRAFT", "AUTHORISED", "DELETED"),
    "AUTHORISED": ("AUTHORISED", "VOIDED"),
    "PAID": ("PAID",),
}
_QUIET = frozenset(("DueDate", "SentToContact", "UpdatedDateUTC"))


def write(call: Call, given: Json) -> Json:
    """PUT or POST of one invoice or bill."""
    given = given_fields(SORT, given)
    old = existing(call, SORT, given) or _by_number(call, given)
    kind = old["Type"] if old else given.get("Type")
    if kind not in ("ACCREC", "ACCPAY"):
        raise RefusedError("Type must be ACCREC or ACCPAY")
    if old and given.get("Type", kind) != kind:
        raise RefusedError("The Type of an invoice cannot be changed")
    status = _status(given, old)
    if old and status in ("VOIDED", "DELETED"):
        return _end(call, old, status)
    problems = Problems()
    body = build(call, SORT, given, old, discounts=kind == "ACCREC", status=status, problems=problems)
    body["Type"] = kind
    locked(call, body["Date"], old["Date"] if old else None)
    _check(call, given, body, old, problems)
    problems.end()
    return _save(call, body, old)


def _by_number(call: Call, given: Json) -> Json | None:
    number = given.get("InvoiceNumber")
    if call.creates_only or given.get("InvoiceID") or not number:
        return None
    if given.get("Type") == "ACCREC":
        return holder(call, SORT, number, _holds(call))
    if given.get("Type") == "ACCPAY" and call.switches["bill_post_matches_number"]:
        contact = str((given.get("Contact") or {}).get("ContactID", "")).lower()
        return holder(call, SORT, number, Filter("type = 'ACCPAY' and owner = ?", (contact,)))
    return None


def _holds(call: Call) -> Filter:
    """Invoices whose numbers cannot be used again."""
    if call.switches["voided_number_is_freed"]:
        return Filter("type = 'ACCREC' and status not in ('VOIDED', 'DELETED')")
    return Filter("type = 'ACCREC'")


def _status(given: Json, old: Json | None) -> str:
    if old is None:
        status = given.get("Status", "DRAFT")
        if status not in _NEW:
            raise RefusedError("Invoice not of valid status for creation")
        return str(status)
    status = given.get("Status", old["Status"])
    if old["Status"] == "PAID" and status == "VOIDED":
        raise RefusedError(HAS_PAYMENT)
    if status not in _NEXT.get(old["Status"], ()):
        raise RefusedError(STATUS)
    return str(status)


def _end(call: Call, old: Json, status: str) -> Json:
    """Void or delete. The stored document owes nothing; the answer right after still shows its total."""
    locked(call, old["Date"])
    if has_money(old):
        raise RefusedError(HAS_PAYMENT)
    ended = old | {"Status": status, "UpdatedDateUTC": call.stamp, "AmountDue": ZERO}
    call.store.put(call.tenant, "invoice", ended)
    return ended | {"AmountDue": old["Total"]}


def has_money(body: Json) -> bool:
    """Whether a payment or a credit is allocated to it."""
    return bool(body["_payments"] or body["_credits"])


def _check(call: Call, given: Json, body: Json, old: Json | None, problems: Problems) -> None:
    _number(call, given, body, problems)
    if body["Type"] == "ACCPAY":
        body["Reference"] = ""
    if body["Status"] == "AUTHORISED" and not body.get("DueDate"):
        problems.add("The DueDate is required for an invoice of status AUTHORISED")
    if body["Status"] in ("SUBMITTED", "AUTHORISED") and not body["LineItems"]:
        problems.add("One or more line items must be specified")
    if (url := body.get("Url")) and (not re.match(r"https?://\S+$", url) or "xero" in url.lower()):
        problems.add("Url must be an absolute address that does not contain xero")
    if len(str(body.get("Reference", ""))) > 255:
        problems.add("The field Reference exceeds its length of 255 characters.")
    if old and has_money(old) and _protected(old) != _protected(body):
        problems.add(HAS_PAYMENT)
    body.pop("Warnings", None)
    if given.get("SentToContact") is True and body["Status"] not in ("AUTHORISED", "PAID"):
        body["SentToContact"] = False
        body["Warnings"] = [
            {"Message": "Only AUTHORISED and PAID invoices may have their SentToContact updated."}
        ]


def _number(call: Call, given: Json, body: Json, problems: Problems) -> None:
    if number := given.get("InvoiceNumber"):
        body["InvoiceNumber"] = number
        check_number(number, "InvoiceNumber", problems)
        other = holder(call, SORT, number, _holds(call)) if body["Type"] == "ACCREC" else None
        if other is not None and other["InvoiceID"] != body["InvoiceID"]:
            problems.add("Invoice # must be unique.")
    elif body["Type"] == "ACCREC" and not body["InvoiceNumber"]:
        body["InvoiceNumber"] = next_number(call, SORT)


def _protected(body: Json) -> Any:
    """What may not change once money is on the document; of a bill nothing may."""
    if body["Type"] == "ACCPAY":
        return {
            name: value
            for name, value in body.items()
            if name not in ("UpdatedDateUTC", "Warnings", "AmountDue")
        }
    names = ("Date", "LineAmountTypes", "CurrencyCode", "CurrencyRate", "Status", "Total")
    return [body.get(name) for name in names], bare(body["LineItems"])


def _save(call: Call, body: Json, old: Json | None) -> Json:
    body["AmountDue"] = body["Total"] - body["AmountPaid"] - body["AmountCredited"]
    quiet = False
    if old and call.switches["quiet_edits"] and has_money(old):
        quiet = {name for name in body if body[name] != old.get(name)} <= _QUIET
        if quiet:
            body["UpdatedDateUTC"] = old["UpdatedDateUTC"]
    stored = {name: value for name, value in body.items() if name != "Warnings"}
    call.store.put(call.tenant, "invoice", stored, quiet=quiet)
    contacts.mark(
        call, body["Contact"]["ContactID"], "IsCustomer" if body["Type"] == "ACCREC" else "IsSupplier"
    )
    return body


def show(call: Call, bodies: list[Json]) -> list[Json]:
    """Invoices as a write answers them: without payments and credits."""
    return render.documents(call, "invoice", bodies, links=False)
