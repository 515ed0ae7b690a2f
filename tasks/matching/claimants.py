"""The words of "whose document is this": orders that may own a document, and what was found."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from tasks.domain.books import SeenDocument
from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause, Finding


@dataclass(frozen=True, slots=True, eq=False)
class Claimant:
    """An order that may own documents.

    `reference` is people's number of it, `numbers` are the document numbers that the export would give it,
    `mark` is ours, `external` the supplier's or customer's own number. `contact_id` is Xero's, where known.
    `net` and `gross` are what was ordered, `received` the net of what arrived so far (None: not tracked).
    `linked` says that it has its primary document.
    """

    kind: Kind
    order_id: str
    reference: str
    contact_name: str
    currency: str
    net: Decimal
    gross: Decimal
    date: dt.date
    numbers: tuple[str, ...] = ()
    mark: str | None = None
    external: str | None = None
    contact_id: str | None = None
    received: Decimal | None = None
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """One order that a document belongs to, or may, and what speaks for it and against it, in plain words."""

    claimant: Claimant
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whose a document is: certain claims are linked by themselves, others wait for a person's yes."""

    document: SeenDocument
    claims: tuple[Claim, ...] = ()
    certain: bool = False

    @property
    def finding(self) -> Finding | None:
        """What a person is told and asked; nothing where it is certain."""
        if self.certain:
            return None
        named = self.document.number or self.document.id
        if not self.claims:
            return Finding(Cause.unmatched, f"No order was found for {named}.")
        told = "; ".join(f"{c.claimant.reference} ({', '.join(c.reasons)})" for c in self.claims)
        return Finding(Cause.proposed, f"{named} may belong to {told}.")
