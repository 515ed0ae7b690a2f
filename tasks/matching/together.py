"""Finds the orders that a collective bill without any number is for: those whose amounts come to its own."""

import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from itertools import combinations

from tasks.domain.books import SeenDocument
from tasks.domain.money import ZERO
from tasks.matching.amounts import billed_net
from tasks.matching.claimants import Claimant
from tasks.matching.parties import Likeness, home, homes, likeness

# A collective bill comes for what was ordered within two months; more orders make too many sums to mean anything.
_BACK = dt.timedelta(days=62)
_LATEST_ORDERS, _MOST_TOGETHER = 12, 3
_CENTS = Decimal("0.05")


class Together:
    """The orders of one side by contact, currency and date."""

    def __init__(self, claimants: Iterable[Claimant]) -> None:
        self._orders: dict[tuple[str, str], list[Claimant]] = defaultdict(list)
        for claimant in sorted(claimants, key=lambda c: c.date):
            self._orders[home(claimant), claimant.currency].append(claimant)

    def of(self, document: SeenDocument) -> tuple[Claimant, ...]:
        """The two or three orders that come to the document's amount; nothing if several choices do."""
        orders = self._latest(document)
        found: list[tuple[Claimant, ...]] = []
        for count in range(2, _MOST_TOGETHER + 1):
            found += [some for some in combinations(orders, count) if _come_to(some, document)]
        return found[0] if len(found) == 1 else ()

    def _latest(self, document: SeenDocument) -> list[Claimant]:
        """The contact's last orders before the document, each smaller than it."""
        if document.date is None:
            return []
        found: dict[int, Claimant] = {}
        for kept in homes(document):
            orders = self._orders.get((kept, document.currency), [])
            until = bisect_right(orders, document.date, key=lambda c: c.date)
            for order in orders[max(0, until - _LATEST_ORDERS) : until]:
                if (
                    document.date - order.date <= _BACK
                    and likeness(order, document) is not Likeness.different
                ):
                    found[id(order)] = order
        return [c for c in found.values() if ZERO < c.net < document.total]


def _come_to(orders: Iterable[Claimant], document: SeenDocument) -> bool:
    some = list(orders)
    billed = billed_net(document)
    gross = sum((c.gross for c in some), ZERO)
    if abs(gross - document.total) <= _CENTS:
        return True
    return billed is not None and abs(sum((c.net for c in some), ZERO) - billed) <= _CENTS
