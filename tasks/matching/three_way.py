"""The three-way match: what was ordered, what was received, what was billed."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from tasks.domain.money import ZERO, plain
from tasks.domain.outcomes import Cause, Finding
from tasks.matching.amounts import Tolerance


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """An order's three amounts, net, in its currency; `received` is None where receipts are not tracked."""

    ordered: Decimal
    received: Decimal | None
    billed: Decimal
    currency: str

    @property
    def payable(self) -> Decimal:
        """What may be billed: what was ordered, or less where less was received."""
        return self.ordered if self.received is None else min(self.ordered, self.received)

    @property
    def excess(self) -> Decimal:
        """What is billed beyond that, in money; below zero, what is still to be billed."""
        return self.billed - self.payable


def three_way(
    ordered: Decimal,
    received: Decimal | None,
    bills: Iterable[Decimal],
    credits: Iterable[Decimal] = (),
    *,
    currency: str,
) -> ThreeWay:
    """Put an order beside its bills, less the supplier's credits; all amounts net and positive."""
    billed = sum(bills, ZERO) - sum(credits, ZERO)
    return ThreeWay(ordered, received, billed, currency)


def over_billed(match: ThreeWay, tolerance: Tolerance) -> Finding | None:
    """What a person is told if more is billed than was ordered or received, beyond the tolerance."""
    if tolerance.covers(match.payable, match.billed):
        return None
    received = "not tracked" if match.received is None else plain(match.received)
    short = match.received is not None and match.received < match.ordered
    return Finding(
        Cause.over_billed,
        f"Ordered {plain(match.ordered)}, received {received}, billed {plain(match.billed)} {match.currency} net: "
        f"{plain(match.excess)} {match.currency} more than was {'received' if short else 'ordered'}.",
        "billed",
    )
