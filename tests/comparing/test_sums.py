"""Control totals and the money of each day, on sides made by hand."""

import datetime as dt
import json
from collections import Counter
from typing import Any

import pandas as pd
import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from tasks.comparing.edited import edited
from tasks.comparing.orders_alone import orders_alone
from tasks.comparing.resting import resting
from tasks.comparing.sides import FOUND, Sides
from tasks.comparing.strangers import strangers
from tasks.comparing.sums import days, totals
from tests.comparing.given import DAY, Part, Row, beside, document, note, order, pair, sides, terms

TWO = '{"OUTPUT2":["60.00","12.00"],"RROUTPUT":["40.00","8.00"]}'
SUPPLIER = {"kind": "supplier", "document_type": "purchase_order", "taxes": '{"INPUT2":["100.00","20.00"]}'}
PO = {"type": "PURCHASEORDER", "taxes": '{"INPUT2":["100.00","20.00"]}'}
BILL = {"type": "ACCPAY", "taxes": '{"INPUT2":["100.00","20.00"]}'}
NOTHING = pd.DataFrame(columns=list(FOUND))
HAND = "bills and credits by hand"


def told(*parts: Part, **by: Any) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Of each month, kind and tax type: our net and tax, theirs, and how many rows each side has."""
    found = totals(sides(*parts), terms(**by), NOTHING)
    for name in ("net", "tax", "gross"):
        assert (found[f"difference_{name}"] == found[f"ours_{name}"] - found[f"theirs_{name}"]).all()
    for side in ("ours", "theirs"):
        assert (found[f"{side}_net"] + found[f"{side}_tax"] == found[f"{side}_gross"]).all()
    amounts = ["ours_net", "ours_tax", "theirs_net", "theirs_tax", "ours_count", "theirs_count"]
    keys = found[["month", "kind", "tax_type"]].itertuples(index=False, name=None)
    return dict(zip(keys, found[amounts].itertuples(index=False, name=None), strict=True))


def test_a_pair_counts_once_on_each_side() -> None:
    assert told(pair()) == {("2026-11", "sales", "OUTPUT2"): (10_000, 2_000, 10_000, 2_000, 1, 1)}


def test_several_tax_types_are_told_apart() -> None:
    assert told(pair(ours={"taxes": TWO}, theirs={"taxes": TWO}), pair("2")) == {
        ("2026-11", "sales", "OUTPUT2"): (16_000, 3_200, 16_000, 3_200, 2, 2),
        ("2026-11", "sales", "RROUTPUT"): (4_000, 800, 4_000, 800, 1, 1),
    }


def test_a_type_that_moved_shows_in_both_rows() -> None:
    assert told(pair(theirs={"taxes": TWO})) == {
        ("2026-11", "sales", "OUTPUT2"): (10_000, 2_000, 6_000, 1_200, 1, 1),
        ("2026-11", "sales", "RROUTPUT"): (0, 0, 4_000, 800, 0, 1),
    }


def test_what_its_types_do_not_account_for_stands_under_none() -> None:
    short = '{"OUTPUT2":["60.00","12.00"],"RROUTPUT":["39.99","8.01"]}'
    found = told(pair(ours={"taxes": TWO}, theirs={"taxes": short}))
    assert found["2026-11", "sales", ""] == (0, 0, 1, -1, 0, 1)
    assert told(pair(theirs={"taxes": ""}))["2026-11", "sales", ""] == (0, 0, 10_000, 2_000, 0, 1)


@pytest.mark.parametrize("status", ["AUTHORISED", "PAID"])
def test_our_credit_note_lowers_its_document_type_by_type(status: str) -> None:
    credited = {
        "net": 5_000,
        "gross": 6_000,
        "taxes": '{"OUTPUT2":["30.00","6.00"],"RROUTPUT":["20.00","4.00"]}',
    }
    after = {"net": 5_000, "gross": 6_000, "taxes": credited["taxes"]}
    whole = {"taxes": TWO}
    assert told(pair(ours=after, theirs=whole), note("1", "n", **credited, status=status)) == {
        ("2026-11", "sales", "OUTPUT2"): (3_000, 600, 3_000, 600, 1, 2),
        ("2026-11", "sales", "RROUTPUT"): (2_000, 400, 2_000, 400, 1, 2),
    }


def test_a_bill_credit_of_ours_lowers_bills() -> None:
    ours = {
        **SUPPLIER,
        "document_type": "bill",
        "net": 7_000,
        "gross": 8_400,
        "taxes": '{"INPUT2":["70.00","14.00"]}',
    }
    credit = {"type": "ACCPAYCREDIT", "net": 3_000, "gross": 3_600, "taxes": '{"INPUT2":["30.00","6.00"]}'}
    assert told(pair(ours=ours, theirs=BILL), note("1", "n", kind="supplier", **credit)) == {
        ("2026-11", "bills", "INPUT2"): (7_000, 1_400, 7_000, 1_400, 1, 2)
    }


def test_what_people_made_beside_counts_on_both_sides() -> None:
    order = pair(ours=SUPPLIER, theirs=PO)
    bill = beside("1", "b", kind="supplier", **BILL)
    credit = beside(
        "1", "c", kind="supplier", **{**BILL, "type": "ACCPAYCREDIT", "net": 1_000, "gross": 1_200}
    )
    found = told(order, bill, credit)
    assert found == {
        ("2026-11", "purchase orders", "INPUT2"): (10_000, 2_000, 10_000, 2_000, 1, 1),
        ("2026-11", HAND, "INPUT2"): (9_000, 1_800, 9_000, 1_800, 2, 2),
    }


def test_strangers_count_on_xeros_side_alone() -> None:
    found = told(
        pair(),
        document("x1"),
        document("x2", type="ACCRECCREDIT"),
        document("x3", **BILL),
        document("x4", **PO),
    )
    assert found == {
        ("2026-11", "sales", "OUTPUT2"): (10_000, 2_000, 20_000, 4_000, 1, 2),
        ("2026-11", HAND, "OUTPUT2"): (0, 0, -10_000, -2_000, 0, 1),
        ("2026-11", HAND, "INPUT2"): (0, 0, 10_000, 2_000, 0, 1),
        ("2026-11", "purchase orders", "INPUT2"): (0, 0, 10_000, 2_000, 0, 1),
    }


def test_an_order_without_a_document_counts_where_its_document_would() -> None:
    waiting = order(state="pending"), order("2", **{**SUPPLIER, "document_type": ""}, state="held")
    kinds = [kind for _, kind, _ in told(*waiting)]
    assert kinds == ["purchase orders", "sales"]
    assert [kind for _, kind, _ in told(*waiting, bills=True)] == ["bills", "sales"]
    # One that was made before the rules were changed counts as what it is.
    assert [kind for _, kind, _ in told(pair(ours=SUPPLIER, theirs=PO), bills=True)] == ["purchase orders"]


@pytest.mark.parametrize(
    "part",
    [
        order(state="not_due"),
        order(state="before_cutover"),
        order(state="elsewhere"),
        order(status="cancelled", state="pending"),
        order(gross=None, net=None, state="held"),
        document(status="VOIDED"),
        document(unreadable=True),
        document(type="ARPREPAYMENT"),
        document(within=False),
        pair(ours={"state": "not_due"}, theirs={"status": "DELETED"}),
        # Written after Xero was read: the document is not known, or as it was before.
        order(document_id="d1", origin="made", fresh=True),
        pair(ours={"fresh": True, "net": 20_000, "gross": 24_000}),
        pair(ours={"fresh": True, "status": "cancelled", "state": "not_due"}),
    ],
)
def test_what_does_not_count(part: Part) -> None:
    assert told(part) == {}


def test_of_what_was_written_after_xero_was_read_its_notes_do_not_count_either() -> None:
    fresh = {"fresh": True, "net": 5_000, "gross": 6_000}
    assert told(pair(ours=fresh), note("1", "n", net=5_000, gross=6_000)) == {}
    # What people made counts on both sides as it is, and its order adds nothing to it.
    found = told(pair(ours={**fresh, "origin": "linked"}), note("1", "n", net=5_000, gross=6_000))
    assert found == {("2026-11", "sales", "OUTPUT2"): (10_000, 2_000, 10_000, 2_000, 1, 1)}


@pytest.mark.parametrize("by", [{}, {"origin": "linked"}])
def test_an_order_that_is_not_due_has_its_notes_where_its_document_is(by: Row) -> None:
    """An order was cancelled and billed in another month at once: its document is credited, and stays as it is."""
    ended = {"status": "cancelled", "state": "not_due", "date": dt.date(2026, 12, 1), **by}
    assert [cell[:4] for cell in told(pair(ours=ended), note("1", "n")).values()] == [(0, 0, 0, 0)]


def test_months_are_those_of_each_sides_own_date() -> None:
    first, last = dt.date(2026, 12, 1), dt.date(2026, 11, 30)
    found = told(
        pair(ours={"date": last}, theirs={"date": first}),
        pair("2", ours={"date": first}, theirs={"date": first}),
    )
    assert found == {
        ("2026-11", "sales", "OUTPUT2"): (10_000, 2_000, 0, 0, 1, 0),
        ("2026-12", "sales", "OUTPUT2"): (10_000, 2_000, 20_000, 4_000, 1, 2),
    }


def test_currencies_are_never_added_up() -> None:
    found = totals(
        sides(pair(), pair("2", ours={"currency": "EUR"}, theirs={"currency": "EUR"})), terms(), NOTHING
    )
    assert found[["currency", "ours_gross", "theirs_gross"]].values.tolist() == [
        ["EUR", 12_000, 12_000],
        ["GBP", 12_000, 12_000],
    ]


STATES = [
    {},
    {"state": "pending"},
    {"state": "held", "findings": "[]"},
    {"state": "rejected", "findings": "[]"},
    {"state": "skipped", "findings": "[]", "reason": "a gift"},
]
WHAT = [
    *("edited", "changed", "cancelled", "credited", "fresh", "alone"),
    *("stranger", "voided", "settled", "linked", "taken", "kept"),
]
DATES = st.sampled_from([DAY, dt.date(2026, 12, 1)])
TYPES = st.sampled_from(["NONE", "EXEMPTOUTPUT", "OUTPUT2"])
GROSS = st.integers(1, 500) | st.integers(1, 50_000)


def amounts(gross: int, type_: str, day: dt.date) -> Row:
    """An order or document of one tax type."""
    tax = gross // 6 if type_ == "OUTPUT2" else 0
    net = gross - tax
    told = json.dumps({type_: [f"{net / 100:.2f}", f"{tax / 100:.2f}"]})
    return {"gross": gross, "net": net, "taxes": told, "date": day}


def written(facts: Row, day: dt.date) -> Row:
    """As our last write left it."""
    gross, net = facts["gross"], facts["net"]
    return {
        "written_gross": gross, "written_net": net, "written_tax": gross - net, "written_date": day,
        "written_lines": facts["taxes"],
    }  # fmt: skip


@st.composite
def pieces(draw: st.DrawFn, id_: str) -> list[Part]:
    """An order with its document and perhaps our credit note; or without any; or a stranger."""
    ours, theirs = (amounts(draw(GROSS), draw(TYPES), draw(DATES)) for _ in range(2))
    facts = {**theirs, "tax": theirs["gross"] - theirs["net"], "lines": theirs["taxes"]}
    what = draw(st.sampled_from(WHAT))
    gone = {"unlisted": draw(st.booleans())}
    ours = {**ours, **gone}
    credit = draw(st.none() | st.integers(1, theirs["gross"]))
    noted = amounts(credit or 0, "NONE", draw(DATES))
    notes = [note(id_, f"n{id_}", **noted, tax=0)] if credit else []
    pending = {"state": "pending", "revision": "r2"}
    # Of what we made, the date is the order's, until somebody changes either.
    before, same = written(theirs, ours["date"]), {**facts, "date": ours["date"]}
    match what:
        case "edited":
            left = {**amounts(ours["gross"] - (credit or 0), "NONE", ours["date"]), **gone}
            return [pair(id_, ours={**left, **written(ours, ours["date"])}, theirs=facts), *notes]
        case "changed":
            return [pair(id_, ours={**ours, **before, **pending}, theirs=same), *notes]
        case "cancelled":
            origin = draw(st.sampled_from(["made", "linked"]))
            ours = {**ours, **before, **pending, "status": "cancelled", "origin": origin}
            return [pair(id_, ours=ours, theirs=same), *notes]
        case "credited":
            ours = {**ours, **written(theirs, theirs["date"]), "status": "cancelled", "state": "not_due"}
            return [
                pair(id_, ours=ours, theirs=facts),
                note(id_, f"n{id_}", **{**facts, "date": noted["date"]}),
            ]
        case "fresh":
            return [pair(id_, ours={**ours, **before, "fresh": True}, theirs=facts), *notes]
        case "alone":
            return [order(id_, **ours, **draw(st.sampled_from(STATES)))]
        case "stranger":
            return [document(f"x{id_}", reference=f"R-{id_}", **facts)]
        case "voided":
            return [pair(id_, ours={**ours, **before}, theirs={**same, "status": "VOIDED"})]
        case "settled":
            return [pair(id_, ours={**ours, **before}, theirs=same), *notes]
        case "linked":
            return [pair(id_, ours={**ours, "origin": "linked"}, theirs=facts), *notes]
        case "taken":
            taken = {**written(theirs, theirs["date"]), "written_run_id": "person: ann"}
            return [pair(id_, ours={**ours, **taken}, theirs=facts), *notes]
    kept = {**written(theirs, theirs["date"]), "written_run_id": "person: ann", "state": "not_due"}
    return [pair(id_, ours={**ours, **kept, "status": "cancelled"}, theirs=facts), *notes]


def discrepancies(both: Sides) -> pd.DataFrame:
    by_edit, changed = edited(both)
    found = [
        *orders_alone(both, terms()),
        *by_edit,
        *strangers(both, terms()),
        *resting(both, terms(), changed),
    ]
    return pd.concat([one for one in found if len(one)] or found[:1], ignore_index=True)


def by_month(both: Sides, rows: pd.DataFrame) -> dict[str, int]:
    """What discrepancies come to: each order or document by its first amount; where dates differ, in both months."""
    months: Counter[str] = Counter()
    # What Monstock knows no more counts as it is known, beside a document that stands.
    documented = set(both.orders.loc[both.standing, "order_id"])
    unlisted = (rows["kind"] == "order not listed") & rows["order_id"].isin(documented)
    with_amounts = rows[~unlisted].dropna(subset="difference")
    for row in with_amounts.drop_duplicates(["order_id", "document_id"]).itertuples():
        months[f"{row.date:%Y-%m}"] += row.difference
    counted = ~both.settled & both.due & ~both.orders["fresh"]
    standing = both.orders[both.standing & counted]
    for at, one in standing.iterrows():
        if one["order_id"] in set(rows["order_id"]):
            months[f"{one['date']:%Y-%m}"] += one["gross"]
            months[f"{both.own['date'][at]:%Y-%m}"] -= one["gross"]
    # Our credit notes count with their orders.
    for o, d in both.notes[["o", "d"]].itertuples(index=False):
        if both.own["date"][o] != both.orders["date"][o] and counted[o]:
            months[f"{both.orders['date'][o]:%Y-%m}"] += both.documents["gross"][d]
            months[f"{both.own['date'][o]:%Y-%m}"] -= both.documents["gross"][d]
    return {month: cents for month, cents in months.items() if cents}


@settings(max_examples=15, deadline=None)
@examples(
    st.lists(st.integers(0, 9).flatmap(lambda n: pieces(str(n))), max_size=8, unique_by=lambda p: str(p[0]))
)
def test_totals_differ_by_what_the_discrepancies_explain(parts: list[list[Part]]) -> None:
    numbered = {
        (part[0].orders[0]["order_id"] if part[0].orders else part[0].documents[0]["document_id"]): part
        for part in parts
    }
    both = sides(*(one for part in numbered.values() for one in part))
    rows = discrepancies(both)
    found = totals(both, terms(), rows)
    for name in ("net", "tax", "gross"):
        assert found[f"known_{name}"].tolist() == found[f"difference_{name}"].tolist()
    sums = found.groupby("month")["difference_gross"].sum()
    assert sums[sums != 0].to_dict() == by_month(both, rows)


def test_a_skipped_order_that_monstock_removed_explains_what_the_sums_lack() -> None:
    both = sides(order(unlisted=True, state="skipped", reason="a gift"))
    found = totals(both, terms(), discrepancies(both))
    assert found[["difference_gross", "known_gross"]].values.tolist() == [[12_000, 12_000]]


def test_types_that_are_not_known_are_those_of_the_document() -> None:
    found = told(pair(ours={"taxes": ""}), order("2", state="held", taxes=""))
    assert found == {
        ("2026-11", "sales", ""): (10_000, 2_000, 0, 0, 1, 0),
        ("2026-11", "sales", "OUTPUT2"): (10_000, 2_000, 10_000, 2_000, 1, 1),
    }


@pytest.mark.parametrize("kind", ["document without order", "unreadable", "paid amount", "contact"])
def test_what_a_discrepancy_explains_is_at_its_order_or_document_alone(kind: str) -> None:
    """An accepted stray of 2024 hides no other month, kind or order; what moves no sum explains none."""
    old, *others = document("x1", date=dt.date(2024, 5, 1), net=500_000, gross=500_000), pair(), order("2")
    both = sides(old, *others, document("x2", **BILL))
    rows = pd.DataFrame({"kind": [kind], "order_kind": "", "order_id": "", "document_id": "x1"})
    found = totals(both, terms(), rows).set_index(["month", "kind"])
    counts = kind in {"document without order", "unreadable"}
    assert found["difference_gross"].to_dict() == {
        ("2024-05", "sales"): -500_000, ("2026-11", HAND): -12_000, ("2026-11", "sales"): 12_000,
    }  # fmt: skip
    assert found["known_gross"].tolist() == [-500_000 if counts else 0, 0, 0]


def test_days_tell_what_agrees_and_what_does_not() -> None:
    later = DAY + dt.timedelta(days=1)
    both = sides(
        pair("1"),
        pair("2", ours={"gross": 5_000}),
        pair("3", ours={"date": later, "gross": -700}),
        order("4", state="not_due", gross=1),
        order("5", state="pending", date=None),
        order("6", state="pending", gross=None),
        document("x1", gross=300),
        document("x2", gross=400, status="VOIDED"),
        beside("1", "x3", gross=500),
        document("x4", gross=600, currency="EUR"),
        # Of other dates, proposed for an order of these; and what was written after Xero was read.
        document("x5", gross=800, standing="proposed", within=False),
        pair("7", ours={"fresh": True}),
    )
    apart = pd.DataFrame({"order_kind": ["customer", "customer", "supplier"], "order_id": ["2", "6", "1"]})
    found = days(both, apart)
    assert [tuple(row) for row in found.assign(date=found["date"].dt.date).values.tolist()] == [
        (DAY, "EUR", 0, 600),
        (DAY, "GBP", 12_000, 5_300),
        (later, "GBP", 700, 0),
    ]
    assert found["matched"].dtype == found["unmatched"].dtype == "int64"
