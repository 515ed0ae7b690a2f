"""What speaks for one order as a document's owner, and what against it."""

import datetime as dt
from dataclasses import dataclass

from tasks.domain.books import SeenDocument
from tasks.domain.money import plain
from tasks.matching.amounts import Fit, Tolerance, fit
from tasks.matching.claimants import Claim, Claimant
from tasks.matching.facts import in_time
from tasks.matching.numbers import Clarity, Mention
from tasks.matching.parties import Likeness, likeness

# A bill that names its order may come late, but within a year.
_A_YEAR = dt.timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One order beside one document."""

    claimant: Claimant
    mention: Mention | None
    contact: Likeness
    currency: bool
    fit: Fit
    timely: bool

    @property
    def named(self) -> bool:
        """Whether the document bears the order's number, clearly spelt."""
        return self.mention is not None and self.mention.clarity > Clarity.noisy

    @property
    def clear(self) -> bool:
        """Whether that number can mean nothing else."""
        return self.mention is not None and self.mention.clarity is Clarity.clear

    @property
    def sound(self) -> bool:
        """Whether contact, currency and date leave no doubt."""
        return self.contact is Likeness.same and self.currency and self.timely

    @property
    def possible(self) -> bool:
        """Whether the order may be the owner although another one is named; carriage may come on top."""
        return self.contact is not Likeness.different and self.currency and self.fit.near

    @property
    def strength(self) -> tuple[bool, bool, bool, bool, bool, int]:
        """Sorts the evidence: the strongest is the greatest."""
        return (
            self.named and self.contact is not Likeness.different,
            self.mention is not None and self.fit.whole,
            self.named or self.fit.whole,
            self.mention is not None,
            self.currency,
            self.contact,
        )

    def claim(self, document: SeenDocument, *more: str) -> Claim:
        """The order as a person is shown it."""
        return Claim(self.claimant, (*self._reasons(document), *more))

    def _reasons(self, document: SeenDocument) -> list[str]:
        contact = {
            Likeness.same: "same contact",
            Likeness.similar: f"contact's name is similar, {document.contact_name}",
            Likeness.different: f"another contact, {document.contact_name}",
        }[self.contact]
        ordered = f"{plain(self.claimant.net)} net, {plain(self.claimant.gross)} gross"
        amount = (
            "within what was ordered" if self.fit.within else f"more than the {ordered} that were ordered"
        )
        reasons = [
            self.mention.reason if self.mention else "no number of it",
            contact,
            "same amount" if self.fit.whole else amount,
        ]
        if not self.currency:
            reasons.append(f"another currency, {document.currency}")
        if not self.timely:
            reasons.append(f"dated {document.date}, the order {self.claimant.date}")
        return reasons


def weigh(
    claimant: Claimant, mention: Mention | None, document: SeenDocument, tolerance: Tolerance
) -> Evidence:
    """Hold one order against one document."""
    return Evidence(
        claimant,
        mention,
        likeness(claimant, document),
        claimant.currency == document.currency,
        fit(document, [claimant], tolerance),
        in_time(claimant, document, _A_YEAR),
    )
