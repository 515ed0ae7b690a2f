"""Documents that agree and are still not well, each at its border."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from tasks.comparing.resting import resting
from tasks.domain.discrepancies import DiscrepancyKind as K
from tasks.matching.amounts import Tolerance
from tests.comparing import given
from tests.comparing.given import (
    DAY,
    NOW,
    Part,
    beside,
    document,
    everybody,
    nobody,
    note,
    order,
    pair,
    sides,
    terms,
)

FORTNIGHT = dt.timedelta(days=14)
MOMENT = dt.timedelta(microseconds=1)
DRAFT = {"status": "DRAFT"}


def found(
    *parts: Part, edited: bool = False, names: tuple[str, ...] = (), **by: Any
) -> list[tuple[Any, ...]]:
    both = sides(*parts)
    return given.told(resting(both, terms(**by), (everybody if edited else nobody)(both)), *names)


@pytest.mark.parametrize("status", ["DRAFT", "SUBMITTED"])
def test_a_draft_is_stuck_after_so_many_days_and_not_a_moment_sooner(status: str) -> None:
    just = {"status": status, "changed_at": NOW - FORTNIGHT}
    assert found(pair(theirs=just)) == []
    assert found(pair(theirs=just | {"changed_at": NOW - FORTNIGHT - MOMENT})) == [(K.stuck,)]
    assert found(pair(theirs=just), draft_for=FORTNIGHT - MOMENT) == [(K.stuck,)]


def test_a_draft_is_locked_from_the_lock_date_on() -> None:
    assert found(pair(theirs=DRAFT), locked_until=DAY) == [(K.locked,)]
    assert found(pair(theirs=DRAFT), locked_until=DAY - dt.timedelta(days=1)) == []
    old = DRAFT | {"changed_at": NOW - 2 * FORTNIGHT}
    assert found(pair(theirs=old), locked_until=DAY) == [(K.locked,)]
    assert found(pair(theirs=old | {"date": None}), locked_until=DAY) == [(K.stuck,)]


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(pair(theirs={"changed_at": NOW - 2 * FORTNIGHT}), id="approved"),
        pytest.param(pair(ours={"origin": "linked"}, theirs=DRAFT), id="made by people"),
        pytest.param(
            pair(ours={"status": "cancelled"}, theirs=DRAFT), id="of an order that is none any more"
        ),
        pytest.param(document(status="DRAFT"), id="a stranger's"),
        pytest.param(pair(theirs=DRAFT | {"unreadable": True}), id="unreadable"),
    ],
)
def test_what_is_neither_stuck_nor_locked(part: Part) -> None:
    assert found(part, locked_until=DAY, draft_for=dt.timedelta(days=1)) == []


EXACT = Tolerance(Decimal("0.05"), Decimal("0.1"))  # of 100.00 that is 0.10, of 10.00 it is 0.05
SUPPLIER = {"kind": "supplier", "document_type": "purchase_order"}
PO = {"type": "PURCHASEORDER", "status": "BILLED", "due": 0}
BILL = {"type": "ACCPAY", "kind": "supplier"}


def billed(*nets: int, ours: dict[str, Any] | None = None, **changes: Any) -> list[tuple[Any, ...]]:
    """A supplier order over 100.00 net, with bills of these nets."""
    bills = [beside("1", f"b{at}", net=net, gross=net, **{**BILL, **changes}) for at, net in enumerate(nets)]
    order = pair(ours={**SUPPLIER, **(ours or {})}, theirs=PO)
    return found(order, *bills, tolerance=EXACT, names=("ours", "theirs", "difference"))


@pytest.mark.parametrize(
    ("nets", "ours", "said"),
    [
        ([], {}, None),
        ([10_000], {}, None),
        ([10_010], {}, None),
        ([10_011], {}, ("net 100.00", "net 100.11", -11)),
        ([6_000, 4_011], {}, ("net 100.00", "net 100.11", -11)),
        ([9_000], {"received": 9_000}, None),
        ([9_009], {"received": 9_000}, None),
        ([9_010], {"received": 9_000}, ("net 90.00", "net 90.10", -10)),
        ([1_006], {"received": 1_000}, ("net 10.00", "net 10.06", -6)),
        ([1_005], {"received": 1_000}, None),
        ([10_010], {"received": 20_000}, None),
        ([10_011], {"received": 20_000}, ("net 100.00", "net 100.11", -11)),
        ([1], {"received": 0}, None),
        ([6], {"received": 0}, ("net 0.00", "net 0.06", -6)),
        ([99_999], {"net": None, "gross": None}, None),
    ],
)
def test_bills_may_exceed_by_the_tolerance(
    nets: list[int], ours: dict[str, Any], said: tuple[str, str, int] | None
) -> None:
    assert billed(*nets, ours=ours) == ([(K.over_billed, *said)] if said else [])


def test_what_is_billed_in_another_currency_is_not_subtracted() -> None:
    euros = {"ours": {"currency": "GBP"}, "currency": "EUR"}
    assert billed(11_500, **euros) == [(K.over_billed, "net GBP 100.00", "net EUR 115.00", None)]
    assert billed(9_000, **euros) == [(K.over_billed, "net GBP 100.00", "net EUR 90.00", None)]
    both = beside("1", "e", net=9_000, **BILL, currency="EUR"), beside("1", "p", net=2_000, **BILL)
    order = pair(ours=SUPPLIER, theirs=PO)
    assert found(order, *both, names=("theirs", "difference")) == [
        (K.over_billed, "net EUR 90.00, GBP 20.00", None)
    ]


@pytest.mark.parametrize("percent", ["0.1", "0.7", "1.1", "3", "0.05"])
def test_the_tolerance_is_the_one_of_the_matching_to_the_cent(percent: str) -> None:
    tolerance = Tolerance(Decimal("0.05"), Decimal(percent))
    parts, beyond = [], set()
    for ordered in (8_050, 11_000, 11_600, 99_999):
        border = int(tolerance.of(Decimal(ordered) / 100) * 100)
        for more in range(border - 1, border + 3):
            pounds, others = Decimal(ordered) / 100, Decimal(ordered + more) / 100
            bought, sold = f"bought {ordered} {more}", f"sold {ordered} {more}"
            parts += [
                pair(bought, ours={**SUPPLIER, "net": ordered}, theirs={**PO, "net": ordered}),
                beside(bought, f"bill {bought}", net=ordered + more, **BILL),
                pair(sold, ours={"origin": "linked", "gross": ordered}, theirs={"gross": ordered + more}),
            ]
            beyond |= set() if tolerance.covers(pounds, others) else {(K.over_billed.value, bought)}
            beyond |= set() if tolerance.equal(others, pounds) else {(K.amount.value, sold)}
    assert len(beyond) == 16
    assert set(found(*parts, tolerance=tolerance, names=("order_id",))) == beyond


def test_only_living_bills_of_supplier_orders_count() -> None:
    assert billed(20_000, status="VOIDED") == []
    assert billed(20_000, unreadable=True) == []
    assert billed(20_000, type="ACCREC") == []
    customer = beside("1", "b", type="ACCPAY", net=20_000)
    assert found(pair(), customer, tolerance=EXACT) == []


def test_a_suppliers_credit_lowers_what_is_billed() -> None:
    order = pair(ours=SUPPLIER, theirs=PO)
    bill = beside("1", "b", net=11_000, **BILL)
    credit = {"type": "ACCPAYCREDIT", "kind": "supplier"}
    assert found(order, bill, tolerance=EXACT) == [(K.over_billed,)]
    assert found(order, bill, beside("1", "c", net=1_000, **credit), tolerance=EXACT) == []
    assert found(order, beside("1", "c", net=-99_999, **credit), tolerance=EXACT) == []


def test_an_order_answers_for_its_part_of_a_shared_bill() -> None:
    shared = [
        beside("1", "b", net=20_000, weight=10_000, weights=20_000, **BILL),
        Part(belongs=given.belongs("2", "b", kind="supplier", weight=10_000, weights=20_000).belongs),
    ]
    orders = [pair(id_, ours=SUPPLIER, theirs=PO) for id_ in "12"]
    assert found(*orders, *shared, tolerance=EXACT) == []
    more = beside("2", "b2", net=11, **BILL)
    assert found(*orders, *shared, more, tolerance=EXACT, names=("order_id",)) == [(K.over_billed, "2")]


def test_a_bill_of_ours_bills_what_was_ordered_whatever_arrived() -> None:
    ours = {"kind": "supplier", "document_type": "bill", "received": 0}
    assert found(pair(ours=ours, theirs={"type": "ACCPAY"}), tolerance=EXACT) == []
    people = {**ours, "origin": "linked"}
    assert found(pair(ours=people, theirs={"type": "ACCPAY"}), tolerance=EXACT) == [(K.over_billed,)]


def test_a_reason_in_the_inbox_accepts_what_is_billed() -> None:
    order = pair(ours={**SUPPLIER, "match_skipped": "carriage"}, theirs=PO)
    assert found(order, beside("1", "b", net=11_000, **BILL), names=("reason",)) == [
        (K.over_billed, "carriage")
    ]


@pytest.mark.parametrize(
    ("ours", "theirs", "kinds"),
    [
        ({}, {"status": "AUTHORISED", "due": 1}, [K.credit_open]),
        ({}, {"status": "AUTHORISED", "due": 0}, []),
        ({}, {"status": "PAID", "due": 1}, []),
        ({}, {"status": "DRAFT", "due": 1}, []),
        ({}, {"status": "VOIDED", "due": 1}, []),
        ({"state": "pending"}, {"status": "AUTHORISED", "due": 1}, []),
        ({"state": "held"}, {"status": "AUTHORISED", "due": 1}, [K.credit_open]),
    ],
)
def test_what_is_left_of_a_credit_note_of_ours(
    ours: dict[str, Any], theirs: dict[str, Any], kinds: list[K]
) -> None:
    rows = found(pair(ours=ours, theirs={"gross": 12_100}), note("1", "n", gross=100, **theirs), edited=True)
    assert rows == [(kind.value,) for kind in kinds]


def test_a_credit_note_of_people_may_be_left_open() -> None:
    assert found(pair(), beside("1", "n", type="ACCRECCREDIT", due=5)) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "by"),
    [
        ({}, {"gross": 12_001}, -1),
        ({"gross": 12_001}, {}, 1),
        ({}, {"currency": "EUR"}, None),
        ({}, {"currency": "EUR", "gross": 13_000}, None),
        ({"origin": "linked"}, {"gross": 12_013}, -13),
        ({"origin": "linked", "gross": 4_000}, {"gross": 4_006}, -6),
        ({"gross": 12_012, "written_run_id": "person: ann"}, {}, 12),
    ],
)
def test_an_order_that_was_settled_and_differs_in_amount(
    ours: dict[str, Any], theirs: dict[str, Any], by: int | None
) -> None:
    assert found(pair(ours=ours, theirs=theirs), tolerance=EXACT, names=("difference",)) == [(K.amount, by)]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"origin": "linked"}, {"gross": 12_012}),
        ({"origin": "linked"}, {"gross": 11_988}),
        ({"origin": "linked", "gross": 4_000}, {"gross": 4_005}),
        ({"revision": "r2", "gross": 1}, {}),
        ({"status": "cancelled", "gross": 1}, {}),
        ({"gross": None}, {}),
        ({"gross": 1}, {"status": "VOIDED"}),
        # Exported before its types were noted.
        ({"taxes": ""}, {}),
    ],
)
def test_what_agrees_in_amount_or_is_another_matter(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert found(pair(ours=ours, theirs=theirs), tolerance=EXACT) == []


def test_an_edited_document_is_told_by_its_edit_alone() -> None:
    assert found(pair(theirs={"gross": 1}), edited=True) == []
    assert found(pair(theirs={"gross": 1})) == [(K.amount,)]


def test_credit_notes_of_ours_lower_what_is_invoiced() -> None:
    taken = note("1", "n", gross=3_000, net=2_500, taxes='{"OUTPUT2":["25.00","5.00"]}')
    left = {"gross": 9_000, "net": 7_500, "taxes": '{"OUTPUT2":["75.00","15.00"]}'}
    assert found(pair(ours=left), taken) == []
    assert found(pair(), taken, names=("difference", "theirs")) == [(K.amount, 3_000, "GBP 90.00")]


def test_a_cent_that_we_warned_of_and_what_a_person_let_stand_are_accepted() -> None:
    warned = {"findings": given.findings("cent difference"), "gross": 12_001}
    ((_, reason),) = found(pair(ours=warned), names=("reason",))
    assert reason == "sent with a warning: cent difference: so it is"
    ((_, reason),) = found(pair(ours={"gross": 1, "written_run_id": "person: ann"}), names=("reason",))
    assert reason == "ann let it stand as it is"
    assert found(pair(ours={"gross": 1}), names=("reason",)) == [(K.amount, "")]


def test_orders_without_documents_rest_in_nothing() -> None:
    assert found(order(), order("2", kind="supplier", state="pending"), locked_until=DAY) == []
