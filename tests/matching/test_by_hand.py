"""Documents that a person seems to have made for an order."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tasks.domain.books import SeenDocument
from tasks.domain.outcomes import Cause
from tasks.matching.by_hand import Candidate, HandMade, finding
from tests.mapping.given import mapped, order, purchase, rules

STRANGER = SeenDocument(
    id="d-1",
    type="ACCREC",
    number="INV-0001",
    reference="",
    mark=None,
    contact_id="x",
    contact_name="Somebody Else",
    currency="GBP",
    total=Decimal("99.00"),
    date=date(2026, 9, 1),
    status="AUTHORISED",
)
SAME_FACTS = {"contact_name": "harbour  HOMES ltd", "total": Decimal("45.0"), "date": date(2026, 10, 1)}


def seen(**changes: Any) -> SeenDocument:
    return replace(STRANGER, **changes)


def reasons(*documents: SeenDocument, external: str | None = "PO-77") -> list[str]:
    return [c.reason for c in HandMade(documents).candidates(mapped(order(external_reference=external)))]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, [], id="a stranger"),
        pytest.param({"number": "MS-CO-2026-00001"}, ["bears MS-CO-2026-00001"], id="our number"),
        pytest.param({"number": "CO-2026-00001"}, ["bears CO-2026-00001"], id="the order's number"),
        pytest.param({"number": " co-2026-00001 "}, ["bears CO-2026-00001"], id="typed differently"),
        pytest.param({"reference": "CO-2026-00001"}, ["bears CO-2026-00001"], id="as its reference"),
        pytest.param({"reference": "PO-77"}, ["bears PO-77"], id="the customer's number"),
        pytest.param({"reference": "CO-2026-000011"}, [], id="a longer number"),
        pytest.param(SAME_FACTS, ["same contact, total and date"], id="contact, total and date"),
        pytest.param({**SAME_FACTS, "total": Decimal("45.01")}, [], id="another total"),
        pytest.param({**SAME_FACTS, "date": date(2026, 10, 2)}, [], id="another date"),
        pytest.param({**SAME_FACTS, "currency": "EUR"}, [], id="another currency"),
        pytest.param({**SAME_FACTS, "contact_name": "Harbour"}, [], id="another contact"),
        pytest.param({**SAME_FACTS, "number": "CO-2026-00001"}, ["bears CO-2026-00001"], id="both, once"),
        pytest.param({"number": "CO-2026-00001", "status": "VOIDED"}, [], id="voided"),
        pytest.param({**SAME_FACTS, "status": "DELETED"}, [], id="deleted"),
        pytest.param({"number": "CO-2026-00001", "status": "PAID"}, ["bears CO-2026-00001"], id="paid"),
        pytest.param({"number": "CO-2026-00001", "type": "ACCPAY"}, [], id="a bill"),
        pytest.param({**SAME_FACTS, "type": "PURCHASEORDER"}, [], id="a purchase order"),
    ],
)
def test_what_speaks_for_a_document(changes: dict[str, Any], expected: list[str]) -> None:
    assert reasons(seen(**changes)) == expected


def test_an_empty_text_matches_nothing() -> None:
    assert reasons(seen(number=None, reference=None), external=None) == []


@pytest.mark.parametrize(("type_", "expected"), [("ACCPAY", 1), ("PURCHASEORDER", 1), ("ACCREC", 0)])
@pytest.mark.parametrize("document", ["bill", "purchase_order"])
def test_purchases_look_among_bills_and_purchase_orders(type_: str, expected: int, document: str) -> None:
    made = mapped(purchase(external_reference="R-9"), rules(supplier={"document": document}))
    known = HandMade([seen(type=type_, reference="SO-2026-00001")])
    assert len(known.candidates(made)) == expected


def test_all_candidates_are_named_with_what_a_person_needs_to_choose() -> None:
    found = HandMade([seen(reference="PO-77"), seen(id="d-2", number=None, **SAME_FACTS)])
    told = finding(found.candidates(mapped(order(external_reference="PO-77"))))
    assert told.cause is Cause.made_by_hand
    assert told.detail == (
        "Xero already has INV-0001 of 2026-09-01 over 99.00 GBP (bears PO-77, document d-1); "
        "d-2 of 2026-10-01 over 45.00 GBP (same contact, total and date, document d-2)."
    )


def test_the_strongest_reason_comes_first() -> None:
    found = HandMade([seen(id="facts", **SAME_FACTS), seen(id="number", number="CO-2026-00001")])
    candidates = found.candidates(mapped(order()))
    assert [type(c) for c in candidates] == [Candidate, Candidate]
    assert [c.document.id for c in candidates] == ["number", "facts"]


@pytest.mark.parametrize(("type_", "expected"), [("ACCPAY", 0), ("PURCHASEORDER", 1)])
def test_a_later_bill_stands_beside_the_purchase_order(type_: str, expected: int) -> None:
    made = mapped(purchase(external_reference="R-9"), rules(supplier={"document": "purchase_order"}))
    known = HandMade([], [seen(type=type_, reference="SO-2026-00001")])
    assert len(known.candidates(made)) == expected


def test_what_is_proposed_comes_first_and_once() -> None:
    known = HandMade([seen(id="d-2", number="CO-2026-00001")], [STRANGER, seen(id="d-3", type="ACCPAY")])
    proposed = {"d-1": "the text names it", "d-2": "its number", "d-3": "of no fit type", "gone": "voided"}
    found = known.candidates(mapped(order()), proposed)
    assert [(c.document.id, c.reason) for c in found] == [("d-1", "the text names it"), ("d-2", "its number")]


def test_what_was_refused_is_none() -> None:
    known = HandMade([], [seen(number="CO-2026-00001"), seen(id="d-2", reference="CO-2026-00001")])
    assert [c.document.id for c in known.candidates(mapped(order()), refused={"d-1"})] == ["d-2"]
