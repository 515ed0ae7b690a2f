"""Amounts are `Decimal`, from wire to wire; this is the only place that rounds them."""

from decimal import ROUND_HALF_UP, Context, Decimal

CENT = Decimal("0.01")
ZERO = Decimal(0)

# Wide enough that the product of two 19-digit numbers and a rate is exact before it is rounded once.
_EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
_QUANTA = {places: Decimal(1).scaleb(-places) for places in range(7)}


def rounded(value: Decimal, places: int = 2) -> Decimal:
    """Round half-up (a negative half away from zero), the rule of both systems."""
    return value.quantize(_QUANTA[places], context=_EXACT)


def product(*factors: Decimal) -> Decimal:
    """Multiply without losing a digit."""
    result = Decimal(1)
    for factor in factors:
        result = _EXACT.multiply(result, factor)
    return result


def decimals(value: Decimal) -> int:
    """How many decimals a value needs: 2 for 1.2300, 0 for 100."""
    exponent = value.normalize(_EXACT).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def plain(value: Decimal) -> str:
    """Write a value for people and for the ledger: no exponent, no trailing zeros beyond the cents."""
    text = str(value)
    if text[-3:-2] == ".":
        return text  # it reads so already, as most do
    return f"{value:.2f}" if decimals(value) <= 2 else f"{value.normalize(_EXACT):f}"


def count(value: Decimal) -> str:
    """Write a quantity or a percentage: no exponent, no zeros at its end."""
    return f"{value.normalize():f}" if value else "0"


def line_amount(quantity: Decimal, unit_amount: Decimal, discount_rate: Decimal | None) -> Decimal:
    """The amount of a line: quantity x unit price, less the discount in percent, rounded to cents."""
    kept = 100 - (discount_rate or ZERO)
    return rounded(_EXACT.divide(product(quantity, unit_amount, kept), Decimal(100)))


def tax_on_top(amount: Decimal, rate: Decimal) -> Decimal:
    """Tax of a line whose amount does not contain it; `rate` in percent."""
    return rounded(_EXACT.divide(product(amount, rate), Decimal(100)))


def tax_within(amount: Decimal, rate: Decimal) -> Decimal:
    """Tax of a line whose amount contains it; `rate` in percent. Of -100 %, by which nothing was left, none."""
    if rate == -100:
        return ZERO
    return rounded(_EXACT.divide(product(amount, rate), 100 + rate))
