"""What a night found: both sides' sums, every discrepancy, and how much of it was looked at."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from tasks.domain.discrepancies import Life, Mode

# A row is a discrepancy. Amounts are whole cents; texts that are not known are "".
COLUMNS = {
    "id": "str",  # short, for the command line
    "kind": "str",  # DiscrepancyKind
    "state": "str",  # Life
    "order_kind": "str",  # customer or supplier
    "order_id": "str",
    "order": "str",  # the reference people use
    "document_id": "str",
    "document_type": "str",  # Xero's: ACCREC, ACCPAY, PURCHASEORDER, ...
    "number": "str",
    "contact": "str",
    "currency": "str",
    "date": "datetime64[s]",  # the document's, else the order's
    "ours": "str",  # what Monstock says, or we wrote last
    "theirs": "str",  # what Xero says
    "difference": "Int64",  # Monstock less Xero; none where the two differ in no amount
    "since": "datetime64[s, UTC]",  # when it came to be; the age counts from here
    "first_seen": "datetime64[s, UTC]",
    "cause": "str",
    "repair": "str",  # Repair
    "reason": "str",  # why a person accepted it
    "order_url": "str",
    "document_url": "str",
}
# A row is a month, currency, kind of document and tax type; each amount four times: ours_, theirs_, difference_, and
# what of that the discrepancies of the night explain, known_.
TOTALS = ("month", "currency", "kind", "tax_type")
AMOUNTS = ("net", "tax", "gross")
# A row is a day and a currency: cents of that day's orders and documents that agree, and of those that do not.
DAYS = ("date", "currency", "matched", "unmatched")
# The outcome of a repair that was not made.
PLANNED = "planned"


@dataclass(frozen=True)
class Night:
    """One reconciliation. `gaps` are sentences about what could not be read: with one, nothing is called matched.

    `compared` counts pairs of an order and its document, `matched` those of them that agree in everything. `repairs`
    has a row for each repair that was planned: id, kind, order, number, repair, and as outcome what became of it;
    PLANNED in a dry run, and where a side could not be read whole.
    """

    connection: str
    organisation: str
    window: str
    mode: Mode
    dry_run: bool
    run_id: str
    began: datetime
    ended: datetime
    orders: int
    documents: int
    compared: int
    matched: int
    discrepancies: pd.DataFrame
    totals: pd.DataFrame
    days: pd.DataFrame
    repairs: pd.DataFrame
    calls: int = 0
    forecast: int = 0
    gaps: Sequence[str] = field(default=())

    @property
    def complete(self) -> bool:
        """Whether both sides were read whole."""
        return not self.gaps

    def standing(self, *states: Life) -> pd.DataFrame:
        """The discrepancies that stand so."""
        return self.discrepancies[self.discrepancies["state"].isin([state.value for state in states])]
