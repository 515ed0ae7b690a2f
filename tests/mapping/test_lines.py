"""Order lines become document lines, or say why they cannot."""

from dataclasses import replace

import pytest

from tasks.domain.money import line_amount
from tasks.domain.orders import Order, Shipping, Totals
from tasks.domain.outcomes import Cause
from tests.mapping.given import ORDER, D, books, causes, held, line, mapped, order, purchase, rules

BILL = {"document": "bill"}
NET = {"unrepresentable": "net"}


def totals(net: str, rate: str = "20") -> Totals:
    tax = line_amount(D(net) / 100, D(rate), None)
    return Totals(D(net), tax, D(net) + tax)


@pytest.mark.parametrize(
    ("unit", "quantity", "net"),
    [("12.5", "3", "37.50"), ("0.3333", "1000.0001", "333.30"), ("1.23450000", "1", "1.23")],
)
def test_four_decimals_go_as_they_are(unit: str, quantity: str, net: str) -> None:
    [made] = mapped(order(line(unit_price=unit, quantity=quantity), totals=totals(net))).lines
    assert (made.unit_amount, made.quantity, made.discount_rate) == (D(unit), D(quantity), None)


NOT_IN_XERO = [
    pytest.param({"unit_price": "0.33333"}, False, "unitPrice", "more than 4 decimals", id="price"),
    pytest.param({"quantity": "0.333333"}, False, "quantity", "more than 4 decimals", id="quantity"),
    pytest.param(
        {"discount_percent": "12.345"}, False, "discountPercent", "12.345 %", id="discount's decimals"
    ),
    pytest.param(
        {"discount_percent": "101", "quantity": "-3"},
        False,
        "discountPercent",
        "101.00 %",
        id="discount over 100",
    ),
    pytest.param({"discount_percent": "-5"}, False, "discountPercent", "-5.00 %", id="a surcharge"),
    pytest.param({"discount_percent": "10"}, True, "discountPercent", "knows no discount", id="on a bill"),
]


@pytest.mark.parametrize(("changes", "bill", "field", "said"), NOT_IN_XERO)
def test_what_xero_cannot_represent_is_held(
    changes: dict[str, str], bill: bool, field: str, said: str
) -> None:
    made = purchase(line(**changes)) if bill else order(line(**changes))
    [found] = held(made, rules(supplier=BILL))
    assert (found.cause, found.field) == (Cause.not_representable, f"lines[0].{field}")
    assert said in found.detail


@pytest.mark.parametrize(("changes", "bill", "field", "said"), NOT_IN_XERO)
def test_or_sent_as_quantity_one_at_its_net_by_setting(
    changes: dict[str, str], bill: bool, field: str, said: str
) -> None:
    odd = line(**changes)
    net = line_amount(odd.quantity, odd.unit_price, odd.discount_percent)
    facts = {"totals": totals(str(net)), "external_reference": "INV-9"}
    made = mapped(
        purchase(odd, **facts) if bill else order(odd, **facts), rules(customer=NET, supplier=BILL | NET)
    )
    [sent], [warning] = made.lines, made.warnings
    assert (sent.quantity, sent.unit_amount, sent.discount_rate) == (D(1), net, None)
    assert (warning.cause, warning.field) == (Cause.sent_as_net, f"lines[0].{field}")
    assert said in warning.detail
    assert f"Sent as 1 x {net}" in warning.detail


def test_the_text_of_a_net_line_names_what_was_ordered() -> None:
    odd = line(unit_price="0.333333", quantity="3", discount_percent="10")
    [sent] = mapped(order(odd, totals=totals("0.90")), rules(customer=NET)).lines
    assert sent.description == "Stoneware mug (3.00 x 0.333333 less 10.00 %)"


@pytest.mark.parametrize(("discount", "expected"), [("10", "10"), ("12.5", "12.5"), ("100", "100")])
def test_a_discount_stands_on_invoices(discount: str, expected: str) -> None:
    net = line_amount(D(3), D("12.5"), D(discount))
    [made] = mapped(order(line(discount_percent=discount), totals=totals(str(net)))).lines
    assert made.discount_rate == D(expected)


@pytest.mark.parametrize("discount", ["0", "0.00"])
def test_no_discount_is_none_even_on_a_bill(discount: str) -> None:
    bill = purchase(line(discount_percent=discount), external_reference="INV-9")
    [made] = mapped(bill, rules(supplier=BILL)).lines
    assert made.discount_rate is None


def test_negative_and_zero_lines_are_lines() -> None:
    lines = line(), line(quantity="-1"), line(unit_price="0"), line(quantity="0")
    made = mapped(order(*lines, totals=totals("25.00")))
    assert [(m.quantity, m.unit_amount) for m in made.lines] == [(i.quantity, i.unit_price) for i in lines]


@pytest.mark.parametrize(
    ("name", "sku", "text"),
    [(" Mug ", "MUG-01", "Mug"), ("  ", "MUG-01", "MUG-01"), ("", None, "1")],
)
def test_a_line_always_has_a_text(name: str, sku: str | None, text: str) -> None:
    assert mapped(order(line(name=name, sku=sku))).lines[0].description == text


@pytest.mark.parametrize(("length", "cut"), [(4000, False), (4001, True)])
def test_a_text_over_the_limit_is_cut_with_a_warning(length: int, cut: bool) -> None:
    made = mapped(order(line(name="x" * length)))
    assert len(made.lines[0].description) == 4000
    assert made.lines[0].description.endswith("…") is cut
    assert causes(made.warnings) == [Cause.text_cut] * cut


def test_a_net_line_keeps_its_numbers_where_its_text_is_cut() -> None:
    odd = line(name="x" * 4000, unit_price="0.333333")
    made = mapped(order(odd, totals=totals("1.00")), rules(customer=NET))
    assert made.lines[0].description.endswith("x… (3.00 x 0.333333)")
    assert len(made.lines[0].description) == 4000
    assert causes(made.warnings) == [Cause.sent_as_net, Cause.text_cut]


@pytest.mark.parametrize(
    ("sku", "wanted", "code"),
    [("MUG-01", True, "MUG-01"), ("NEW-99", True, None), (None, True, None), ("MUG-01", False, None)],
)
def test_an_item_code_is_sent_only_where_xero_has_it(sku: str | None, wanted: bool, code: str | None) -> None:
    assert mapped(order(line(sku=sku)), rules(item_codes=wanted)).lines[0].item_code == code


@pytest.mark.parametrize(
    ("category", "table", "default", "code"),
    [
        pytest.param("Food", {"Food": "201"}, "200", "201", id="by category"),
        pytest.param("Toys", {"Food": "201"}, "200", "200", id="default"),
        pytest.param(None, {"Food": "201"}, "200", "200", id="no category"),
        pytest.param("Food", {"Food": "201"}, None, "201", id="no default needed"),
    ],
)
def test_the_account_comes_by_category(
    category: str | None, table: dict[str, str], default: str | None, code: str
) -> None:
    given = rules(customer={"accounts": table, "default_account": default})
    assert mapped(order(line(category=category)), given).lines[0].account_code == code


@pytest.mark.parametrize(
    ("code", "cause", "said"),
    [
        (None, Cause.account_unmapped, 'No account for category "Toys", and no default_account.'),
        ("999", Cause.account_invalid, "Account 999 does not exist in Xero."),
        ("202", Cause.account_invalid, "Account 202 is archived in Xero."),
        ("090", Cause.account_invalid, "Account 090 (Account 090) takes no document lines."),
        ("610", Cause.account_invalid, "Account 610 (Account 610) takes no document lines."),
    ],
)
def test_an_account_that_cannot_be_used_is_held(code: str | None, cause: Cause, said: str) -> None:
    [found] = held(order(line(category="Toys")), rules(customer={"default_account": code}))
    assert (found.cause, found.detail, found.field) == (cause, said, "lines[0].category")


def shipped(amount: str, rate: str = "20", net: str | None = None) -> Order:
    own = totals(net or str(D("37.50") + D(amount)))
    return replace(ORDER, shipping=Shipping(D(amount), D(rate)), totals=own)


@pytest.mark.parametrize(("account", "code"), [("260", "260"), (None, "200")])
def test_shipping_is_a_line_of_its_own(account: str | None, code: str) -> None:
    _, made = mapped(
        shipped("5"), rules(customer={"shipping_account": account, "shipping_text": "Carriage"})
    ).lines
    assert (made.description, made.quantity, made.unit_amount) == ("Carriage", D(1), D(5))
    assert (made.account_code, made.tax_type, made.item_code) == (code, "OUTPUT2", None)


def test_shipping_for_nothing_is_no_line() -> None:
    assert len(mapped(shipped("0.00")).lines) == 1


@pytest.mark.parametrize(
    ("amount", "rate", "account", "cause", "field"),
    [
        ("5", "21", "260", Cause.tax_unmapped, "shipping.taxRate"),
        ("5", "20", "310", Cause.tax_illegal, "shipping.taxRate"),
        ("5", "20", "202", Cause.account_invalid, "shipping"),
        ("5.00001", "20", "260", Cause.not_representable, "shipping.amount"),
    ],
)
def test_shipping_is_held_like_any_line(
    amount: str, rate: str, account: str, cause: Cause, field: str
) -> None:
    [found] = held(shipped(amount, rate), rules(customer={"shipping_account": account}))
    assert (found.cause, found.field) == (cause, field)


def test_shipping_without_any_account_is_held_beside_its_lines() -> None:
    findings = held(shipped("5"), rules(customer={"default_account": None}))
    assert [f.field for f in findings if f.cause is Cause.account_unmapped] == [
        "lines[0].category",
        "shipping",
    ]


def test_shipping_of_too_many_decimals_is_rounded_by_setting() -> None:
    made = mapped(shipped("5.00001", net="42.50"), rules(customer=NET))
    assert made.lines[1].unit_amount == D("5.00")
    assert causes(made.warnings) == [Cause.sent_as_net]


TRACKED = {
    "warehouse": {"category": "Warehouse"},
    "channel": {"category": "Channel", "options": {"Shopify": "Web"}},
}


@pytest.mark.parametrize(
    ("where", "through", "expected"),
    [
        ("London", "Shopify", (("Warehouse", "London"), ("Channel", "Web"))),
        ("Paris", None, (("Warehouse", "Paris"),)),
        (None, "Web", (("Channel", "Web"),)),
        (None, None, ()),
    ],
)
def test_tracking_follows_warehouse_and_channel(
    where: str | None, through: str | None, expected: tuple[tuple[str, str], ...]
) -> None:
    made = mapped(replace(shipped("5"), warehouse=where, channel=through), rules(**TRACKED))
    assert [m.tracking for m in made.lines] == [expected, expected]


def test_without_a_rule_nothing_is_tracked() -> None:
    assert mapped(order(warehouse="Nowhere", channel="None")).lines[0].tracking == ()


@pytest.mark.parametrize(
    ("changes", "tracking", "field"),
    [
        ({"warehouse": "Rome"}, None, "warehouse"),
        ({"channel": "Fair"}, None, "channel"),
        ({"warehouse": "London"}, {}, "warehouse"),
    ],
)
def test_an_option_that_xero_lacks_is_held_once(
    changes: dict[str, str], tracking: dict[str, frozenset[str]] | None, field: str
) -> None:
    live = books() if tracking is None else books(tracking=tracking)
    [found] = held(order(line(), line(), **changes, totals=totals("75.00")), rules(**TRACKED), live)
    assert (found.cause, found.field) == (Cause.tracking_missing, field)
