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

    @property
    def exact(self) -> dict[str, str]:
        """What Xero must be asked for, to show unit amounts with four decimals as they were sent."""
        return {"unitdp": "4"} if self.unitdp else {}


INVOICES = Endpoint("Invoices", "InvoiceID", "InvoiceNumber", "Url", unitdp=True)
PURCHASE_ORDERS = Endpoint("PurchaseOrders", "PurchaseOrderID", "PurchaseOrderNumber", "Reference")
CREDIT_NOTES = Endpoint("CreditNotes", "CreditNoteID", "CreditNoteNumber", "Reference", unitdp=True)
# Only read: they have no number, and bear no mark.
OVERPAYMENTS = Endpoint("Overpayments", "OverpaymentID", "", "")
PREPAYMENTS = Endpoint("Prepayments", "PrepaymentID", "", "")
PAYMENTS = Endpoint("Payments", "PaymentID", "", "")
CONTACTS = Endpoint("Contacts", "ContactID", "ContactNumber", "ContactNumber")
# Written at its credit note's own address, one at a time; known again by its invoice, for it bears nothing of ours.
ALLOCATIONS = Endpoint("Allocations", "AllocationID", "", "")

_WRITTEN = (INVOICES, PURCHASE_ORDERS, CONTACTS, CREDIT_NOTES, ALLOCATIONS)
BY_NAME = {endpoint.name: endpoint for endpoint in (*_WRITTEN, OVERPAYMENTS, PREPAYMENTS, PAYMENTS)}


def endpoint_for(type_: DocumentType) -> Endpoint:
    """Where documents of a type are written."""
    return PURCHASE_ORDERS if type_ is DocumentType.purchase_order else INVOICES
