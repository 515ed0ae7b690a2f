"""What a backfill will cost, chunk by chunk, whatever it does."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from tasks.connections.connection import Connection
from tasks.domain.periods import Period
from tasks.exporting.forecast import Forecast, of_calls
from tasks.exporting.outcome import Calls
from tasks.importing.listing import LISTED
from tasks.reconciling import reading
from tasks.reconciling.window import Window


def foresee_invoices(connection: Connection, periods: Sequence[Period]) -> Forecast:
    """The pages of each chunk, by what the ledger knows of its documents."""
    calls = Counter[str]()
    for window in _windows(periods, datetime.now(UTC)):
        for endpoint in LISTED:
            calls[f"GET {endpoint.name}"] += sum(reading.pages(connection, endpoint, window))
    return of_calls(connection, calls)


def foresee_reconciliation(
    connection: Connection, periods: Sequence[Period], listed: datetime, run_id: str
) -> Forecast:
    """What each chunk's comparison reads: of Xero by what the ledger knows of it.

    Monstock's orders of the whole range are listed here, once, as at the moment `listed`: the chunks go by that.
    """
    before = Calls.so_far(connection)
    if periods:
        reading.list_orders(connection, Window(listed, (periods[0].first, periods[-1].last)), run_id)
    monstock = Calls.so_far(connection).since(before).monstock
    windows = _windows(periods, listed)
    monstock["GET orders by id"] = sum(reading.foresee_orders(connection, window) for window in windows)
    xero = Counter({"GET of reconciliations": sum(reading.foresee(connection, one) for one in windows)})
    return of_calls(connection, xero, +monstock)


def _windows(periods: Sequence[Period], listed: datetime) -> list[Window]:
    return [Window(listed, (period.first, period.last), listed) for period in periods]
