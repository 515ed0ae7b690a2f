"""How a document's amount stands to an order's."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from tasks.domain.books import SeenDocument
from tasks.domain.money import ZERO
from tasks.matching.claimants import Claimant

# Up to half as much again: more on top of an order than this is hardly carriage.
_CARRIAGE = Decimal("1.5")


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What may differ and still count as equal: so much money, or so many percent, whichever is more."""

    amount: Decimal = Decimal("0.05")
    percent: Decimal = Decimal("0.1")

    def of(self, amount: Decimal) -> Decimal:
        """The tolerated difference, in money."""
        return max(self.amount, abs(amount) * self.percent / 100)

    def equal(self, one: Decimal, other: Decimal) -> bool:
        """Whether two amounts count as equal; `other` is what the percentage is taken of."""
        return abs(one - other) <= self.of(other)

    def covers(self, ordered: Decimal, billed: Decimal) -> bool:
        """Whether what is billed does not exceed what was ordered."""
        return billed <= ordered + self.of(ordered)


@dataclass(frozen=True, slots=True)
class Fit:
    """`whole`: the document's amount is the order's, or what was received. `within`: it is not more.

    `near`: it is not much more, so that carriage and the like may be the reason.
    """

    whole: bool
    within: bool
    near: bool


def billed_net(document: SeenDocument) -> Decimal | None:
    """The document's net, where it is known (an older reading has none)."""
    return document.net if document.net or not document.total else None


def fit(document: SeenDocument, claimants: Iterable[Claimant], tolerance: Tolerance) -> Fit:
    """Compare a document with an order, or with several together.

    Net with net and gross with gross. A scanner may take the gross for the net, and so the document's net is
    compared with the gross as well; tax on top of that makes it too much, but it still is the order's amount.
    """
    orders = list(claimants)
    net = sum((c.net for c in orders), ZERO)
    gross = sum((c.gross for c in orders), ZERO)
    billed = billed_net(document)
    if billed is None:
        within = tolerance.covers(gross, document.total)
        return Fit(tolerance.equal(document.total, gross), within, document.total <= gross * _CARRIAGE)
    received = sum((c.received or ZERO for c in orders), ZERO)
    whole = (
        tolerance.equal(document.total, gross)
        or any(tolerance.equal(billed, ordered) for ordered in (net, gross))
        or (received > 0 and tolerance.equal(billed, received))
    )
    within = tolerance.covers(gross, document.total) or tolerance.covers(net, billed)
    return Fit(whole, within, whole or within or billed <= net * _CARRIAGE)
