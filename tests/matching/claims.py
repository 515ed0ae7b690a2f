"""Orders and documents for the tests of whose a document is."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from tasks.domain.books import SeenDocument
from tasks.domain.orders import Kind
from tasks.matching.claimants import Claimant, Verdict
from tasks.matching.owners import Owners

_ORDER = Claimant(
    kind=Kind.supplier,
    order_id="1",
    reference="CO-2026-00042",
    numbers=("MS-CO-2026-00042",),
    mark="https://app.example/orders/1",
    external=None,
    contact_id="c-1",
    contact_name="Harbour Homes Ltd",
    currency="GBP",
    net=Decimal("1000.00"),
    gross=Decimal("1200.00"),
    date=date(2026, 9, 1),
)
_DOCUMENT = SeenDocument(
    id="d-1",
    type="ACCPAY",
    number="INV-7",
    reference=None,
    mark=None,
    contact_id="c-1",
    contact_name="Harbour Homes Ltd",
    currency="GBP",
    total=Decimal("1200.00"),
    date=date(2026, 9, 15),
    status="AUTHORISED",
    net=Decimal("1000.00"),
    tax=Decimal("200.00"),
)


def claimant(reference: str = "CO-2026-00042", **changes: Any) -> Claimant:
    """A supplier order over 1,000.00 net, whose id is its reference unless told otherwise."""
    told = {"order_id": reference, "reference": reference, "numbers": (f"MS-{reference}",)} | changes
    told.setdefault("mark", f"https://app.example/orders/{told['order_id']}")
    return replace(_ORDER, **told)


def customer(reference: str = "CO-2026-00042", **changes: Any) -> Claimant:
    """The same as a customer order."""
    return claimant(reference, kind=Kind.customer, **changes)


def bill(net: str = "1000.00", **changes: Any) -> SeenDocument:
    """The same supplier's bill over an amount, with 20 % tax, that names no order."""
    amount = Decimal(net)
    told = {"net": amount, "tax": amount / 5, "total": amount * 6 / 5} | changes
    return replace(_DOCUMENT, **told)


def invoice(net: str = "1000.00", **changes: Any) -> SeenDocument:
    """A sales invoice to the same contact."""
    return bill(net, **{"type": "ACCREC"} | changes)


def asked(document: SeenDocument, *orders: Claimant) -> Verdict:
    """The verdict over one document."""
    return Owners(orders or (claimant(),)).verdict(document)


def told(verdict: Verdict) -> str:
    """A verdict in short: certain, proposed or unmatched, and the orders."""
    if not verdict.claims:
        return "unmatched"
    orders = " ".join(c.claimant.order_id for c in verdict.claims)
    return f"{'certain' if verdict.certain else 'proposed'} {orders}"
