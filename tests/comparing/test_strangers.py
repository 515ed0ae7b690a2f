"""Documents that no order has: what each is taken for, and which equal another one."""

import datetime as dt
import re
from typing import Any

import pytest

from tasks.comparing.strangers import strangers
from tasks.domain.discrepancies import DiscrepancyKind as K
from tests.comparing import given
from tests.comparing.given import DAY, Part, belongs, beside, document, pair, sides, terms

MARK = re.compile(r"https://shop/.+")
OURS = {"mark": "https://shop/9"}
TWICE = {"findings": given.findings("several documents for one order", "two of ours")}
TWIN = {"reference": "PO-7", "gross": 4_500}


def found(*parts: Part, names: tuple[str, ...] = ("document_id",)) -> list[tuple[Any, ...]]:
    return given.told(strangers(sides(*parts), terms(mark=MARK)), *names)


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, [K.unmatched]),
        ({"type": "ACCPAY"}, [K.unmatched]),
        ({"type": "PURCHASEORDER"}, [K.unmatched]),
        ({"type": "ACCRECCREDIT"}, [K.unmatched]),
        (OURS, [K.orphan]),
        ({"mark": "https://elsewhere/9"}, [K.unmatched]),
        ({**OURS, **TWICE}, [K.several]),
        (TWICE, [K.several]),
        ({"standing": "proposed"}, [K.proposed]),
        ({"standing": "proposed", **OURS}, [K.proposed]),
        ({"standing": "aside"}, []),
        ({"standing": "linked", "role": "beside"}, []),
        ({"role": "beside"}, []),
        ({"status": "VOIDED"}, []),
        ({"status": "DELETED", **OURS}, []),
        (
            {"unreadable": True, "standing": "unreadable", "findings": given.findings("unreadable")},
            [K.unreadable],
        ),
    ],
)
def test_each_is_taken_for_one_thing(changes: dict[str, Any], kinds: list[K]) -> None:
    assert found(document(**changes), names=()) == [(kind.value,) for kind in kinds]


@pytest.mark.parametrize(
    ("type_", "by"), [("ACCREC", -12_000), ("ACCPAY", -12_000), ("ACCRECCREDIT", 12_000)]
)
def test_what_a_stranger_is_worth(type_: str, by: int) -> None:
    assert found(document(type=type_), names=("difference",)) == [(K.unmatched, by)]


def test_a_reason_in_the_inbox_goes_with_it() -> None:
    assert found(document(skipped="a loan"), names=("reason",)) == [(K.unmatched, "a loan")]


def test_a_proposal_names_its_orders() -> None:
    said = [belongs(id_, "x1", state="proposed", order=f"CO-{id_}") for id_ in "12"]
    refused = belongs("3", "x1", state="linked", order="CO-3")
    rows = found(document(standing="proposed"), *said, refused, names=("ours", "cause"))
    assert rows == [(K.proposed, "CO-1, CO-2", "perhaps of CO-1, CO-2")]


NAMED = ("order", "about_kind", "about_id", "order_kind", "order_id")


def test_the_one_order_of_a_proposal_names_it_and_is_not_what_it_is_known_by() -> None:
    said = belongs("1", "x1", state="proposed", order="CO-1", kind="supplier")
    assert found(document(standing="proposed"), said, names=NAMED) == [
        (K.proposed, "CO-1", "supplier", "1", "", "")
    ]
    other = belongs("2", "x1", state="proposed", order="CO-2")
    assert found(document(standing="proposed"), said, other, names=NAMED) == [
        (K.proposed, "", "", "", "", "")
    ]


def test_a_second_document_names_the_order_whose_mark_it_bears() -> None:
    second = document(**OURS, **TWICE)
    (named,) = found(pair("1"), pair("2", theirs=OURS), second, names=NAMED)
    assert named == (K.several, "CO-2", "customer", "2", "", "")
    # Not where the order is of another part, where there is no mark, and where two bear it.
    for others in ([], [pair("1", theirs=OURS), pair("2", theirs=OURS)]):
        assert found(second, *others, names=NAMED) == [(K.several, "", "", "", "", "")]
    assert found(document(**TWICE), pair(), names=NAMED) == [(K.several, "", "", "", "", "")]


def test_two_equal_strangers_without_a_reference_are_no_duplicate() -> None:
    assert found(document("x1", reference=""), document("x2", reference="")) == [
        (K.unmatched, "x1"),
        (K.unmatched, "x2"),
    ]


def test_two_equal_strangers_with_one_reference_are_and_the_first_stands() -> None:
    third = {**TWIN, "reference": " po-7 "}
    assert found(document("x2", **TWIN), document("x1", **TWIN), document("x3", **third)) == [
        (K.unmatched, "x1"),
        (K.duplicate, "x2"),
        (K.duplicate, "x3"),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"reference": "PO-8"},
        {"reference": ""},
        {"gross": 4_501},
        {"date": DAY + dt.timedelta(days=1)},
        {"currency": "EUR"},
        {"contact_id": "c2"},
        {"type": "ACCPAY"},
        {"status": "VOIDED"},
        {"unreadable": True},
    ],
)
def test_what_differs_in_anything_is_no_duplicate(other: dict[str, Any]) -> None:
    rows = found(document("x1", **TWIN), document("x2", **{**TWIN, **other}))
    assert K.duplicate not in [kind for kind, _ in rows]
    assert (K.unmatched, "x1") in rows


@pytest.mark.parametrize("reference", ["", "PO-7"])
def test_what_equals_an_orders_own_document_is_a_duplicate_with_or_without_a_reference(
    reference: str,
) -> None:
    same = {"reference": reference, "gross": 4_500}
    rows = found(document("a1", **same), pair(theirs=same), names=("document_id", "cause"))
    assert rows == [(K.duplicate, "a1", "equals MS-CO-1 in contact, date, total and reference")]


BILL = {"type": "ACCPAY", "reference": "", "gross": 4_500}


def test_a_bills_number_is_its_reference() -> None:
    one = document("x1", **BILL, number="SUP-4711")
    again = document("x2", **BILL, number=" sup-4711")
    other = document("x3", **BILL, number="SUP-4712")
    assert found(one, again, other, names=("document_id", "cause"))[1:] == [
        (K.unmatched, "x3", "made by others, seen since 2026-11-19 02:30 UTC"),
        (K.duplicate, "x2", "equals SUP-4711 in contact, date, total and number"),
    ]


@pytest.mark.parametrize(("number", "kind"), [("SUP-4711", K.duplicate), ("SUP-4712", K.unmatched)])
def test_a_bill_beside_an_orders_own_of_the_same_contact_date_and_total_is_told_apart_by_its_number(
    number: str, kind: K
) -> None:
    own = pair(ours={"kind": "supplier"}, theirs={**BILL, "number": "SUP-4711"})
    assert found(document("a1", **BILL, number=number), own) == [(kind, "a1")]


def test_two_bills_without_a_number_are_no_duplicate() -> None:
    rows = found(document("x1", **BILL, number=""), document("x2", **BILL, number=""))
    assert rows == [(K.unmatched, "x1"), (K.unmatched, "x2")]


@pytest.mark.parametrize("name", ["date", "gross", "currency"])
@pytest.mark.parametrize("reference", ["", "PO-7"])
def test_what_lacks_something_equals_what_lacks_the_same(name: str, reference: str) -> None:
    """A draft need not have a date. As always, one reference must be named."""
    twin = {**TWIN, "reference": reference}
    bare = {**twin, name: None}
    kind = K.duplicate if reference else K.unmatched
    rows = found(document("x1", **bare), document("x2", **bare), document("x3", **twin))
    assert sorted(rows, key=lambda row: row[1]) == [(K.unmatched, "x1"), (kind, "x2"), (K.unmatched, "x3")]


def test_purchase_orders_and_credits_are_no_duplicates() -> None:
    for type_ in ("PURCHASEORDER", "ACCRECCREDIT", "ACCPAYCREDIT"):
        rows = found(document("x1", type=type_, **TWIN), document("x2", type=type_, **TWIN))
        assert rows == [(K.unmatched, "x1"), (K.unmatched, "x2")]


def test_a_proposed_one_that_equals_another_is_a_duplicate() -> None:
    assert found(document("x1", standing="proposed", **TWIN), pair(theirs=TWIN)) == [(K.duplicate, "x1")]


def test_what_is_ours_or_stands_twice_for_an_order_is_no_duplicate_too() -> None:
    assert found(document("x1", **TWIN, **OURS), document("x2", **TWIN, **TWICE), pair(theirs=TWIN)) == [
        (K.orphan, "x1"),
        (K.several, "x2"),
    ]


def test_what_cannot_be_read_is_told_at_its_order() -> None:
    told = {"unreadable": True, "findings": given.findings("unreadable", "odd")}
    names = ("order_id", "document_id", "cause")
    assert found(pair(theirs=told), names=names) == [(K.unreadable, "1", "d1", "unreadable: odd")]
    shared = beside("1", "x1", **told)
    assert found(pair(), shared, names=names) == [(K.unreadable, "1", "x1", "unreadable: odd")]
    # Its order is of another part, which tells it.
    assert found(shared, names=names) == []
