"""Payments: created with PUT, deleted with POST, never updated."""

from typing import Any
from uuid import uuid4

from deployments.sandbox.codec import Json
from deployments.sandbox.store import Filter
from deployments.sandbox.xero import dates, render
from deployments.sandbox.xero.call import Call
from deployments.sandbox.xero.documents import locked
from deployments.sandbox.xero.errors import MissingError, RefusedError
from deployments.sandbox.xero.settling import settle
from deployments.sandbox.xero.totals import number

_TARGETS = (
    ("Invoice", "invoice", "InvoiceID", "InvoiceNumber"),
    ("CreditNote", "credit_note", "CreditNoteID", "CreditNoteNumber"),
)
_TYPES = {
    "ACCREC": "ACCRECPAYMENT",
    "ACCPAY": "ACCPAYPAYMENT",
    "ACCRECCREDIT": "ARCREDITPAYMENT",
    "ACCPAYCREDIT": "APCREDITPAYMENT",
}


def write(call: Call, given: Json) -> Json:
    """One new payment of an invoice, or refund of a credit note."""
    if given.get("PaymentID"):
        raise RefusedError("A payment cannot be updated. Delete it and create another.")
    name, kind, target = _target(call, given)
    day = _day(call, given)
    amount = _amount(given, target["AmountDue" if kind == "invoice" else "RemainingCredit"])
    account = _account(call, given)
    locked(call, day)
    if target["Status"] != "AUTHORISED":
        raise RefusedError("Payments can only be made against Authorised documents")
    rate = number(given.get("CurrencyRate") or target["CurrencyRate"])
    payment = {
        "PaymentID": str(uuid4()),
        "Date": day,
        "Amount": amount,
        "BankAmount": amount,
        "CurrencyRate": rate,
        "Reference": str(given.get("Reference") or ""),
        "PaymentType": _TYPES[target["Type"]],
        "Status": "AUTHORISED",
        "IsReconciled": bool(given.get("IsReconciled", False)),
        "HasAccount": True,
        "HasValidationErrors": False,
        "Account": {"AccountID": account["AccountID"], "Code": account["Code"]},
        name: _brief(name, target),
        "UpdatedDateUTC": call.stamp,
        "_target": [kind, target[f"{name}ID"]],
        "_client": call.client,
    }
    call.store.put(call.tenant, "payment", payment)
    _attach(call, kind, target, payment)
    return payment


def _target(call: Call, given: Json) -> tuple[str, str, Json]:
    for name, kind, id_field, number_field in _TARGETS:
        asked = given.get(name) or ({number_field: given[number_field]} if given.get(number_field) else None)
        if not asked:
            continue
        if asked.get(id_field):
            found = call.store.get(call.tenant, kind, str(asked[id_field]).lower())
        else:
            found = call.store.first(call.tenant, kind, Filter("number = ?", (asked.get(number_field),)))
        if found is None:
            raise MissingError
        return name, kind, found
    raise RefusedError("An Invoice or CreditNote must be specified for a payment")


def _day(call: Call, given: Json) -> str:
    try:
        return dates.read_day(given["Date"]) if given.get("Date") else call.today
    except ValueError as error:
        raise RefusedError(str(error)) from error


def _amount(given: Json, due: Any) -> Any:
    try:
        amount = number(given.get("Amount", ""))
    except ValueError as error:
        raise RefusedError("Amount must be specified for a payment") from error
    if amount <= 0:
        raise RefusedError("Payment amount must be greater than zero")
    if amount > due:
        raise RefusedError("Payment amount exceeds the amount outstanding on this document")
    return amount


def _account(call: Call, given: Json) -> Json:
    asked = given.get("Account") or {}
    for account in call.books.accounts.values():
        if account["Code"] == asked.get("Code") or account["AccountID"] == asked.get("AccountID"):
            if account["Type"] == "BANK" or account["EnablePaymentsToAccount"]:
                return account
            break
    raise RefusedError("The Account must be a bank account, or one with payments enabled")


def _brief(name: str, target: Json) -> Json:
    return {
        "Type": target["Type"],
        f"{name}ID": target[f"{name}ID"],
        f"{name}Number": target[f"{name}Number"],
        "Contact": target["Contact"],
        "CurrencyCode": target["CurrencyCode"],
        "LineItems": [],
        "HasErrors": False,
    }


def _attach(call: Call, kind: str, target: Json, payment: Json) -> None:
    entry = {name: payment[name] for name in ("PaymentID", "Date", "Amount", "Reference", "CurrencyRate")}
    if kind == "invoice":
        settle(call, target | {"_payments": [*target["_payments"], entry]}, payment["Date"])
    else:
        _refund(call, target, [*target["Payments"], entry], -payment["Amount"])


def _refund(call: Call, note: Json, payments: list[Json], change: Any) -> None:
    remaining = note["RemainingCredit"] + change
    note |= {"Payments": payments, "RemainingCredit": remaining, "UpdatedDateUTC": call.stamp}
    note["Status"] = "AUTHORISED" if remaining else "PAID"
    call.store.put(call.tenant, "credit_note", note, quiet=not call.switches["payment_sends_event"])


def delete(call: Call, key: str, given: Json) -> Json:
    """POST /Payments/{id} with Status DELETED: the only change there is."""
    payment = call.store.get(call.tenant, "payment", key)
    if payment is None:
        raise MissingError
    if given.get("Status") != "DELETED" or payment["Status"] == "DELETED":
        raise RefusedError("A payment can only be deleted, and only once")
    locked(call, payment["Date"])
    payment |= {"Status": "DELETED", "UpdatedDateUTC": call.stamp}
    call.store.put(call.tenant, "payment", payment)
    kind, target_id = payment["_target"]
    target = call.store.get(call.tenant, kind, target_id)
    assert target is not None  # noqa: S101 - documents are never removed
    name = "_payments" if kind == "invoice" else "Payments"
    left = [one for one in target[name] if one["PaymentID"] != key]
    if kind == "invoice":
        settle(call, target | {"_payments": left}, None)
    else:
        _refund(call, target, left, payment["Amount"])
    return payment


def show(call: Call, bodies: list[Json]) -> list[Json]:
    """Payments as they go out."""
    return [render.wire(body) for body in bodies]
