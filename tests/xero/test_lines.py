"""What lines say, in one form: equal where nobody changed them, different where somebody did."""

from typing import Any

import pytest

from tasks.domain.errors import Unreadable
from tasks.xero.lines import digest, said, taxes
from tests.mapping.given import D

LINE: dict[str, Any] = {
    "LineItemID": "1",
    "Description": "Mug",
    "ItemCode": "MUG-01",
    "Quantity": D("10.0"),
    "UnitAmount": D("12.5"),
    "DiscountRate": D("5.00"),
    "AccountCode": "200",
    "TaxType": "OUTPUT2",
    "Tracking": [{"Name": "Warehouse", "Option": "London"}, {"Name": "Channel", "Option": "Web"}],
    "LineAmount": D("118.75"),
    "TaxAmount": D("23.75"),
}
BARE = {"Description": "Mug", "Quantity": 1, "UnitAmount": 1, "AccountCode": "200", "TaxType": "OUTPUT2"}


def of(**changes: Any) -> str:
    return digest([{**LINE, **changes}])


@pytest.mark.parametrize(
    "change",
    [
        {"Quantity": D("10.0000")},
        {"Quantity": 10},
        {"Quantity": "10"},
        {"UnitAmount": D("12.5000")},
        {"DiscountRate": 5},
        {"LineItemID": "2"},
        {"LineAmount": D("1"), "TaxAmount": D("1")},
        {"Tracking": LINE["Tracking"][::-1]},
        {"Tracking": [{**one, "TrackingOptionID": "7"} for one in LINE["Tracking"]]},
        {"AccountID": "8", "Item": {"Code": "MUG-01"}, "ValidationErrors": []},
    ],
)
def test_what_says_the_same_has_one_digest(change: dict[str, Any]) -> None:
    assert of(**change) == of()
    assert len(of()) == 16


@pytest.mark.parametrize(
    "change",
    [
        {"Description": "Mugs"},
        {"ItemCode": ""},
        {"Quantity": D("10.0001")},
        {"UnitAmount": D("12.5001")},
        {"DiscountRate": 0},
        {"AccountCode": "201"},
        {"TaxType": "RROUTPUT"},
        {"Tracking": LINE["Tracking"][:1]},
        {"Tracking": [{"Name": "Warehouse", "Option": "Paris"}, LINE["Tracking"][1]]},
    ],
)
def test_what_a_person_changes_shows(change: dict[str, Any]) -> None:
    assert of(**change) != of()


@pytest.mark.parametrize("name", ["DiscountRate", "ItemCode", "Tracking"])
@pytest.mark.parametrize("nothing", [None, 0, "", []])
def test_what_is_left_out_is_nothing(name: str, nothing: Any) -> None:
    assert digest([{**BARE, name: nothing}]) == digest([BARE])


def test_lines_count_in_their_order_and_each_for_itself() -> None:
    one, other = {**BARE, "Description": "a"}, {**BARE, "Description": "b"}
    assert len({digest(lines) for lines in ([one], [one, other], [other, one], [one, one])}) == 4
    assert digest([{**BARE, "Description": "a\nb"}]) != digest([one, other])
    assert digest([]) == ""


def test_a_field_is_not_taken_for_the_next_one() -> None:
    assert of(Description="", AccountCode="Mug") != of(Description="Mug", AccountCode="")
    assert of(Quantity=5, UnitAmount=6) != of(Quantity=6, UnitAmount=5)


@pytest.mark.parametrize("name", ["Quantity", "UnitAmount", "DiscountRate"])
@pytest.mark.parametrize("odd", ["ten", "NaN", True, "Infinity"])
def test_what_is_no_number_says_which_field_it_is(name: str, odd: Any) -> None:
    with pytest.raises(Unreadable) as raised:
        said({**LINE, name: odd})
    assert raised.value.field == name


def amounts(net: str, tax: str, type_: str | None = "OUTPUT2") -> dict[str, Any]:
    return {"LineAmount": D(net), "TaxAmount": D(tax), "TaxType": type_, "UnitAmount": D(1)}


def test_taxes_are_summed_by_type_and_sorted() -> None:
    lines = [amounts("80.00", "16.00"), amounts("5.5", "0", "EXEMPT"), amounts("20", "4.00")]
    told = taxes({"LineAmountTypes": "Exclusive"}, lines)
    assert told == '{"EXEMPT":["5.50","0.00"],"OUTPUT2":["100.00","20.00"]}'


def test_an_amount_that_includes_its_tax_is_told_without() -> None:
    lines = [amounts("120.00", "20.00")]
    assert taxes({"LineAmountTypes": "Inclusive"}, lines) == '{"OUTPUT2":["100.00","20.00"]}'


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], ""),
        ([{"Description": "A text and nothing more"}], ""),
        ([{"Description": "A text"}, amounts("1", "0")], '{"OUTPUT2":["1.00","0.00"]}'),
        ([amounts("1", "0", None)], '{"NONE":["1.00","0.00"]}'),
        ([amounts("1", "0.2", None)], ""),
        ([amounts("1", "0"), {"TaxType": "OUTPUT2", "UnitAmount": 5}], ""),
    ],
)
def test_what_cannot_be_told_is_not_guessed(lines: list[dict[str, Any]], told: str) -> None:
    assert taxes({"LineAmountTypes": "Exclusive"}, lines) == told
