"""One order as Monstock sends it, and the way it is read."""

import json
from copy import deepcopy
from decimal import Decimal
from typing import Any

from tasks.domain.orders import Kind, Order
from tasks.monstock import wire
from tests.support import order

FULL: dict[str, Any] = {
    **order(
        externalReference="PO-77",
        billingDate="2026-10-02",
        dueDate="2026-11-01",
        expectedDeliveryDate="2026-10-20",
        warehouse="London",
        channel="Web",
    ),
    "contact": {
        "id": "c-1",
        "name": "Harbour Homes Ltd",
        "email": "accounts@harbour.example",
        "vatNumber": "GB123456789",
        "phone": "+44 20 7946 0000",
        "countryCode": "GB",
        "address": {"line1": "1 Quay", "city": "Bristol", "postalCode": "BS1 1AA"},
    },
    "lines": [
        {
            "id": "1",
            "sku": "MUG-01",
            "name": "Stoneware mug",
            "quantity": "3",
            "fulfilledQuantity": None,
            "unitPrice": "12.5000",
            "discountPercent": "10",
            "taxRate": "20",
            "taxCode": "STD",
            "category": "Homeware",
        }
    ],
    "shipping": {"amount": "4.95", "taxRate": "20"},
    "totals": {"net": "38.70", "tax": "7.74", "gross": "46.44"},
    "accounting": None,
    "createdAt": "2026-10-01T09:00:00Z",
    "updatedAt": "2026-10-01T10:00:00.123Z",
    "deletedAt": None,
}
GONE = object()


def raw(**changes: Any) -> dict[str, Any]:
    """The full order with places changed (`lines__0__quantity="5"`), or taken away (GONE)."""
    made = deepcopy(FULL)
    for place, value in changes.items():
        *path, last = (int(p) if p.isdigit() else p for p in place.split("__"))
        spot: Any = made
        for part in path:
            spot = spot[part]
        if value is GONE:
            del spot[last]
        else:
            spot[last] = value
    return made


def wired(sent: object) -> object:
    """As the HTTP client hands it on: numbers with a fraction are exact."""
    return json.loads(json.dumps(sent), parse_float=Decimal)


def read(sent: object) -> Order:
    """Through the ledger and out again."""
    taken = wire.record(sent, Kind.customer)
    return wire.order(taken.payload, taken.revision)
