"""Invoices and bills: creating, updating, ending."""

from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tests.sandbox.api import ZERO_ID, Api, bill, invoice, line, money, refused, texts


def test_a_new_invoice_is_a_draft_with_a_number_of_xeros_own(api: Api) -> None:
    [made] = api.put("Invoices", invoice(api.contact()))
    assert (made["Status"], made["InvoiceNumber"], made["StatusAttributeString"]) == (
        "DRAFT",
        "INV-0001",
        "OK",
    )
    assert (made["SubTotal"], made["TotalTax"], made["Total"], made["AmountDue"]) == (10, 2, 12, 12)
    assert made["DateString"] == "2026-11-02T00:00:00"
    assert made["Date"] == "/Date(1793577600000+0000)/"
    assert "Payments" not in made
    assert "CreditNotes" not in made


def test_put_refuses_a_number_in_use_and_echoes_what_was_asked(api: Api) -> None:
    contact = api.contact()
    api.put("Invoices", invoice(contact, "A-1"))
    good, bad = api.put("Invoices", invoice(contact, "A-2"), invoice(contact, "A-1", Reference="echo"))
    assert good["StatusAttributeString"] == "OK"
    assert bad["InvoiceID"] == ZERO_ID
    assert bad["Reference"] == "echo"
    assert texts(bad) == ["Invoice # must be unique."]
    assert [one["Reference"] for one in api.list("Invoices", InvoiceNumbers="A-1")] == [""]


def test_without_summarize_errors_false_one_bad_element_fails_all(api: Api) -> None:
    contact = api.contact()
    bad = invoice(contact, Type="ACCPAYCREDIT")
    answer = api.write("PUT", "Invoices", invoice(contact, "A-1"), bad, summarizeErrors="true")
    assert answer.status_code == 400
    body = answer.json()
    assert (body["ErrorNumber"], body["Type"]) == (10, "ValidationException")
    assert len(body["Elements"]) == 1
    assert api.list("Invoices") == []


def test_post_with_a_sales_number_in_use_updates_that_invoice(api: Api) -> None:
    contact = api.contact()
    [made] = api.put("Invoices", invoice(contact, "A-1"))
    [changed] = api.post("Invoices", invoice(contact, "A-1", LineItems=[line(99)]))
    assert changed["InvoiceID"] == made["InvoiceID"]
    assert changed["SubTotal"] == 99
    assert len(api.list("Invoices")) == 1


def test_bills_may_share_a_number_and_bear_no_reference(api: Api) -> None:
    contact = api.contact()
    one, two = api.put("Invoices", *[bill(contact, InvoiceNumber="S-1", Reference="mine")] * 2)
    [three] = api.post("Invoices", bill(contact, InvoiceNumber="S-1"))
    assert len({one["InvoiceID"], two["InvoiceID"], three["InvoiceID"]}) == 3
    assert one["Reference"] == ""


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("DRAFT", "SUBMITTED", None),
        ("DRAFT", "AUTHORISED", None),
        ("DRAFT", "DELETED", None),
        ("DRAFT", "VOIDED", "not of valid status"),
        ("DRAFT", "PAID", "not of valid status"),
        ("SUBMITTED", "DRAFT", None),
        ("SUBMITTED", "AUTHORISED", None),
        ("SUBMITTED", "DELETED", None),
        ("AUTHORISED", "VOIDED", None),
        ("AUTHORISED", "DRAFT", "not of valid status"),
        ("AUTHORISED", "DELETED", "not of valid status"),
    ],
)
def test_status_changes(api: Api, before: str, after: str, text: str | None) -> None:
    [made] = api.put("Invoices", invoice(api.contact(), "A-1", Status=before))
    [changed] = api.post("Invoices", {"InvoiceID": made["InvoiceID"], "Status": after})
    assert changed["Status"] == after  # an ERROR echoes what was asked
    [stored] = api.list("Invoices")
    if text is None:
        assert (changed["StatusAttributeString"], stored["Status"]) == ("OK", after)
    else:
        refused(changed, text)
        assert stored["Status"] == before


@pytest.mark.parametrize("status", ["VOIDED", "DELETED"])
def test_an_ended_invoice_takes_no_edit_and_keeps_its_number(api: Api, sandbox: Sandbox, status: str) -> None:
    contact = api.contact()
    first = "AUTHORISED" if status == "VOIDED" else "DRAFT"
    [made] = api.put("Invoices", invoice(contact, "A-1", Status=first))
    [ended] = api.post("Invoices", {"InvoiceID": made["InvoiceID"], "Status": status})
    assert ended["AmountDue"] == ended["Total"] == 12
    refused(
        api.post("Invoices", {"InvoiceID": made["InvoiceID"], "Reference": "x"})[0], "not of valid status"
    )
    refused(api.put("Invoices", invoice(contact, "A-1"))[0], "must be unique")
    sandbox.settings(switches={"voided_number_is_freed": True})
    assert api.put("Invoices", invoice(contact, "A-1"))[0]["StatusAttributeString"] == "OK"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"Type": "ACCPAYCREDIT"}, "Type must be"),
    ({"Status": "PAID"}, "not of valid status for creation"),
    ({"Status": "AUTHORISED", "DueDate": None}, "DueDate is required"),
    ({"Status": "AUTHORISED", "LineItems": []}, "line items must be specified"),
    ({"CurrencyCode": "CHF"}, "Organisation is not subscribed to currency CHF"),
    ({"InvoiceNumber": "ü"}, "printable"),
    ({"Url": "https://go.xero.com/1"}, "Url must"),
    ({"Url": "orders/1"}, "Url must"),
    ({"Contact": {}}, "A Contact must be specified"),
    ({"LineItems": [line(AccountCode="333")]}, "Account code '333' is not a valid code"),
    ({"LineItems": [line(AccountCode="202")]}, "Account code '202' is not a valid code"),
    ({"LineItems": [line(AccountCode="090")]}, "Account code '090' is not a valid code"),
    (
        {"LineItems": [line(TaxType="INPUT2")]},
        "The TaxType code 'INPUT2' cannot be used with account code '200'",
    ),
    (
        {"LineItems": [line(AccountCode="425")]},
        "The TaxType code 'OUTPUT2' cannot be used with account code '425'",
    ),
    ({"LineItems": [line(TaxType="MADEUP")]}, "The TaxType code 'MADEUP'"),
    ({"LineItems": [line(ItemCode="NO-SUCH")]}, "Item code 'NO-SUCH'"),
    ({"LineItems": [line(LineAmount=11)]}, "does not match the expected line total 10.00"),
    ({"LineItems": [line(Description="x" * 4001)]}, "4000"),
    ({"LineItems": [line(Tracking=[{"Name": "Warehouse", "Option": "Rome"}])]}, "The tracking category"),
    (
        {
            "LineItems": [
                line(Tracking=[{"Name": "Warehouse", "Option": o} for o in ("London", "Paris", "Berlin")])
            ]
        },
        "maximum of 2",
    ),
]


@pytest.mark.parametrize(("fields", "text"), BAD, ids=[text for _, text in BAD])
def test_what_is_refused(api: Api, fields: dict[str, Any], text: str) -> None:
    api.unjudged()
    refused(api.put("Invoices", invoice(api.contact(), **fields))[0], text)
    assert api.list("Invoices") == []


def test_a_discount_is_for_sales_only(api: Api) -> None:
    contact = api.contact()
    [sale] = api.put("Invoices", invoice(contact, LineItems=[line(100, DiscountRate=12.5)]))
    assert (sale["SubTotal"], sale["IsDiscounted"]) == (87.5, True)
    lines = [line(AccountCode="310", TaxType="INPUT2", DiscountRate=10)]
    refused(api.put("Invoices", bill(contact, LineItems=lines))[0], "Discounts")


def test_lines_left_out_are_deleted_and_lines_without_id_are_new(api: Api) -> None:
    [made] = api.put("Invoices", invoice(api.contact(), LineItems=[line(1), line(2), line(3)]))
    first, second, _ = (one["LineItemID"] for one in made["LineItems"])
    asked = [{"LineItemID": second, "Quantity": 5}, line(7)]
    [changed] = api.post("Invoices", {"InvoiceID": made["InvoiceID"], "LineItems": asked})
    assert [one["LineAmount"] for one in changed["LineItems"]] == [10, 7]
    assert changed["LineItems"][0]["LineItemID"] == second
    assert changed["LineItems"][1]["LineItemID"] not in (first, second)
    again = {"InvoiceID": made["InvoiceID"], "LineItems": [{"LineItemID": first}]}
    refused(api.post("Invoices", again)[0], "LineItemID")


@pytest.mark.parametrize(
    ("fields", "possible"),
    [
        ({"Reference": "new"}, True),
        ({"DueDate": "2027-01-01"}, True),
        ({"InvoiceNumber": "B-1"}, True),
        ({"Url": "https://orders.example/1"}, True),
        ({"Date": "2026-11-03"}, False),
        ({"LineAmountTypes": "Inclusive"}, False),
        ({"LineItems": [{"Quantity": 2}]}, False),
        ({"LineItems": [{"Description": "other", "AccountCode": "260"}]}, True),
        ({"Status": "VOIDED"}, False),
    ],
)
def test_what_can_change_on_a_part_paid_invoice(
    api: Api, sandbox: Sandbox, fields: dict[str, Any], possible: bool
) -> None:
    [made] = api.put("Invoices", invoice(api.contact(), "A-1", Status="AUTHORISED"))
    sandbox.edit("pay", number="A-1", amount=5)
    if "LineItems" in fields:
        key = made["LineItems"][0]["LineItemID"]
        fields = {"LineItems": [{"LineItemID": key, **fields["LineItems"][0]}]}
    [changed] = api.post("Invoices", {"InvoiceID": made["InvoiceID"], **fields})
    if possible:
        assert changed["StatusAttributeString"] == "OK", texts(changed)
    else:
        refused(changed, "This document cannot be edited as it has a payment or credit note allocated to it.")


def test_nothing_on_a_part_paid_bill_can_change(api: Api, sandbox: Sandbox) -> None:
    [made] = api.put("Invoices", bill(api.contact(), Status="AUTHORISED"))
    sandbox.edit("pay", id=made["InvoiceID"], amount=5)
    refused(
        api.post("Invoices", {"InvoiceID": made["InvoiceID"], "DueDate": "2027-01-01"})[0],
        "payment or credit",
    )


def test_a_locked_period_takes_nothing_voiding_included(api: Api, sandbox: Sandbox) -> None:
    contact = api.contact()
    [made] = api.put("Invoices", invoice(contact, "A-1", Status="AUTHORISED"))
    sandbox.edit("lock", period="2026-11-02")
    text = "The document date cannot be before the period lock date, currently set at 2 November 2026"
    refused(api.put("Invoices", invoice(contact, "A-2"))[0], text)
    refused(api.post("Invoices", {"InvoiceID": made["InvoiceID"], "Status": "VOIDED"})[0], text)
    assert api.put("Invoices", invoice(contact, "A-3", Date="2026-11-03"))[0]["StatusAttributeString"] == "OK"
    sandbox.edit("lock", period=None)
    assert api.post("Invoices", {"InvoiceID": made["InvoiceID"], "Status": "VOIDED"})[0]["Status"] == "VOIDED"


def test_sent_to_contact_on_a_draft_is_a_warning(api: Api) -> None:
    [made] = api.put("Invoices", invoice(api.contact(), SentToContact=True))
    assert (made["StatusAttributeString"], made["SentToContact"]) == ("WARNING", False)
    assert "SentToContact" in made["Warnings"][0]["Message"]


def test_an_unknown_id_fails_the_whole_request(api: Api, sandbox: Sandbox) -> None:
    contact, unknown = api.contact(), "11111111-2222-4333-8444-555555555555"
    for method, bad in (("PUT", invoice(unknown)), ("POST", {"InvoiceID": unknown, "Reference": "x"})):
        answer = api.write(method, "Invoices", invoice(contact, f"A-{method}"), bad)
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
    assert api.list("Invoices") == []
    sandbox.settings(switches={"unknown_id_in_body": "element"})
    good, bad = api.put("Invoices", invoice(contact, "A-1"), invoice(unknown))
    assert good["StatusAttributeString"] == "OK"
    refused(bad, "could not be found")


def test_fields_beside_the_contact_id_edit_the_contact_and_a_name_alone_makes_one(api: Api) -> None:
    contact = api.contact()
    api.put("Invoices", invoice(contact, Contact={"ContactID": contact, "EmailAddress": "new@example.com"}))
    assert api.list("Contacts", IDs=contact)[0]["EmailAddress"] == "new@example.com"
    [made] = api.put("Invoices", invoice(contact, Contact={"Name": "Nobody Yet Ltd"}))
    assert made["Contact"]["Name"] == "Nobody Yet Ltd"
    assert [one["IsCustomer"] for one in api.list("Contacts")] == [True, True]


def test_an_archived_contact_takes_no_invoice(api: Api, sandbox: Sandbox) -> None:
    contact = api.contact()
    sandbox.edit("archive_contact", id=contact)
    refused(api.put("Invoices", invoice(contact))[0], "matched an archived contact")


def test_at_most_fifty_documents_and_three_and_a_half_megabytes(api: Api) -> None:
    contact = api.contact()
    assert api.write("PUT", "Invoices", *[invoice(contact)] * 51).status_code == 400
    assert len(api.put("Invoices", *[invoice(contact)] * 50)) == 50
    heavy = invoice(contact, LineItems=[line(Description="x" * 3999) for _ in range(900)])
    assert api.unjudged().write("PUT", "Invoices", heavy).status_code == 413


@pytest.mark.parametrize(("decimals", "unit", "total"), [("2", 1.23, 123), ("4", 1.2346, 123.46)])
def test_unit_amounts_have_two_decimals_or_four(api: Api, decimals: str, unit: float, total: float) -> None:
    asked = invoice(api.contact(), LineItems=[line(1.23456, Quantity=100)])
    [made] = api.put("Invoices", asked, unitdp=decimals)
    assert (made["LineItems"][0]["UnitAmount"], made["SubTotal"]) == (unit, total)
    [read] = api.list("Invoices", page=1, unitdp="2")
    assert money(read["LineItems"][0]["UnitAmount"]) == money("1.23")


def test_the_rate_of_a_foreign_currency_is_the_days(api: Api) -> None:
    own, foreign, given = api.put(
        "Invoices",
        invoice(contact := api.contact()),
        invoice(contact, CurrencyCode="EUR"),
        invoice(contact, CurrencyCode="EUR", CurrencyRate=1.2),
    )
    assert [one["CurrencyRate"] for one in (own, foreign, given)] == [1, 1.15, 1.2]


def test_a_document_that_is_erased_was_never_there(api: Api, sandbox: Sandbox) -> None:
    contact = api.contact()
    [made] = api.put("Invoices", invoice(contact, "A-1"))
    sandbox.edit("erase", kind="invoice", number="A-1")
    assert api.get(f"Invoices/{made['InvoiceID']}").status_code == 404
    assert api.list("Invoices", IDs=made["InvoiceID"]) == []
    assert api.put("Invoices", invoice(contact, "A-1"))[0]["StatusAttributeString"] == "OK"


def test_a_later_xero_may_answer_what_the_contract_does_not_name(api: Api, sandbox: Sandbox) -> None:
    [made] = api.put("Invoices", invoice(api.contact(), "A-1"))
    sandbox.advance(5)
    sandbox.edit("rewrite", kind="invoice", number="A-1", fields={"Status": "DISPUTED", "Type": "ACCBARTER"})
    [found] = api.unjudged().list("Invoices", page=1)
    assert (found["Status"], found["Type"], found["Total"]) == ("DISPUTED", "ACCBARTER", made["Total"])
    assert found["UpdatedDateUTC"] > made["UpdatedDateUTC"]
