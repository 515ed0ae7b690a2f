"""Orders as Monstock would send them, and other small things that tests share."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tasks.connections.connection import Connection

Connect = Callable[..., Connection]


def line(**changes: Any) -> dict[str, Any]:
    """One order line: 3 x 12.50 at 20 %."""
    return {
        "id": "1",
        "name": "Stoneware mug",
        "quantity": "3",
        "unitPrice": "12.5000",
        "taxRate": "20",
        **changes,
    }


def order(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A confirmed customer order in GBP; the sandbox fills in its totals unless they are given."""
    kind = changes.get("kind", "customer")
    letter = "C" if kind == "customer" else "S"
    return {
        "id": f"{letter.lower()}o-{number}",
        "kind": kind,
        "reference": f"{letter}O-2026-{number:05d}",
        "status": "confirmed",
        "fulfilmentStatus": "none",
        "currency": "GBP",
        "orderDate": "2026-10-01",
        "pricesIncludeTax": False,
        "contact": {
            "id": f"{kind}-{number % 7}",
            "name": f"{kind.title()} {number % 7}",
            "countryCode": "GB",
        },
        "lines": [line()],
        **changes,
    }


def dec(value: object) -> Decimal:
    """A number of an answer, exactly."""
    return Decimal(str(value))
