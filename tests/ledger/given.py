"""Orders, claims and what became of them, as the ledger's tests need them."""

import json
from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Any

from tasks.domain.orders import Kind
from tasks.domain.outcomes import OrderState
from tasks.ledger.attempts import Attempt, Attempts
from tasks.ledger.claims import Claim, Outcome, Settlement
from tasks.ledger.database import Database, upsert
from tasks.ledger.orders import Orders
from tasks.ledger.schema import documents
from tasks.ledger.standing import Scope, Standing, Unsettled
from tasks.xero.reading import read_written

TENANT = "5a9d0b0e-0000-4000-8000-000000000001"
moments = count()
LEASE = timedelta(seconds=60)


def attempts(database: Database, lease: timedelta = LEASE) -> Attempts:
    """A worker's view of the attempts."""
    return Attempts(database, "shop", TENANT, lease, read_written)


def orders(database: Database) -> Orders:
    """The orders of the same connection."""
    return Orders(database, "shop")


def claim(order_id: str = "1", **changes: Any) -> Claim:
    """The right to make an order's invoice."""
    facts: dict[str, Any] = {"subject": "customer", "role": "sale", "revision": "r1", "rules": "rules"}
    return Claim(**{**facts, "subject_id": order_id, "mark": f"https://shop/{order_id}", **changes})


def body(positions: Sequence[int]) -> bytes:
    """A request's body that says what it holds."""
    return json.dumps({"Invoices": list(positions)}).encode()


def store(worker: Attempts, *claims: Claim) -> Attempt | None:
    """Commit (a)."""
    return worker.store("PUT", "Invoices", claims, body, "run")


def settled(claim: Claim, outcome: Outcome = Outcome.written, **changes: Any) -> Settlement:
    """A claim's end, with an invoice where there is one."""
    document = {"InvoiceID": f"id-{claim.subject_id}", "Type": "ACCREC", "Status": "DRAFT", "Total": "45.00"}
    without = {Outcome.released, Outcome.rejected, Outcome.held}
    return Settlement(claim, outcome, **{"document": None if outcome in without else document, **changes})


def mirrored(database: Database, *ids: str, **facts: Any) -> None:
    """Documents in the mirror, a sales invoice each where nothing else is said."""
    row = {
        "connection": "shop", "type": "ACCREC", "contact_id": "c", "contact_name": "n", "currency": "GBP",
        "total": "1.00", "status": "PAID", "before_us": False,
    }  # fmt: skip
    with database.begin() as tx:
        upsert(tx, documents, [row | {"document_id": id_} | facts for id_ in ids])


def take_in(
    database: Database, *ids: str, revision: str = "r1", position: str | None = None, stamp: str = ""
) -> None:
    """Orders that wait, as a page brings them."""
    stamp = stamp or f"2026-10-01T12:00:00.{next(moments):06}Z"
    rows = [
        Standing(
            Kind.customer,
            i,
            f"CO-{i}",
            revision,
            OrderState.pending,
            stamp,
            payload=f'{{"revision":"{revision}"}}',
        )
        for i in ids
    ]
    orders(database).take_in(rows, "run", "customer-orders", position)


def waiting(database: Database, **scope: Any) -> list[Unsettled]:
    """What the next run would look at."""
    return orders(database).unsettled(Scope(**scope), None, 100)
