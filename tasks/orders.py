"""Steps that read orders: a page each."""

from datetime import date

from prefect import task

from tasks.connections.connection import open_connection
from tasks.domain.orders import Kind
from tasks.exporting.intake import PageRead, read_page
from tasks.exporting.run import progress
from tasks.policies import READ


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
    """Read one page of orders into the ledger: what changed since the last run, or a window of order dates."""
    found = read_page(open_connection(connection), kind, run_id, cursor, since, date_from, date_to)
    progress.get().advance(f"Reading {kind} orders", found.orders)
    return found
