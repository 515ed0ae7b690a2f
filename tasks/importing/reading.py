"""Reads what changed in Xero into the ledger, page by page: nothing is lost, whatever changes meanwhile.

A stream is an endpoint. Its cursor is the moment from which the next walk may begin, with the difference between Xero's
clock and ours: where that shrinks, Xero's clock was set back, and as much is read again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tasks.connections.connection import Connection
from tasks.domain.books import Unread
from tasks.domain.errors import Refused
from tasks.importing.steps import Span, Step, halved, now, read_at
from tasks.ledger.mirror import Pointer
from tasks.xero.endpoints import (
    CREDIT_NOTES,
    INVOICES,
    OVERPAYMENTS,
    PAYMENTS,
    PREPAYMENTS,
    PURCHASE_ORDERS,
    Endpoint,
)
from tasks.xero.reading import read_documents, read_targets
from tasks.xero.walk import OVERLAP, Walk

# Payments and credits come last: what they changed was read by then, and need not be read again for them.
STREAMS = (INVOICES, PURCHASE_ORDERS, CREDIT_NOTES, OVERPAYMENTS, PREPAYMENTS, PAYMENTS)
# A change that was under way when a reading began may show so much later.
MARGIN = timedelta(minutes=2)
# The clocks of two machines differ by less, in seconds.
DRIFT = 5.0


class Reading:
    """One stream's reading, a step a page; `done` after the last. A step that failed may be tried again."""

    def __init__(self, connection: Connection, endpoint: Endpoint) -> None:
        self._connection = connection
        self.endpoint = endpoint
        self._since, self._offset = _cursor(connection.orders.cursor(endpoint.name))
        self._spans = [Span()]
        self._walk: Walk | None = None
        self._checked = False
        self.done = False

    def step(self) -> Step:
        """Read a page, and note it with how far it was read in one transaction."""
        try:
            return self._step()
        except BaseException:
            self._walk, self._checked = None, False
            self._since, self._offset = _cursor(self._connection.orders.cursor(self.endpoint.name))
            raise

    def _step(self) -> Step:
        walk = self._walk = self._walk or self._begin()
        try:
            rows = walk.step(self._connection.xero)
        except Refused as refusal:
            self._halve(refusal)
            return Step(0, 0)
        when = read_at(self._connection, walk.begun)
        if self._went_back():
            return self._take_in(rows, when)
        if self.endpoint is INVOICES and self._connection.orders.cursor(PAYMENTS.name) is None:
            self._note(PAYMENTS.name, now(self._connection) - MARGIN)
        step = self._take_in(rows, when, self._stream, self._no_later_than_now(walk.since))
        if walk.done:
            self._next_span()
        return step

    def _no_later_than_now(self, since: datetime | None) -> datetime | None:
        """After a clock was set back, there are stamps that lie ahead of what will come."""
        return min(since, now(self._connection) - OVERLAP) if since else None

    @property
    def _stream(self) -> str:
        """The cursor that the walk moves: the endpoint's own, or that of a span."""
        span = self._spans[0]
        return self.endpoint.name if span == Span() else f"{self.endpoint.name} {span.name}"

    def _begin(self) -> Walk:
        since, span = self._since, self._spans[0]
        if span != Span():
            known, _ = _cursor(self._connection.orders.cursor(self._stream))
            since = known or since
        return Walk(self.endpoint, since, self.endpoint.exact | span.params(self.endpoint))

    def _halve(self, refusal: Refused) -> None:
        """Xero refuses a listing of over 100,000 rows: it is read by dates. Then the cursor is where that began."""
        self._spans[:1] = halved(self._spans[0], refusal)
        self._walk = None
        if self._connection.orders.cursor(self._begun) is None:
            self._note(self._begun, now(self._connection) - MARGIN)

    @property
    def _begun(self) -> str:
        return f"{self.endpoint.name} by dates since"

    def _next_span(self) -> None:
        split = self._spans.pop(0) != Span()
        self._walk, self.done = None, not self._spans
        if split and self.done:
            begun, _ = _cursor(self._connection.orders.cursor(self._begun))
            self._note(self.endpoint.name, begun)
            self._connection.mirror.end_streams(f"{self.endpoint.name} ")

    def _went_back(self) -> bool:
        """Once a run: whether Xero's clock was set back. Then the walk begins anew, as much earlier."""
        back = 0.0 if self._checked else self._offset - self._connection.xero_clock.offset
        self._checked = True
        if self._since is None or back < DRIFT:
            return False
        self._offset = self._connection.xero_clock.offset
        self._since = self._since - timedelta(seconds=back) - MARGIN
        self._walk = None
        return True

    def _take_in(
        self,
        rows: Sequence[Mapping[str, Any]],
        when: str,
        stream: str | None = None,
        since: datetime | None = None,
    ) -> Step:
        pointers, broken = read_targets(self.endpoint, rows)
        page = broken if self.endpoint is PAYMENTS else read_documents(self.endpoint, rows)
        position = self._position(since) if stream and self._moved(stream, since) else None
        changed = self._connection.mirror.take_in(
            page,
            when,
            stream,
            position,
            [Pointer(target.name, id_, at) for target, id_, at in pointers],
            by=self._connection.there_by_now,
            fine=_read(rows, broken) if self.endpoint is PAYMENTS else (),
        )
        return Step(len(rows), changed)

    def _moved(self, stream: str, since: datetime | None) -> bool:
        known, offset = _cursor(self._connection.orders.cursor(stream))
        return known != since or abs(offset - self._connection.xero_clock.offset) >= DRIFT

    def _note(self, stream: str, since: datetime | None) -> None:
        self._connection.mirror.take_in([], "", stream, self._position(since))

    def _position(self, since: datetime | None) -> str | None:
        return f"{since.isoformat()} {self._connection.xero_clock.offset:.0f}" if since else None


def _read(rows: Sequence[Mapping[str, Any]], broken: Sequence[Unread]) -> list[str]:
    """Ids of the payments that could be read."""
    odd = {one.id for one in broken}
    ids = (row.get(PAYMENTS.id) for row in rows if isinstance(row, dict))
    return [id_ for id_ in ids if isinstance(id_, str) and id_ not in odd]


def _cursor(position: str | None) -> tuple[datetime | None, float]:
    if not position:
        return None, 0.0
    since, _, offset = position.partition(" ")
    return datetime.fromisoformat(since), float(offset)
