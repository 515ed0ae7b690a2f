"""Finds what Xero's stamps do not show: open documents are listed again, and what is not seen there is read by id."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.connections.connection import Connection
from tasks.domain.books import MISSING
from tasks.domain.errors import NotFound, Refused
from tasks.importing.steps import Span, Step, halved, read_at
from tasks.ledger.mirror import Pointer
from tasks.xero.endpoints import (
    BY_NAME,
    CREDIT_NOTES,
    INVOICES,
    OVERPAYMENTS,
    PREPAYMENTS,
    PURCHASE_ORDERS,
    Endpoint,
)
from tasks.xero.reading import TYPES, read_documents, read_targets

# By id: so many invoices a step, at 40 a call; of the others, which are read one by one, fewer.
AGAIN, SINGLY = 400, 40
# What is listed, and what of it is open.
OPEN = {
    INVOICES: ("DRAFT", "SUBMITTED", "AUTHORISED"),
    PURCHASE_ORDERS: ("DRAFT", "SUBMITTED", "AUTHORISED"),
    CREDIT_NOTES: ("AUTHORISED",),
    OVERPAYMENTS: ("AUTHORISED",),
    PREPAYMENTS: ("AUTHORISED",),
}
LISTED = tuple(OPEN)
# Of the others nobody says that they can be ordered by id.
_ORDERED = (INVOICES, PURCHASE_ORDERS, CREDIT_NOTES)


class Listing:
    """The open documents of an endpoint, whatever their stamps say, or all of a span of dates; a step a page.

    Pages come in order of id: one that is closed meanwhile may move another onto a page that was read. What should
    have come and did not is therefore read by id, afterwards.
    """

    def __init__(self, connection: Connection, endpoint: Endpoint, span: Span | None = None) -> None:
        self._connection = connection
        self.endpoint = endpoint
        self._span = span
        self._began: str | None = None
        self._left = [({}, span)] if span else [(params, Span()) for params in _open(endpoint)]
        self._number = 1
        self.done = False

    def step(self) -> Step:
        """Read a page. After the last, what should have come is to be read again."""
        xero = self._connection.xero
        (params, span), begun = self._left[0], time.monotonic()
        asked = (
            self.endpoint.exact
            | _joined(params, span.params(self.endpoint))
            | ({"order": self.endpoint.id} if self.endpoint in _ORDERED else {})
        )
        try:
            page = xero.page(self.endpoint.name, asked, number=self._number)
        except Refused as refusal:
            self._left[:1] = [(params, half) for half in halved(span, refusal)]
            return Step(0, 0)
        # Xero's clock is known to the second: a later page must not count as read before the first.
        when = max(read_at(self._connection, begun), self._began or "")
        self._began = self._began or when
        documents = read_documents(self.endpoint, page.rows)
        changed = self._connection.mirror.take_in(
            documents, when, touch=True, by=self._connection.there_by_now
        )
        self._number += 1
        if not page.full:
            self._left, self._number = self._left[1:], 1
            if not self._left:
                self._end()
        return Step(len(page.rows), changed)

    def _end(self) -> None:
        self.done = True
        mirror, types, began = self._connection.mirror, TYPES[self.endpoint], self._began or ""
        if self._span:
            missing = mirror.dated_before(types, self._span.first, self._span.end, began)
        else:
            # What Xero did not know once is asked for again: it may have been a slip.
            missing = mirror.open_before(types, (*OPEN[self.endpoint], MISSING), began)
        mirror.read_again(self.endpoint.name, missing)


def read_again(connection: Connection) -> Step | None:
    """Read the next documents that something else changed, or that a listing did not show; None: no more."""
    waiting = connection.mirror.unread(AGAIN)
    if not waiting:
        return None
    name, ids = next(iter(waiting.items()))
    endpoint = BY_NAME[name]
    return read_by_id(connection, endpoint, ids if endpoint is INVOICES else ids[:SINGLY])


def read_by_id(connection: Connection, endpoint: Endpoint, ids: Sequence[str]) -> Step:
    """Read these documents into the mirror, whatever it has of them. What their credits changed is to be read again."""
    begun = time.monotonic()
    rows = list(_by_id(connection, endpoint, ids))
    documents, when = read_documents(endpoint, rows), read_at(connection, begun)
    targets = read_targets(endpoint, rows)[0]
    pointers = [Pointer(target.name, id_, at) for target, id_, at in targets]
    asked = (endpoint.name, ids)
    changed = connection.mirror.take_in(
        documents, when, None, None, pointers, touch=True, asked=asked, by=connection.there_by_now
    )
    return Step(len(rows), changed, tuple((target, id_) for target, id_, _ in targets))


def _by_id(connection: Connection, endpoint: Endpoint, ids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Invoices 40 a call; Xero has no such list of the others. What a list lacks is asked for by itself."""
    if endpoint is INVOICES:
        rows = connection.xero.by_values(endpoint.name, "IDs", ids, endpoint.exact)
        yield from rows
        found = {row.get(endpoint.id) for row in rows}
        ids = [id_ for id_ in ids if id_ not in found]
    for id_ in ids:
        try:
            yield from connection.xero.one(endpoint, id_)
        except NotFound:
            continue


def _open(endpoint: Endpoint) -> list[dict[str, str]]:
    """How Xero is asked for open documents: of purchase orders and credits, one status a listing."""
    if endpoint is INVOICES:
        return [{"Statuses": ",".join(OPEN[endpoint])}]
    if endpoint is PURCHASE_ORDERS:
        return [{"Status": status} for status in OPEN[endpoint]]
    return [{"where": f'Status=="{status}"'} for status in OPEN[endpoint]]


def _joined(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    where = [params["where"] for params in (one, other) if "where" in params]
    return {**one, **other} | ({"where": " AND ".join(where)} if where else {})
