"""Which columns a document of a kind fills. `owner`: the contact of a document, the document of a payment."""

from typing import Any

from deployments.sandbox.codec import Json

_IDS = {
    "contact": ("ContactID", "ContactNumber"),
    "invoice": ("InvoiceID", "InvoiceNumber"),
    "purchase_order": ("PurchaseOrderID", "PurchaseOrderNumber"),
    "credit_note": ("CreditNoteID", "CreditNoteNumber"),
    "prepayment": ("PrepaymentID", None),
    "overpayment": ("OverpaymentID", None),
    "payment": ("PaymentID", None),
    "item": ("ItemID", "Code"),
    "account": ("AccountID", "Code"),
    "tax_rate": ("TaxType", None),
    "tracking": ("TrackingCategoryID", None),
    "currency": ("Code", "Code"),
    "organisation": ("OrganisationID", None),
    "history": ("_id", None),
    "token": ("token", None),
    "connection": ("id", None),
}


def index(kind: str, body: Json) -> Json:
    """The columns of a body."""
    id_field, number_field = _IDS[kind]
    columns: Json = {
        "id": body[id_field],
        "number": body.get(number_field) or None if number_field else None,
        "type": body.get("Type") or body.get("PaymentType") or body.get("TaxType"),
        "status": body.get("Status"),
        "date": body.get("Date"),
        "due": body.get("DueDate"),
        "reference": body.get("Reference"),
        "client": body.get("_client"),
        "owner": body.get("Contact", {}).get("ContactID"),
        "amount_due": _real(body.get("AmountDue")),
        "amount_paid": _real(body.get("AmountPaid")),
        "total": _real(body.get("Total", body.get("Amount"))),
        "updated": body.get("UpdatedDateUTC"),
    }
    if kind == "contact":
        columns |= {"name": body["Name"].lower(), "status": body["ContactStatus"]}
        columns["reference"] = body.get("AccountNumber")
    if kind in ("payment", "history"):
        columns["owner"] = body["_target"][1]
    return columns


def _real(amount: Any) -> float | None:
    return None if amount is None else float(amount)
