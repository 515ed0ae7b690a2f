"""Finds documents that a person seems to have made for an order."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
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
_NONE: Mapping[str, str] = {}
_SALES, _PURCHASES = {"ACCREC"}, {"ACCPAY", "PURCHASEORDER"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document that may be an order's, and what speaks for it."""

    document: SeenDocument
    reason: str


class HandMade:
    """The documents that people seem to have made, ready to be asked about single orders.

    Of those that stood in Xero before the first export, a bill speaks for a purchase order and the other way round;
    `later` ones must be of the very type that would be made, since a bill then stands beside its purchase order.
    """

    def __init__(self, first: Iterable[SeenDocument], later: Iterable[SeenDocument] = ()) -> None:
        self._by_id: dict[str, SeenDocument] = {}
        self._first: set[str] = set()
        self._by_text: dict[str, list[SeenDocument]] = defaultdict(list)
        self._by_facts: dict[tuple[object, ...], list[SeenDocument]] = defaultdict(list)
        for document in first:
            self._first.add(document.id)
            self._add(document)
        for document in later:
            self._add(document)

    def _add(self, document: SeenDocument) -> None:
        if not document.alive:
            return
        self._by_id[document.id] = document
        for text in {_key(document.number), _key(document.reference)} - {""}:
            self._by_text[text].append(document)
        self._by_facts[_key(document.contact_name), document.currency, document.total, document.date].append(
            document
        )

    def candidates(
        self, draft: Draft, proposed: Mapping[str, str] = _NONE, refused: Collection[str] = ()
    ) -> list[Candidate]:
        """Those `proposed` for the order; by number or reference, else by contact, total and date.

        `proposed` are ids of documents with what speaks for each. Those that a person `refused` are none of its.
        """
        found: dict[str, Candidate] = {}
        for id_, reason in proposed.items():
            document = self._by_id.get(id_)
            if document and document.type == XERO_TYPE[draft.type]:
                found[id_] = Candidate(document, reason)
        for document, reason in self._alike(draft):
            if self._fits(document, draft):
                found.setdefault(document.id, Candidate(document, reason))
        return [c for id_, c in found.items() if id_ not in refused]

    def _alike(self, draft: Draft) -> Iterable[tuple[SeenDocument, str]]:
        for text in (draft.number, draft.order_reference, draft.reference):
            for document in self._by_text.get(_key(text), []) if text else []:
                yield document, f"bears {text}"
        facts = (_key(draft.contact.name), draft.currency, draft.total.gross, draft.date)
        for document in self._by_facts.get(facts, []):
            yield document, "same contact, total and date"

    def _fits(self, document: SeenDocument, draft: Draft) -> bool:
        """Only on the same side of the books."""
        if document.id not in self._first:
            return document.type == XERO_TYPE[draft.type]
        return document.type in (_SALES if draft.kind is Kind.customer else _PURCHASES)


def finding(candidates: list[Candidate]) -> Finding:
    """What a person is told, and asked: link, send, or refuse what was proposed."""
    named = "; ".join(
        f"{c.document.number or c.document.id} of {c.document.date} over {plain(c.document.total)} "
        f"{c.document.currency} ({c.reason}, document {c.document.id})"
        for c in candidates
    )
    return Finding(Cause.made_by_hand, f"Xero already has {named}.", "reference")


def _key(text: str | None) -> str:
    return " ".join((text or "").split()).casefold()
