"""Calls to Monstock's API: listings of orders, page by page."""

from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import quote

import msgspec

from tasks.domain.accounting import AccountingLink
from tasks.domain.errors import CallError
from tasks.domain.orders import Kind
from tasks.monstock.wire import Record, link_body, record, shown
from tasks.transport.http import Http

PAGE_SIZE = 250
_json = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class OrderPage:
    """A page of a listing; `cursor` leads to the next one, None on the last."""

    records: tuple[Record, ...]
    cursor: str | None

    @property
    def position(self) -> str | None:
        """The newest `updatedAt` on the page: where a later listing may begin (its bound is included)."""
        return max((r.updated_at for r in self.records if r.updated_at), default=None)


class MonstockClient:
    """One account's API. Counts its calls in `http.calls`."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def orders(
        self,
        kind: Kind,
        *,
        updated_since: str | None = None,
        date_from: date | None = None,
        date_to: date | None = None,
        cursor: str | None = None,
    ) -> OrderPage:
        """One page of orders by `updatedAt`; dates are order dates, both included."""
        asked = {
            "limit": str(PAGE_SIZE),
            "updatedSince": updated_since,
            "orderDateFrom": date_from.isoformat() if date_from else None,
            "orderDateTo": date_to.isoformat() if date_to else None,
            "cursor": cursor,
        }
        path = f"{kind}-orders"
        match self.http.read(path, {k: v for k, v in asked.items() if v}).data:
            case {"data": list(rows), "nextCursor": str() | None as following}:
                return OrderPage(tuple(record(row, kind) for row in rows), following)
        raise CallError(f"GET {path}: Monstock's answer is no page of orders.")

    def order(self, kind: Kind, order_id: str) -> Record:
        """One order by its id. Raises `NotFound`."""
        return record(self.http.read(f"{kind}-orders/{quote(order_id, safe='')}").data, kind)

    def show(self, kind: Kind, order_id: str, link: AccountingLink) -> Record:
        """Set an order's accounting link as a whole. Returns the order as it now stands, with the link.

        Repeating it changes nothing. Raises `NotFound`, `Refused` and the other `CallError`s.
        """
        body = link_body(link, self.http.far_now())
        path = f"{kind}-orders/{quote(order_id, safe='')}/accounting"
        answer = self.http.write("PUT", path, _json.encode(body)).data
        now = record(answer, kind)
        return now if now.accounting else replace(now, accounting=shown(body))
