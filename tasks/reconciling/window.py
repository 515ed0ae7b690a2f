"""What a reconciliation looks at, cut into parts of a month that are compared one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tasks.ledger.columns import Part

RECENT = timedelta(days=35)
# So many documents are compared at once; of more, a month.
WHOLE = 200_000
# Monstock lists by order dates. So long before its billing an order may have been made, and so long after.
BILLED_AFTER, ORDERED_AFTER = timedelta(days=92), timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Window:
    """A period of document dates, both included; without one, what is open and what changed lately.

    `now` is when the night began.
    """

    now: datetime
    period: tuple[date, date] | None = None

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

    def sentence(self) -> str:
        """For people."""
        if self.period:
            return f"dated {self.period[0]} to {self.period[1]}"
        return f"what is open, and what changed since {self.since:%Y-%m-%d}"

    def parts(self, span: tuple[date, date] | None, documents: int) -> Iterator[Part]:
        """The parts. `span` is what the ledger has, in so many documents: of many, a part is a month.

        Without a period, the latest months are compared whole.
        """
        cut = _months if documents >= WHOLE else _once
        if self.period:
            first, last = self.period
            yield from (Part(begin, end) for begin, end in cut(first, last + timedelta(days=1)))
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
