"""What documents would say that were made under other rules, if they were made under the present ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tasks.connections.connection import Connection
from tasks.domain.books import Books
from tasks.domain.documents import Draft
from tasks.domain.errors import Unreadable
from tasks.domain.money import plain
from tasks.domain.orders import Kind, Order
from tasks.exporting.comparing import differing, facts, facts_of
from tasks.exporting.planning import Planner
from tasks.ledger.documents import Link
from tasks.ledger.remaking import Remade
from tasks.ledger.standing import Scope, Seen
from tasks.mapping.document import Held
from tasks.monstock import wire
from tasks.monstock.client import OrderPage
from tasks.xero.endpoints import endpoint_for
from tasks.xero.wire import decimal

SHOWN = 12


@dataclass(frozen=True, slots=True)
class Differing:
    """An order whose document the present rules would make otherwise: in what, and what that is in money.

    `held` says why they would not send it at all; then nothing is changed.
    """

    remade: Remade
    number: str
    status: str
    fields: Sequence[str]
    difference: Decimal
    currency: str
    held: str = ""

    @property
    def is_drafted(self) -> bool:
        """Whether nobody has approved the document, as it was last seen."""
        return self.status in {"DRAFT", "SUBMITTED"}

    def row(self) -> dict[str, str]:
        """As people read it."""
        more = f" and {len(self.fields) - SHOWN} more" if len(self.fields) > SHOWN else ""
        return {
            "order": self.remade.seen.reference,
            "document": self.number,
            "status": self.status,
            "differs in": self.held or ", ".join(self.fields[:SHOWN]) + more,
            "total by": f"{self.difference:+.2f} {self.currency}" if not self.held else "",
        }


def differing_under_rules(connection: Connection, books: Books, scope: Scope) -> Iterator[list[Differing]]:
    """The orders in scope, a page of Monstock's at a time; only those that nobody changed since they were exported."""
    planner = Planner(connection, books)
    for kind in scope.kinds:
        cursor, first = None, True
        while first or cursor:
            page = connection.monstock.orders(
                kind, date_from=scope.date_from, date_to=scope.date_to, cursor=cursor
            )
            yield list(_of_page(connection, planner, kind, page))
            cursor, first = page.cursor, False


def _of_page(connection: Connection, planner: Planner, kind: Kind, page: OrderPage) -> Iterator[Differing]:
    links = connection.documents.links(kind, [record.id for record in page.records])
    found: list[tuple[Remade, Order, Link]] = []
    for record in page.records:
        link = links.get(record.id)
        if not link or link.rules == connection.settings.digest or link.revision != record.revision:
            continue
        try:
            order = wire.order(record.payload, record.revision)
        except Unreadable:
            continue
        seen = Seen(kind, record.id, record.revision, order.reference)
        found.append((Remade(seen, record.payload, link.rules), order, link))
    contacts = connection.contacts.ids(sorted({order.contact.id for _, order, _ in found}))
    statuses = connection.documents.statuses([link.document_id for _, _, link in found])
    drafts = planner.redraft([(order, link) for _, order, link in found])
    for (remade, order, link), made in zip(found, drafts, strict=True):
        status = statuses.get(link.document_id, link.status)
        contact_id = contacts.get(order.contact.id, "")
        if one := _differing(remade, link.written, status, made, contact_id, order.currency):
            yield one


def _differing(
    remade: Remade,
    written_: Mapping[str, Any],
    status: str,
    made: Draft | Held,
    contact_id: str,
    currency: str,
) -> Differing | None:
    written = facts(written_)
    number = written.fields["InvoiceNumber"] or written.fields["PurchaseOrderNumber"]
    if isinstance(made, Held):
        why = "held under these rules: " + "; ".join(finding.detail for finding in made.findings)
        return Differing(remade, number, status, (), Decimal(0), currency, why)
    endpoint = endpoint_for(made.type)
    # Number and mark of a document that stands are left as they are.
    kept = {endpoint.number, endpoint.mark}
    names = [name for name in differing(written, facts_of(made, contact_id)) if name not in kept]
    if not names:
        return None
    by = made.total.gross - decimal(written_.get("Total"))
    return Differing(remade, number, status, names, by, made.currency)


def in_money(found: Sequence[Differing]) -> str:
    """How much they differ in all, by currency."""
    sums: dict[str, Decimal] = {}
    for one in found:
        sums[one.currency] = sums.get(one.currency, Decimal(0)) + abs(one.difference)
    return (
        ", ".join(f"{plain(total)} {currency}" for currency, total in sorted(sums.items()) if total) or "0.00"
    )
