"""What the lines of a document say, in one form: whether Xero answered a write with them or shows them to a reader."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from tasks.domain.errors import Unreadable
from tasks.domain.money import ZERO, count, plain
from tasks.domain.taxes import Amounts, taxes_json

# What a person can change on a line. Its id is not among them, nor what Xero computes.
FIELDS = (
    "Description",
    "AccountCode",
    "TaxType",
    "ItemCode",
    "Quantity",
    "UnitAmount",
    "DiscountRate",
    "Tracking",
)
NO_TAX = "NONE"
# Between fields and between lines; no text of Xero's holds them.
_FIELD, _LINE = "\x1f", "\x1e"
_REMEMBERED = 10_000
_NOTHING = ZERO, ZERO

Line = Mapping[str, Any]


def said(line: Line) -> tuple[str, ...]:
    """A line's `FIELDS` as text: equal where they say the same, however it is written.

    Raises `Unreadable` for what is no number.
    """
    return (
        line.get("Description") or "",
        line.get("AccountCode") or "",
        line.get("TaxType") or "",
        line.get("ItemCode") or "",
        _count("Quantity", str(line.get("Quantity") or 0)),
        _price("UnitAmount", str(line.get("UnitAmount") or 0)),
        _count("DiscountRate", str(line.get("DiscountRate") or 0)),
        ", ".join(sorted(f"{t.get('Name')}: {t.get('Option')}" for t in line.get("Tracking") or ())),
    )


def digest(lines: Sequence[Line]) -> str:
    """16 hex digits for what lines say in their order; empty where a document shows none."""
    if not lines:
        return ""
    text = _LINE.join([_FIELD.join(said(line)) for line in lines])
    return blake2b(text.encode(), digest_size=8).hexdigest()


def taxes(row: Mapping[str, Any], lines: Sequence[Line]) -> str:
    """Net and tax of a document by tax type, as JSON; empty where it shows no lines, or they do not tell it."""
    inclusive = row.get("LineAmountTypes") == "Inclusive"
    sums: dict[str, Amounts] = {}
    for line in lines:
        amount, type_ = line.get("LineAmount"), line.get("TaxType")
        net, tax = number(amount, "LineAmount"), number(line.get("TaxAmount"), "TaxAmount")
        if (amount is None and line.get("UnitAmount")) or (tax and not type_):
            return ""
        if type_ or net:  # else it is a text and nothing more
            before = sums.get(type_ or NO_TAX, _NOTHING)
            sums[type_ or NO_TAX] = before[0] + (net - tax if inclusive else net), before[1] + tax
    return taxes_json(sums)


def number(value: Any, name: str) -> Decimal:
    """An amount of Xero's; an absent one is 0. Raises `Unreadable` for what is no number."""
    if type(value) is Decimal and value.is_finite():
        return value
    if value is None:
        return ZERO
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or isinstance(value, bool):
        raise Unreadable(name, f"{name} is no amount: {value!r:.40}.")
    return found


@lru_cache(_REMEMBERED)
def _count(name: str, text: str) -> str:
    return count(number(text, name))


@lru_cache(_REMEMBERED)
def _price(name: str, text: str) -> str:
    return plain(number(text, name))
