"""Payments and credits: what they do to an invoice."""

from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tests.sandbox.api import Api, bill, invoice, line, refused


def sale(api: Api, **fields: Any) -> str:
    [made] = api.put("Invoices", invoice(api.contact(), "A-1", Status="AUTHORISED", **fields))
    return str(made["InvoiceID"])


def payment(key: str, amount: float = 5, **fields: Any) -> dict[str, Any]:
    return {
        "Invoice": {"InvoiceID": key},
        "Account": {"Code": "090"},
        "Date": "2026-11-05",
        "Amount": amount,
        **fields,
    }


def read(api: Api, key: str) -> dict[str, Any]:
    [found] = api.get(f"Invoices/{key}").json()["Invoices"]
    return dict(found)


def test_part_paid_paid_and_unpaid_again(api: Api) -> None:
    key = sale(api)
    [first] = api.put("Payments", payment(key))
    assert (first["Status"], first["PaymentType"]) == ("AUTHORISED", "ACCRECPAYMENT")
    found = read(api, key)
    assert (found["Status"], found["AmountPaid"], found["AmountDue"]) == ("AUTHORISED", 5, 7)
    [second] = api.put("Payments", payment(key, 7))
    found = read(api, key)
    assert (found["Status"], found["AmountDue"]) == ("PAID", 0)
    assert found["FullyPaidOnDate"] == "/Date(1793836800000+0000)/"
    assert [one["PaymentID"] for one in found["Payments"]] == [first["PaymentID"], second["PaymentID"]]
    deleted = api.http.post(f"Payments/{second['PaymentID']}", json={"Status": "DELETED"})
    assert deleted.json()["Payments"][0]["Status"] == "DELETED"
    found = read(api, key)
    assert (found["Status"], found["AmountDue"]) == ("AUTHORISED", 7)
    assert "FullyPaidOnDate" not in found
    assert api.http.post(f"Payments/{second['PaymentID']}", json={"Status": "DELETED"}).status_code == 400


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"Amount": 12.01}, "exceeds the amount outstanding"),
        ({"Amount": 0}, "greater than zero"),
        ({"Account": {"Code": "200"}}, "bank account"),
        ({"PaymentID": "11111111-2222-4333-8444-555555555555"}, "cannot be updated"),
    ],
)
def test_payments_that_are_refused(api: Api, fields: dict[str, Any], text: str) -> None:
    refused(api.put("Payments", {**payment(sale(api)), **fields})[0], text)


def test_only_authorised_documents_are_paid(api: Api) -> None:
    [made] = api.put("Invoices", invoice(api.contact()))
    refused(api.put("Payments", payment(made["InvoiceID"]))[0], "Authorised")


def test_a_paid_invoice_cannot_be_voided(api: Api) -> None:
    key = sale(api)
    api.put("Payments", payment(key, 12))
    refused(
        api.post("Invoices", {"InvoiceID": key, "Status": "VOIDED"})[0], "payment or credit note allocated"
    )


@pytest.mark.parametrize("moves", [True, False])
def test_a_payment_moves_the_invoices_stamp_or_not(api: Api, sandbox: Sandbox, moves: bool) -> None:
    sandbox.settings(switches={"payment_moves_invoice": moves})
    key = sale(api)
    before = read(api, key)["UpdatedDateUTC"]
    sandbox.advance(60)
    sandbox.edit("pay", id=key, amount=5)
    assert (read(api, key)["UpdatedDateUTC"] != before) is moves


@pytest.mark.parametrize("quiet", [True, False])
def test_the_due_date_of_a_part_paid_invoice_moves_nothing(api: Api, sandbox: Sandbox, quiet: bool) -> None:
    sandbox.settings(switches={"quiet_edits": quiet})
    key = sale(api)
    sandbox.edit("pay", id=key, amount=5)
    before = read(api, key)["UpdatedDateUTC"]
    sandbox.advance(60)
    api.post("Invoices", {"InvoiceID": key, "DueDate": "2027-02-01"})
    after = read(api, key)
    assert after["DueDateString"] == "2027-02-01T00:00:00"
    assert (after["UpdatedDateUTC"] == before) is quiet


def test_deleted_payments_are_listed_or_not(api: Api, sandbox: Sandbox) -> None:
    key = sale(api)
    sandbox.edit("pay", id=key)
    sandbox.edit("remove_payment", id=key)
    assert [one["Status"] for one in api.list("Payments")] == ["DELETED"]
    sandbox.settings(switches={"deleted_payments_shown": False})
    assert api.list("Payments") == []


def note(api: Api, **fields: Any) -> dict[str, Any]:
    contact = api.list("Contacts")[0]["ContactID"]
    asked = {"Type": "ACCRECCREDIT", "Contact": {"ContactID": contact}, "LineItems": [line()], **fields}
    return dict(api.put("CreditNotes", asked)[0])


def test_a_credit_note_is_allocated_and_taken_back(api: Api) -> None:
    key = sale(api, LineItems=[line(20)])
    made = note(api, CreditNoteNumber="CN-7", Status="AUTHORISED")
    assert (made["Total"], made["RemainingCredit"]) == (12, 12)
    path = f"CreditNotes/{made['CreditNoteID']}/Allocations"
    asked = {"Allocations": [{"Amount": 12, "Date": "2026-11-06", "Invoice": {"InvoiceID": key}}]}
    answer = api.http.put(path, json=asked)
    assert answer.status_code == 200, answer.text
    found = read(api, key)
    assert (found["AmountCredited"], found["AmountDue"], found["Status"]) == (12, 12, "AUTHORISED")
    assert [(one["CreditNoteNumber"], one["AppliedAmount"]) for one in found["CreditNotes"]] == [("CN-7", 12)]
    [stored] = api.list("CreditNotes", page=1)
    assert (stored["RemainingCredit"], stored["Status"]) == (0, "PAID")
    assert api.http.put(path, json=asked).status_code == 400
    allocation = answer.json()["Allocations"][0]["AllocationID"]
    assert api.http.delete(f"{path}/{allocation}").status_code == 200
    assert read(api, key)["AmountDue"] == 24


@pytest.mark.parametrize("missing", ["Amount", "Invoice", "Date"])
def test_an_allocation_needs_all_three(api: Api, missing: str) -> None:
    key = sale(api)
    made = note(api, Status="AUTHORISED")
    allocation: dict[str, Any] = {"Amount": 1, "Date": "2026-11-06", "Invoice": {"InvoiceID": key}}
    del allocation[missing]
    path = f"CreditNotes/{made['CreditNoteID']}/Allocations"
    assert api.unjudged().http.put(path, json={"Allocations": [allocation]}).status_code == 400


def test_credit_notes_have_their_own_numbers_and_no_discounts(api: Api) -> None:
    sale(api)
    assert note(api)["CreditNoteNumber"] == "CN-0001"
    note(api, CreditNoteNumber="CN-7")
    refused(note(api, CreditNoteNumber="CN-7"), "must be unique")
    refused(note(api, LineItems=[line(DiscountRate=5)]), "Discounts")


@pytest.mark.parametrize(
    ("by", "name"),
    [("credit_note", "CreditNotes"), ("prepayment", "Prepayments"), ("overpayment", "Overpayments")],
)
def test_a_person_credits_an_invoice(api: Api, sandbox: Sandbox, by: str, name: str) -> None:
    key = sale(api)
    sandbox.edit("credit", id=key, amount=12, by=by)
    found = read(api, key)
    assert (found["Status"], found["AmountCredited"], len(found[name])) == ("PAID", 12, 1)
    assert api.list(name, page=1)[0]["RemainingCredit"] == 0


def test_bills_are_paid_too(api: Api) -> None:
    [made] = api.put("Invoices", bill(api.contact(), Status="AUTHORISED"))
    [paid] = api.put("Payments", payment(made["InvoiceID"], 12))
    assert paid["PaymentType"] == "ACCPAYPAYMENT"
