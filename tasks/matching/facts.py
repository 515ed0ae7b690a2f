"""Finds orders by what a document says without any number: contact, currency, amount and date."""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal

from tasks.domain.books import SeenDocument
from tasks.domain.money import ZERO
from tasks.matching.amounts import Tolerance, billed_net, fit
from tasks.matching.claimants import Claimant
from tasks.matching.parties import Likeness, home, homes, likeness

# A document is dated up to a week before its order (posting), or follows it within a quarter.
EARLIEST, LATEST = dt.timedelta(days=7), dt.timedelta(days=92)
# So many amounts above and below, and orders of one amount before and after, are looked at for one document.
_AMOUNTS, _ORDERS = 6, 6

_Key = tuple[str, str]


class FactIndex:
    """The orders of one side by contact, currency, amount and date."""

    def __init__(self, claimants: Iterable[Claimant], tolerance: Tolerance) -> None:
        self._tolerance = tolerance
        self._orders: dict[_Key, dict[Decimal, list[Claimant]]] = defaultdict(lambda: defaultdict(list))
        for claimant in sorted(claimants, key=lambda c: c.date):
            for amount in {claimant.net, claimant.gross, claimant.received or ZERO} - {ZERO}:
                self._orders[home(claimant), claimant.currency][amount].append(claimant)
        self._amounts = {key: sorted(orders) for key, orders in self._orders.items()}

    def of(self, document: SeenDocument) -> list[Claimant]:
        """The orders of this contact whose amount it is, dated near it; the nearest amount and date first."""
        found: dict[int, Claimant] = {}
        for amount in {document.total, billed_net(document) or document.total}:
            for kept in homes(document):
                for claimant in self._near((kept, document.currency), amount, document.date):
                    found[id(claimant)] = claimant
        return sorted(
            (c for c in found.values() if self._suits(c, document)), key=lambda c: nearness(c, document)
        )

    def _suits(self, claimant: Claimant, document: SeenDocument) -> bool:
        return (
            in_time(claimant, document)
            and likeness(claimant, document) is not Likeness.different
            and fit(document, [claimant], self._tolerance).whole
        )

    def _near(self, key: _Key, amount: Decimal, date: dt.date | None) -> Iterator[Claimant]:
        amounts = self._amounts.get(key, [])
        room = self._tolerance.of(amount) * 2
        low, high = bisect_left(amounts, amount - room), bisect_right(amounts, amount + room)
        at = bisect_left(amounts, amount)
        for near in amounts[max(low, at - _AMOUNTS) : min(high, at + _AMOUNTS)]:
            yield from _around(self._orders[key][near], date)


def in_time(claimant: Claimant, document: SeenDocument, latest: dt.timedelta = LATEST) -> bool:
    """Whether a document's date suits its order; a document without one suits every order."""
    return document.date is None or -EARLIEST <= document.date - claimant.date <= latest


def nearness(claimant: Claimant, document: SeenDocument) -> tuple[Decimal, int, str]:
    """Sorts orders by how near their amount is, then their date; an order after its document comes last."""
    billed = billed_net(document)
    off = abs(document.total - claimant.gross)
    if billed is not None:
        off = min(off, abs(billed - claimant.net), abs(billed - claimant.gross))
    days = (document.date - claimant.date).days if document.date else 0
    return off, days if days >= 0 else LATEST.days - days, claimant.order_id


def _around(orders: list[Claimant], date: dt.date | None) -> list[Claimant]:
    """Of orders of one amount, those dated last before a document, and the first ones after it."""
    if date is None:
        return orders[-_ORDERS:]
    at = bisect_right(orders, date, key=lambda c: c.date)
    return orders[max(0, at - _ORDERS) : at + _ORDERS]
