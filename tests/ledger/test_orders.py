"""Where orders stand: pages with their cursor, what is due, what a plan may say of an order."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Table

from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause, Finding, OrderState
from tasks.ledger.claims import Outcome
from tasks.ledger.database import Database, _upserting, upsert
from tasks.ledger.documents import Documents
from tasks.ledger.orders import Orders
from tasks.ledger.standing import Scope, Seen, Standing
from tasks.ledger.trail import Trail, inflated
from tests.benchmarks import a_year
from tests.ledger.given import attempts, claim, orders, settled, store, take_in, waiting
from tests.ledger.test_grown import asked, ways

NOW = datetime(2027, 1, 1, tzinfo=UTC)
FOUND = (Finding(Cause.locked, "The period is locked."),)


def seen(order_id: str = "1", revision: str = "r1") -> Seen:
    return Seen(Kind.customer, order_id, revision)


def test_a_page_and_its_cursor_stand_together(database: Database) -> None:
    take_in(database, "1", "2", position="2026-10-01T12:00:00Z")
    assert len(waiting(database)) == 2
    assert orders(database).cursor("customer-orders") == "2026-10-01T12:00:00Z"


def test_the_statement_of_a_page_is_made_once(database: Database) -> None:
    take_in(database, "1")
    made = _upserting.cache_info().misses
    take_in(database, "2")
    assert _upserting.cache_info().misses == made


def test_orders_that_a_listing_did_not_show_are_found_by_their_days(database: Database) -> None:
    a_year.fill(database, 3_000)
    shop = Orders(database, a_year.CONNECTION)
    with asked(database) as statements:
        shop.not_listed(NOW, changed_since=None, dated=(date(2026, 3, 1), date(2026, 3, 1)))
    (one,) = statements
    found = [by for table, by in ways(database, *one) if table == "orders"]
    assert found
    assert all("document_date" in by or "order_id" in by for by in found), found


def test_if_the_cursor_cannot_be_written_the_page_is_not_either(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_at_cursors(tx: Connection, table: Table, *rows: Any, **how: Any) -> None:
        assert table.name != "cursors", "the disk is full"
        upsert(tx, table, *rows, **how)

    monkeypatch.setattr("tasks.ledger.orders.upsert", fail_at_cursors)
    with pytest.raises(AssertionError, match="the disk is full"):
        take_in(database, "1", position="2026-10-01T12:00:00Z")
    assert waiting(database) == []


def test_what_xero_was_asked_in_vain_waits_for_other_rules_or_for_a_person(database: Database) -> None:
    take_in(database, "1")
    worker = attempts(database)
    first = store(worker, claim())
    assert first is not None
    worker.settle(first, [settled(claim(), Outcome.rejected)], "answered", "run")
    assert waiting(database, rules="rules") == []
    assert len(waiting(database, rules="others")) == 1
    assert len(waiting(database, rules="rules", retry_rejected=True)) == 1
    take_in(database, "1", revision="r2")
    assert len(waiting(database, rules="rules")) == 1


def test_holding_an_order_again_for_the_same_is_no_news(database: Database) -> None:
    take_in(database, "1")
    assert orders(database).hold([(seen(), FOUND)], "run") == 1
    assert orders(database).hold([(seen(), FOUND)], "run") == 0
    assert orders(database).hold([(seen(), (*FOUND, *FOUND))], "run") == 1


def test_what_was_said_of_an_old_revision_does_not_touch_the_new_one(database: Database) -> None:
    take_in(database, "1", revision="r2")
    assert orders(database).hold([(seen(revision="r1"), FOUND)], "run") == 0
    orders(database).move([seen(revision="r1")], OrderState.exported, "run")
    (order,) = waiting(database)
    assert (order.state, order.revision) == (OrderState.pending, "r2")


def test_what_a_person_did_to_a_document_is_not_taken_for_our_last_write(database: Database) -> None:
    take_in(database, "1")
    worker, documents = attempts(database), Documents(database, "shop")
    first = store(worker, claim())
    assert first is not None
    worker.settle(first, [settled(claim())], "answered", "run")
    theirs = {"InvoiceID": "id-1", "Type": "ACCREC", "Status": "VOIDED", "Total": "1.00"}
    worker.adopt([settled(claim(operation="update"), Outcome.conflict, document=theirs)], "run")
    link = documents.links(Kind.customer, ["1"])["1"]
    assert (link.revision, link.written["Total"], link.status) == ("r1", "45.00", "VOIDED")


def test_a_window_goes_on_after_its_last_order(database: Database) -> None:
    take_in(database, *"123")
    (first,) = orders(database).unsettled(Scope(), None, 1)
    rest = orders(database).unsettled(Scope(), (first.kind.value, first.order_id), 5)
    assert [order.order_id for order in (first, *rest)] == ["1", "2", "3"]


def test_a_page_that_was_read_earlier_and_comes_later_changes_nothing(database: Database) -> None:
    """Another worker has taken a newer reading of the order in meanwhile."""
    take_in(database, "1", revision="r1", stamp="2026-10-01T12:00:02Z")
    take_in(database, "1", revision="r2", stamp="2026-10-01T12:00:04Z")
    take_in(database, "1", revision="r1", stamp="2026-10-01T12:00:02Z")
    (order,) = waiting(database)
    assert order.revision == "r2"


def held_page(database: Database, revision: str, stamp: str) -> None:
    page = [
        Standing(Kind.customer, "1", "CO-1", revision, OrderState.held, stamp, payload="{}", findings=FOUND)
    ]
    orders(database).take_in(page, "run", None, None)


def test_a_page_that_holds_an_order_leaves_it_in_the_trail_unless_it_came_too_late(
    database: Database,
) -> None:
    held_page(database, "r2", "2026-10-01T12:00:04Z")
    held_page(database, "r1", "2026-10-01T12:00:02Z")
    (row,) = Trail(database, "shop").of([("customer", "1")])
    assert (row["event"], row["revision"]) == ("held", "r2")
    assert inflated(row["content"])["findings"][0]["cause"] == "period locked"
