"""Whose a sales invoice, a sales credit or a purchase order is."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.matching.claims import asked, bill, claimant, customer, invoice, told

CERTAIN, PROPOSED, UNMATCHED = "certain CO-2026-00042", "proposed CO-2026-00042", "unmatched"
OTHER_CONTACT: dict[str, Any] = {"contact_id": "c-2", "contact_name": "Other"}
OTHER_TOTAL: dict[str, Any] = {"net": Decimal(400), "total": Decimal(480)}


@pytest.mark.parametrize("type_", ["ACCREC", "ACCRECCREDIT"])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"reference": "CO-2026-00042"}, CERTAIN, id="reference, contact and total"),
        pytest.param({"reference": "Your order co 2026 00042"}, CERTAIN, id="amid words"),
        pytest.param({"reference": "CO-2026-00042", **OTHER_TOTAL}, PROPOSED, id="another total"),
        pytest.param({"reference": "CO-2026-00042", "total": Decimal("1200.01")}, PROPOSED, id="a cent more"),
        pytest.param({"reference": "CO-2026-00042", **OTHER_CONTACT}, PROPOSED, id="another contact"),
        pytest.param({"reference": "CO-2026-00042", "currency": "EUR"}, PROPOSED, id="another currency"),
        pytest.param(
            {"reference": "CO-2026-00042", **OTHER_TOTAL, **OTHER_CONTACT}, PROPOSED, id="reference alone"
        ),
        pytest.param({"reference": "CO-2O26-00042"}, PROPOSED, id="a noisy reference"),
        pytest.param({}, PROPOSED, id="contact and total alone"),
        pytest.param({"date": date(2027, 5, 1)}, UNMATCHED, id="contact and total, long after"),
        pytest.param(OTHER_TOTAL, UNMATCHED, id="contact alone"),
        pytest.param(OTHER_CONTACT, UNMATCHED, id="total alone"),
        pytest.param({"text": "CO-2026-00042", **OTHER_TOTAL}, UNMATCHED, id="its lines are not read"),
    ],
)
def test_by_reference_contact_and_total_together(type_: str, changes: dict[str, Any], expected: str) -> None:
    assert told(asked(invoice(**{"type": type_} | changes), customer())) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, CERTAIN, id="the number is enough"),
        pytest.param({"number": " ms-co-2026-00042 "}, CERTAIN, id="typed differently"),
        pytest.param(OTHER_TOTAL, CERTAIN, id="another total"),
        pytest.param({"date": date(2030, 1, 1)}, CERTAIN, id="another date"),
        pytest.param(OTHER_CONTACT, PROPOSED, id="another contact"),
        pytest.param({"currency": "EUR"}, PROPOSED, id="another currency"),
        pytest.param({"number": "MS-CO-2026-00042-2", **OTHER_TOTAL}, PROPOSED, id="more behind it"),
        pytest.param({"number": "MS-CO-2026-00917", **OTHER_TOTAL}, UNMATCHED, id="another number"),
    ],
)
@pytest.mark.parametrize("type_", ["ACCREC", "PURCHASEORDER"])
def test_by_our_number(type_: str, changes: dict[str, Any], expected: str) -> None:
    orders = [customer()] if type_ == "ACCREC" else [claimant()]
    assert (
        told(asked(invoice(**{"type": type_, "number": "MS-CO-2026-00042"} | changes), *orders)) == expected
    )


@pytest.mark.parametrize("type_", ["ACCREC", "ACCRECCREDIT", "ACCPAY", "ACCPAYCREDIT", "PURCHASEORDER"])
@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ("https://app.example/orders/CO-2026-00042", CERTAIN),
        ("https://app.example/orders/CO-2026-00042#2", CERTAIN),
        ("https://app.example/orders/CO-2026-00043", UNMATCHED),
        ("", UNMATCHED),
    ],
)
def test_our_mark_says_it_all(type_: str, mark: str, expected: str) -> None:
    order = customer() if type_.startswith("ACCREC") else claimant()
    document = invoice("7.00", type=type_, mark=mark, status="VOIDED", currency="EUR", **OTHER_CONTACT)
    assert told(asked(document, order)) == expected


def test_a_purchase_orders_mark_stands_in_its_reference() -> None:
    order = claimant(mark="CO-2026-00042 [MS-77]")
    for mark in ("CO-2026-00042 [MS-77]", "CO-2026-00042 [MS-77/3]"):
        assert told(asked(invoice(type="PURCHASEORDER", mark=mark, reference=mark), order)) == CERTAIN
    assert told(asked(invoice(type="PURCHASEORDER", reference="CO-2026-00042"), order)) == PROPOSED


def test_two_orders_that_fit_equally_are_both_proposed() -> None:
    twins = [customer(order_id=i, contact_id="c-1", mark="m", external="PO-77") for i in ("1", "2")]
    for changes in ({"mark": "m"}, {"number": "MS-CO-2026-00042"}, {"reference": "CO-2026-00042"}, {}):
        assert told(asked(invoice(**changes), *twins)) == "proposed 1 2"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"reference": "CO-2026-00042"}, PROPOSED, id="by reference, contact and total"),
        pytest.param({"number": "MS-CO-2026-00042"}, PROPOSED, id="by number"),
        pytest.param({}, UNMATCHED, id="by contact and total"),
        pytest.param({"mark": "https://app.example/orders/CO-2026-00042"}, CERTAIN, id="by mark"),
        pytest.param({"type": "ACCRECCREDIT"}, PROPOSED, id="a credit by contact and total"),
        pytest.param({"type": "ACCRECCREDIT", "reference": "CO-2026-00042"}, CERTAIN, id="a credit"),
    ],
)
def test_an_order_that_has_its_document_gets_no_second_one_by_itself(
    changes: dict[str, Any], expected: str
) -> None:
    assert told(asked(invoice(**changes), customer(linked=True))) == expected


def test_why_a_second_document_waits_is_told() -> None:
    found = asked(invoice(number="MS-CO-2026-00042"), customer(linked=True)).finding
    assert found is not None
    assert "it has its document already" in found.detail


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, PROPOSED, id="the customer's number, contact and total"),
        pytest.param(OTHER_TOTAL, PROPOSED, id="his number and the contact"),
        pytest.param({**OTHER_TOTAL, **OTHER_CONTACT}, UNMATCHED, id="his number alone"),
    ],
)
def test_the_customers_own_number_is_a_hint(changes: dict[str, Any], expected: str) -> None:
    assert told(asked(invoice(**{"reference": "PO-77"} | changes), customer(external="PO-77"))) == expected


def test_the_two_sides_do_not_meet() -> None:
    assert told(asked(invoice(reference="CO-2026-00042"), claimant())) == UNMATCHED
    assert told(asked(bill(reference="CO-2026-00042"), customer())) == UNMATCHED


def test_what_is_certain_says_why() -> None:
    (claim,) = asked(invoice(reference="CO-2026-00042"), customer()).claims
    assert claim.reasons == ("its reference names CO-2026-00042", "same contact", "same amount")
    (claim,) = asked(invoice(number="MS-CO-2026-00042", **OTHER_TOTAL), customer()).claims
    assert claim.reasons == ("its number is MS-CO-2026-00042", "same contact", "within what was ordered")
