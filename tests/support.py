"""Orders as Monstock would send them, and other small things that tests share."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.connections.settings import SANDBOX_FILE

Connect = Callable[..., Connection]
NewLedger = Callable[[Path], str]

# The tests' sandboxes have no limits, and whoever calls them needs to keep none.
FREE = "limits = { minute = 0, in_flight = 0, day = 0 }"


def settings_for(sandbox: Sandbox, replace: Mapping[str, str] | None = None, *, free: bool = True) -> str:
    """The sandbox connection's settings at these addresses; `replace` edits the text, and must find what it edits."""
    text = SANDBOX_FILE.read_text("utf-8")
    text = text.replace("http://127.0.0.1:8401", sandbox.monstock_root)
    text = text.replace("http://127.0.0.1:8402", sandbox.xero_url)
    for table in ("monstock", "xero") if free else ():
        text = text.replace(f"[connections.sandbox.{table}]\n", f"[connections.sandbox.{table}]\n{FREE}\n")
    for old, new in (replace or {}).items():
        assert old in text, old
        text = text.replace(old, new)
    return text


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
