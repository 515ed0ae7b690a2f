"""What an order shows of its documents."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tasks.domain.accounting import address, describe, status_of
from tasks.domain.books import SeenDocument

D = Decimal


def document(**changes: Any) -> SeenDocument:
    facts = {
        "id": "5a9d0b0e-0000-4000-8000-000000000009",
        "type": "ACCREC",
        "number": "INV-1",
        "reference": None,
        "mark": None,
        "contact_id": "c",
        "contact_name": "Acme",
        "currency": "GBP",
        "total": D("45.00"),
        "due": D("45.00"),
        "date": date(2026, 10, 1),
        "status": "AUTHORISED",
    }
    return SeenDocument(**facts | changes)


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({"status": "DRAFT"}, "draft"),
        ({"status": "SUBMITTED"}, "submitted"),
        ({}, "approved"),
        ({"paid": D("0.01")}, "partially_paid"),
        ({"credited": D(5)}, "partially_paid"),
        ({"status": "PAID", "paid": D(45)}, "paid"),
        ({"status": "PAID", "paid": D(40), "credited": D(5)}, "paid"),
        ({"status": "PAID", "credited": D(45)}, "credited"),
        ({"status": "PAID", "total": D(0)}, "paid"),
        ({"type": "PURCHASEORDER", "status": "BILLED"}, "billed"),
        ({"status": "VOIDED"}, "voided"),
        ({"status": "DELETED"}, "deleted"),
    ],
)
def test_statuses_are_told_in_monstocks_words(facts: dict[str, Any], status: str) -> None:
    assert status_of(document(**facts)) == status


def test_sums_run_over_all_living_documents_and_the_rest_is_the_primary_ones() -> None:
    primary = document(paid=D(10), credited=D(5), due=D(30), due_date=date(2026, 10, 31))
    others = [
        document(id="2", paid=D(7), due=D(0), status="PAID"),
        document(id="3", paid=D(100), status="VOIDED"),
        document(id="4", type="ACCRECCREDIT", total=D(9), due=D(4)),
        document(id="5", type="ACCRECCREDIT", total=D(9), due=D(4), status="DRAFT"),
    ]
    link = describe(primary, others, None)
    assert (link.total, link.paid, link.credited, link.due) == (45, 17, 9, 30)
    assert (link.issued_on, link.due_on) == (date(2026, 10, 1), date(2026, 10, 31))


def test_a_purchase_order_owes_nothing_and_a_dead_document_neither() -> None:
    assert describe(document(type="PURCHASEORDER", due=D(0)), [], None).due == 0
    assert describe(document(status="VOIDED"), [], None).due == 0


def test_of_a_bill_for_several_orders_each_has_its_part() -> None:
    order = document(type="PURCHASEORDER", id="1", due=D(0))
    bill = document(type="ACCPAY", id="2", total=D(100), paid=D("99.99"), status="PAID")
    assert describe(order, [bill], None, {"2": D(1) / 3}).paid == D("33.33")


@pytest.mark.parametrize("type_", ["ACCREC", "ACCPAY", "PURCHASEORDER"])
def test_addresses_lead_into_the_organisation(type_: str) -> None:
    made = document(type=type_)
    assert address(made, "!ab1").startswith(
        "https://go.xero.com/organisationlogin/default.aspx?shortcode=!ab1&redirecturl=/"
    )
    assert address(made, None).startswith("https://go.xero.com/Acc")
    assert made.id in address(made, None)
