"""When a document falls due: by Xero's payment terms, and by what goes before them."""

from datetime import date

import pytest

from tasks.domain.books import PaymentTerms, XeroContact
from tasks.domain.outcomes import Cause
from tasks.mapping.contacts import Directory
from tasks.mapping.due import due_by_terms
from tests.mapping.given import held, mapped, order, purchase, rules


@pytest.mark.parametrize(
    ("issued", "type_", "day", "due"),
    [
        ("2026-10-01", "DAYSAFTERBILLDATE", 14, "2026-10-15"),
        ("2026-12-31", "DAYSAFTERBILLDATE", 1, "2027-01-01"),
        ("2028-02-28", "DAYSAFTERBILLDATE", 1, "2028-02-29"),
        ("2026-10-01", "DAYSAFTERBILLDATE", 0, "2026-10-01"),
        ("2026-10-15", "DAYSAFTERBILLMONTH", 5, "2026-11-05"),
        ("2026-01-31", "DAYSAFTERBILLMONTH", 30, "2026-03-02"),
        ("2028-01-31", "DAYSAFTERBILLMONTH", 29, "2028-02-29"),
        ("2026-12-01", "DAYSAFTERBILLMONTH", 10, "2027-01-10"),
        ("2026-10-15", "OFCURRENTMONTH", 20, "2026-10-20"),
        ("2026-02-01", "OFCURRENTMONTH", 31, "2026-02-28"),
        ("2028-02-01", "OFCURRENTMONTH", 31, "2028-02-29"),
        ("2026-10-25", "OFCURRENTMONTH", 20, "2026-10-25"),
        ("2026-10-15", "OFFOLLOWINGMONTH", 20, "2026-11-20"),
        ("2026-12-15", "OFFOLLOWINGMONTH", 20, "2027-01-20"),
        ("2026-01-31", "OFFOLLOWINGMONTH", 31, "2026-02-28"),
        ("2028-01-05", "OFFOLLOWINGMONTH", 30, "2028-02-29"),
    ],
)
def test_terms_are_counted_as_xero_names_them(issued: str, type_: str, day: int, due: str) -> None:
    assert due_by_terms(date.fromisoformat(issued), PaymentTerms(day, type_)) == date.fromisoformat(due)


def test_terms_that_nobody_knows_give_no_date() -> None:
    assert due_by_terms(date(2026, 10, 1), PaymentTerms(5, "FULLMOON")) is None


def directory(*, sales: int | None = None, bills: int | None = None) -> Directory:
    """Our contact in Xero, with terms of so many days for one side."""
    terms = [None if days is None else PaymentTerms(days, "DAYSAFTERBILLDATE") for days in (sales, bills)]
    found = Directory()
    found.add([XeroContact("x-1", "Harbour Homes Ltd", "ACTIVE", "MS-c-1", None, *terms)])
    return found


@pytest.mark.parametrize(
    ("own", "terms", "days", "due"),
    [
        pytest.param(date(2026, 10, 9), 14, 30, date(2026, 10, 9), id="the order's own"),
        pytest.param(None, 14, 30, date(2026, 10, 15), id="else the contact's terms"),
        pytest.param(None, None, 30, date(2026, 10, 31), id="else the rule's days"),
        pytest.param(None, None, 0, date(2026, 10, 1), id="no days are days"),
        pytest.param(None, None, None, None, id="else none"),
    ],
)
def test_who_decides_on_the_due_date(
    own: date | None, terms: int | None, days: int | None, due: date | None
) -> None:
    given = rules(customer={"due_days": days})
    assert mapped(order(due_date=own), given, directory=directory(sales=terms)).due_date == due


def test_days_are_counted_from_the_documents_date() -> None:
    made = mapped(order(billing_date=date(2026, 10, 20)), rules(customer={"due_days": 5}))
    assert made.due_date == date(2026, 10, 25)


@pytest.mark.parametrize(("sales", "bills", "due"), [(3, 14, date(2026, 10, 15)), (3, None, None)])
def test_bills_have_terms_of_their_own(sales: int, bills: int | None, due: date | None) -> None:
    bill = purchase(external_reference="INV-9")
    made = mapped(bill, rules(supplier={"document": "bill"}), directory=directory(sales=sales, bills=bills))
    assert made.due_date == due


def test_an_approved_document_without_a_due_date_is_held() -> None:
    [found] = held(order(), rules(customer={"status": "AUTHORISED"}))
    assert (found.cause, found.field) == (Cause.due_date_missing, "dueDate")


def test_a_purchase_order_needs_none_and_has_none() -> None:
    made = mapped(purchase(due_date=date(2026, 11, 1)), rules(supplier={"status": "AUTHORISED"}))
    assert made.due_date is None
