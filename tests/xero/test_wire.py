"""What is sent for a document or a contact."""

import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.sandbox.server import Sandbox
from tasks.domain.documents import Draft, LineAmountTypes
from tasks.domain.orders import Address, Contact
from tasks.mapping.totals import predict
from tasks.xero.endpoints import INVOICES
from tasks.xero.wire import (
    body,
    contact_element,
    document_element,
    messages,
)
from tests.mapping.given import D, line, mapped, order, purchase, rules
from tests.support import Connect

NUMBERS = st.decimals(min_value=D("-9999999999999.9999"), max_value=D("9999999999999.9999"), places=4)
FULL = mapped(
    order(line(sku="MUG-01"), external_reference="PO-77", due_date=date(2026, 11, 1), warehouse="London"),
    rules(warehouse={"category": "Warehouse"}),
)


def names(value: object) -> list[str]:
    """Every field name, however deep."""
    if isinstance(value, dict):
        return [name for key, inner in value.items() for name in (key, *names(inner))]
    return [name for inner in value for name in names(inner)] if isinstance(value, list) else []


def test_an_invoice_as_xero_takes_it() -> None:
    assert document_element(FULL, "contact-1") == {
        "Type": "ACCREC",
        "InvoiceNumber": "MS-CO-2026-00001",
        "Reference": "PO-77",
        "Url": "https://monstock.example/app/customer-orders/co-1",
        "Contact": {"ContactID": "contact-1"},
        "Date": "2026-10-01",
        "DueDate": "2026-11-01",
        "LineAmountTypes": "Exclusive",
        "CurrencyCode": "GBP",
        "Status": "DRAFT",
        "LineItems": [
            {
                "Description": "Stoneware mug",
                "Quantity": D(3),
                "UnitAmount": D("12.50"),
                "AccountCode": "200",
                "TaxType": "OUTPUT2",
                "ItemCode": "MUG-01",
                "Tracking": [{"Name": "Warehouse", "Option": "London"}],
            }
        ],
    }


def test_a_bill_has_no_reference() -> None:
    bill = mapped(purchase(external_reference="R-9"), rules(supplier={"document": "bill"}))
    element = document_element(bill, "c")
    assert (element["Type"], element["InvoiceNumber"]) == ("ACCPAY", "R-9")
    assert "Reference" not in element


def test_a_purchase_order_is_marked_in_its_reference() -> None:
    element = document_element(mapped(purchase(expected_delivery_date=date(2026, 10, 20))), "c")
    assert element["PurchaseOrderNumber"] == "MS-SO-2026-00001"
    assert (element["Reference"], element["DeliveryDate"]) == ("SO-2026-00001 [MS-so-1]", "2026-10-20")
    assert not {"Type", "Url", "DueDate", "InvoiceNumber"} & set(element)


@pytest.mark.parametrize(
    "draft",
    [
        pytest.param(mapped(order()), id="bare invoice"),
        pytest.param(FULL, id="full invoice"),
        pytest.param(mapped(purchase()), id="purchase order"),
        pytest.param(mapped(purchase(), rules(supplier={"document": "bill"})), id="bill"),
    ],
)
def test_nothing_is_sent_that_xero_would_stumble_over(draft: Draft) -> None:
    sent = body("Invoices", [document_element(draft, "c")])
    assert b"null" not in sent
    forbidden = {
        "LineAmount",
        "InvoiceID",
        "PurchaseOrderID",
        "CurrencyRate",
        "TaxAmount",
        "Total",
        "LineItemID",
    }
    assert not forbidden & set(names(json.loads(sent)))
    assert json.loads(sent)["Invoices"][0]["Contact"] == {"ContactID": "c"}


@given(quantity=NUMBERS, unit=NUMBERS, discount=st.sampled_from([D("0.01"), D("12.5"), D("1E+2"), D(7)]))
def test_numbers_are_exact_json_numbers_without_exponent(
    quantity: Decimal, unit: Decimal, discount: Decimal
) -> None:
    [sold] = FULL.lines
    odd = replace(sold, quantity=quantity, unit_amount=unit, discount_rate=discount)
    sent = body("Invoices", [document_element(replace(FULL, lines=(odd,)), "c")]).decode()
    for name, value in (("Quantity", quantity), ("UnitAmount", unit), ("DiscountRate", discount)):
        [text] = re.findall(rf'"{name}":([^,}}]+)', sent)
        assert re.fullmatch(r"-?\d+(\.\d+)?", text)
        assert Decimal(text) == value


ADA = Contact("c-1", "Ada Ltd")
ADDRESS = Address("1 Quay", None, "Bristol", None, "BS1 1AA")


@pytest.mark.parametrize(
    ("contact", "more"),
    [
        pytest.param(ADA, {}, id="bare"),
        pytest.param(replace(ADA, email="a@b.example"), {"EmailAddress": "a@b.example"}, id="email"),
        pytest.param(replace(ADA, vat_number="GB1"), {"TaxNumber": "GB1"}, id="tax number"),
        pytest.param(
            replace(ADA, phone="1234"),
            {"Phones": [{"PhoneType": "DEFAULT", "PhoneNumber": "1234"}]},
            id="phone",
        ),
        pytest.param(
            replace(ADA, country_code="GB"),
            {"Addresses": [{"AddressType": "STREET", "Country": "GB"}]},
            id="country",
        ),
        pytest.param(
            replace(ADA, address=ADDRESS),
            {
                "Addresses": [
                    {
                        "AddressType": "STREET",
                        "AddressLine1": "1 Quay",
                        "City": "Bristol",
                        "PostalCode": "BS1 1AA",
                    }
                ]
            },
            id="address",
        ),
    ],
)
def test_a_contact_is_sent_with_what_is_known(contact: Contact, more: dict[str, Any]) -> None:
    assert contact_element(contact, "Ada Ltd (2)", "MS-c-1") == {
        "Name": "Ada Ltd (2)",
        "ContactNumber": "MS-c-1",
        **more,
    }


@pytest.mark.parametrize("inclusive", [False, True])
def test_the_prediction_is_what_the_sandbox_answers(
    inclusive: bool, connect: Connect, sandbox: Sandbox
) -> None:
    odd = [("1", "25.06", None), ("1", "25.61", None), ("3.3333", "0.0125", "12.5"), ("-1", "0.125", None)]
    sold = FULL.lines[0]
    lines = tuple(
        replace(sold, quantity=D(q), unit_amount=D(u), discount_rate=d and D(d), tracking=())
        for q, u, d in odd
    )
    amounts = LineAmountTypes.inclusive if inclusive else LineAmountTypes.exclusive
    draft = replace(FULL, lines=lines, line_amount_types=amounts)
    contact = sandbox.edit("create", kind="contact", fields={"Name": "Ada"})["ContactID"]
    sent = body("Invoices", [document_element(draft, contact)])
    [made] = connect().xero.send("PUT", INVOICES, sent, "key", lambda: None).data["Invoices"]
    assert messages(made) == []
    total = predict(lines, amounts)
    assert (made["SubTotal"], made["TotalTax"], made["Total"]) == (total.net, total.tax, total.gross)
