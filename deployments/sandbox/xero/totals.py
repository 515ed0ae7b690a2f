"""Rounding and totals: unit amount first, then the line, then its tax, each half-up to the cent."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from deployments.sandbox.codec import Json

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
_TINY = Decimal("1e-15")


def number(value: Any) -> Decimal:
    """A JSON number, or text that holds one. ValueError if it holds none."""
    if isinstance(value, bool):
        raise ValueError(f"not a number: {value}")  # noqa: TRY004 - callers catch one kind
    try:
        amount = Decimal(str(value))
    except ArithmeticError as error:
        raise ValueError(f"not a number: {value}") from error
    if not amount.is_finite():
        raise ValueError(f"not a number: {value}")
    return amount


def places(value: Decimal, decimals: int) -> Decimal:
    """Half-up, away from zero, to so many decimals."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def cents(value: Decimal, negative_half: str = "away") -> Decimal:
    """To the cent; a negative half goes away from zero, or up."""
    if value < 0 and negative_half == "up":
        value += _TINY
    return value.quantize(CENT, ROUND_HALF_UP)


def line_amount(quantity: Decimal, unit: Decimal, line: Json, negative_half: str) -> Decimal:
    """What a line comes to, its discount taken off."""
    amount = quantity * unit
    if rate := line.get("DiscountRate"):
        amount *= 1 - number(rate) / 100
    elif off := line.get("DiscountAmount"):
        amount -= number(off)
    return cents(amount, negative_half)


def line_tax(amount: Decimal, tax: Json, amount_types: str, switches: Json) -> Decimal:
    """The tax on a line, or in it."""
    half = switches["negative_half_cent"]
    if amount_types == "NoTax":
        return ZERO
    rate = number(tax["EffectiveRate"])
    if amount_types == "Inclusive":
        return cents(amount * rate / (100 + rate), half)
    if switches["compound_tax"] == "components":
        return _component_tax(amount, tax["TaxComponents"], half)
    return cents(amount * rate / 100, half)


def _component_tax(amount: Decimal, components: list[Json], half: str) -> Decimal:
    plain = sum(
        (cents(amount * number(c["Rate"]) / 100, half) for c in components if not c["IsCompound"]), ZERO
    )
    on_top = ((amount + plain) * number(c["Rate"]) / 100 for c in components if c["IsCompound"])
    return sum((cents(tax, half) for tax in on_top), plain)


def sums(lines: list[Json], amount_types: str) -> Json:
    """SubTotal, TotalTax and Total of a document."""
    amounts = sum((line["LineAmount"] for line in lines), ZERO)
    tax = sum((line["TaxAmount"] for line in lines), ZERO)
    if amount_types == "Inclusive":
        return {"SubTotal": amounts - tax, "TotalTax": tax, "Total": amounts}
    return {"SubTotal": amounts, "TotalTax": tax, "Total": amounts + tax}
