"""What a backfill will cost, chunk by chunk, whatever it does."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from tasks.connections.connection import Connection
from tasks.domain.periods import Period
from tasks.exporting.forecast import Forecast, of_calls
from tasks.importing.listing import LISTED
from tasks.reconciling import reading
from tasks.reconciling.window import Window


def foresee_invoices(connection: Connection, periods: Sequence[Period]) -> Forecast:
    """The pages of each chunk, by what the ledger knows of its documents."""
    calls = Counter[str]()
    for window in _windows(periods):
        for endpoint in LISTED:
            calls[f"GET {endpoint.name}"] += sum(reading.pages(connection, endpoint, window))
    return of_calls(connection, calls)


def foresee_reconciliation(connection: Connection, periods: Sequence[Period]) -> Forecast:
    """What each chunk's comparison reads of Xero, by what the ledger knows of it."""
    calls = sum(reading.foresee(connection, window) for window in _windows(periods))
    return of_calls(connection, Counter({"GET of reconciliations": calls}))


def _windows(periods: Sequence[Period]) -> list[Window]:
    now = datetime.now(UTC)
    return [Window(now, (period.first, period.last)) for period in periods]
