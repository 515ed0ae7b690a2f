"""An order's totals by the contract's rule: tax is rounded half-up, line by line."""

from decimal import ROUND_HALF_UP, Decimal

from deployments.sandbox.codec import Json

_DECIMALS = {"JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "KWD": 3, "BHD": 3, "TND": 3}


def _round(value: Decimal, currency: str) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-_DECIMALS.get(currency, 2)), ROUND_HALF_UP)


def plain(value: Decimal) -> str:
    """A plain decimal, never an exponent."""
    return format(value, "f")


def totals(order: Json) -> Json:
    """Net, tax and gross of the lines and the shipping."""
    currency, inclusive = order["currency"], order["pricesIncludeTax"]
    net = tax = Decimal(0)
    for amount, rate in _amounts(order):
        base = _round(amount, currency)
        share = rate / (100 + rate) if inclusive else rate / 100
        line_tax = _round(base * share, currency)
        tax += line_tax
        net += base - line_tax if inclusive else base
    zero = _round(Decimal(0), currency)
    return {"net": plain(net + zero), "tax": plain(tax + zero), "gross": plain(net + tax + zero)}


def _amounts(order: Json) -> list[tuple[Decimal, Decimal]]:
    amounts = []
    for line in order["lines"]:
        left = 1 - Decimal(line.get("discountPercent") or 0) / 100
        amount = Decimal(line["quantity"]) * Decimal(line["unitPrice"]) * left
        amounts.append((amount, Decimal(line["taxRate"])))
    if shipping := order.get("shipping"):
        amounts.append((Decimal(shipping["amount"]), Decimal(shipping["taxRate"])))
    return amounts
