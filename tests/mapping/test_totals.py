"""Xero's total is predicted to the cent and compared with the order's own."""

from dataclasses import replace
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.documents import DraftLine, LineAmountTypes
from tasks.domain.orders import Shipping, Totals
from tasks.domain.outcomes import Cause
from tasks.mapping.findings import Findings
from tasks.mapping.totals import compare, predict
from tests.mapping.given import LINE, D, order

ONE = D(1)
NUMBERS = st.decimals(min_value=-10_000_000, max_value=10_000_000, places=4)
RATES = st.sampled_from([D(0), D("5.5"), D(15), D(20), D("8.875")])


def drafted(unit: D, rate: D, quantity: D = ONE, discount: D | None = None) -> DraftLine:
    return DraftLine("", quantity, unit, "200", "T", rate, discount)


def cents(value: Fraction) -> Fraction:
    whole = floor(abs(value) * 100 + Fraction(1, 2))
    return Fraction(whole if value >= 0 else -whole, 100)


def test_tax_is_summed_from_rounded_lines() -> None:
    lines = [drafted(D(unit), D(15)) for unit in ("25.06", "25.61", "25.63")]
    assert predict(lines, LineAmountTypes.exclusive) == Totals(D("76.30"), D("11.44"), D("87.74"))


def test_prices_with_tax_are_the_gross() -> None:
    total = predict([drafted(D("541.25"), D(15))], LineAmountTypes.inclusive)
    assert total == Totals(D("470.65"), D("70.60"), D("541.25"))


@given(
    lines=st.lists(
        st.builds(drafted, NUMBERS, RATES, NUMBERS, st.none() | st.sampled_from([D(5), D("12.5")]))
    ),
    inclusive=st.booleans(),
)
def test_predictions_agree_with_fractions(lines: list[DraftLine], inclusive: bool) -> None:
    total = predict(lines, LineAmountTypes.inclusive if inclusive else LineAmountTypes.exclusive)
    amounts = tax = Fraction(0)
    for line in lines:
        kept = 1 - Fraction(line.discount_rate or 0) / 100
        amount = cents(Fraction(line.quantity) * Fraction(line.unit_amount) * kept)
        rate = Fraction(line.tax_rate)
        amounts += amount
        tax += cents(amount * rate / (100 + rate if inclusive else 100))
    assert Fraction(total.tax) == tax
    assert Fraction(total.gross if inclusive else total.net) == amounts
    assert total.net + total.tax == total.gross


def found(off: str, lines: int = 1, shipping: bool = False, name: str = "net") -> Findings:
    """What is found on an order that is off by an amount in one of its sums."""
    right = Totals(D("37.50"), D("7.50"), D("45.00"))
    own = replace(right, **{name: getattr(right, name) + D(off)})
    findings = Findings()
    sent = Shipping(D(5), D(20)) if shipping else None
    compare(order(*[LINE] * lines, totals=own, shipping=sent), right, findings)
    return findings


@pytest.mark.parametrize("name", ["net", "tax", "gross"])
@pytest.mark.parametrize(
    ("off", "lines", "shipping"),
    [("0.01", 1, False), ("-0.01", 1, False), ("0.03", 3, False), ("0.04", 3, True), ("0.000001", 1, False)],
)
def test_a_cent_a_line_is_sent_with_a_warning(off: str, lines: int, shipping: bool, name: str) -> None:
    findings = found(off, lines, shipping, name)
    assert [(w.cause, w.field) for w in findings.warnings] == [(Cause.cent_difference, f"totals.{name}")]
    assert not findings.holds


@pytest.mark.parametrize("name", ["net", "tax", "gross"])
@pytest.mark.parametrize(
    ("off", "lines", "shipping"),
    [("0.02", 1, False), ("-0.02", 1, False), ("0.010001", 1, False), ("0.04", 3, False), ("1", 99, False)],
)
def test_more_is_held(off: str, lines: int, shipping: bool, name: str) -> None:
    findings = found(off, lines, shipping, name)
    assert [(h.cause, h.field) for h in findings.holds] == [(Cause.totals_disagree, f"totals.{name}")]


def test_each_sum_that_differs_is_named_with_both_amounts() -> None:
    findings = Findings()
    compare(
        order(totals=Totals(D(37), D(8), D("45.01"))), Totals(D("37.50"), D("7.50"), D("45.00")), findings
    )
    assert [h.field for h in findings.holds] == ["totals.net", "totals.tax"]
    assert [w.detail for w in findings.warnings] == [
        "The order says gross 45.01; its lines come to 45.00 in Xero."
    ]


def test_equal_totals_pass_whatever_their_zeros() -> None:
    findings = Findings()
    compare(
        order(totals=Totals(D("37.5"), D("7.500000"), D(45))),
        Totals(D("37.50"), D("7.50"), D("45.00")),
        findings,
    )
    assert (findings.holds, findings.warnings) == ([], [])


@pytest.mark.parametrize(("gross", "held"), [("-0.01", True), ("0.00", False)])
def test_a_negative_document_is_held(gross: str, held: bool) -> None:
    total, findings = Totals(D(gross), D(0), D(gross)), Findings()
    compare(order(totals=total), total, findings)
    assert [h.cause for h in findings.holds] == [Cause.negative_total] * held
