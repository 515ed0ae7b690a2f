"""Reads orders for a night: all of its window, whether they changed or not, and by id those that did not come."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from tasks.connections.connection import Connection
from tasks.domain.books import MISSING
from tasks.domain.discrepancies import DiscrepancyKind
from tasks.domain.errors import NotFound
from tasks.domain.orders import Kind
from tasks.exporting.books import calls_for_books
from tasks.exporting.foretelling import AT_ONCE
from tasks.exporting.intake import PageRead, take_in
from tasks.exporting.sending import chunks
from tasks.importing.listing import LISTED, OPEN
from tasks.importing.reading import STREAMS
from tasks.importing.steps import Span
from tasks.ledger.standing import Scope
from tasks.monstock.client import OrderPage
from tasks.reconciling.window import Window
from tasks.xero.client import IDS_A_CALL, PAGE_SIZE
from tasks.xero.endpoints import BY_NAME, INVOICES, Endpoint
from tasks.xero.reading import TYPES


def read_orders(
    connection: Connection, kind: Kind, window: Window, run_id: str, cursor: str | None
) -> PageRead:
    """One page of the window's orders into the ledger. The cursor of what changed is not moved."""
    first, last = window.ordered or (None, None)
    since = (
        None
        if window.period
        else window.since.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    )
    page = connection.monstock.orders(kind, updated_since=since, date_from=first, date_to=last, cursor=cursor)
    read = take_in(connection, kind, page, run_id, None)
    connection.orders.listed(kind, [record.id for record in page.records], window.now)
    return PageRead(read, page.cursor, since)


def find_unlisted(connection: Connection, window: Window, run_id: str) -> list[tuple[str, str]]:
    """Orders that the listing did not show and that Monstock does not know by their id either.

    Those that it knows are read so. One that was missed before is asked for again, however long ago it changed.
    """
    return [
        (kind.value, order_id)
        for kind, order_id in sorted(_unseen(connection, window))
        if not _found(connection, kind, order_id, window.now, run_id)
    ]


def list_orders(connection: Connection, window: Window, run_id: str) -> None:
    """All pages of the window's orders into the ledger."""
    for kind in Kind:
        page = read_orders(connection, kind, window, run_id, None)
        while page.cursor:
            page = read_orders(connection, kind, window, run_id, page.cursor)


def foresee_orders(connection: Connection, window: Window) -> int:
    """How many calls to Monstock a window takes whose orders were listed: one for each that did not come."""
    return len(_unseen(connection, window))


def spans(window: Window) -> dict[Endpoint, Span | None]:
    """What is listed of each endpoint: open documents, or all of a period."""
    if window.period is None:
        return dict.fromkeys(LISTED)
    first, last = window.period
    return dict.fromkeys(LISTED, Span(first, datetime.fromordinal(last.toordinal() + 1).date()))


def foresee(connection: Connection, window: Window) -> int:
    """How many calls to Xero the reading of a window takes, if nothing changed since the last one.

    Two are for the organisation and for contacts, some for what an export would do about documents known to be behind.
    """
    listings = sum(number for endpoint in LISTED for number in pages(connection, endpoint, window))
    again = sum(_calls(BY_NAME[name], len(ids)) for name, ids in connection.mirror.unread(10**9).items())
    missed = sum(_missed(connection, endpoint) for endpoint in LISTED)
    return 2 + len(STREAMS) + listings + again + missed + _expected(connection, window)


def _unseen(connection: Connection, window: Window) -> set[tuple[Kind, str]]:
    """Orders of the window that its listing did not show; lately, those as well that were missed before."""
    listed = window.listed or window.now
    if window.period:
        return set(connection.orders.not_listed(listed, changed_since=None, dated=window.period))
    missed = {
        (Kind(row.order_kind), row.order_id)
        for row in connection.discrepancies.standing()
        if row.kind == DiscrepancyKind.not_listed
    }
    return missed.union(connection.orders.not_listed(listed, changed_since=window.since, dated=None))


def _missed(connection: Connection, endpoint: Endpoint) -> int:
    """Documents that Xero did not know are asked for once more, each by itself in the end."""
    known = connection.columns.open_documents()
    count = sum(known.get((type_, MISSING), 0) for type_ in TYPES[endpoint])
    return count + _calls(endpoint, count) if endpoint is INVOICES else count


def _expected(connection: Connection, window: Window) -> int:
    """What it takes to tell how documents that were behind their orders will follow them."""
    behind = [
        (row.order_kind, row.order_id)
        for row in connection.discrepancies.standing()
        if row.kind in {DiscrepancyKind.not_followed, DiscrepancyKind.not_ended}
    ]
    first, last = window.period or (None, None)
    scope = Scope(rules=connection.settings.digest, date_from=first, date_to=last)
    waits = (
        connection.orders.unsettled(replace(scope, those=tuple(some)), None, 1)
        for some in chunks(behind, AT_ONCE)
    )
    return calls_for_books(connection) if any(waits) else 0


def pages(connection: Connection, endpoint: Endpoint, window: Window) -> Iterator[int]:
    """The pages of each listing of an endpoint: a full one leads to another."""
    if window.period:
        counts = connection.columns.dated(*window.period)
        yield sum(counts.get(type_, 0) for type_ in TYPES[endpoint]) // PAGE_SIZE + 1
        return
    known = connection.columns.open_documents()
    each = [sum(known.get((type_, status), 0) for type_ in TYPES[endpoint]) for status in OPEN[endpoint]]
    yield from (count // PAGE_SIZE + 1 for count in ([sum(each)] if endpoint is INVOICES else each))


def _calls(endpoint: Endpoint, count: int) -> int:
    return -(-count // IDS_A_CALL) if endpoint is INVOICES else count


def _found(connection: Connection, kind: Kind, order_id: str, when: datetime, run_id: str) -> bool:
    try:
        record = connection.monstock.order(kind, order_id)
    except NotFound:
        return False
    take_in(connection, kind, OrderPage((record,), None), run_id, None)
    connection.orders.listed(kind, [order_id], when)
    return True
