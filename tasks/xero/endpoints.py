"""The endpoints we read and write, and by which of their fields a document is known again."""

from dataclasses import dataclass

from tasks.domain.documents import DocumentType


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One collection of Xero's: its name, its id field, its number field and the field that bears our mark."""

    name: str
    id: str
    number: str
    mark: str
    unitdp: bool = False


INVOICES = Endpoint("Invoices", "InvoiceID", "InvoiceNumber", "Url", unitdp=True)
PURCHASE_ORDERS = Endpoint("PurchaseOrders", "PurchaseOrderID", "PurchaseOrderNumber", "Reference")
CREDIT_NOTES = Endpoint("CreditNotes", "CreditNoteID", "CreditNoteNumber", "Reference", unitdp=True)
# Only read: they have no number, and bear no mark.
OVERPAYMENTS = Endpoint("Overpayments", "OverpaymentID", "", "")
PREPAYMENTS = Endpoint("Prepayments", "PrepaymentID", "", "")
PAYMENTS = Endpoint("Payments", "PaymentID", "", "")
CONTACTS = Endpoint("Contacts", "ContactID", "ContactNumber", "ContactNumber")

BY_NAME = {
    endpoint.name: endpoint
    for endpoint in (INVOICES, PURCHASE_ORDERS, CREDIT_NOTES, OVERPAYMENTS, PREPAYMENTS, PAYMENTS, CONTACTS)
}


def endpoint_for(type_: DocumentType) -> Endpoint:
    """Where documents of a type are written."""
    return PURCHASE_ORDERS if type_ is DocumentType.purchase_order else INVOICES
