"""Plain orders in bulk: one line each, customers in turn."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from deployments.sandbox.server import CHUNK, Sandbox

CUSTOMERS = 500
FIRST = date(2026, 10, 1)


def order(number: int, customers: int = CUSTOMERS, day: date = FIRST) -> dict[str, Any]:
    """A confirmed customer order of one line."""
    customer = number % customers
    return {
        "id": f"co-{number}",
        "kind": "customer",
        "reference": f"CO-{number:07d}",
        "status": "confirmed",
        "fulfilmentStatus": "none",
        "currency": "GBP",
        "orderDate": day.isoformat(),
        "pricesIncludeTax": False,
        "contact": {"id": f"customer-{customer}", "name": f"Customer {customer}", "countryCode": "GB"},
        "lines": [{"name": "Stoneware mug", "quantity": "3", "unitPrice": "12.5000", "taxRate": "20"}],
    }


def load(
    sandbox: Sandbox, numbers: range, customers: int = CUSTOMERS, days: Sequence[date] = (FIRST,)
) -> None:
    """Put orders into Monstock, on these days in turn; never more of them in memory than go in one call."""
    for part in _parts(numbers):
        sandbox.load_orders([order(number, customers, days[number % len(days)]) for number in part])


def _parts(numbers: range) -> Iterator[range]:
    for start in range(0, len(numbers), CHUNK):
        yield numbers[start : start + CHUNK]
