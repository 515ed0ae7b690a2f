"""Amounts by tax type, as text and back."""

from decimal import Decimal

from tasks.domain.taxes import read_taxes, taxes_json

D = Decimal


def test_amounts_by_type_survive_as_text() -> None:
    sums = {"OUTPUT2": (D(100), D("20.0")), "17.5 %": (D("-4.00"), D("-0.70"))}
    assert taxes_json(sums) == '{"17.5 %":["-4.00","-0.70"],"OUTPUT2":["100.00","20.00"]}'
    assert read_taxes(taxes_json(sums)) == sums


def test_nothing_is_empty() -> None:
    assert taxes_json({}) == ""
    assert read_taxes("") == read_taxes(None) == {}
