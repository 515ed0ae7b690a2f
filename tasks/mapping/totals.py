"""Predicts, to the cent, what Xero will answer, and compares it with the order's own totals."""

from collections.abc import Iterable

from tasks.domain.documents import DraftLine, LineAmountTypes
from tasks.domain.money import CENT, ZERO, line_amount, plain, tax_on_top, tax_within
from tasks.domain.orders import Order, Totals
from tasks.domain.outcomes import Cause
from tasks.mapping.findings import Findings


def predict(lines: Iterable[DraftLine], amounts: LineAmountTypes) -> Totals:
    """The totals Xero computes: each line rounded, its tax rounded, then summed."""
    lines_sum, tax = ZERO, ZERO
    tax_of = tax_within if amounts is LineAmountTypes.inclusive else tax_on_top
    for line in lines:
        amount = line_amount(line.quantity, line.unit_amount, line.discount_rate)
        lines_sum += amount
        tax += tax_of(amount, line.tax_rate)
    if amounts is LineAmountTypes.inclusive:
        return Totals(net=lines_sum - tax, tax=tax, gross=lines_sum)
    return Totals(net=lines_sum, tax=tax, gross=lines_sum + tax)


def compare(order: Order, predicted: Totals, findings: Findings) -> None:
    """Hold an order whose totals are off by more than a cent a line; warn of less."""
    lines = len(order.lines) + (order.shipping is not None)
    for name in ("net", "tax", "gross"):
        own, xero = getattr(order.totals, name), getattr(predicted, name)
        if own == xero:
            continue
        detail = f"The order says {name} {plain(own)}; its lines come to {plain(xero)} in Xero."
        if abs(own - xero) > CENT * lines:
            findings.hold(Cause.totals_disagree, detail, f"totals.{name}")
        else:
            findings.warn(Cause.cent_difference, detail, f"totals.{name}")
    if predicted.gross < 0:
        findings.hold(
            Cause.negative_total,
            f"The total is {plain(predicted.gross)}; an invoice, bill or purchase order cannot be negative.",
            "totals.gross",
        )
