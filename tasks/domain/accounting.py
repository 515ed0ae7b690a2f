"""What an order shows of its document: the accounting link, as it stands on the order in Monstock."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from tasks.domain.books import MISSING, SeenDocument
from tasks.domain.money import ZERO, rounded

ONE = Decimal(1)
DOCUMENT_TYPES = {"ACCREC": "invoice", "ACCPAY": "bill", "PURCHASEORDER": "purchase_order"}
_STATUSES = {
    "DRAFT": "draft",
    "SUBMITTED": "submitted",
    "BILLED": "billed",
    "VOIDED": "voided",
    "DELETED": "deleted",
    MISSING: "deleted",
}
# Where a person opens a document, within the organisation.
_PAGES = {
    "ACCREC": "/AccountsReceivable/View.aspx?InvoiceID={id}",
    "ACCPAY": "/AccountsPayable/View.aspx?InvoiceID={id}",
    "PURCHASEORDER": "/Accounts/Payable/PurchaseOrders/View/{id}",
    "ACCRECCREDIT": "/AccountsReceivable/ViewCreditNote.aspx?creditNoteID={id}",
    "ACCPAYCREDIT": "/AccountsPayable/ViewCreditNote.aspx?creditNoteID={id}",
}
_LOGIN = "https://go.xero.com/organisationlogin/default.aspx?shortcode={short_code}&redirecturl={page}"
_DIRECT = "https://go.xero.com{page}"


@dataclass(frozen=True, slots=True)
class AccountingLink:
    """An order's primary document, with what was paid and credited on all documents that are linked to the order.

    `status` is draft, submitted, approved, partially_paid, paid, billed, voided, deleted or credited. Amounts are in
    the document's currency; `due` is the primary document's own, 0 for a purchase order.
    """

    document_type: str
    document_id: str
    document_number: str
    status: str
    currency: str
    total: Decimal
    paid: Decimal
    credited: Decimal
    due: Decimal
    issued_on: dt.date | None
    due_on: dt.date | None
    fully_paid_on: dt.date | None
    url: str


def describe(
    primary: SeenDocument,
    others: Sequence[SeenDocument],
    short_code: str | None,
    shares: Mapping[str, Decimal] = MappingProxyType({}),
) -> AccountingLink:
    """The link of an order with this primary document, and these others of its currency beside it.

    `shares` are the parts of the order in others that serve several orders, by document id.
    """
    beside = [(other, shares.get(other.id, ONE)) for other in others if other.currency == primary.currency]
    counted = [(document, share) for document, share in [(primary, ONE), *beside] if document.alive]
    return AccountingLink(
        document_type=DOCUMENT_TYPES[primary.type],
        document_id=primary.id,
        document_number=primary.number or "",
        status=status_of(primary),
        currency=primary.currency,
        total=primary.total,
        paid=sum((rounded(_paid(document) * share) for document, share in counted), ZERO),
        credited=sum((rounded(_credited(document) * share) for document, share in counted), ZERO),
        due=primary.due if primary.alive and primary.type in {"ACCREC", "ACCPAY"} else ZERO,
        issued_on=primary.date,
        due_on=primary.due_date,
        fully_paid_on=primary.paid_on,
        url=address(primary, short_code),
    )


def status_of(document: SeenDocument) -> str:
    """Xero's status in Monstock's words: what was approved is told apart by what was paid or credited on it."""
    if document.status in _STATUSES:
        return _STATUSES[document.status]
    if document.status == "PAID":
        return "credited" if document.credited and not document.paid else "paid"
    return "partially_paid" if document.paid or document.credited else "approved"


def address(document: SeenDocument, short_code: str | None) -> str:
    """Where a person opens the document in Xero; the short code picks the organisation."""
    return page_of(document.type, document.id, short_code)


def page_of(type_: str, document_id: str, short_code: str | None) -> str:
    """The same by type and id; empty for a type that has no page of its own."""
    if type_ not in _PAGES:
        return ""
    page = _PAGES[type_].format(id=document_id)
    return (_LOGIN if short_code else _DIRECT).format(short_code=short_code, page=page)


def _paid(document: SeenDocument) -> Decimal:
    """What was paid on an invoice; what was paid out on a credit note is no payment of its order."""
    return ZERO if document.type.endswith("CREDIT") else document.paid


def _credited(document: SeenDocument) -> Decimal:
    """What others credited on an invoice; of a credit note what is open or was paid out, for the rest counts there."""
    if not document.type.endswith("CREDIT"):
        return document.credited
    return document.due + document.paid if document.status in {"AUTHORISED", "PAID"} else ZERO
