"""Rounding, by cases that Xero itself has shown, and by properties."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.sandbox.server import Sandbox
from deployments.sandbox.xero.totals import cents, line_tax, sums
from tests.sandbox.api import Api, invoice, line

FIFTEEN = {"EffectiveRate": Decimal(15), "TaxComponents": []}
SWITCHES = {"negative_half_cent": "away", "compound_tax": "effective"}


def test_tax_is_rounded_line_by_line() -> None:
    amounts = [Decimal(text) for text in ("25.06", "25.61", "25.63")]
    taxes = [line_tax(amount, FIFTEEN, "Exclusive", SWITCHES) for amount in amounts]
    assert taxes == [Decimal("3.76"), Decimal("3.84"), Decimal("3.84")]
    lines = [{"LineAmount": a, "TaxAmount": t} for a, t in zip(amounts, taxes, strict=True)]
    assert sums(lines, "Exclusive")["TotalTax"] == Decimal("11.44")


def test_tax_inside_a_price() -> None:
    assert line_tax(Decimal("541.25"), FIFTEEN, "Inclusive", SWITCHES) == Decimal("70.60")


@given(st.decimals(-10_000, 10_000, places=6, allow_nan=False))
def test_cents_are_half_up_away_from_zero(value: Decimal) -> None:
    exact = abs(Fraction(value)) * 100
    expected = int(exact + Fraction(1, 2)) * (1 if value >= 0 else -1)
    assert cents(value) * 100 == expected


@pytest.mark.parametrize(
    ("fields", "sub", "tax", "total"),
    [
        ({"LineItems": [line(1.005)]}, 1.01, 0.20, 1.21),  # the unit amount is rounded first
        ({"LineItems": [line(0.335, Quantity=3)]}, 1.02, 0.20, 1.22),
        ({"LineItems": [line(10, Quantity=0.33335)]}, 3.33, 0.67, 4.00),  # quantities have four decimals
        ({"LineItems": [line(19.99, Quantity=3, DiscountRate=12.5)]}, 52.47, 10.49, 62.96),
        ({"LineItems": [line(120)], "LineAmountTypes": "Inclusive"}, 100, 20, 120),
        ({"LineItems": [line(120)], "LineAmountTypes": "NoTax"}, 120, 0, 120),
        ({"LineItems": [line(-10), line(25)]}, 15, 3, 18),
        ({"LineItems": [line(10, TaxAmount=1.99)]}, 10, 1.99, 11.99),
        ({"LineItems": [line(0)]}, 0, 0, 0),
    ],
)
def test_documents(api: Api, fields: dict[str, Any], sub: float, tax: float, total: float) -> None:
    [made] = api.put("Invoices", invoice(api.contact(), **fields))
    assert (made["SubTotal"], made["TotalTax"], made["Total"]) == (sub, tax, total)


@pytest.mark.parametrize(("way", "amount"), [("away", -0.13), ("up", -0.12)])
def test_a_negative_half_cent_goes_either_way(api: Api, sandbox: Sandbox, way: str, amount: float) -> None:
    sandbox.settings(switches={"negative_half_cent": way})
    [made] = api.put("Invoices", invoice(api.contact(), LineItems=[line(-0.25, Quantity=0.5), line(1)]))
    assert made["LineItems"][0]["LineAmount"] == amount


@pytest.mark.parametrize(("way", "tax"), [("effective", 0.17), ("components", 0.18)])
def test_compound_tax_goes_either_way(api: Api, sandbox: Sandbox, way: str, tax: float) -> None:
    sandbox.settings(switches={"compound_tax": way})
    [made] = api.put("Invoices", invoice(api.contact(), LineItems=[line(1.3, TaxType="TAX001")]))
    assert made["TotalTax"] == tax
