"""Finds documents that a person seems to have made for an order before the connection's first export."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tasks.domain.books import SeenDocument
from tasks.domain.documents import DocumentType, Draft
from tasks.domain.money import plain
from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause, Finding

XERO_TYPE = {
    DocumentType.invoice: "ACCREC",
    DocumentType.bill: "ACCPAY",
    DocumentType.purchase_order: "PURCHASEORDER",
}
_SALES, _PURCHASES = {"ACCREC"}, {"ACCPAY", "PURCHASEORDER"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document that may be an order's, and what speaks for it."""

    document: SeenDocument
    reason: str


class HandMade:
    """The documents found by the first sweep, ready to be asked about single orders."""

    def __init__(self, documents: Iterable[SeenDocument]) -> None:
        self._by_text: dict[str, list[SeenDocument]] = defaultdict(list)
        self._by_facts: dict[tuple[object, ...], list[SeenDocument]] = defaultdict(list)
        for document in documents:
            if not document.alive:
                continue
            for text in {_key(document.number), _key(document.reference)} - {""}:
                self._by_text[text].append(document)
            self._by_facts[
                _key(document.contact_name), document.currency, document.total, document.date
            ].append(document)

    def candidates(self, draft: Draft) -> list[Candidate]:
        """By number or reference, else by contact, total and date; only on the same side of the books."""
        side = _SALES if draft.kind is Kind.customer else _PURCHASES
        found: dict[str, Candidate] = {}
        for text in (draft.number, draft.order_reference, draft.reference):
            for document in self._by_text.get(_key(text), []) if text else []:
                found.setdefault(document.id, Candidate(document, f"bears {text}"))
        facts = (_key(draft.contact.name), draft.currency, draft.total.gross, draft.date)
        for document in self._by_facts.get(facts, []):
            found.setdefault(document.id, Candidate(document, "same contact, total and date"))
        return [c for c in found.values() if c.document.type in side]


def finding(candidates: list[Candidate]) -> Finding:
    """What a person is told, and asked: link or send."""
    named = "; ".join(
        f"{c.document.number or c.document.id} of {c.document.date} over {plain(c.document.total)} "
        f"{c.document.currency} ({c.reason}, document {c.document.id})"
        for c in candidates
    )
    return Finding(Cause.made_by_hand, f"Xero already has {named}.", "reference")


def _key(text: str | None) -> str:
    return " ".join((text or "").split()).casefold()
