"""What is read of an organisation: its books, its contacts, its documents, its complaints."""

from datetime import date
from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.books import Account, PaymentTerms, TaxRate
from tasks.exporting.books import open_books, read_lists
from tasks.xero.wire import messages, read_books, read_contact, read_document
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
    ("row", "type_", "mark"),
    [
        ({"InvoiceID": "1", "Type": "ACCREC", "Url": "http://m/1", "Reference": "R"}, "ACCREC", "http://m/1"),
        ({"InvoiceID": "1", "Type": "SOMETHINGNEW"}, "SOMETHINGNEW", None),
        ({"PurchaseOrderID": "1", "Reference": "SO-1 [so-1]"}, "PURCHASEORDER", "SO-1 [so-1]"),
    ],
)
def test_documents_are_read_by_their_mark(row: dict[str, Any], type_: str, mark: str | None) -> None:
    found = read_document(
        row | {"Total": D("1.10"), "Status": "NEWSTATUS", "DateString": "2026-10-01T00:00:00"}
    )
    assert (found.id, found.type, found.mark, found.total) == ("1", type_, mark, D("1.10"))
    assert (found.date, found.status, found.alive) == (date(2026, 10, 1), "NEWSTATUS", True)


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
