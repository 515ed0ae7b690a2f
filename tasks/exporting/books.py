"""Reads what a run must know of Xero before it writes: reference data, contacts, and what stands there already."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tasks.connections.connection import Connection
from tasks.domain.books import Books
from tasks.domain.documents import DocumentType
from tasks.domain.orders import Kind
from tasks.ledger.contacts import STREAM
from tasks.mapping.contacts import name_key
from tasks.xero.client import Page
from tasks.xero.endpoints import CONTACTS, INVOICES, PURCHASE_ORDERS, Endpoint
from tasks.xero.reading import read_documents, stamp
from tasks.xero.walk import changed_since
from tasks.xero.wire import read_books, read_contact
from tasks.xero.writing import CLOCK_MARGIN

# A document made by hand may be dated some time before its order.
BY_HAND_MARGIN = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Lists:
    """Xero's reference lists as they came: what changes seldom, and may be remembered for a while."""

    accounts: list[dict[str, Any]]
    tax_rates: list[dict[str, Any]]
    currencies: list[dict[str, Any]]
    tracking: list[dict[str, Any]]
    items: list[dict[str, Any]]


def read_lists(connection: Connection) -> Lists:
    """One call a list; tracking and items only where a rule asks for them."""
    xero, rules = connection.xero, connection.settings
    return Lists(
        accounts=xero.listing("Accounts"),
        tax_rates=xero.listing("TaxRates"),
        currencies=xero.listing("Currencies"),
        tracking=xero.listing("TrackingCategories") if rules.warehouse or rules.channel else [],
        items=xero.listing("Items") if rules.item_codes else [],
    )


def calls_for_books(connection: Connection) -> int:
    """How many calls `open_books` over these lists takes."""
    rules = connection.settings
    return 4 + bool(rules.warehouse or rules.channel) + bool(rules.item_codes)


def open_books(connection: Connection, lists: Lists) -> Books:
    """Read the live organisation, refuse any but the pinned one, and join it with its lists."""
    organisation = connection.xero.organisation()
    connection.check_organisation(organisation["Name"])
    return read_books(
        organisation, lists.accounts, lists.tax_rates, lists.currencies, lists.tracking, lists.items
    )


def refresh_contacts(connection: Connection) -> int:
    """Bring the directory up to date: everything at first, then what changed. Returns how many rows came."""
    position = connection.orders.cursor(STREAM)
    since = datetime.fromisoformat(position) if position else None
    count = 0
    for rows, start in changed_since(connection.xero, CONTACTS, since, {"includeArchived": "true"}):
        contacts = [read_contact(row) for row in rows]
        connection.contacts.take_in(
            [(contact, name_key(contact.name)) for contact in contacts],
            start.isoformat() if start else None,
        )
        count += len(rows)
    return count


def sweep(connection: Connection) -> int:
    """See what stands in Xero before this process writes. Returns how many documents came.

    Before the first export that is everything from the cut-over on: what people invoiced by hand is found
    there. Later it is what changed since our last write, so that a ledger restored from a backup learns of
    the documents that it forgot.
    """
    last, read_at = connection.documents.last_write(), stamp(connection.xero.http.far_now())
    count = 0
    for endpoint in _endpoints(connection):
        if last is None:
            pages = _all_since_cutover(connection, endpoint)
        else:
            walk = changed_since(connection.xero, endpoint, last - CLOCK_MARGIN, endpoint.exact)
            pages = (rows for rows, _ in walk)
        for rows in pages:
            documents, by = read_documents(endpoint, rows), connection.there_by_now
            connection.mirror.take_in(documents, read_at, before_us=last is None, by=by)
            count += len(rows)
    return count


def _endpoints(connection: Connection) -> list[Endpoint]:
    """Invoices and bills come in one listing; purchase orders cost a listing of their own."""
    orders = connection.settings.of(Kind.supplier).document is DocumentType.purchase_order
    return [INVOICES, PURCHASE_ORDERS] if orders else [INVOICES]


def _all_since_cutover(connection: Connection, endpoint: Endpoint) -> Iterator[list[dict[str, Any]]]:
    start = connection.settings.export_from - BY_HAND_MARGIN
    if endpoint is PURCHASE_ORDERS:
        params = {"DateFrom": start.isoformat(), "order": "PurchaseOrderID"}
    else:
        params = {"where": f"Date>=DateTime({start.year},{start.month},{start.day})", "order": "InvoiceID"}
    number, page = 0, Page([], full=True)
    while page.full:
        number += 1
        page = connection.xero.page(endpoint.name, params | endpoint.exact, number=number)
        yield page.rows
