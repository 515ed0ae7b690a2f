"""What documents would say that were made under other rules, if they were made under the present ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from tasks.connections.connection import Connection
from tasks.domain.books import GONE, Books
from tasks.domain.documents import DocumentType, Draft
from tasks.domain.errors import RulesChanged, Unreadable
from tasks.domain.money import plain
from tasks.domain.orders import Kind, Order
from tasks.domain.periods import Period
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
DRAFTED, CHANGEABLE = {"DRAFT", "SUBMITTED"}, {"DRAFT", "SUBMITTED", "AUTHORISED"}


@dataclass(frozen=True, slots=True)
class Differing:
    """An order whose document the present rules would make otherwise: in what, and what that is in money.

    `stays` says why it is not changed in any case: the rules would hold it, or money is on it.
    """

    remade: Remade
    order_date: date
    type: DocumentType
    number: str
    status: str
    fields: Sequence[str]
    difference: Decimal
    currency: str
    stays: str = ""

    @property
    def is_drafted(self) -> bool:
        """Whether nobody has approved the document, as it was last seen."""
        return self.status in DRAFTED

    def may_change(self, *, drafts_only: bool) -> bool:
        """Whether it is changed where a person lets drafts, or all, be changed."""
        return not self.stays and (self.is_drafted or not drafts_only)

    def row(self) -> dict[str, str]:
        """As people read it."""
        more = f" and {len(self.fields) - SHOWN} more" if len(self.fields) > SHOWN else ""
        return {
            "order": self.remade.seen.reference,
            "document": self.number,
            "status": self.status,
            "differs in": ", ".join(self.fields[:SHOWN]) + more,
            "total by": f"{self.difference:+.2f} {self.currency}",
            "stays": self.stays,
        }


def require_rules(connection: Connection, scope: Scope) -> None:
    """Raises `RulesChanged` where documents are to follow the rules of the scope, and others hold by now."""
    if scope.remaking and scope.rules != connection.settings.digest:
        raise RulesChanged(
            "The rules have changed since this backfill began, and nobody has seen what the present ones would make "
            "otherwise: it changes no more documents. Do a dry run of the range, and start a new backfill."
        )


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
        found.append((Remade(seen, record.payload), order, link))
    contacts = connection.contacts.ids(sorted({order.contact.id for _, order, _ in found}))
    standings = connection.documents.standings([link.document_id for _, _, link in found])
    drafts = planner.redraft([(order, link) for _, order, link in found])
    for (remade, order, link), made in zip(found, drafts, strict=True):
        status, money = standings.get(link.document_id, (link.status, False))
        if status in GONE:
            continue
        contact_id = contacts.get(order.contact.id, "")
        if one := _differing(remade, order, link, (status, money), made, contact_id):
            yield one


def _differing(
    remade: Remade,
    order: Order,
    link: Link,
    standing: tuple[str, bool],
    made: Draft | Held,
    contact_id: str,
) -> Differing | None:
    written, (status, money) = facts(link.written), standing
    number = written.fields["InvoiceNumber"] or written.fields["PurchaseOrderNumber"]
    known = remade, order.order_date, DocumentType(link.document_type), number, status
    if isinstance(made, Held):
        why = "held under these rules: " + "; ".join(finding.detail for finding in made.findings)
        return Differing(*known, (), Decimal(0), order.currency, why)
    # Number and mark of a document that stands are left as they are.
    kept = {endpoint_for(made.type).number, endpoint_for(made.type).mark}
    names = [name for name in differing(written, facts_of(made, contact_id)) if name not in kept]
    if not names:
        return None
    by = made.total.gross - decimal(link.written.get("Total"))
    stays = "" if status in CHANGEABLE and not money else f"{status}{', with money on it' if money else ''}"
    return Differing(*known, names, by, made.currency, stays)


def without_payload(one: Differing) -> Differing:
    """To be kept in great numbers."""
    return replace(one, remade=replace(one.remade, payload=""))


def by_chunk(
    found: Sequence[Differing], periods: Sequence[Period], *, drafts_only: bool
) -> dict[Period, list[Differing]]:
    """What a person lets be changed, by the chunk in whose dates it lies; every chunk has its list."""
    chunks: dict[Period, list[Differing]] = {period: [] for period in periods}
    of_day = {day: chunk for period, chunk in chunks.items() for day in period.days}
    for one in found:
        if one.order_date in of_day and one.may_change(drafts_only=drafts_only):
            of_day[one.order_date].append(one)
    return chunks


def in_money(found: Sequence[Differing]) -> str:
    """How much they differ in all, by currency."""
    sums: dict[str, Decimal] = {}
    for one in found:
        sums[one.currency] = sums.get(one.currency, Decimal(0)) + abs(one.difference)
    return (
        ", ".join(f"{plain(total)} {currency}" for currency, total in sorted(sums.items()) if total) or "0.00"
    )
