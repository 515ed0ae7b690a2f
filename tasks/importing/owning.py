"""Finds out whose documents are: those that nobody has looked at, and with new orders those that had none."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

from tasks.connections.connection import Connection
from tasks.domain.books import SeenDocument
from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause, Finding
from tasks.ledger.ownership import ASIDE, LINKED, PROPOSED, UNMATCHED, Asked, Key, Owned
from tasks.mapping.document import mark_for, number_from
from tasks.matching.amounts import Tolerance
from tasks.matching.claimants import Claimant, Verdict
from tasks.matching.owners import Owners

CHUNK = 5000
# A document may be of so much later, or earlier, a date than its order.
REACH = timedelta(days=400)
_CREDITS = {"ACCRECCREDIT", "ACCPAYCREDIT"}
_OWNED = {"ACCREC", "ACCPAY", "PURCHASEORDER"} | _CREDITS
# Of these an order has one that stands for it.
_SINGLE = {"ACCREC", "PURCHASEORDER"}


class Owning:
    """One run's matching, a step some thousand documents; `done` after the last."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._news = connection.ownership.news_of_orders()
        self._owners: Owners | None = None
        self._given: set[Key] = set()
        self._after = ""
        self.done = False

    def step(self) -> Counter[str]:
        """Decide about the next documents. Returns how many came to stand how."""
        ownership = self._connection.ownership
        if not self._after:
            ownership.know_ours()
        asked = ownership.asked(self._after, CHUNK, again=self._news is not None)
        owned = [self._decide(one) for one in asked]
        if owned:
            ownership.settle(owned)
            self._after = asked[-1].document.id
        if len(asked) < CHUNK:
            self.done = True
            if self._news:
                ownership.matched(self._news)
        return Counter(one.standing for one in owned)

    def _decide(self, asked: Asked) -> Owned:
        document = asked.document
        if document.type not in _OWNED:
            return Owned(document.id, ASIDE)
        if self._owners is None:
            self._owners = Owners(_claimants(self._connection), tolerance(self._connection))
        verdict = self._owners.verdict(document)
        claims = tuple(
            c for c in verdict.claims if (c.claimant.kind.value, c.claimant.order_id) not in asked.refused
        )
        verdict = Verdict(document, claims, certain=verdict.certain and claims == verdict.claims)
        orders = tuple((c.claimant.kind.value, c.claimant.order_id, "; ".join(c.reasons)) for c in claims)
        if twice := self._twice(verdict):
            return Owned(document.id, UNMATCHED, (twice,))
        if verdict.certain:
            self._given |= {order[:2] for order in orders if document.type in _SINGLE}
            return Owned(document.id, LINKED, (), orders)
        if claims:
            return Owned(document.id, PROPOSED, _told(verdict), orders)
        listed = _is_missed(document, self._connection.settings.export_from)
        return Owned(document.id, UNMATCHED if listed else ASIDE)

    def _twice(self, verdict: Verdict) -> Finding | None:
        """Two documents of which each would stand for one order: neither is forced out."""
        document = verdict.document
        if not (verdict.certain and document.alive and document.type in _SINGLE):
            return None
        claimant = verdict.claims[0].claimant
        if not (claimant.linked or (claimant.kind.value, claimant.order_id) in self._given):
            return None
        said = f"{document.number or document.id} would be a second document of order {claimant.reference}."
        return Finding(Cause.several_documents, said)


def _claimants(connection: Connection) -> list[Claimant]:
    rules, links = connection.settings, connection.ownership
    return [
        Claimant(
            kind=(kind := Kind(row.kind)),
            order_id=row.order_id,
            reference=row.reference,
            contact_name=row.contact_name or "",
            currency=row.currency or "",
            net=Decimal(row.net),
            gross=Decimal(row.gross),
            date=row.order_date,
            numbers=(
                number_from(row.reference, row.external, row.order_id, row.order_date.year, rules, kind),
            ),
            mark=mark_for(row.order_id, row.reference, rules, kind),
            external=row.external,
            contact_id=row.xero_id,
            received=Decimal(row.received) if row.received is not None else None,
            linked=row.document_id is not None,
        )
        for row in links.owners(rules.export_from - REACH)
    ]


def tolerance(connection: Connection) -> Tolerance:
    """What may differ before a person is asked."""
    rules = connection.settings.bills
    return Tolerance(rules.tolerance, rules.tolerance_percent)


def _told(verdict: Verdict) -> tuple[Finding, ...]:
    return (verdict.finding,) if verdict.finding else ()


def _is_missed(document: SeenDocument, since: date) -> bool:
    """Whether an order should be there: not for what is dead, older than the connection, or a used up credit."""
    used = document.type in _CREDITS and not document.due
    return document.alive and not used and (document.date is None or document.date >= since)
