"""Finds out whose documents are: those that nobody has looked at, and with new orders those that had none."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice

from tasks.connections.connection import Connection
from tasks.domain.books import SeenDocument
from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause, Finding
from tasks.ledger.ownership import ASIDE, LINKED, PROPOSED, SINGLE, UNMATCHED, Asked, Key, Near, Owned
from tasks.mapping.document import mark_for, number_from
from tasks.matching.amounts import Tolerance
from tasks.matching.claimants import Claimant, Verdict
from tasks.matching.owners import Owners

CHUNK = 5000
# So many orders are indexed as a whole; of more, for so many documents at a time those that are near them.
WHOLE, FEW = 20_000, 500
MOST_WORDS = 10_000
# A document may be of so much later, or earlier, a date than its order.
REACH = timedelta(days=400)
_CREDITS = {"ACCRECCREDIT", "ACCPAYCREDIT"}
_OWNED = {"ACCREC", "ACCPAY", "PURCHASEORDER"} | _CREDITS
_MARKED = ("bears our mark",)
_WORD = re.compile(r"[\w./-]*\d[\w./-]*")


class Owning:
    """One run's matching, a step some thousand documents; `done` after the last. With `only`, of these documents."""

    def __init__(self, connection: Connection, only: Sequence[str] | None = None) -> None:
        self._connection = connection
        self._only = only
        self._news = connection.ownership.news_of_orders() if only is None else None
        self._owners: Owners | None = None
        self._since = connection.settings.export_from - REACH
        whole = only is None and connection.ownership.count_owners(self._since) <= WHOLE
        self._chunk = CHUNK if whole else FEW
        self._given: set[Key] = set()
        self._after = ""
        self.done = False

    def step(self, run_id: str) -> Counter[str]:
        """Decide about the next documents. Returns how many came to stand how."""
        ownership = self._connection.ownership
        if not self._after:
            ownership.know_ours(self._only)
        asked = ownership.asked(self._after, self._chunk, again=self._news is not None, only=self._only)
        self._index([one.document for one in asked if one.document.type in _OWNED])
        owned = [self._decide(one) for one in asked]
        if owned:
            ownership.settle(owned, run_id)
            self._after = asked[-1].document.id
        if len(asked) < self._chunk:
            self.done = True
            if self._news:
                ownership.matched(self._news)
        return Counter(one.standing for one in owned)

    def _index(self, documents: Sequence[SeenDocument]) -> None:
        """The orders that may own these documents."""
        if documents and (self._owners is None or self._chunk == FEW):
            near = _near(documents) if self._chunk == FEW else None
            self._owners = Owners(
                _claimants(self._connection, self._since, near), tolerance(self._connection)
            )

    def _decide(self, asked: Asked) -> Owned:
        document = asked.document
        if document.type not in _OWNED or self._owners is None:
            return Owned(document.id, ASIDE)
        verdict = self._owners.verdict(document)
        claims = tuple(
            c for c in verdict.claims if (c.claimant.kind.value, c.claimant.order_id) not in asked.refused
        )
        verdict = Verdict(document, claims, certain=verdict.certain and claims == verdict.claims)
        orders = tuple((c.claimant.kind.value, c.claimant.order_id, "; ".join(c.reasons)) for c in claims)
        if twice := self._twice(verdict):
            return Owned(document.id, UNMATCHED, (twice,))
        if verdict.certain:
            self._given |= {order[:2] for order in orders if _is_single(verdict)}
            return Owned(document.id, LINKED, (), orders)
        if claims:
            return Owned(document.id, PROPOSED, _told(verdict), orders)
        listed = _is_missed(document, self._connection.settings.export_from)
        return Owned(document.id, UNMATCHED if listed else ASIDE)

    def _twice(self, verdict: Verdict) -> Finding | None:
        """Two documents of which each would stand for one order: neither is forced out."""
        document = verdict.document
        if not (verdict.certain and document.alive and _is_single(verdict)):
            return None
        claimant = verdict.claims[0].claimant
        if not (claimant.linked or (claimant.kind.value, claimant.order_id) in self._given):
            return None
        said = f"{document.number or document.id} would be a second document of order {claimant.reference}."
        return Finding(Cause.several_documents, said)


def _is_single(verdict: Verdict) -> bool:
    """Whether the document would stand for its order: by its type, or as one of ours by its mark."""
    return verdict.document.type in SINGLE or any(claim.reasons == _MARKED for claim in verdict.claims)


def _near(documents: Sequence[SeenDocument]) -> Near:
    words = (word for d in documents for word in _WORD.findall(f"{d.number} {d.reference} {d.text}"))
    return Near(
        frozenset(d.contact_id for d in documents),
        frozenset(d.contact_name for d in documents),
        frozenset(islice(dict.fromkeys(words), MOST_WORDS)),
    )


def _claimants(connection: Connection, since: date, near: Near | None) -> Iterator[Claimant]:
    rules = connection.settings
    for row in connection.ownership.owners(since, near):
        kind = Kind(row.kind)
        numbers = (number_from(row.reference, row.external, row.order_id, row.order_date.year, rules, kind),)
        yield Claimant(
            kind=kind,
            order_id=row.order_id,
            reference=row.reference,
            contact_name=row.contact_name or "",
            currency=row.currency or "",
            net=Decimal(row.net),
            gross=Decimal(row.gross),
            date=row.order_date,
            numbers=numbers,
            mark=mark_for(row.order_id, row.reference, rules, kind),
            external=row.external,
            contact_id=row.xero_id,
            received=Decimal(row.received) if row.received is not None else None,
            linked=bool(row.taken),
        )


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
