"""Nights over the sandbox: what a quiet one costs, what a whole period finds, and what is told only once."""

import datetime as dt
from itertools import count
from typing import Any

import pandas as pd
import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.discrepancies import DiscrepancyKind as K
from tasks.domain.orders import Kind
from tasks.importing.listing import Listing
from tasks.ledger.columns import Part
from tasks.reconciling import reading, window
from tasks.reconciling.reading import foresee
from tasks.reconciling.settling import Settled
from tasks.reconciling.window import Window
from tasks.xero import client
from tasks.xero.endpoints import INVOICES
from tests.exporting.conftest import no_waiting
from tests.exporting.driver import export, standing
from tests.importing.books import FIELDS, at_each_page, in_xero, invoice
from tests.importing.driver import import_, writes
from tests.importing.driver import read as read_xero
from tests.reconciling.drifts import nightly
from tests.reconciling.driver import night
from tests.support import Connect, line, order

__all__ = ["no_waiting"]
TODAY = dt.datetime.now(dt.UTC).date()
WEEK = (TODAY - dt.timedelta(days=6), TODAY)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (client, reading):
        monkeypatch.setattr(module, "PAGE_SIZE", 50)


@pytest.fixture
def shop(connect: Connect, no_waiting: None) -> Connection:
    return nightly(connect)


def day(ago: int) -> str:
    return (TODAY - dt.timedelta(days=ago)).isoformat()


def past() -> str:
    """A stamp of Monstock's of two days ago."""
    moment = dt.datetime.now(dt.UTC) - dt.timedelta(days=2)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def ordered(number: int, **changes: Any) -> dict[str, Any]:
    """An order of three days ago, of a contact of its own."""
    contact = {"id": f"c-{number}", "name": f"Customer {number}", "countryCode": "GB"}
    return order(number, **{"orderDate": day(3), "contact": contact, **changes})


def settled(sandbox: Sandbox, shop: Connection, *orders: dict[str, Any]) -> None:
    """Both sides agree about these orders."""
    sandbox.load_orders(list(orders))
    export(shop)
    sandbox.advance(2)
    import_(shop, open_documents=True)
    sandbox.advance(2)


def document(shop: Connection, order_id: str) -> str:
    kind = Kind.customer if order_id.startswith("c") else Kind.supplier
    return str(shop.documents.links(kind, [order_id])[order_id].document_id)


def told(found: Settled) -> list[tuple[str, str, str]]:
    """Kind, life, and the order (else the document's number) of each discrepancy."""
    rows = found.rows
    where = rows["order_id"].where(rows["order_id"] != "", rows["number"])
    return sorted(zip(rows["kind"], rows["state"], where, strict=True))


def calls(sandbox: Sandbox) -> int:
    return int(sandbox.state("xero")["calls"]["total"])


def cost(sandbox: Sandbox, shop: Connection, period: Any = None) -> tuple[int, int]:
    """How many calls to Xero a night takes, and how many were foreseen."""
    foreseen = foresee(shop, Window(dt.datetime.now(dt.UTC), period))
    before = calls(sandbox)
    night(shop, period)
    return calls(sandbox) - before, foreseen


def open_invoices(sandbox: Sandbox, number: int) -> None:
    """So many open invoices, a moment apart."""
    invoice(sandbox, "INV", Date=day(2), DueDate=day(-28))
    if number > 1:
        sandbox.edit("copy", number="INV", times=number - 1, seconds=0.41)
    sandbox.advance(2)


# Of a hundred thousand, which take over a minute, the same holds: calls grow by pages alone.
@pytest.mark.parametrize(("documents", "most"), [(5_000, 20)])
def test_a_quiet_night_costs_what_was_foreseen(
    sandbox: Sandbox, shop: Connection, documents: int, most: int
) -> None:
    open_invoices(sandbox, documents)
    read_xero(shop)
    sandbox.advance(2)
    used, foreseen = cost(sandbox, shop)
    assert used == foreseen <= most
    assert shop.columns.open_documents() == {("ACCREC", "AUTHORISED"): documents}


@pytest.mark.parametrize("period", [None, WEEK], ids=["default", "period"])
def test_where_there_is_nothing_yet_nothing_is_found(sandbox: Sandbox, shop: Connection, period: Any) -> None:
    found = night(shop, period)
    assert (found.orders, found.documents, found.pairs, found.matched) == (0, 0, 0, 0)
    assert (len(found.rows), len(found.totals), len(found.days)) == (0, 0, 0)


@pytest.mark.parametrize("period", [None, WEEK], ids=["default", "period"])
@pytest.mark.parametrize("documents", [0, 50, 51])
def test_the_forecast_knows_where_pages_end(
    sandbox: Sandbox, shop: Connection, small_pages: None, documents: int, period: Any
) -> None:
    if documents:
        open_invoices(sandbox, documents)
    sandbox.load_orders([ordered(n, kind="supplier") for n in range(1, documents % 3 + 1)])
    export(shop)
    sandbox.advance(2)
    read_xero(shop)
    sandbox.advance(2)
    used, foreseen = cost(sandbox, shop, period)
    assert used == foreseen


def test_a_clock_that_wavers_between_pages_lets_nothing_be_read_twice(
    sandbox: Sandbox, shop: Connection, small_pages: None
) -> None:
    open_invoices(sandbox, 120)
    read_xero(shop)
    at_each_page(shop, lambda page: sandbox.advance(-1))
    listing = Listing(shop, INVOICES)
    while not listing.done:
        listing.step()
    assert shop.mirror.unread(1000) == {}


def test_the_forecast_counts_what_is_to_be_read_by_id(sandbox: Sandbox, shop: Connection) -> None:
    open_invoices(sandbox, 90)
    settled(sandbox, shop, *(ordered(n, kind="supplier") for n in (1, 2)))
    quiet = foresee(shop, Window(dt.datetime.now(dt.UTC)))
    _, rows, _ = shop.columns.read(Part())
    ids = rows.loc[rows["type"] == "ACCREC", "document_id"].tolist()
    shop.mirror.read_again("Invoices", ids[:41])
    shop.mirror.read_again("PurchaseOrders", [document(shop, f"so-{n}") for n in (1, 2)])
    assert foresee(shop, Window(dt.datetime.now(dt.UTC))) == quiet + 2 + 2
    used, foreseen = cost(sandbox, shop)
    assert used == foreseen


def test_the_forecast_counts_what_is_known_to_be_behind(sandbox: Sandbox, shop: Connection) -> None:
    settled(sandbox, shop, *map(ordered, (1, 2)))
    sandbox.edit("edit", kind="invoice", id=document(shop, "co-1"), fields={"Reference": "by telephone"})
    sandbox.edit("edit", on="monstock", id="co-1", fields={"lines": [line(quantity="1")]})
    sandbox.advance(2)
    export(shop)
    sandbox.advance(2)
    import_(shop, open_documents=True)
    night(shop)
    assert "order changed" in {kind for kind, _, where in told(night(shop)) if where == "co-1"}
    assert standing(shop)["co-1"] == "held"
    used, foreseen = cost(sandbox, shop)
    assert used == foreseen


def test_a_second_night_has_seen_all_and_writes_nothing(sandbox: Sandbox, shop: Connection) -> None:
    settled(sandbox, shop, *map(ordered, range(1, 5)), ordered(9, kind="supplier"))
    sandbox.edit("edit", kind="invoice", id=document(shop, "co-1"), fields={"Reference": "by telephone"})
    sandbox.edit("void", id=document(shop, "co-2"))
    sandbox.edit("cancel", on="monstock", id="co-3")
    sandbox.load_orders([ordered(5)])
    invoice(sandbox, "HAND", Date=day(2), DueDate=day(-28))
    sandbox.advance(2)
    before = writes(sandbox)
    first = night(shop, run_id="first")
    assert told(first) == [
        (K.removed, "open", "co-2"),
        (K.unmatched, "open", "HAND"),
        (K.not_exported, "open", "co-5"),
        (K.not_ended, "open", "co-3"),
        (K.reference, "open", "co-1"),
        (K.status, "open", "co-2"),
    ]
    sandbox.advance(2)
    second = night(shop, run_id="second")
    assert writes(sandbox) == before
    assert told(second) == [(kind, "seen", at) for kind, _, at in told(first)]
    assert (second.orders, second.documents, second.matched) == (first.orders, first.documents, first.matched)
    facts = ["id", "ours", "theirs", "difference", "since", "first_seen", "cause", "repair"]
    rows = [found.rows[facts].sort_values("id", ignore_index=True) for found in (first, second)]
    pd.testing.assert_frame_equal(*rows)


def test_a_period_finds_an_edit_that_moved_no_stamp(sandbox: Sandbox, shop: Connection) -> None:
    made = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    sandbox.control("POST", "/clock", {"set": made.isoformat()})
    sandbox.load_orders([ordered(1), ordered(2)])
    export(shop)
    sandbox.advance(60)
    sandbox.load_orders([ordered(3)])
    export(shop)
    sandbox.advance(60)
    import_(shop, open_documents=True)
    stamps = in_xero(shop)
    sandbox.control("POST", "/clock", {"set": made.isoformat()})
    fields = {"Total": 46.0, "SubTotal": 38.5, "AmountDue": 46.0}
    sandbox.edit("rewrite", kind="invoice", id=document(shop, "co-1"), fields=fields)
    sandbox.advance(180)
    assert in_xero(shop) == stamps
    assert read_xero(shop).changed.total() == 0
    found = told(night(shop, WEEK))
    assert (K.gross, "open", "co-1") in found
    assert {at for _, _, at in found} == {"co-1"}


def test_a_period_finds_a_document_erased_without_a_trace(sandbox: Sandbox, shop: Connection) -> None:
    settled(sandbox, shop, ordered(1), ordered(2), ordered(3, kind="supplier"))
    sandbox.edit("pay", id=document(shop, "co-1"))
    sandbox.advance(2)
    import_(shop)
    sandbox.edit("erase", kind="invoice", id=document(shop, "co-1"))
    sandbox.edit("erase", kind="purchase_order", id=document(shop, "so-3"))
    sandbox.advance(2)
    assert read_xero(shop).changed.total() == 0
    found = told(night(shop, WEEK))
    missing = [row for row in found if row[0] == K.missing]
    assert missing == [(K.missing, "open", "co-1"), (K.missing, "open", "so-3")]
    assert {at for _, _, at in found} == {"co-1", "so-3"}


def test_a_period_finds_an_order_erased_in_monstock(sandbox: Sandbox, shop: Connection) -> None:
    settled(sandbox, shop, ordered(1), ordered(2), ordered(3, orderDate=day(9)))
    for id_ in ("co-1", "co-3"):
        sandbox.edit("erase", on="monstock", id=id_)
    export(shop)
    assert told(night(shop, WEEK, run_id="first")) == [(K.not_listed, "open", "co-1")]
    both = [(K.not_listed, "open", "co-3"), (K.not_listed, "seen", "co-1")]
    assert told(night(shop, run_id="second")) == both


@pytest.mark.parametrize("ago", [40, 95], ids=["listed", "read by its id"])
def test_a_period_reads_an_order_of_before_that_is_billed_within_it(
    sandbox: Sandbox, shop: Connection, ago: int
) -> None:
    settled(sandbox, shop, ordered(1, orderDate=day(ago), billingDate=day(3)), ordered(2, billingDate=day(9)))
    stamp = past()
    changed = {"lines": [line(quantity="5")], "updatedAt": stamp}
    sandbox.edit("edit", on="monstock", id="co-1", fields=changed)
    sandbox.edit("edit", on="monstock", id="co-2", fields=changed)
    found = told(night(shop, WEEK))
    assert found == [(K.not_followed, "open", "co-1")]


@pytest.mark.parametrize("ordered_on", [40, -20], ids=["ordered before", "ordered after"])
def test_a_period_finds_an_order_that_was_never_read_and_is_billed_within_it(
    sandbox: Sandbox, shop: Connection, ordered_on: int
) -> None:
    settled(sandbox, shop, ordered(1))
    stamp = past()
    late = {"updatedAt": stamp, "orderDate": day(ordered_on)}
    sandbox.load_orders([ordered(2, billingDate=day(3), **late), ordered(3, billingDate=day(12), **late)])
    sandbox.advance(2)
    assert told(night(shop, WEEK)) == [(K.not_exported, "open", "co-2")]


@pytest.mark.parametrize("ago", [9, 95], ids=["listed", "read by its id"])
@pytest.mark.parametrize("small", [1, 200_000], ids=["by months", "at once"])
def test_a_document_that_was_moved_into_a_period_is_compared_there_once(
    sandbox: Sandbox, shop: Connection, monkeypatch: pytest.MonkeyPatch, ago: int, small: int
) -> None:
    monkeypatch.setattr(window, "WHOLE", small)
    settled(sandbox, shop, ordered(1, orderDate=day(ago)), ordered(2), ordered(3, orderDate=day(12)))
    sandbox.edit("edit", kind="invoice", id=document(shop, "co-1"), fields={"Date": day(2)})
    sandbox.advance(2)
    import_(shop)
    changed = {"lines": [line(quantity="5")], "updatedAt": past()}
    sandbox.edit("edit", on="monstock", id="co-1", fields=changed)
    found = night(shop, WEEK)
    assert set(told(found)) == {(K.date, "open", "co-1"), (K.not_followed, "open", "co-1")}
    assert (found.orders, found.documents, found.pairs, found.matched) == (2, 2, 2, 1)
    # Its order counts in its own month, and is told where that is one of the period's.
    there = 7_500 if f"{WEEK[0]:%Y-%m}" <= day(ago)[:7] else 0
    sums = ["ours_gross", "theirs_gross", "known_gross"]
    assert found.totals[sums].sum().tolist() == [4_500 + there, 9_000, there - 4_500]
    then = TODAY - dt.timedelta(days=ago)
    assert set(told(night(shop, (then, then), run_id="of then"))) == {
        (K.date, "seen", "co-1"),
        (K.not_followed, "seen", "co-1"),
    }


def test_a_period_ends_what_is_mended_at_its_edges(sandbox: Sandbox, shop: Connection) -> None:
    settled(sandbox, shop, ordered(1, orderDate=day(9)))
    sandbox.edit("edit", kind="invoice", id=document(shop, "co-1"), fields={"Date": day(2)})
    sandbox.advance(2)
    import_(shop)
    assert told(night(shop, WEEK)) == [(K.date, "open", "co-1")]
    sandbox.edit("edit", kind="invoice", id=document(shop, "co-1"), fields={"Date": day(9)})
    sandbox.advance(2)
    import_(shop)
    assert told(night(shop, (TODAY - dt.timedelta(days=9), TODAY))) == [(K.date, "gone", "co-1")]


@pytest.mark.parametrize("period", [None, WEEK], ids=["default", "period"])
@pytest.mark.parametrize("ago", [3, 95])
def test_an_order_without_a_document_that_monstock_erased_is_found_so(
    sandbox: Sandbox, shop: Connection, period: Any, ago: int
) -> None:
    held = {"lines": [line(taxRate="3.14")]}
    sandbox.load_orders([ordered(n, orderDate=day(ago), billingDate=day(3), **held) for n in (1, 2)])
    export(shop)
    assert standing(shop) == {"co-1": "held", "co-2": "held"}
    sandbox.edit("erase", on="monstock", id="co-1")
    assert told(night(shop, period)) == [(K.held, "open", "co-2"), (K.not_listed, "open", "co-1")]


def test_a_duplicate_stays_one_and_accepted_when_its_month_is_no_longer_read_whole(
    sandbox: Sandbox, shop: Connection
) -> None:
    settled(sandbox, shop, ordered(1))
    sandbox.edit("pay", id=document(shop, "co-1"))
    sandbox.edit("copy", id=document(shop, "co-1"), times=1)
    sandbox.advance(2)
    import_(shop)
    first = night(shop, run_id="first")
    shop.discrepancies.accept(first.rows["id"].item(), "both are meant", "ann")
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=100)
    then = night(shop, run_id="later", now=later)
    assert [row[:2] for row in told(first)] == [(K.duplicate, "open")]
    assert [row[:2] for row in told(then)] == [(K.duplicate, "accepted")]
    assert then.rows["id"].item() == first.rows["id"].item()


@pytest.mark.parametrize("period", [None, WEEK], ids=["what moves", "a period"])
def test_a_bill_that_was_entered_twice_by_hand_is_a_duplicate(
    sandbox: Sandbox, shop: Connection, period: tuple[dt.date, dt.date] | None
) -> None:
    rows = [{**FIELDS["LineItems"][0], "AccountCode": "310", "TaxType": "INPUT2"}]
    for number in ("SUP-4711", "SUP-4711", "SUP-4712"):
        invoice(sandbox, number, Type="ACCPAY", Date=day(3), LineItems=rows)
    sandbox.advance(2)
    import_(shop)
    assert told(night(shop, period)) == [
        (K.unmatched, "open", "SUP-4711"),
        (K.unmatched, "open", "SUP-4712"),
        (K.duplicate, "open", "SUP-4711"),
    ]


def test_what_a_person_accepted_stays_quiet_until_it_says_something_else(
    sandbox: Sandbox, shop: Connection
) -> None:
    settled(sandbox, shop, ordered(1))
    (row,) = shop.xero.one(INVOICES, document(shop, "co-1"))
    first_line = row["LineItems"][0]["LineItemID"]
    runs = count()

    def again() -> Settled:
        sandbox.advance(2)
        import_(shop)
        return night(shop, run_id=f"night {next(runs)}")

    def edit(price: str) -> Settled:
        fields = {"LineItems": [{"LineItemID": first_line, "UnitAmount": price}]}
        sandbox.edit("edit", kind="invoice", id=document(shop, "co-1"), fields=fields)
        return again()

    found = edit("13.50")
    assert told(found) == [(K.gross, "open", "co-1")]
    shop.discrepancies.accept(found.rows["id"].item(), "agreed", "ann")
    quiet = again()
    assert told(quiet) == [(K.gross, "accepted", "co-1")]
    assert quiet.rows["reason"].item() == "agreed"
    assert told(edit("13.50")) == [(K.gross, "accepted", "co-1")]
    louder = edit("14.50")
    assert told(louder) == [(K.gross, "open", "co-1")]
    assert (louder.rows["difference"].item(), louder.rows["reason"].item()) == (-720, "")
    assert told(edit("12.50")) == [(K.gross, "gone", "co-1")]
    assert told(again()) == []


def test_orders_that_the_export_has_passed_by_are_found(sandbox: Sandbox, shop: Connection) -> None:
    settled(sandbox, shop, ordered(1), ordered(1, kind="supplier"))
    stamp = past()
    sandbox.load_orders([ordered(2, updatedAt=stamp), ordered(3, kind="supplier", updatedAt=stamp)])
    sandbox.advance(2)
    export(shop)
    assert standing(shop) == {"co-1": "exported", "so-1": "exported"}
    found = [(K.not_exported, "open", "co-2"), (K.not_exported, "open", "so-3")]
    assert told(night(shop, run_id="first")) == found
    export(shop)
    sandbox.advance(2)
    import_(shop)
    assert told(night(shop, run_id="second")) == [(kind, "gone", at) for kind, _, at in found]
