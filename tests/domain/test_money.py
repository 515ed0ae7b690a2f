"""Amounts to the cent, as both systems round them."""

from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.money import count, decimals, line_amount, plain, rounded, tax_on_top, tax_within

D = Decimal
WIRE = st.decimals(min_value=D("-9999999999999.999999"), max_value=D("9999999999999.999999"), places=6)
RATES = st.decimals(min_value=0, max_value=100, places=4)


def half_up(value: Fraction) -> Fraction:
    """The rule, written without Decimal: to the cent, a half away from zero."""
    cents = floor(abs(value) * 100 + Fraction(1, 2))
    return Fraction(cents if value >= 0 else -cents, 100)


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        ("0.125", 2, "0.13"),
        ("0.135", 2, "0.14"),
        ("0.1249999", 2, "0.12"),
        ("-0.125", 2, "-0.13"),
        ("-0.124", 2, "-0.12"),
        ("2.5", 0, "3"),
        ("1.23455", 4, "1.2346"),
        ("9999999999999.994999", 2, "9999999999999.99"),
    ],
)
def test_a_half_goes_away_from_zero(value: str, places: int, expected: str) -> None:
    assert str(rounded(D(value), places)) == expected


def test_tax_is_rounded_line_by_line_as_recorded_at_xero() -> None:
    taxes = [tax_on_top(D(amount), D(15)) for amount in ("25.06", "25.61", "25.63")]
    assert taxes == [D("3.76"), D("3.84"), D("3.84")]
    assert sum(taxes) == D("11.44") != tax_on_top(D("76.30"), D(15))


def test_a_price_with_tax_holds_what_was_recorded_at_xero() -> None:
    assert tax_within(D("541.25"), D(15)) == D("70.60")


@pytest.mark.parametrize(
    ("quantity", "unit", "discount", "expected"),
    [
        ("3", "12.50", None, "37.50"),
        ("1", "0.125", None, "0.13"),
        ("-1", "0.125", None, "-0.13"),
        ("3", "0.3333", "10", "0.90"),
        ("1", "1.00", "100", "0.00"),
        ("0", "5", None, "0.00"),
        ("9999999999999.9999", "0.9999", "0.01", "9998000100000.00"),
        ("1652340250075.421332", "1705091367193.778608", None, "2817391096070410205682827.88"),
    ],
)
def test_a_line_is_rounded_once_and_only_at_its_end(
    quantity: str, unit: str, discount: str | None, expected: str
) -> None:
    found = line_amount(D(quantity), D(unit), discount and D(discount))  # type: ignore[arg-type]
    assert str(found) == expected


@given(quantity=WIRE, unit=WIRE, discount=st.none() | RATES)
def test_a_line_of_any_size_agrees_with_fractions(quantity: D, unit: D, discount: D | None) -> None:
    exact = Fraction(quantity) * Fraction(unit) * (1 - Fraction(discount or 0) / 100)
    assert Fraction(line_amount(quantity, unit, discount)) == half_up(exact)


@given(amount=WIRE.map(rounded), rate=RATES)
def test_taxes_of_any_size_agree_with_fractions(amount: D, rate: D) -> None:
    share = Fraction(amount) * Fraction(rate)
    assert Fraction(tax_on_top(amount, rate)) == half_up(share / 100)
    assert Fraction(tax_within(amount, rate)) == half_up(share / (100 + Fraction(rate)))


@given(net=WIRE.map(rounded), rate=RATES)
def test_taking_tax_out_again_is_at_most_a_cent_off(net: D, rate: D) -> None:
    tax = tax_on_top(net, rate)
    assert abs(tax_within(net + tax, rate) - tax) <= D("0.01")


@pytest.mark.parametrize(
    ("value", "needed"),
    [("1.2300", 2), ("100", 0), ("1E+3", 0), ("0.000001", 6), ("-1.5", 1), ("0.0000", 0)],
)
def test_the_decimals_that_a_value_needs(value: str, needed: int) -> None:
    assert decimals(D(value)) == needed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1E+3", "1000.00"),
        ("1.5E+12", "1500000000000.00"),
        ("12.5000", "12.50"),
        ("12.50", "12.50"),
        ("-7.5", "-7.50"),
        ("1.234500", "1.2345"),
        ("-0.000001", "-0.000001"),
    ],
)
def test_people_read_no_exponents_and_no_idle_zeros(value: str, text: str) -> None:
    assert plain(D(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [("20", "20"), ("17.50", "17.5"), ("100.0000", "100"), ("1E+3", "1000"), ("0.00", "0"), ("-3.0", "-3")],
)
def test_people_read_quantities_without_zeros_at_their_end(value: str, text: str) -> None:
    assert count(D(value)) == text


def test_no_amount_is_all_tax() -> None:
    assert tax_within(D(5), D(-100)) == 0
