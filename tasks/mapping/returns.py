"""Goods that came back: what an order's document bears, less what was credited, beside what the order says now."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from tasks.domain.documents import Credit, DraftLine, LineAmountTypes
from tasks.domain.money import CENT, ZERO, line_amount, plain, product, rounded
from tasks.domain.outcomes import Cause, Finding
from tasks.mapping.totals import predict

HUNDRED = Decimal(100)
Key = tuple[str, Decimal, str, str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Return:
    """What came back of an order.

    `lines` are those of the credit note that would say so, empty where it cannot be told by one: something else
    changed as well. `told` names lines, quantities and cents. `gap` is by how much the note and the fall of the
    order's total differ, for the rounding of each line.
    """

    lines: tuple[DraftLine, ...]
    told: str
    amounts: LineAmountTypes
    gap: Decimal = ZERO

    @property
    def is_clear(self) -> bool:
        """Whether a credit note can tell it: nothing else changed, and it comes to an amount.

        Rounding may make a cent of each line, and one of its tax.
        """
        total = predict(self.lines, self.amounts).gross
        return bool(self.lines) and total > 0 and abs(self.gap) <= 2 * CENT * len(self.lines)

    def credit(self, role: str, type_: str, number: str, mark: str, currency: str) -> Credit:
        """The credit note for it."""
        warnings: tuple[Finding, ...] = ()
        if self.gap:
            detail = f"The credit note and the fall of the order's total differ by {plain(abs(self.gap))}."
            warnings = (Finding(Cause.cent_difference, detail, "totals.gross"),)
        total = predict(self.lines, self.amounts)
        return Credit(role, type_, number, mark, currency, self.amounts, self.lines, total, warnings)


def left(invoiced: Iterable[DraftLine], credited: Iterable[DraftLine]) -> list[DraftLine]:
    """The lines of a document less what was credited of them. Lines that say the same are one as good as another."""
    taken: dict[Key, Decimal] = defaultdict(Decimal)
    for line in credited:
        taken[_key(line)] += line.quantity
    return [line for line, _ in _less(invoiced, taken)]


def same(standing: Sequence[DraftLine], wanted: Sequence[DraftLine]) -> bool:
    """Whether the lines that stand are those that are wanted, quantity for quantity."""
    kept: dict[Key, Decimal] = defaultdict(Decimal)
    for line in wanted:
        kept[_key(line)] += line.quantity
    return not _less(standing, kept) and not any(kept.values())


def came_back(
    standing: Sequence[DraftLine], wanted: Sequence[DraftLine], amounts: LineAmountTypes
) -> Return | None:
    """What of the lines that stand is no longer wanted. None where of no product there is less than before."""
    fallen = _fallen(standing, wanted)
    if not fallen:
        return None
    kept: dict[Key, Decimal] = defaultdict(Decimal)
    for line in wanted:
        kept[_key(line)] += line.quantity
    back = tuple(_undiscounted(line) for line, _ in _less(standing, kept))
    told = "; ".join(_told(line, quantity) for line, quantity in fallen)
    if any(kept.values()) or any(line.quantity < 0 for line in (*standing, *wanted)):
        return Return((), told, amounts)
    total = predict(back, amounts).gross
    fell = predict(standing, amounts).gross - predict(wanted, amounts).gross
    return Return(back, f"{told}; {plain(total)} in all, tax included", amounts, total - fell)


def _less(lines: Iterable[DraftLine], taken: dict[Key, Decimal]) -> list[tuple[DraftLine, Decimal]]:
    """Lines by what is left of them once quantities are taken off, each with what was taken; `taken` is used up."""
    rest = []
    for line in lines:
        off = max(min(taken[_key(line)], line.quantity), ZERO)
        taken[_key(line)] -= off
        if line.quantity != off:
            rest.append((replace(line, quantity=line.quantity - off), off))
    return rest


def _fallen(standing: Sequence[DraftLine], wanted: Sequence[DraftLine]) -> list[tuple[DraftLine, Decimal]]:
    """Of which products there is less, whatever their price, and how much less."""
    by_text: dict[str, Decimal] = defaultdict(Decimal)
    first: dict[str, DraftLine] = {}
    for line in standing:
        by_text[line.description] += line.quantity
        first.setdefault(line.description, line)
    for line in wanted:
        by_text[line.description] -= line.quantity
    return [(first[text], less) for text, less in by_text.items() if less > 0 and text in first]


def _told(line: DraftLine, quantity: Decimal) -> str:
    amount = line_amount(quantity, line.unit_amount, line.discount_rate)
    return f"{_count(quantity)} x {line.description} ({plain(amount)})"


def _count(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"


def _undiscounted(line: DraftLine) -> DraftLine:
    return replace(line, unit_amount=_unit(line), discount_rate=None)


def _unit(line: DraftLine) -> Decimal:
    """What a unit costs once the discount is off, to the 4 decimals that Xero keeps."""
    if not line.discount_rate:
        return line.unit_amount
    return rounded(product(line.unit_amount, HUNDRED - line.discount_rate) / HUNDRED, 4)


def _key(line: DraftLine) -> Key:
    return line.description, _unit(line) + ZERO, line.account_code, line.tax_type, line.tracking
