"""What the steps of a reading share: what a page brought, spans of dates, and when it was read."""

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tasks.connections.connection import Connection
from tasks.domain.errors import Refused
from tasks.xero.endpoints import PURCHASE_ORDERS, Endpoint
from tasks.xero.reading import stamp

# Xero's refusal of a listing of over 100,000 rows.
TOO_LARGE = 400
_EARLIEST, _LATEST = date(2000, 1, 1), date(2040, 1, 1)


@dataclass(frozen=True)
class Step:
    """What a page brought: rows, how many documents were new or had changed, and those that its credits changed."""

    rows: int
    changed: int
    targets: tuple[tuple[Endpoint, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """Documents dated from `first` on and before `end`; None is open. A span that is too large is halved."""

    first: date | None = None
    end: date | None = None

    @property
    def name(self) -> str:
        """For its cursor."""
        return f"{self.first or ''}..{self.end or ''}"

    def params(self, endpoint: Endpoint) -> dict[str, str]:
        """As Xero is asked for it."""
        if endpoint is PURCHASE_ORDERS:
            days = {"DateFrom": self.first, "DateTo": self.end and self.end - timedelta(days=1)}
            return {name: day.isoformat() for name, day in days.items() if day}
        bounds = {">=": self.first, "<": self.end}
        said = [f"Date{sign}DateTime({d.year},{d.month},{d.day})" for sign, d in bounds.items() if d]
        return {"where": " AND ".join(said)} if said else {}


def halved(span: Span, refusal: Refused) -> tuple[Span, Span]:
    """The two halves of a span that Xero refused for its size. Any other refusal, and that of a day, is raised."""
    first, end = span.first or _EARLIEST, span.end or _LATEST
    middle = first + (end - first) / 2
    if refusal.status != TOO_LARGE or middle in {first, end}:
        raise refusal
    return Span(span.first, middle), Span(middle, span.end)


def now(connection: Connection) -> datetime:
    """Xero's time."""
    return connection.xero.http.far_now()


def read_at(connection: Connection, begun: float) -> str:
    """Xero's time when a call began that has just been answered; `begun` by `time.monotonic()`."""
    return stamp(now(connection) - timedelta(seconds=time.monotonic() - begun))
