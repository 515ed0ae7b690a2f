"""The words of seeded drifts: what is made to differ, where it must be found, and the stage on which that happens."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.discrepancies import DiscrepancyKind, Mode
from tasks.domain.documents import DocumentType
from tasks.domain.orders import Kind
from tasks.xero.endpoints import INVOICES, Endpoint, endpoint_for
from tests.exporting.driver import export
from tests.support import line, order

Order = dict[str, Any]


class At(NamedTuple):
    """Where a drift must be found: at an order, or where that is None at a document of no order.

    `document` is named wherever there is one: an order's own, or the one that does not belong.
    """

    order: tuple[str, str] | None
    document: str | None = None

    @property
    def key(self) -> tuple[str, str] | str:
        """The order (kind, id), or the document's id."""
        return self.order or self.document or ""

    def is_here(self, order_kind: str | None, order_id: str | None, document_id: str | None) -> bool:
        """Whether something that was found so lies here: at the order, or at the document by itself."""
        if order_id:
            return (order_kind, order_id) == self.order
        return bool(document_id) and document_id == self.document


@dataclass
class Stage:
    """Both systems and the ledger, with orders for every case; `drafts` makes documents that nobody approved."""

    sandbox: Sandbox
    connection: Connection
    drafts: Connection
    n: int
    today: dt.date
    orders: Mapping[str, Sequence[Order]] = field(default_factory=dict)

    def day(self, ago: int) -> str:
        """So many days ago."""
        return (self.today - dt.timedelta(days=ago)).isoformat()

    def load(self, orders: Iterable[Order]) -> None:
        """Orders come to be in Monstock."""
        self.sandbox.load_orders(list(orders))

    def export(self, orders: Iterable[Order], connection: Connection | None = None) -> None:
        """A run for these orders alone."""
        references = tuple(str(one["reference"]) for one in orders)
        export(connection or self.connection, references=references)

    def document(self, one: Order) -> str:
        """The id of an order's own document, as the ledger knows it."""
        return self._link(one).document_id

    def endpoint(self, one: Order) -> Endpoint:
        """Where that stands."""
        return endpoint_for(DocumentType(self._link(one).document_type))

    def row(self, one: Order) -> dict[str, Any]:
        """An order's own document, as Xero has it."""
        (row,) = self.connection.xero.one(self.endpoint(one), self.document(one))
        return row

    def edit(self, one: Order, **fields: Any) -> None:
        """A person edits it in Xero."""
        kind = "invoice" if self.endpoint(one) is INVOICES else "purchase_order"
        self.sandbox.edit("edit", kind=kind, id=self.document(one), fields=fields)

    def at(self, one: Order) -> At:
        """At this order, with its own document where it has one."""
        links = self.connection.documents.links(Kind(one["kind"]), [one["id"]])
        link = links.get(one["id"])
        return At((one["kind"], one["id"]), link.document_id if link else None)

    def _link(self, one: Order) -> Any:
        return self.connection.documents.links(Kind(one["kind"]), [one["id"]])[one["id"]]


Act = Callable[[Stage, Sequence[Order]], None]
Seed = Callable[[Stage, Sequence[Order]], list[At]]
Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """`n` orders, each of a contact of its own, and what befell them before the night of which both sides know.

    `made`: approved, as a draft or long ago as a draft; later is left to `prepare` or `seed`, and never means that the
    order is not in Monstock at all. `ago` is its date, in days; `fields` are what is special about the orders.
    """

    name: str
    what: str
    kind_of_order: str = "customer"
    made: Literal["approved", "draft", "long ago", "later", "never"] = "approved"
    ago: int = 5
    fields: Fields = field(default_factory=dict)
    prepare: Act | None = None

    def orders(self, stage: Stage, place: int) -> list[Order]:
        """Its orders: no contact, number or amount occurs twice among all cases."""
        return [self._order(stage, place * 1000 + i) for i in range(stage.n)]

    def _order(self, stage: Stage, number: int) -> Order:
        price = f"{Decimal(number) / 100 + 10:.4f}"
        name = f"{self.kind_of_order.title()} {number}"
        changes: Order = {
            "kind": self.kind_of_order,
            "orderDate": stage.day(self.ago),
            "contact": {"id": f"{self.kind_of_order}-{number}", "name": name, "countryCode": "GB"},
            "lines": [line(unitPrice=price)],
        }
        if self.kind_of_order == "customer":
            changes["externalReference"] = f"PO-{number}"
        changes |= self.fields
        changes["lines"] = [{"unitPrice": price, **one} for one in changes["lines"]]
        return order(number, **changes)


@dataclass(frozen=True)
class Quiet(Case):
    """Nothing to be found: both sides agree, however odd it looks."""


@dataclass(frozen=True, kw_only=True)
class Drift(Case):
    """One way in which the two sides come to differ.

    `kind` must be found once at each place that `seed` returns; `also` are kinds that cannot but show there as well.
    `ends` is the least repair that ends it; none, where it is for a person.
    """

    kind: DiscrepancyKind
    seed: Seed
    ends: Mode = Mode.none
    also: frozenset[DiscrepancyKind] = frozenset()


class Seeded(NamedTuple):
    """A drift that is in place."""

    drift: Drift
    at: At
