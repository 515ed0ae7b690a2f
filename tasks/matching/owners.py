"""Whose document is this: one question, asked document by document over all orders."""

import re
from collections import defaultdict
from collections.abc import Iterable

from tasks.domain.books import SeenDocument
from tasks.domain.orders import Kind
from tasks.matching.amounts import Tolerance
from tasks.matching.buying import Buying
from tasks.matching.claimants import Claim, Claimant, Verdict
from tasks.matching.facts import FactIndex
from tasks.matching.numbers import NumberIndex
from tasks.matching.selling import Selling
from tasks.matching.together import Together

_SIDE = {
    "ACCREC": Kind.customer,
    "ACCRECCREDIT": Kind.customer,
    "ACCPAY": Kind.supplier,
    "ACCPAYCREDIT": Kind.supplier,
    "PURCHASEORDER": Kind.supplier,
}
_BUYING = frozenset({"ACCPAY", "ACCPAYCREDIT"})
# A document made anew bears its order's mark with a number behind it: "…#2", "CO-1 [MS-id/2]".
_GENERATION = re.compile(r"(#\d+$|/\d+(?=\]$))")


class Owners:
    """All orders that may own documents, indexed once; the work for one document does not grow with them."""

    def __init__(self, claimants: Iterable[Claimant], tolerance: Tolerance = Tolerance()) -> None:  # noqa: B008
        orders = list(claimants)
        self._marks: dict[str, list[Claimant]] = defaultdict(list)
        for claimant in orders:
            if claimant.mark:
                self._marks[claimant.mark].append(claimant)
        self._selling: dict[Kind, Selling] = {}
        for kind in Kind:
            side = [c for c in orders if c.kind is kind]
            numbers, facts = NumberIndex(side), FactIndex(side, tolerance)
            self._selling[kind] = Selling(side, numbers, facts, tolerance)
            if kind is Kind.supplier:
                self._buying = Buying(numbers, facts, Together(side), tolerance)

    def verdict(self, document: SeenDocument) -> Verdict:
        """The orders a document belongs to, or may; a voided or deleted one is known by our mark alone."""
        kind = _SIDE.get(document.type)
        if kind is None:
            return Verdict(document)
        marked = [c for c in self._marked(document.mark or "") if c.kind is kind]
        if marked:
            claims = tuple(Claim(c, ("bears our mark",)) for c in marked)
            return Verdict(document, claims, certain=len(marked) == 1)
        if not document.alive:
            return Verdict(document)
        if document.type in _BUYING:
            return self._buying.verdict(document)
        return self._selling[kind].verdict(document)

    def _marked(self, mark: str) -> list[Claimant]:
        return self._marks.get(mark) or self._marks.get(_GENERATION.sub("", mark)) or []
