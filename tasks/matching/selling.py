"""Whose a sales invoice or credit is, or a purchase order: documents that we, or a person in our stead, made."""

from collections import defaultdict
from collections.abc import Iterable

from tasks.domain.books import SeenDocument
from tasks.matching.amounts import Tolerance
from tasks.matching.claimants import Claim, Claimant, Verdict
from tasks.matching.evidence import Evidence, weigh
from tasks.matching.facts import FactIndex
from tasks.matching.numbers import CROWD, Clarity, Mention, NumberIndex
from tasks.matching.parties import Likeness, exact_name

MOST_PROPOSALS = 3
# A second document of these types for an order that has its own already is none that we would link ourselves.
_PRIMARY = frozenset({"ACCREC", "PURCHASEORDER"})


class Selling:
    """The orders of one side, ready to be asked about documents that bear our own numbers."""

    def __init__(
        self, claimants: Iterable[Claimant], numbers: NumberIndex, facts: FactIndex, tolerance: Tolerance
    ) -> None:
        self._numbers = numbers
        self._facts = facts
        self._tolerance = tolerance
        self._by_number: dict[str, list[Claimant]] = defaultdict(list)
        for claimant in claimants:
            for number in {exact_name(n) for n in claimant.numbers} - {""}:
                if len(self._by_number[number]) < CROWD:
                    self._by_number[number].append(claimant)

    def verdict(self, document: SeenDocument) -> Verdict:
        """By number; else by reference, contact and total together; any less is a proposal."""
        owners = self._by_number.get(exact_name(document.number or ""), [])
        if owners:
            return self._numbered(document, owners)
        mentions = self._numbers.mentions(document, lines=False)
        found = [weigh(m.claimant, m, document, self._tolerance) for m in mentions]
        found = [e for e in found if e.named or (e.contact > Likeness.different and e.currency)]
        agreeing = [e for e in found if self._agrees(e, document)]
        if len(agreeing) == 1 and _free(agreeing[0].claimant, document):
            return Verdict(document, (agreeing[0].claim(document),), certain=True)
        return Verdict(document, self._proposals(document, agreeing or found))

    def _numbered(self, document: SeenDocument, owners: list[Claimant]) -> Verdict:
        """A number of ours is enough, unless contact or currency say otherwise or the order has its document."""
        said = f"its number is {document.number}"
        mentions = [Mention(c, Clarity.clear, said) for c in owners]
        found = [weigh(m.claimant, m, document, self._tolerance) for m in mentions]
        claims = tuple(e.claim(document, *_taken(e.claimant, document)) for e in found)
        (first, *others) = found
        certain = first.contact is Likeness.same and first.currency and _free(first.claimant, document)
        return Verdict(document, claims, certain=certain and not others)

    def _agrees(self, evidence: Evidence, document: SeenDocument) -> bool:
        """Reference, contact and total, all three, to the cent."""
        return (
            document.type != "PURCHASEORDER"
            and evidence.named
            and evidence.sound
            and document.total == evidence.claimant.gross
        )

    def _proposals(self, document: SeenDocument, found: list[Evidence]) -> tuple[Claim, ...]:
        """Those that are named; where none is by number and amount, those of the same contact and total too."""
        named = {id(e.claimant) for e in found}
        if not any(e.named and e.fit.whole for e in found):
            found = found + [
                weigh(c, None, document, self._tolerance)
                for c in self._facts.of(document)
                if id(c) not in named and _free(c, document)
            ]
        likeliest = sorted(found, key=lambda e: e.strength, reverse=True)[:MOST_PROPOSALS]
        return tuple(e.claim(document, *_taken(e.claimant, document)) for e in likeliest)


def _free(claimant: Claimant, document: SeenDocument) -> bool:
    return not (claimant.linked and document.type in _PRIMARY)


def _taken(claimant: Claimant, document: SeenDocument) -> tuple[str, ...]:
    return () if _free(claimant, document) else ("it has its document already",)
