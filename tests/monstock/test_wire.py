"""Monstock's wire format: exact numbers, forgiving of what is new, precise about what is wrong."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.accounting import AccountingLink
from tasks.domain.errors import Unreadable
from tasks.domain.orders import Address, Contact, Kind, OrderLine, Shipping, Totals
from tasks.monstock.wire import link_body, order, record, shown
from tests.monstock.given import FULL, GONE, raw, read, wired

D = Decimal
CONTRACT = st.decimals(min_value=D("-9999999999999.999999"), max_value=D("9999999999999.999999"), places=6)


def test_an_order_is_read_whole() -> None:
    made = read(FULL)
    assert made.kind is Kind.customer
    assert (made.id, made.reference, made.external_reference) == ("co-1", "CO-2026-00001", "PO-77")
    assert (made.status, made.fulfilment, made.currency) == ("confirmed", "none", "GBP")
    assert (made.order_date, made.billing_date) == (date(2026, 10, 1), date(2026, 10, 2))
    assert (made.due_date, made.expected_delivery_date) == (date(2026, 11, 1), date(2026, 10, 20))
    assert made.document_date == date(2026, 10, 2)
    assert (made.warehouse, made.channel, made.prices_include_tax) == ("London", "Web", False)
    assert made.updated_at == datetime(2026, 10, 1, 10, 0, 0, 123_000, UTC)
    assert made.contact == Contact(
        id="c-1",
        name="Harbour Homes Ltd",
        email="accounts@harbour.example",
        vat_number="GB123456789",
        phone="+44 20 7946 0000",
        country_code="GB",
        address=Address("1 Quay", None, "Bristol", None, "BS1 1AA"),
    )
    assert made.lines == (
        OrderLine(
            "1",
            "Stoneware mug",
            D(3),
            D("12.5000"),
            D(20),
            "MUG-01",
            D(10),
            tax_code="STD",
            category="Homeware",
        ),
    )
    assert made.shipping == Shipping(D("4.95"), D(20))
    assert made.totals == Totals(D("38.70"), D("7.74"), D("46.44"))


def test_only_what_the_contract_requires_is_required() -> None:
    optional = {"externalReference", "billingDate", "dueDate", "expectedDeliveryDate", "warehouse", "channel"}
    optional |= {"shipping", "accounting", "deletedAt"}
    made = read(raw(**dict.fromkeys(optional, GONE), contact__address=None, lines__0__sku=GONE))
    assert (made.shipping, made.contact.address, made.lines[0].sku) == (None, None, None)
    assert made.document_date == made.order_date


def test_unknown_fields_are_ignored_everywhere() -> None:
    new = raw(loyalty={"points": 3}, contact__tier="gold", lines__0__colour="red", totals__rounding="0.00")
    assert read(new).lines == read(FULL).lines


def test_an_unknown_status_is_kept_for_a_person_to_see() -> None:
    made = read(raw(status="on_hold", fulfilmentStatus="lost"))
    assert (made.status, made.fulfilment) == ("on_hold", "lost")


@given(amount=CONTRACT, as_number=st.booleans())
def test_numbers_are_exact_as_text_and_as_json_numbers(amount: Decimal, as_number: bool) -> None:
    text = f"{amount:f}"
    sent = json.dumps(raw(lines__0__unitPrice="?")).replace('"?"', text if as_number else f'"{text}"')
    made = read(json.loads(sent, parse_float=Decimal))
    assert made.lines[0].unit_price == amount


@pytest.mark.parametrize(
    "number",
    [
        *("NaN", "Infinity", "1e5", "1E-7", "1,5", " 1", "1 ", "", "+1", "--1", ".5", "5.", "٣", "1_000"),
        *("12345678901234", "0.1234567", None, True, [], {}, D("1E+5"), D("1.1234567"), 10**13, 10**30),
    ],
    ids=repr,
)
def test_what_is_no_plain_decimal_is_refused(number: object) -> None:
    with pytest.raises(Unreadable) as refused:
        read(raw(lines__0__quantity=number))
    assert refused.value.field == "lines.0.quantity"


@pytest.mark.parametrize(
    "day", ["2026-13-01", "2026-02-30", "01/10/2026", "20261001", 0, 1790812800, "", None]
)
def test_what_is_no_calendar_date_is_refused(day: object) -> None:
    with pytest.raises(Unreadable) as refused:
        read(raw(orderDate=day))
    assert refused.value.field == "orderDate"


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"reference": GONE}, "reference", "Field required"),
        ({"reference": ""}, "reference", "at least 1 character"),
        ({"id": 7}, "id", "valid string (it is 7)"),
        ({"kind": "internal"}, "kind", "'customer' or 'supplier'"),
        ({"currency": "gbp"}, "currency", "(it is 'gbp')"),
        ({"lines": []}, "lines", "at least 1 item"),
        ({"lines__0__name": None}, "lines.0.name", "valid string"),
        ({"contact__id": ""}, "contact.id", "at least 1 character"),
        ({"contact__id": "c" * 65}, "contact.id", "at most 64 characters"),
        ({"totals__gross": GONE}, "totals.gross", "Field required"),
        ({"shipping": {"amount": "5"}}, "shipping.taxRate", "Field required"),
        ({"billingDate": "soon"}, "billingDate", "must be a date as YYYY-MM-DD (it is 'soon')"),
        ({"updatedAt": "soon"}, "updatedAt", "valid datetime"),
        ({"pricesIncludeTax": "perhaps"}, "pricesIncludeTax", "valid boolean"),
    ],
)
def test_a_broken_field_is_named_with_what_is_wrong(changes: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(raw(**changes))
    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: ")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"accounting": {"status": "paid", "total": "46.44"}}, id="accounting"),
        pytest.param({"accounting": GONE}, id="no accounting"),
        pytest.param({"updatedAt": "2027-01-01T00:00:00Z"}, id="updatedAt"),
    ],
)
def test_a_revision_ignores_the_link_and_the_time(changes: dict[str, Any]) -> None:
    assert record(raw(**changes), Kind.customer).revision == record(FULL, Kind.customer).revision


@pytest.mark.parametrize("field", sorted(set(FULL) - {"accounting", "updatedAt"}))
def test_a_revision_sees_every_other_field(field: str) -> None:
    changed = record(raw(**{field: "changed"}), Kind.customer)
    assert changed.revision != record(FULL, Kind.customer).revision


def test_a_revision_sees_deep_changes_and_new_fields() -> None:
    sent = [FULL, raw(lines__0__quantity="4"), raw(contact__address__city="Bath"), raw(loyalty=1)]
    assert len({record(one, Kind.customer).revision for one in sent}) == 4


def test_a_revision_does_not_hang_on_the_order_of_fields() -> None:
    turned = dict(reversed(FULL.items())) | {"contact": dict(reversed(FULL["contact"].items()))}
    assert record(turned, Kind.customer).revision == record(FULL, Kind.customer).revision


def test_a_number_means_the_same_as_text_or_as_json_number() -> None:
    number = wired(raw(lines__0__unitPrice=12.5))
    assert (
        record(number, Kind.customer).revision
        == record(raw(lines__0__unitPrice="12.5"), Kind.customer).revision
    )


@pytest.mark.parametrize(
    "row", [{}, None, [], "order", 7, {"id": None}, {"id": ""}, {"id": "i" * 65}, {"id": {}}], ids=repr
)
def test_no_record_is_so_broken_that_it_is_lost(row: object) -> None:
    taken = record(row, Kind.supplier)
    assert taken.id.startswith("unreadable-")
    assert len(taken.id) <= 64
    assert (taken.kind, taken.reference, taken.updated_at) == (Kind.supplier, "?", "")
    assert taken == record(row, Kind.supplier)
    with pytest.raises(Unreadable):
        order(taken.payload, taken.revision)


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
JSON = st.recursive(
    LEAVES,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3),
    max_leaves=5,
)


@given(JSON)
def test_anything_that_is_json_is_taken_in(row: object) -> None:
    taken = record(row, Kind.customer)
    with pytest.raises(Unreadable) as refused:
        order(taken.payload, taken.revision)
    assert refused.value.field


def test_different_nameless_records_stay_different() -> None:
    assert record({"note": "a"}, Kind.customer).id != record({"note": "b"}, Kind.customer).id


@pytest.mark.parametrize(
    ("stamp", "kept"),
    [
        ("2026-10-01T10:00:00Z", "2026-10-01T10:00:00Z"),
        ("2026-10-01T10:00:00.123Z", "2026-10-01T10:00:00.123000Z"),
        ("2026-10-01T12:00:00+02:00", "2026-10-01T10:00:00Z"),
        ("2026-10-01T10:00:00", ""),
        ("tomorrow", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_only_a_moment_in_time_may_become_a_cursor(stamp: object, kept: str) -> None:
    assert record(raw(updatedAt=stamp), Kind.customer).updated_at == kept


def test_a_nul_in_a_text_is_left_out_and_an_escaped_backslash_is_not() -> None:
    taken = record({"id": "1", "reference": "CO\x00-1", "name": "a\\u0000b"}, Kind.customer)
    assert taken.reference == "CO-1"
    assert json.loads(taken.payload)["name"] == "a\\u0000b"


LINK = AccountingLink(
    document_type="invoice",
    document_id="5a9d0b0e-0000-4000-8000-000000000009",
    document_number="INV-1",
    status="paid",
    currency="GBP",
    total=D("45.00"),
    paid=D("45"),
    credited=D(0),
    due=D(0),
    issued_on=date(2026, 10, 1),
    due_on=None,
    fully_paid_on=date(2026, 10, 20),
    url="https://go.xero.com/1",
)
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_a_link_keeps_to_the_contract() -> None:
    body = link_body(LINK, NOW)
    assert (body["total"], body["amountPaid"], body["syncedAt"]) == ("45.00", "45.00", "2026-11-01T12:00:00Z")
    assert (body["issuedOn"], body["dueOn"]) == ("2026-10-01", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"syncedAt": "2027-01-01T00:00:00Z"},
        {"total": "45.0000"},
        {"amountPaid": 45},
        {"dueOn": None},
    ],
)
def test_links_that_say_the_same_are_the_same(changes: dict[str, Any]) -> None:
    body = link_body(LINK, NOW)
    del body["dueOn"]
    assert shown(body | changes) == shown(link_body(LINK, NOW))


@pytest.mark.parametrize("changes", [{"status": "approved"}, {"total": "45.01"}, {"dueOn": "2026-11-01"}])
def test_links_that_say_something_else_are_not(changes: dict[str, Any]) -> None:
    assert shown(link_body(LINK, NOW) | changes) != shown(link_body(LINK, NOW))


def test_no_link_is_no_text() -> None:
    assert shown(None) == shown("odd") == ""


@pytest.mark.parametrize(
    ("quantities", "included", "shipping", "received"),
    [
        (["1", None], False, None, None),
        (["0", "0"], False, "6", D(0)),
        (["1", "2"], False, None, D(30)),
        (["1", "2"], False, "6", D(36)),
        (["1", "2"], True, "6", D("30.00")),
    ],
)
def test_what_was_received_is_told_net(
    quantities: list[str | None], included: bool, shipping: str | None, received: Decimal | None
) -> None:
    lines = [
        {
            "id": str(n),
            "name": "Mug",
            "quantity": "5",
            "unitPrice": "10",
            "taxRate": "20",
            "fulfilledQuantity": q,
        }
        for n, q in enumerate(quantities)
    ]
    carriage = {"amount": shipping, "taxRate": "20"} if shipping else None
    assert read(raw(pricesIncludeTax=included, lines=lines, shipping=carriage)).received == received
