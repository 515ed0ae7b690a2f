"""What a reconciliation looks at, cut into parts of a month that are compared one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pandas as pd

from tasks.ledger.columns import Part

RECENT = timedelta(days=35)
# So many orders or documents are compared at once; of more, a month.
WHOLE = 200_000
# Monstock lists by order dates. So long before its billing an order may have been made, and so long after.
BILLED_AFTER, ORDERED_AFTER = timedelta(days=92), timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Window:
    """A period of document dates, both included; without one, what is open and what changed lately.

    `now` is when the night began, `listed` when Monstock's orders were listed before it, for a longer period.
    """

    now: datetime
    period: tuple[date, date] | None = None
    listed: datetime | None = None

    @property
    def since(self) -> datetime:
        """The moment from which on every change is looked at."""
        return self.now - RECENT

    @property
    def ordered(self) -> tuple[date, date] | None:
        """The order dates under which the orders of a period are looked for: an order is billed before or after."""
        if self.period is None:
            return None
        first, last = self.period
        return first - BILLED_AFTER, last + ORDERED_AFTER

    def months_of(self, totals: pd.DataFrame) -> pd.DataFrame:
        """Control totals of the months of the period alone: of others, only what touches it was looked at."""
        if self.period is None:
            return totals
        first, last = (f"{day:%Y-%m}" for day in self.period)
        return totals[totals["month"].astype("str").between(first, last)].reset_index(drop=True)

    def days_of(self, days: pd.DataFrame) -> pd.DataFrame:
        """The money of the days of the period alone, for the same reason."""
        if self.period is None:
            return days
        first, last = map(pd.Timestamp, self.period)
        return days[days["date"].between(first, last)].reset_index(drop=True)

    def sentence(self) -> str:
        """For people."""
        if self.period:
            return f"dated {self.period[0]} to {self.period[1]}"
        return f"what is open, and what changed since {self.since:%Y-%m-%d}"

    def parts(self, span: tuple[date, date] | None, size: int) -> Iterator[Part]:
        """The parts. `span` is what the ledger has, so many orders or documents: of many, a part is a month.

        Each order is of one part, by its date; of a period, the last part are those of other dates with a document in
        it. Without a period, the latest months are compared whole.
        """
        cut = _months if size >= WHOLE else _once
        if self.period:
            first, end = self.period[0], self.period[1] + timedelta(days=1)
            yield from (Part(*bounds) for bounds in cut(first, end))
            yield Part(first, end, elsewhere=True)
            return
        recent = self.since.date().replace(day=1)
        if span and span[0] < recent:
            yield from (Part(begin, end, self.since) for begin, end in cut(span[0], recent))
        last = max(span[1] if span else recent, self.now.date())
        yield from (Part(begin, end) for begin, end in cut(recent, last + timedelta(days=1)))
        yield Part(dated=False)


def _once(first: date, end: date) -> Iterator[tuple[date, date]]:
    """All of it."""
    yield first, end


def _months(first: date, end: date) -> Iterator[tuple[date, date]]:
    """From a day on and before another, cut where months begin."""
    while first < end:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield first, min(following, end)
        first = following
