"""Orders as Monstock means them, free of its wire format."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from tasks.domain.money import ZERO, line_amount, tax_within


class Kind(StrEnum):
    """Which side of the business an order belongs to."""

    customer = "customer"
    supplier = "supplier"


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; every part may be unknown."""

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A customer or supplier as it stands on an order. `country_code` is ISO 3166 alpha-2."""

    id: str
    name: str
    email: str | None = None
    vat_number: str | None = None
    phone: str | None = None
    country_code: str | None = None
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One product line. `discount_percent` and `tax_rate` are percentages ("20" is 20 %).

    `fulfilled_quantity` was delivered to the customer or received from the supplier so far; None where not tracked.
    """

    id: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal
    sku: str | None = None
    discount_percent: Decimal | None = None
    tax_code: str | None = None
    category: str | None = None
    fulfilled_quantity: Decimal | None = None

    def received(self, tax_included: bool) -> Decimal | None:
        """Net of what was delivered of it so far."""
        if self.fulfilled_quantity is None:
            return None
        amount = line_amount(self.fulfilled_quantity, self.unit_price, self.discount_percent)
        return amount - tax_within(amount, self.tax_rate) if tax_included else amount


@dataclass(frozen=True, slots=True)
class Shipping:
    """What the delivery costs, with or without tax as the order's prices are."""

    amount: Decimal
    tax_rate: Decimal

    def net(self, tax_included: bool) -> Decimal:
        """Without tax."""
        return self.amount - tax_within(self.amount, self.tax_rate) if tax_included else self.amount


@dataclass(frozen=True, slots=True)
class Totals:
    """An order's or a document's sums; `net + tax = gross`."""

    net: Decimal
    tax: Decimal
    gross: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    """A customer or supplier order.

    `status` and `fulfilment` stay text: Monstock may send values that nobody knew when this was written,
    and such an order is held, not lost. `revision` is the digest of everything on the order but its
    accounting link and its `updated_at`: two equal revisions make equal documents.
    """

    kind: Kind
    id: str
    reference: str
    revision: str
    status: str
    fulfilment: str
    currency: str
    order_date: date
    prices_include_tax: bool
    contact: Contact
    lines: tuple[OrderLine, ...]
    totals: Totals
    updated_at: datetime
    external_reference: str | None = None
    billing_date: date | None = None
    due_date: date | None = None
    expected_delivery_date: date | None = None
    warehouse: str | None = None
    channel: str | None = None
    shipping: Shipping | None = None

    @property
    def received(self) -> Decimal | None:
        """Net of what was delivered so far, with the shipping once anything was; None where some line does not tell."""
        parts = [line.received(self.prices_include_tax) for line in self.lines]
        known = [part for part in parts if part is not None]
        if len(known) != len(parts):
            return None
        goods = sum(known, ZERO)
        return goods + self.shipping.net(self.prices_include_tax) if goods and self.shipping else goods

    @property
    def document_date(self) -> date:
        """The date of the accounting document: the billing date, else the order date."""
        return self.billing_date or self.order_date
