"""An order becomes a draft that Xero will take, or is held with every reason at once."""

from dataclasses import replace
from datetime import date

import pytest

from tasks.domain.documents import DocumentType, LineAmountTypes
from tasks.domain.orders import Order, Totals
from tasks.domain.outcomes import Cause, OrderState
from tasks.mapping.document import standing
from tests.mapping.given import D, books, causes, held, line, mapped, order, purchase, rules

BILL = rules(supplier={"document": "bill"})


def test_an_order_becomes_an_invoice_with_its_facts() -> None:
    made = mapped(order(external_reference="PO-77", due_date=date(2026, 11, 1)))
    assert (made.type, made.number, made.reference) == (DocumentType.invoice, "MS-CO-2026-00001", "PO-77")
    assert made.mark == "https://monstock.example/app/customer-orders/co-1"
    assert (made.date, made.due_date, made.delivery_date) == (date(2026, 10, 1), date(2026, 11, 1), None)
    assert (made.currency, made.status, made.warnings) == ("GBP", "DRAFT", ())
    assert made.total == Totals(D("37.50"), D("7.50"), D("45.00"))


def test_a_supplier_order_becomes_a_purchase_order_marked_in_its_reference() -> None:
    made = mapped(purchase(external_reference="INV-9", expected_delivery_date=date(2026, 10, 20)))
    assert (made.type, made.number) == (DocumentType.purchase_order, "MS-SO-2026-00001")
    assert (made.mark, made.reference) == ("SO-2026-00001 [MS-so-1]", None)
    assert made.delivery_date == date(2026, 10, 20)


def test_a_bill_bears_the_suppliers_own_number() -> None:
    made = mapped(purchase(external_reference="R-2026, Nr. 7 (Müller)"), BILL)
    assert (made.type, made.number, made.warnings) == (DocumentType.bill, "R-2026, Nr. 7 (Müller)", ())
    assert (made.reference, made.delivery_date) == (None, None)
    assert made.mark == "https://monstock.example/app/supplier-orders/so-1"


@pytest.mark.parametrize("missing", [None, ""])
def test_a_bill_without_the_suppliers_number_is_sent_with_a_warning(missing: str | None) -> None:
    made = mapped(purchase(external_reference=missing), BILL)
    assert made.number == "MS-SO-2026-00001"
    assert causes(made.warnings) == [Cause.number_missing]


@pytest.mark.parametrize(
    ("pattern", "external", "number"),
    [
        ("{prefix}{reference}", None, "MS-CO-2026-00001"),
        ("{year}/{id}", None, "2027/co-1"),
        ("{prefix}{external}", "PO-77", "MS-PO-77"),
        ("{prefix}{external}", None, "MS-CO-2026-00001"),
    ],
)
def test_numbers_follow_the_pattern(pattern: str, external: str | None, number: str) -> None:
    made = order(external_reference=external, billing_date=date(2027, 1, 2))
    assert mapped(made, rules(customer={"number": pattern})).number == number


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("CO-Ä-1", "has characters beyond ASCII"),
        ("CO\t1", "has characters beyond ASCII"),
        ("CO,1", "contains a comma"),
        ("C" * 253, "is longer than 255"),
    ],
)
@pytest.mark.parametrize("purchased", [False, True], ids=["invoice", "purchase order"])
def test_a_number_that_xero_cannot_keep_is_held(reference: str, said: str, purchased: bool) -> None:
    made = purchase() if purchased else order()
    [found] = held(replace(made, reference=reference))
    assert (found.cause, found.field) == (Cause.number_invalid, "reference")
    assert said in found.detail


@pytest.mark.parametrize(("length", "fits"), [(255, True), (256, False)])
def test_a_bills_number_may_be_as_long_as_xero_keeps(length: int, fits: bool) -> None:
    made = purchase(external_reference="R" * length)
    assert mapped(made, BILL).number if fits else causes(held(made, BILL)) == [Cause.number_invalid]


@pytest.mark.parametrize(("length", "warned"), [(255, []), (256, [Cause.text_cut])])
def test_the_customers_number_is_cut_at_xeros_limit(length: int, warned: list[Cause]) -> None:
    made = mapped(order(external_reference="P" * length))
    assert len(made.reference or "") == 255
    assert causes(made.warnings) == warned


@pytest.mark.parametrize(
    ("id_", "mark"),
    [
        ("a b/c?d#e", "https://monstock.example/app/customer-orders/a%20b%2Fc%3Fd%23e"),
        ("Größe", "https://monstock.example/app/customer-orders/Gr%C3%B6%C3%9Fe"),
    ],
)
def test_an_odd_id_stays_one_part_of_the_address(id_: str, mark: str) -> None:
    assert mapped(order(id=id_)).mark == mark


def test_an_address_that_contains_xero_is_held() -> None:
    [found] = held(order(id="co-XeroX-1"))
    assert (found.cause, found.field) == (Cause.mark_invalid, "reference")


def test_a_purchase_orders_mark_may_contain_xero() -> None:
    assert mapped(replace(purchase(), id="so-xero-1")).mark == "SO-2026-00001 [MS-so-xero-1]"


@pytest.mark.parametrize("made", [order(), purchase()], ids=["invoice", "purchase order"])
def test_a_later_generation_shows_in_number_and_mark(made: Order) -> None:
    first, third = mapped(made), mapped(made, generation=3)
    assert third.number == f"{first.number}-3"
    assert third.mark != first.mark


@pytest.mark.parametrize(("with_tax", "spelling"), [(False, "Exclusive"), (True, "Inclusive")])
def test_prices_stay_with_or_without_tax(with_tax: bool, spelling: str) -> None:
    own = Totals(D("31.25"), D("6.25"), D("37.50")) if with_tax else Totals(D("37.50"), D("7.50"), D(45))
    made = mapped(order(prices_include_tax=with_tax, totals=own))
    assert made.line_amount_types is LineAmountTypes(spelling)
    assert made.total == own


def test_a_currency_that_is_not_subscribed_is_held() -> None:
    [found] = held(order(currency="CHF"))
    assert (found.cause, found.field) == (Cause.currency, "currency")
    assert found.detail == "Sandbox Trading Ltd is not subscribed to currency CHF."


@pytest.mark.parametrize("lock", ["period_lock_date", "end_of_year_lock_date"])
@pytest.mark.parametrize(
    ("locked", "billed", "field"),
    [
        ("2026-10-01", None, "orderDate"),
        ("2026-09-30", None, None),
        ("2026-10-05", "2026-10-05", "billingDate"),
        ("2026-10-05", "2026-10-06", None),
    ],
)
def test_the_last_locked_day_is_locked(lock: str, locked: str, billed: str | None, field: str | None) -> None:
    live = books(**{lock: date.fromisoformat(locked)})
    made = order(billing_date=billed and date.fromisoformat(billed))
    if field is None:
        assert mapped(made, books=live)
    else:
        [found] = held(made, books=live)
        assert (found.cause, found.field) == (Cause.locked, field)


def test_all_causes_are_reported_at_once() -> None:
    bad = line(tax_rate="21", unit_price="0.33333", category="Toys")
    made = order(
        bad,
        currency="CHF",
        reference="CO,1",
        id="xero-1",
        contact=replace(order().contact, name=""),
        warehouse="Rome",
    )
    given = rules(
        customer={"default_account": "999", "status": "AUTHORISED"}, warehouse={"category": "Warehouse"}
    )
    assert set(causes(held(made, given, books(period_lock_date=date(2026, 12, 31))))) == {
        Cause.contact_rejected,
        Cause.tracking_missing,
        Cause.not_representable,
        Cause.account_invalid,
        Cause.tax_unmapped,
        Cause.currency,
        Cause.locked,
        Cause.number_invalid,
        Cause.mark_invalid,
        Cause.due_date_missing,
    }


def test_totals_are_compared_whenever_the_lines_are_whole() -> None:
    made = order(contact=replace(order().contact, name=""), totals=Totals(D(1), D(0), D(1)))
    assert set(causes(held(made))) == {Cause.contact_rejected, Cause.totals_disagree}
    assert Cause.totals_disagree not in causes(held(replace(made, lines=(line(tax_rate="21"),))))


@pytest.mark.parametrize(
    ("facts", "trigger", "expected"),
    [
        pytest.param({}, "confirmed", OrderState.pending, id="confirmed"),
        pytest.param({}, "fulfilled", OrderState.not_due, id="not fulfilled yet"),
        pytest.param({"fulfilment": "partial"}, "fulfilled", OrderState.not_due, id="partly fulfilled"),
        pytest.param({"fulfilment": "done"}, "fulfilled", OrderState.pending, id="fulfilled"),
        pytest.param({"status": "draft"}, "confirmed", OrderState.not_due, id="draft"),
        pytest.param({"status": "cancelled"}, "confirmed", OrderState.not_due, id="cancelled"),
        pytest.param({"status": "on_hold"}, "confirmed", OrderState.held, id="unknown status"),
        pytest.param({"fulfilment": "lost"}, "confirmed", OrderState.held, id="unknown fulfilment"),
        pytest.param(
            {"order_date": date(2025, 12, 31)},
            "confirmed",
            OrderState.before_cutover,
            id="before the cut-over",
        ),
        pytest.param(
            {"order_date": date(2025, 12, 31), "billing_date": date(2026, 1, 2)},
            "confirmed",
            OrderState.before_cutover,
            id="before the cut-over, billed after",
        ),
        pytest.param(
            {"order_date": date(2026, 1, 1)}, "confirmed", OrderState.pending, id="on the first day"
        ),
        pytest.param(
            {"order_date": date(2025, 1, 1), "status": "on_hold"},
            "confirmed",
            OrderState.held,
            id="old and unknown",
        ),
    ],
)
def test_whether_an_order_is_due(facts: dict[str, object], trigger: str, expected: OrderState) -> None:
    assert standing(order(**facts), rules(customer={"trigger": trigger})) is expected
