"""Documents as they are meant to stand in Xero."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from tasks.domain.orders import Contact, Kind, Totals
from tasks.domain.outcomes import Finding


class DocumentType(StrEnum):
    """What an order becomes in Xero."""

    invoice = "invoice"
    bill = "bill"
    purchase_order = "purchase_order"

    @property
    def role(self) -> str:
        """What the document is to its order: its sale or its purchase."""
        return "sale" if self is DocumentType.invoice else "purchase"


class LineAmountTypes(StrEnum):
    """Whether line amounts contain their tax, in Xero's spelling."""

    exclusive = "Exclusive"
    inclusive = "Inclusive"


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A document line before it is sent. `tax_rate` (percent) predicts what `tax_type` will add."""

    description: str
    quantity: Decimal
    unit_amount: Decimal
    account_code: str
    tax_type: str
    tax_rate: Decimal
    discount_rate: Decimal | None = None
    item_code: str | None = None
    tracking: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Credit:
    """A credit note as it is meant to stand in Xero; `type` in Xero's words (ACCRECCREDIT, ACCPAYCREDIT).

    `role` counts the credit notes of an order (return-1, return-2). Lines bear no discount, which credit notes do not
    know: their unit amount is the one that was left of it.
    """

    role: str
    type: str
    number: str
    mark: str
    currency: str
    line_amount_types: LineAmountTypes
    lines: tuple[DraftLine, ...]
    total: Totals
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A document that passed preflight: everything Xero needs but the ContactID.

    `mark` is how we know our own work again; `total` is what Xero is predicted to answer, to the cent.
    """

    kind: Kind
    order_id: str
    order_reference: str
    revision: str
    type: DocumentType
    number: str
    mark: str
    contact: Contact
    date: dt.date
    currency: str
    line_amount_types: LineAmountTypes
    lines: tuple[DraftLine, ...]
    status: str
    total: Totals
    reference: str | None = None
    due_date: dt.date | None = None
    delivery_date: dt.date | None = None
    warnings: tuple[Finding, ...] = ()
