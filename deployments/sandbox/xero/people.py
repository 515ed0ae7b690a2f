"""What a person does at the screen of Xero: pay, void, edit, lock, archive, merge; and two things that only befall."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from deployments.sandbox.codec import Json
from deployments.sandbox.store import Filter
from deployments.sandbox.xero import contacts, credit_notes, invoices, items, payments, purchase_orders
from deployments.sandbox.xero.call import Call
from deployments.sandbox.xero.totals import ZERO, number

GUIDE = """\
Edits; a document is named by "id" or "number", a contact also by "name"; "tenant" picks the organisation:
  {"action": "pay", "amount": 5, "date": ..., "account": "090"}     amount left out: all that is due
  {"action": "remove_payment"}                                      the invoice's newest, or "payment": id
  {"action": "void"}  {"action": "delete"}                          of an invoice
  {"action": "credit", "amount": 5, "by": "credit_note"}            or prepayment, overpayment
  {"action": "edit", "kind": "invoice", "fields": {...}}            kinds: invoice, purchase_order, contact,
                                                                    credit_note, item; fields as in the API
  {"action": "create", "kind": "invoice", "fields": {...}}
  {"action": "copy", "times": 1000, "seconds": 0.4, "days": 1}      as if so many invoices like this one had been
                                                                    made before it, so long apart
  {"action": "lock", "period": "2026-03-31", "year_end": null}      null unlocks
  {"action": "organisation", "fields": {...}}
  {"action": "archive_contact"}  {"action": "merge_contacts", "into": id}
  {"action": "account", "code": "200", "fields": {"Status": "ARCHIVED"}}
What no person can do, but may befall:
  {"action": "erase", "kind": "invoice"}                            gone without a trace, as from a demo company that
                                                                    Xero set back, or after a restored backup
  {"action": "rewrite", "kind": "invoice", "fields": {...}}         stored unchecked, as a later Xero might answer: a
                                                                    status or type that the contract does not name
"""
_KINDS: dict[str, tuple[str, Callable[[Call, Json], Json]]] = {
    "invoice": ("InvoiceID", invoices.write),
    "purchase_order": ("PurchaseOrderID", purchase_orders.write),
    "credit_note": ("CreditNoteID", credit_notes.write),
    "contact": ("ContactID", contacts.write),
    "item": ("ItemID", items.write),
}


def _named(call: Call, body: Json, kind: str) -> Json:
    found = call.store.get(call.tenant, kind, str(body.get("id", "")).lower())
    if found is None and body.get("number"):
        found = call.store.first(call.tenant, kind, Filter("number = ?", (body["number"],)))
    if found is None and body.get("name"):
        found = call.store.first(call.tenant, kind, Filter("name = ?", (body["name"].lower(),)))
    if found is None:
        raise ValueError(f"no such {kind}: {body}")
    return found


def _pay(call: Call, body: Json) -> Json:
    invoice = _named(call, body, "invoice")
    given = {
        "Invoice": {"InvoiceID": invoice["InvoiceID"]},
        "Account": {"Code": body.get("account", "090")},
        "Amount": body.get("amount", invoice["AmountDue"]),
        "Date": body.get("date"),
        "Reference": body.get("reference", ""),
    }
    return payments.write(call, given)


def _remove_payment(call: Call, body: Json) -> Json:
    key = body.get("payment") or _named(call, body, "invoice")["_payments"][-1]["PaymentID"]
    return payments.delete(call, key, {"Status": "DELETED"})


def _end(status: str) -> Callable[[Call, Json], Json]:
    def end(call: Call, body: Json) -> Json:
        return invoices.write(
            call, {"InvoiceID": _named(call, body, "invoice")["InvoiceID"], "Status": status}
        )

    return end


def _edit(call: Call, body: Json) -> Json:
    id_field, write = _KINDS[body["kind"]]
    return write(call, {**body["fields"], id_field: _named(call, body, body["kind"])[id_field]})


def _create(call: Call, body: Json) -> Json:
    call.request.method = "PUT"
    return _KINDS[body["kind"]][1](call, body["fields"])


def _copy(call: Call, body: Json) -> Json:
    """Copies under ids and numbers of their own; the last is made now, each one before it a little earlier."""
    pattern, times = _named(call, body, "invoice"), int(body["times"])
    apart, days = float(body.get("seconds", 0)) * 1000, float(body.get("days", 0))
    last = date.fromisoformat(pattern["Date"])
    for place in range(times):
        before = times - 1 - place
        copy = pattern | {
            "InvoiceID": str(uuid4()),
            "InvoiceNumber": f"{pattern['InvoiceNumber']}-{place + 1}",
            "Date": (last - timedelta(days=int(before * days))).isoformat(),
            "UpdatedDateUTC": call.stamp - int(before * apart),
            "LineItems": [line | {"LineItemID": str(uuid4())} for line in pattern["LineItems"]],
        }
        copy.pop("Url", None)
        call.store.put(call.tenant, "invoice", copy)
    return {"copied": times}


def _erase(call: Call, body: Json) -> Json:
    id_field, _ = _KINDS[body["kind"]]
    gone = _named(call, body, body["kind"])
    call.store.delete(call.tenant, body["kind"], gone[id_field])
    return gone


def _rewrite(call: Call, body: Json) -> Json:
    rewritten: Json = _named(call, body, body["kind"]) | body["fields"] | {"UpdatedDateUTC": call.stamp}
    call.store.put(call.tenant, body["kind"], rewritten)
    return rewritten


def _organisation(call: Call, fields: Json) -> Json:
    organisation = call.books.organisation | fields
    call.store.put(call.tenant, "organisation", organisation)
    return organisation


def _lock(call: Call, body: Json) -> Json:
    names = {"period": "PeriodLockDate", "year_end": "EndOfYearLockDate"}
    return _organisation(call, {names[name]: body[name] for name in names if name in body})


def _account(call: Call, body: Json) -> Json:
    account: Json = (
        _named(call, {"number": body["code"]}, "account") | body["fields"] | {"UpdatedDateUTC": call.stamp}
    )
    call.store.put(call.tenant, "account", account)
    return account


def _archive(call: Call, body: Json) -> Json:
    contact = _named(call, body, "contact") | {"ContactStatus": "ARCHIVED", "UpdatedDateUTC": call.stamp}
    call.store.put(call.tenant, "contact", contact)
    return contact


def _merge(call: Call, body: Json) -> Json:
    contact, into = _named(call, body, "contact"), _named(call, {"id": body["into"]}, "contact")
    for kind in ("invoice", "purchase_order", "credit_note", "prepayment", "overpayment"):
        for document in call.store.find(call.tenant, kind, Filter("owner = ?", (contact["ContactID"],))):
            document["Contact"] = {"ContactID": into["ContactID"]}
            call.store.put(call.tenant, kind, document | {"UpdatedDateUTC": call.stamp})
    return _merged(call, contact, into)


def _merged(call: Call, contact: Json, into: Json) -> Json:
    gone = contact | {
        "ContactStatus": "ARCHIVED",
        "MergedToContactID": into["ContactID"],
        "UpdatedDateUTC": call.stamp,
    }
    call.store.put(call.tenant, "contact", gone)
    return gone


def _credit(call: Call, body: Json) -> Json:
    """A credit note, prepayment or overpayment of the amount, allocated to the invoice."""
    invoice, kind = _named(call, body, "invoice"), body.get("by", "credit_note")
    amount = number(body.get("amount", invoice["AmountDue"])).quantize(ZERO)
    credit = _note(call, invoice, amount) if kind == "credit_note" else _prepaid(call, kind, invoice, amount)
    given = {
        "Amount": amount,
        "Date": body.get("date", call.today),
        "Invoice": {"InvoiceID": invoice["InvoiceID"]},
    }
    credit_notes.allocate(call, kind, credit[credit_notes.ID_FIELDS[kind]], given)
    return credit


def _line(invoice: Json, amount: Any) -> Json:
    account = {"AccountCode": invoice["LineItems"][0].get("AccountCode", "200")}
    return {"Description": "Credit", "Quantity": 1, "UnitAmount": amount, "TaxType": "NONE", **account}


def _note(call: Call, invoice: Json, amount: Any) -> Json:
    call.request.method = "PUT"
    note = {
        "Type": f"{invoice['Type']}CREDIT",
        "Contact": invoice["Contact"],
        "Status": "AUTHORISED",
        "CurrencyCode": invoice["CurrencyCode"],
        "LineItems": [_line(invoice, amount)],
    }
    return credit_notes.write(call, note)


def _prepaid(call: Call, kind: str, invoice: Json, amount: Any) -> Json:
    prefix = "RECEIVE" if invoice["Type"] == "ACCREC" else "SPEND"
    body = {
        credit_notes.ID_FIELDS[kind]: str(uuid4()),
        "Type": f"{prefix}-{kind.upper()}",
        "Status": "AUTHORISED",
        "Contact": invoice["Contact"],
        "Date": call.today,
        "CurrencyCode": invoice["CurrencyCode"],
        "CurrencyRate": invoice["CurrencyRate"],
        "LineAmountTypes": "NoTax",
        "LineItems": [_line(invoice, amount) | {"LineAmount": amount, "TaxAmount": ZERO}],
        "SubTotal": amount,
        "TotalTax": ZERO,
        "Total": amount,
        "RemainingCredit": amount,
        "AppliedAmount": ZERO,
        "Allocations": [],
        "Payments": [],
        "HasAttachments": False,
        "UpdatedDateUTC": call.stamp,
        "_client": "",
    }
    call.store.put(call.tenant, kind, body)
    return body


ACTIONS: dict[str, Callable[[Call, Json], Json]] = {
    "pay": _pay,
    "remove_payment": _remove_payment,
    "void": _end("VOIDED"),
    "delete": _end("DELETED"),
    "credit": _credit,
    "edit": _edit,
    "create": _create,
    "copy": _copy,
    "lock": _lock,
    "organisation": lambda call, body: _organisation(call, body["fields"]),
    "archive_contact": _archive,
    "merge_contacts": _merge,
    "account": _account,
    "erase": _erase,
    "rewrite": _rewrite,
}
