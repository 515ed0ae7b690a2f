"""A whole night without Prefect: the flow's steps in its order."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from tasks.connections.connection import Connection
from tasks.domain.orders import Kind
from tasks.exporting.books import refresh_contacts
from tasks.importing.listing import Listing, read_again
from tasks.importing.outcome import Read
from tasks.importing.reading import STREAMS, Reading
from tasks.reconciling.comparing import compare, live_books, terms_of
from tasks.reconciling.reading import find_unlisted, read_orders, spans
from tasks.reconciling.settling import Settled, settle
from tasks.reconciling.window import Window
from tests.importing.driver import match


def night(
    connection: Connection,
    period: tuple[date, date] | None = None,
    *,
    run_id: str = "night",
    repaired: Sequence[str] = (),
    now: datetime | None = None,
    told: bool = True,
) -> Settled:
    """Read both sides, compare them, note what was found, and tell it."""
    window = Window(now or datetime.now(UTC), period)
    books = live_books(connection)
    refresh_contacts(connection)
    for endpoint in STREAMS:
        _whole(Reading(connection, endpoint))
    for endpoint, span in spans(window).items():
        _whole(Listing(connection, endpoint, span))
    while read_again(connection):
        pass
    for kind in Kind:
        cursor, first = None, True
        while first or cursor:
            cursor, first = read_orders(connection, kind, window, run_id, cursor).cursor, False
    unlisted = find_unlisted(connection, window, run_id)
    match(connection, Read())
    terms = terms_of(connection, books, window.now)
    parts = window.parts(connection.columns.span(), connection.columns.size())
    found = [compare(connection, part, terms, unlisted) for part in parts]
    settled = settle(connection, found, window, run_id, repaired, books.short_code, complete=True)
    if told:
        connection.discrepancies.tell(run_id, "")
    return settled


def _whole(steps: Reading | Listing) -> None:
    while not steps.done:
        steps.step()
