"""Whose a supplier's bill or credit is, that a person or a scanner entered."""

from collections.abc import Iterable, Iterator

from tasks.domain.books import SeenDocument
from tasks.matching.amounts import Tolerance, fit
from tasks.matching.claimants import Claim, Claimant, Verdict
from tasks.matching.evidence import Evidence, weigh
from tasks.matching.facts import FactIndex, in_time
from tasks.matching.numbers import Clarity, Mention, NumberIndex
from tasks.matching.parties import Likeness, likeness
from tasks.matching.together import Together

# More than this is no proposal but a guess; orders that a document names together may be more.
MOST_PROPOSALS = 3


class Buying:
    """The supplier orders, ready to be asked about bills (ACCPAY) and supplier credits (ACCPAYCREDIT)."""

    def __init__(
        self, numbers: NumberIndex, facts: FactIndex, together: Together, tolerance: Tolerance
    ) -> None:
        self._numbers = numbers
        self._facts = facts
        self._together = together
        self._tolerance = tolerance

    def verdict(self, document: SeenDocument) -> Verdict:
        """By order number first, else by contact, currency, amount and date."""
        mentions = self._numbers.mentions(document, lines=True)
        numbered = [weigh(m.claimant, m, document, self._tolerance) for m in mentions]
        numbered = [e for e in numbered if _worth_telling(e)]
        known = {id(e.claimant) for e in numbered}
        unnumbered = [
            weigh(c, None, document, self._tolerance) for c in self._facts.of(document) if id(c) not in known
        ]
        named = [e for e in numbered if e.named]
        if not named or not self._acceptable(named, document):
            return self._proposals(document, numbered, _likely(numbered, unnumbered))
        rivals = self._rivals(named, [*numbered, *unnumbered], document)
        if rivals:
            return self._proposals(document, named, [*named, *rivals])
        return Verdict(document, _claims(document, named), certain=True)

    def _acceptable(self, named: list[Evidence], document: SeenDocument) -> bool:
        """Whether the orders named would be linked, did no other one come into question."""
        if document.total <= 0 or not all(e.sound for e in named) or _share_a_number(named):
            return False
        if len(named) > 1:
            together = fit(document, [e.claimant for e in named], self._tolerance)
            return together.whole and together.within
        (only,) = named
        return only.fit.within and (only.fit.whole or only.clear)

    def _rivals(
        self, named: list[Evidence], found: Iterable[Evidence], document: SeenDocument
    ) -> list[Evidence]:
        """Orders that may be meant instead: a slip of the pen, a number copied from the wrong order.

        Every other order of the contact whose amount it is. Where it is but a part of the order named, those too
        that are named less clearly or whose number resembles it; where several are named, those that resemble one
        and would come to the same sum.
        """
        own = {id(e.claimant) for e in named}
        part = len(named) == 1 and not named[0].fit.whole
        others = [e for e in found if part or e.fit.whole]
        for one in named if part or len(named) > 1 else []:
            likely = self._resembling(one, document)
            others += [e for e in likely if part or self._alike(one.claimant, e.claimant)]
        return [e for e in _once(others) if e.possible and id(e.claimant) not in own]

    def _resembling(self, one: Evidence, document: SeenDocument) -> Iterator[Evidence]:
        """The contact's orders at that time whose number could be taken for the one named."""
        for claimant in self._numbers.resembling(one.mention.key if one.mention else ""):
            if in_time(claimant, document) and likeness(claimant, document) is not Likeness.different:
                yield weigh(claimant, _resemblance(one, claimant), document, self._tolerance)

    def _alike(self, one: Claimant, other: Claimant) -> bool:
        return self._tolerance.equal(one.net, other.net) or self._tolerance.equal(one.gross, other.gross)

    def _proposals(self, document: SeenDocument, numbered: list[Evidence], likely: list[Evidence]) -> Verdict:
        """The likeliest orders; all that are named where they make up the amount together."""
        together = [e for e in numbered if e.currency and e.contact > Likeness.different]
        if len(together) > 1 and fit(document, [e.claimant for e in together], self._tolerance).whole:
            return Verdict(document, _claims(document, together, "together the same amount"))
        if not likely:
            likely = [weigh(c, None, document, self._tolerance) for c in self._together.of(document)]
            return Verdict(document, _claims(document, likely, "together the same amount"))
        likeliest = sorted(likely, key=lambda e: e.strength, reverse=True)
        return Verdict(document, _claims(document, likeliest[:MOST_PROPOSALS]))


def _likely(numbered: list[Evidence], unnumbered: list[Evidence]) -> list[Evidence]:
    """Where number and amount agree on an order, one by either alone is not likely any more."""
    agreed = any(e.fit.whole and e.sound for e in numbered)
    return [e for e in numbered if e.named or e.fit.whole] if agreed else [*numbered, *unnumbered]


def _claims(document: SeenDocument, found: Iterable[Evidence], *more: str) -> tuple[Claim, ...]:
    return tuple(e.claim(document, *more) for e in found)


def _once(found: Iterable[Evidence]) -> list[Evidence]:
    return list({id(e.claimant): e for e in found}.values())


def _resemblance(one: Evidence, other: Claimant) -> Mention:
    return Mention(other, Clarity.noisy, f"its number is like {one.claimant.reference}")


def _worth_telling(evidence: Evidence) -> bool:
    """A figure, or a number read with good will, is nothing without the contact and the currency."""
    return evidence.clear or (evidence.contact is not Likeness.different and evidence.currency)


def _share_a_number(named: list[Evidence]) -> bool:
    keys = [e.mention.key for e in named if e.mention]
    return len(keys) != len(set(keys))
