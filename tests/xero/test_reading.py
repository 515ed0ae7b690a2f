"""What is read of an organisation: its books, its contacts, its documents, its complaints."""

import json
from datetime import date
from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.books import Account, PaymentTerms, SeenDocument, TaxRate, Unread
from tasks.domain.outcomes import Cause
from tasks.exporting.books import open_books, read_lists
from tasks.xero.endpoints import CREDIT_NOTES, INVOICES, PREPAYMENTS, PURCHASE_ORDERS, Endpoint
from tasks.xero.lines import digest
from tasks.xero.reading import read_document, read_documents, read_written
from tasks.xero.wire import messages, read_books, read_contact
from tests.mapping.given import D
from tests.support import Connect


@pytest.fixture
def connection(connect: Connect) -> Connection:
    return connect()


def test_the_sandboxs_books_are_read(connection: Connection) -> None:
    books = open_books(connection, read_lists(connection))
    assert (books.tenant_name, books.base_currency) == ("Sandbox Trading Ltd", "GBP")
    assert books.accounts["200"] == Account("200", "Sales", "REVENUE", "REVENUE", "ACTIVE")
    assert books.accounts["202"].status == "ARCHIVED"
    assert books.tax_rates["INPUT2"] == TaxRate(
        "INPUT2", "20% (VAT on Expenses)", D(20), "ACTIVE", frozenset({"ASSET", "EXPENSE", "LIABILITY"})
    )
    assert books.tax_rates["TAX001"].compound
    assert books.currencies == {"GBP", "EUR", "USD"}
    assert books.tracking == {"Warehouse": {"London", "Paris", "Berlin"}, "Channel": {"Web", "Shop", "B2B"}}
    assert "MUG-01" in books.items
    assert books.locked_until is None


def test_books_leave_out_what_cannot_be_named() -> None:
    books = read_books(
        {"Name": "Ada Ltd", "BaseCurrency": "NZD"},
        [{"Code": "610", "SystemAccount": "DEBTORS", "Status": "ACTIVE"}, {"Name": "Bank without a code"}],
        [{"TaxType": "NONE", "EffectiveRate": D("0.0"), "TaxComponents": None}, {"Name": "no type"}],
        [{"Code": "EUR"}],
        [
            {
                "Name": "Place",
                "Status": "ACTIVE",
                "Options": [{"Name": "A"}, {"Name": "B", "Status": "ARCHIVED"}],
            },
            {"Name": "Gone", "Status": "ARCHIVED", "Options": [{"Name": "C"}]},
        ],
        [],
    )
    assert {code: account.system for code, account in books.accounts.items()} == {"610": "DEBTORS"}
    assert set(books.tax_rates) == {"NONE"}
    assert books.currencies == {"NZD", "EUR"}
    assert books.tracking == {"Place": {"A"}}


def test_lock_dates_are_read(connection: Connection, sandbox: Sandbox) -> None:
    sandbox.edit("lock", period="2026-03-31", year_end="2025-12-31")
    books = open_books(connection, read_lists(connection))
    assert (books.period_lock_date, books.end_of_year_lock_date) == (date(2026, 3, 31), date(2025, 12, 31))


def test_contacts_are_read_with_their_terms() -> None:
    terms = {"Sales": {"Day": 14, "Type": "DAYSAFTERBILLDATE"}, "Bills": {"Type": "OFFOLLOWINGMONTH"}}
    row = {
        "ContactID": "1",
        "Name": "Ada",
        "ContactStatus": "ARCHIVED",
        "ContactNumber": "",
        "PaymentTerms": terms,
    }
    found = read_contact(row | {"MergedToContactID": "2"})
    assert (found.active, found.number, found.merged_to) == (False, None, "2")
    assert found.sales_terms == PaymentTerms(14, "DAYSAFTERBILLDATE")
    assert found.bill_terms == PaymentTerms(0, "OFFOLLOWINGMONTH")
    assert read_contact({"ContactID": "1"}).sales_terms is None


@pytest.mark.parametrize(
    ("endpoint", "row", "type_", "mark"),
    [
        (INVOICES, {"InvoiceID": "1", "Type": "ACCREC", "Url": "http://m/1"}, "ACCREC", "http://m/1"),
        (
            PURCHASE_ORDERS,
            {"PurchaseOrderID": "1", "Reference": "SO-1 [so-1]"},
            "PURCHASEORDER",
            "SO-1 [so-1]",
        ),
        (CREDIT_NOTES, {"CreditNoteID": "1", "Type": "ACCRECCREDIT"}, "ACCRECCREDIT", None),
        (PREPAYMENTS, {"PrepaymentID": "1", "Type": "RECEIVE-PREPAYMENT"}, "RECEIVE-PREPAYMENT", None),
    ],
)
def test_documents_are_read_with_their_mark(
    endpoint: Endpoint, row: dict[str, Any], type_: str, mark: str | None
) -> None:
    common = {
        "Total": D("1.10"),
        "Status": "AUTHORISED",
        "DateString": "2026-10-01T00:00:00",
        "UpdatedDateUTC": "/Date(1789344000123+0000)/",
    }
    found = read_document(endpoint, row | common)
    assert (found.id, found.type, found.mark, found.total) == ("1", type_, mark, D("1.10"))
    assert (found.date, found.status, found.alive) == (date(2026, 10, 1), "AUTHORISED", True)
    assert found.modified == "2026-09-14T00:00:00.123+00:00"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"InvoiceID": "1", "Type": "SOMETHINGNEW", "Status": "DRAFT"}, "Type"),
        ({"InvoiceID": "1", "Type": "ACCREC", "Status": "SOMETHINGNEW"}, "Status"),
        ({"InvoiceID": "1", "Type": "ACCREC", "Status": "DRAFT", "Total": "NaN"}, "Total"),
        ({"InvoiceID": "1", "Type": "ACCREC", "Status": "DRAFT", "DueDateString": "soon"}, "DueDate"),
        ({"Type": "ACCREC", "Status": "DRAFT"}, "InvoiceID"),
        ({"InvoiceID": "1", "Type": "ACCREC", "Status": "DRAFT", "InvoiceNumber": 7}, "InvoiceNumber"),
        ({"InvoiceID": "1", "Type": "ACCREC", "Status": "DRAFT", "LineItems": 7}, None),
        ({"InvoiceID": "1", "Type": "ACCREC", "Status": "DRAFT", "LineItems": [None]}, None),
        ({"InvoiceID": "1", "Type": "ACCREC", "Status": "DRAFT", "LineItems": [{"Description": 7}]}, None),
        ({"InvoiceID": "1", "Type": "ACCREC", "Status": "DRAFT", "LineItems": [{"TaxType": [7]}]}, None),
        ({"InvoiceID": "1", "Type": "ACCREC", "Status": "DRAFT", "LineItems": [{"Tracking": 7}]}, None),
        (
            {"InvoiceID": "1", "Type": "ACCREC", "Status": "DRAFT", "LineItems": [{"Quantity": "x"}]},
            "Quantity",
        ),
        (
            {"InvoiceID": "1", "Type": "ACCREC", "Status": "DRAFT", "LineItems": [{"LineAmount": "x"}]},
            "LineAmount",
        ),
        ("no row at all", None),
    ],
)
def test_what_cannot_be_read_is_kept_as_it_came_and_hides_no_other(row: Any, field: str | None) -> None:
    fine = {"InvoiceID": "2", "Type": "ACCREC", "Status": "DRAFT"}
    broken, read = read_documents(INVOICES, [row, fine])
    assert isinstance(broken, Unread)
    assert (broken.finding.cause, broken.finding.field) == (Cause.unreadable, field)
    assert json.loads(broken.raw) == row
    assert isinstance(read, SeenDocument)


MUGS = {"Description": "Mug", "Quantity": 3, "UnitAmount": D("12.5"), "TaxType": "OUTPUT2"}


@pytest.mark.parametrize("mark", [{}, {"Url": "http://m/1"}])
def test_lines_are_read_of_our_documents_and_of_others(mark: dict[str, str]) -> None:
    row = {"InvoiceID": "1", "Type": "ACCREC", "Status": "DRAFT", "LineAmountTypes": "Exclusive", **mark}
    lines = [MUGS | {"LineAmount": D("37.5"), "TaxAmount": D("7.5")}]
    found = read_document(INVOICES, row | {"LineItems": lines})
    assert (found.line_count, found.lines) == (1, digest(lines))
    assert found.taxes == '{"OUTPUT2":["37.50","7.50"]}'
    for summary in (row, row | {"LineItems": []}, row | {"LineItems": None}):
        none = read_document(INVOICES, summary)
        assert (none.line_count, none.lines, none.taxes) == (0, "", "")


def test_what_was_written_is_read_as_its_endpoint_reads_it() -> None:
    common = {"Status": "DRAFT", "Reference": "SO-1 [so-1]", "LineItems": [MUGS]}
    order = common | {"PurchaseOrderID": "1"}
    assert read_written(order) == read_document(PURCHASE_ORDERS, order)
    bill = common | {"InvoiceID": "1", "Type": "ACCPAY"}
    assert read_written(bill) == read_document(INVOICES, bill)
    note = common | {"CreditNoteID": "1", "Type": "ACCPAYCREDIT"}
    assert read_written(note) == read_document(CREDIT_NOTES, note)
    assert read_written(bill | {"Status": "SOMETHINGNEW"}) is None
    assert read_written({"ContactID": "1", "Name": "Ada"}) is None


def test_all_of_xeros_texts_are_collected_once() -> None:
    row = {
        "ValidationErrors": [{"Message": "A"}, {"Description": "B"}],
        "Warnings": [{"Message": "C"}],
        "Contact": {"ValidationErrors": [{"Message": "D"}]},
        "LineItems": [
            {"ValidationErrors": [{"Message": "A"}, {"Message": "E"}]},
            {"ValidationErrors": None},
            {},
        ],
    }
    assert messages(row) == ["A", "B", "C", "D", "E"]
    assert messages({}) == []
