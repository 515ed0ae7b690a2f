"""An order as the ledger takes it in, knows it, and hands it to a run."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from tasks.domain.orders import Kind
from tasks.domain.outcomes import Finding, OrderState
from tasks.domain.periods import Period
from tasks.ledger.settlement import findings_json


@dataclass(frozen=True, slots=True)
class Standing:
    """An order as the ledger is to know it. `payload` is its JSON while something is still to be done.

    Amounts are plain text; `received` is net of what was delivered so far, `taxes` are net and tax by tax type (JSON).
    """

    kind: Kind
    order_id: str
    reference: str
    revision: str
    state: OrderState
    updated_at: str = ""
    contact_id: str | None = None
    contact_name: str | None = None
    order_date: date | None = None
    currency: str | None = None
    net: str | None = None
    gross: str | None = None
    received: str | None = None
    external: str | None = None
    status: str | None = None
    document_date: date | None = None
    taxes: str | None = None
    payload: str | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of an order already."""

    revision: str
    state: OrderState
    linked: bool
    updated_at: str


class Seen(NamedTuple):
    """An order in the revision that somebody looked at: what is said of it holds for that one alone."""

    kind: Kind
    order_id: str
    revision: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """An order that a run should look at: its JSON, what people decided about it, and its `taxes` as last told."""

    kind: Kind
    order_id: str
    reference: str
    revision: str
    state: OrderState
    generation: int
    payload: str
    decision: str | None
    taxes: str = ""

    @property
    def seen(self) -> Seen:
        """Which order, and which revision of it."""
        return Seen(self.kind, self.order_id, self.revision, self.reference)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which orders a run is about; None means all. Dates are order dates, both included.

    `those` are orders by kind and id. Orders dated within `but` that have no document yet are left to others. With
    `drafts_only`, documents change only where they are drafts as they are written, and none ends. Orders that only
    changed rules let be exported again are left to a run that is `remaking`.
    """

    kinds: tuple[Kind, ...] = (Kind.customer, Kind.supplier)
    references: tuple[str, ...] | None = None
    those: tuple[tuple[str, str], ...] | None = None
    date_from: date | None = None
    date_to: date | None = None
    retry_rejected: bool = False
    rules: str = ""
    but: tuple[Period, ...] = ()
    drafts_only: bool = False
    remaking: bool = False


def order_key(order: Standing | Seen) -> tuple[str, str]:
    """Orders are locked in this sequence, everywhere: so no two transactions wait for each other both."""
    return order.kind.value, order.order_id


def row_of(connection: str, order: Standing, now: datetime, run_id: str) -> dict[str, Any]:
    """An order that is taken in, as a row of its first generation."""
    return {
        "connection": connection,
        "kind": order.kind.value,
        "order_id": order.order_id,
        "reference": order.reference,
        "contact_id": order.contact_id,
        "contact_name": order.contact_name,
        "order_date": order.order_date,
        "currency": order.currency,
        "net": order.net,
        "gross": order.gross,
        "received": order.received,
        "external": order.external,
        "status": order.status,
        "document_date": order.document_date,
        "taxes": order.taxes,
        "revision": order.revision,
        "updated_at": order.updated_at,
        "generation": 1,
        "state": order.state.value,
        "since": now,
        "findings": findings_json(order.findings),
        "payload": order.payload,
        "tried": None,
        "tries": 0,
        "run_id": run_id,
    }
