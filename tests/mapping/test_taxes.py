"""A tax type comes from a rule: the nearest one, and only if Xero agrees with it."""

import pytest

from tasks.domain.orders import Contact, Kind, Order, Shipping
from tasks.domain.outcomes import Cause
from tasks.mapping.taxes import amounts, suggestions
from tests.mapping.given import BOOKS, D, causes, held, line, mapped, order, purchase, rules

GENERAL = {"kind": "customer", "rate": 20, "type": "OUTPUT2"}
ABROAD = {"kind": "customer", "rate": 20, "type": "SRVOUTPUT", "country": "FR"}
CODED = {"kind": "customer", "rate": 20, "type": "SRVOUTPUT", "code": "SERVICE"}
BOTH = {**ABROAD, "code": "SERVICE", "type": "OUTPUT2"}


def taxed(country: str | None = "GB", code: str | None = None, rate: str = "20") -> Order:
    contact = Contact("c-1", "Harbour Homes Ltd", country_code=country)
    return order(line(tax_rate=rate, tax_code=code), contact=contact)


@pytest.mark.parametrize(
    ("table", "country", "code", "expected"),
    [
        pytest.param([GENERAL], None, None, "OUTPUT2", id="no country known"),
        pytest.param([GENERAL], "FR", "X", "OUTPUT2", id="a general rule fits all"),
        pytest.param([GENERAL, ABROAD], "GB", None, "OUTPUT2", id="another country's rule does not fit"),
        pytest.param([GENERAL, ABROAD], "FR", None, "SRVOUTPUT", id="country is nearer"),
        pytest.param([ABROAD, GENERAL], "FR", None, "SRVOUTPUT", id="whatever the order of rules"),
        pytest.param([GENERAL, CODED], "GB", "SERVICE", "SRVOUTPUT", id="code is nearer"),
        pytest.param([GENERAL, CODED], "GB", "GOODS", "OUTPUT2", id="another code does not fit"),
        pytest.param([GENERAL, ABROAD, CODED, BOTH], "FR", "SERVICE", "OUTPUT2", id="both are nearest"),
    ],
)
def test_the_nearest_rule_wins(
    table: list[object], country: str | None, code: str | None, expected: str
) -> None:
    [made] = mapped(taxed(country, code), rules(taxes=table)).lines
    assert made.tax_type == expected


@pytest.mark.parametrize(
    "table",
    [
        pytest.param([], id="no rules"),
        pytest.param([ABROAD], id="another country"),
        pytest.param([CODED], id="another code"),
        pytest.param([{**GENERAL, "rate": "20.1"}], id="another rate"),
        pytest.param([{**GENERAL, "kind": "supplier"}], id="the other side"),
    ],
)
def test_no_fitting_rule_holds_though_xero_has_the_percentage(table: list[object]) -> None:
    [found] = held(taxed(), rules(taxes=table))
    assert (found.cause, found.field) == (Cause.tax_unmapped, "lines[0].taxRate")
    assert "Xero has OUTPUT2 (20 % OUTPUT2), SRVOUTPUT (20 % SRVOUTPUT)." in found.detail


def test_a_rate_that_xero_lacks_is_said_to_be_missing() -> None:
    [found] = held(taxed(rate="21"))
    assert found.detail == "No rule for 21.00 % for customer orders to GB. Xero has no such rate."


def test_rules_that_are_equally_near_are_ambiguous() -> None:
    [found] = held(taxed("FR", "SERVICE"), rules(taxes=[GENERAL, ABROAD, {**CODED, "type": "OUTPUT2"}]))
    assert found.cause is Cause.tax_ambiguous
    assert "2 rules" in found.detail
    assert "SRVOUTPUT, OUTPUT2" in found.detail


@pytest.mark.parametrize(
    ("type_", "rate", "said"),
    [
        pytest.param("RROUTPUT", "20", "RROUTPUT (5 % RROUTPUT) stands at 5.00 %", id="rate differs"),
        pytest.param("OLDOUTPUT", "17.5", "not active", id="archived"),
        pytest.param("NOSUCH", "20", "not active", id="unknown"),
        pytest.param("LEVY", "13.4", "compound", id="compound"),
    ],
)
def test_a_rule_that_xero_contradicts_holds(type_: str, rate: str, said: str) -> None:
    [found] = held(taxed(rate=rate), rules(taxes=[{"kind": "customer", "rate": rate, "type": type_}]))
    assert found.cause is Cause.tax_mismatch
    assert said in found.detail


def test_a_pair_of_tax_and_account_that_xero_refuses_is_held() -> None:
    [found] = held(taxed(), rules(customer={"default_account": "310"}))
    assert (found.cause, found.field) == (Cause.tax_illegal, "lines[0].taxRate")
    assert "account 310" in found.detail
    assert "EXPENSE" in found.detail


def test_purchases_take_the_rules_of_their_own_side() -> None:
    [made] = mapped(purchase()).lines
    assert made.tax_type == "INPUT2"


@pytest.mark.parametrize(
    ("kind", "rate", "expected"),
    [
        (Kind.customer, "20", ["OUTPUT2", "SRVOUTPUT"]),
        (Kind.customer, "0", ["ECZROUTPUT", "ZERORATEDOUTPUT"]),
        (Kind.supplier, "20", ["INPUT2"]),
        (Kind.customer, "17.5", []),
    ],
)
def test_suggestions_are_live_and_legal_for_their_side(kind: Kind, rate: str, expected: list[str]) -> None:
    assert [t.tax_type for t in suggestions(BOOKS, kind, D(rate))] == expected


def test_each_line_is_held_for_itself() -> None:
    findings = held(order(line(tax_rate="21"), line(), line(tax_rate="7")))
    assert causes(findings) == [Cause.tax_unmapped] * 2
    assert [f.field for f in findings] == ["lines[0].taxRate", "lines[2].taxRate"]


def test_an_orders_amounts_are_told_by_the_type_that_the_rules_name() -> None:
    lines = line(), line(tax_rate="0", quantity="2"), line(tax_rate="5")
    shipping = Shipping(D("10"), D(20))
    assert amounts(order(*lines, shipping=shipping), rules()) == {
        "OUTPUT2": (D("47.50"), D("9.50")),
        "ZERORATEDOUTPUT": (D("25.00"), D("0.00")),
        "5 %": (D("37.50"), D("1.88")),
    }
    assert amounts(purchase(), rules()) == {"INPUT2": (D("37.50"), D("7.50"))}


def test_of_prices_with_tax_the_net_is_told() -> None:
    shipping = Shipping(D("6"), D(20))
    found = amounts(order(prices_include_tax=True, shipping=shipping), rules())
    assert found == {"OUTPUT2": (D("36.25"), D("7.25"))}


def test_each_line_is_rounded_for_itself() -> None:
    lines = [line(quantity="1", unit_price=price, discount_percent="50") for price in ("0.05", "0.05")]
    assert amounts(order(*lines), rules()) == {"OUTPUT2": (D("0.06"), D("0.02"))}


@pytest.mark.parametrize(
    ("table", "country", "code", "expected"),
    [
        ([GENERAL], "GB", None, "OUTPUT2"),
        ([GENERAL, ABROAD], "FR", None, "SRVOUTPUT"),
        ([GENERAL, CODED], "GB", "SERVICE", "SRVOUTPUT"),
        ([GENERAL, {**GENERAL, "type": "SRVOUTPUT"}], "GB", None, "20 %"),
        ([ABROAD], "GB", None, "20 %"),
    ],
)
def test_where_the_rules_name_no_single_type_the_rate_stands_for_it(
    table: list[object], country: str, code: str | None, expected: str
) -> None:
    assert list(amounts(taxed(country, code), rules(taxes=table))) == [expected]
