"""Steps that read orders: a page each."""

from dataclasses import dataclass
from datetime import date

from prefect import task

from tasks.connections.connection import open_connection
from tasks.domain.orders import Kind
from tasks.exporting.intake import since as from_position
from tasks.exporting.intake import stream_of, take_in
from tasks.exporting.run import progress
from tasks.policies import READ


@dataclass(frozen=True)
class PageRead:
    """How many orders a page held, and the way to the next one (`cursor` None: it was the last).

    A cursor belongs to its listing, so that `since`, from which the first page was read, goes with it.
    """

    orders: int
    cursor: str | None
    since: str | None


@task(name="read-orders", task_run_name="read-orders-{kind}-{page}", **READ)
def read_orders(
    connection: str,
    kind: Kind,
    run_id: str,
    page: int,
    cursor: str | None,
    since: str | None,
    date_from: date | None,
    date_to: date | None,
) -> PageRead:
    """Read one page of orders into the ledger: what changed since the last run, or a window of order dates.

    Only the former moves the ledger's cursor, in one transaction with the page.
    """
    opened = open_connection(connection)
    windowed = date_from is not None or date_to is not None
    stream = None if windowed else stream_of(kind, opened.settings)
    if stream and cursor is None:
        since = from_position(opened.orders.cursor(stream))
    found = opened.monstock.orders(
        kind, updated_since=since, date_from=date_from, date_to=date_to, cursor=cursor
    )
    count = take_in(opened, kind, found, run_id, stream)
    progress.get().advance(f"Reading {kind} orders", count)
    return PageRead(count, found.cursor, since)
