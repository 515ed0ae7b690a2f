"""An order that Monstock tells of is in Xero at once, with as few calls as that takes."""

from collections import Counter
from datetime import date
from decimal import Decimal
from threading import Thread

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.errors import NoAnswer, NotAuthorised, Offline, Refused, ServerFault
from tasks.domain.orders import Kind
from tasks.domain.outcomes import OrderState
from tasks.domain.periods import Period
from tasks.exporting.intake import let_go
from tasks.importing.outcome import Read
from tasks.ledger.told import Side
from tasks.listening import orders as told_orders
from tasks.listening.following import Listeners
from tasks.monstock.wire import sortable
from tests.exporting.driver import export, invoices, purchase_orders, read
from tests.importing.driver import link, show_all
from tests.listening.driver import Live, outcomes
from tests.support import line, order


def test_an_order_is_exported_and_shows_its_invoice(sandbox: Sandbox, live: Live) -> None:
    sandbox.load_orders([order()])
    assert live.orders("co-1")["exported"] == 1
    [invoice] = invoices(live.connection)
    shown = link(sandbox, "co-1")
    assert (shown["documentNumber"], shown["status"]) == ("MS-CO-2026-00001", "approved")
    assert shown["documentId"] == invoice["InvoiceID"]


def test_once_it_is_warm_a_new_order_costs_one_call_to_xero_and_two_to_monstock(
    sandbox: Sandbox, live: Live
) -> None:
    sandbox.load_orders([order(1)])
    live.orders("co-1")
    live.calls(sandbox)
    sandbox.load_orders([order(2, contact=order(1)["contact"])])
    live.orders("co-2")
    assert live.calls(sandbox) == {
        "xero PUT /Invoices": 1,
        "monstock GET /customer-orders/{id}": 1,
        "monstock PUT /customer-orders/{id}/accounting": 1,
    }


def test_an_order_that_changed_again_has_its_invoice_follow(sandbox: Sandbox, live: Live) -> None:
    sandbox.load_orders([order()])
    live.orders("co-1")
    sandbox.load_orders([order(lines=[line(quantity="5")])])
    assert live.orders("co-1")["updated"] == 1
    sandbox.load_orders([order(lines=[line(quantity="5")], status="cancelled")])
    assert live.orders("co-1")["voided"] == 1
    assert [one["Status"] for one in invoices(live.connection)] == ["VOIDED"]


def test_supplier_orders_become_purchase_orders(sandbox: Sandbox, live: Live) -> None:
    sandbox.load_orders([order(kind="supplier")])
    assert live.orders("so-1", subject="supplier")["exported"] == 1
    assert len(purchase_orders(live.connection)) == 1


def test_a_draft_order_and_one_that_is_gone_need_nothing_and_stop_no_other(
    sandbox: Sandbox, live: Live
) -> None:
    sandbox.load_orders([order(1, status="draft"), order(2)])
    done = live.orders("co-1", "co-unknown", "co-2")
    assert done == Counter({"orders without need": 2, "exported": 1, "orders shown": 1})


def test_an_order_that_is_held_is_held_and_goes_once_it_is_put_right(sandbox: Sandbox, live: Live) -> None:
    sandbox.load_orders([order(lines=[line(taxRate="17.5")])])
    assert live.orders("co-1")["newly held"] == 1
    sandbox.load_orders([order()])
    assert live.orders("co-1")["exported"] == 1


def test_a_burst_is_read_by_pages_and_written_fifty_at_a_time(sandbox: Sandbox, live: Live) -> None:
    customer = order(1)["contact"]
    sandbox.load_orders([order(1)])
    export(live.connection)
    live.orders("co-1")
    burst = [order(n, contact=customer) for n in range(2, 502)]
    sandbox.load_orders(burst)
    tell_each(sandbox, live)
    assert live.follow(Side.orders)["exported"] == 500
    calls = live.calls(sandbox)
    assert calls.pop("xero PUT /Invoices") == 10
    assert calls.pop("monstock GET /customer-orders") == 3
    assert not [what for what in calls if what.startswith(("xero PUT", "monstock"))]


def test_a_burst_of_orders_that_need_nothing_is_read_once(sandbox: Sandbox, live: Live) -> None:
    """The ledger keeps no drafts."""
    sandbox.load_orders([order(1)])
    export(live.connection)
    sandbox.load_orders([order(n, status="draft") for n in range(2, 202)])
    tell_each(sandbox, live)
    assert live.follow(Side.orders) == Counter({"orders without need": 200})
    assert live.calls(sandbox) == {"monstock GET /customer-orders": 1}


def test_what_a_poll_has_read_is_not_read_again(sandbox: Sandbox, live: Live) -> None:
    sandbox.load_orders([order(n) for n in range(1, 21)])
    read(live.connection)
    tell_each(sandbox, live)
    assert live.follow(Side.orders)["exported"] == 20
    assert "monstock GET /customer-orders" not in live.calls(sandbox)


def tell_each(sandbox: Sandbox, live: Live) -> None:
    """Monstock tells of each order as it stands."""
    cursor, first = None, True
    while first or cursor:
        page = live.connection.monstock.orders(Kind.customer, cursor=cursor)
        for record in page.records:
            live.told(Side.orders, record.id, changed=sortable(record.updated_at))
        cursor, first = page.cursor, False
    live.calls(sandbox)


def test_what_our_own_showing_changed_is_no_news(sandbox: Sandbox, live: Live) -> None:
    sandbox.load_orders([order()])
    live.orders("co-1")
    stamp = updated(live.connection, sandbox)
    live.calls(sandbox)
    assert live.orders("co-1", changed=stamp) == Counter()
    assert live.calls(sandbox) == {}


def test_what_was_changed_between_our_reading_and_our_showing_is_news(sandbox: Sandbox, live: Live) -> None:
    sandbox.load_orders([order()])
    show = type(live.connection.monstock).show

    def late(*args: object) -> object:
        sandbox.load_orders([order(lines=[line(quantity="5")])])
        return show(*args)  # type: ignore[arg-type]

    live.connection.monstock.show = late.__get__(live.connection.monstock)  # type: ignore[method-assign]
    live.orders("co-1")
    del live.connection.monstock.show  # type: ignore[method-assign]
    assert live.orders("co-1", changed=updated(live.connection, sandbox))["updated"] == 1


def test_an_order_that_somebody_read_and_did_not_export_goes_with_its_event(
    sandbox: Sandbox, live: Live
) -> None:
    sandbox.load_orders([order()])
    read(live.connection, "run")
    assert live.orders("co-1", changed=updated(live.connection, sandbox))["exported"] == 1


def test_what_a_backfill_has_in_hand_is_left_to_it(sandbox: Sandbox, live: Live) -> None:
    autumn = Period(date(2026, 9, 1), date(2026, 12, 31))
    live.connection.backfills.take_in_hand("one", autumn)
    live.connection.backfills.take_in_hand("another", Period(date(2026, 8, 1), date(2026, 8, 31)))
    sandbox.load_orders([order()])
    assert live.orders("co-1")["exported"] == 0
    let_go(live.connection, "another")
    assert live.orders("co-1")["exported"] == 0
    let_go(live.connection, "one")
    assert live.orders("co-1")["exported"] == 1


def updated(connection: Connection, sandbox: Sandbox) -> str:
    """When Monstock last saw the order change, in the ledger's form."""
    return sortable(connection.monstock.order(Kind.customer, "co-1").updated_at)


def test_an_exported_order_is_settled(sandbox: Sandbox, live: Live) -> None:
    sandbox.load_orders([order()])
    live.orders("co-1")
    [row] = live.connection.orders.find("co-1")
    assert row.state == OrderState.exported.value


def test_an_order_that_changes_while_a_run_writes_it_follows_once_that_is_answered(
    sandbox: Sandbox, live: Live
) -> None:
    sandbox.load_orders([order()])
    sandbox.fault("slow_answer", method="PUT", path="/Invoices$", seconds=0.6)
    writing = Thread(target=export, args=[live.connection], kwargs={"run_id": "poll"})
    writing.start()
    while not sandbox.state()["documents"].get("invoice"):
        pass
    sandbox.load_orders([order(lines=[line(quantity="5")])])
    assert live.orders("co-1")["updated"] == 1
    writing.join()
    assert [one["SubTotal"] for one in invoices(live.connection)] == [Decimal("62.50")]


def test_a_write_that_a_dead_run_left_is_seen_through(sandbox: Sandbox, live: Live) -> None:
    sandbox.load_orders([order()])
    sandbox.fault("lose_answer", method="PUT", path="/Invoices$", every=1)
    with pytest.raises(NoAnswer):
        live.orders("co-1")
    sandbox.clear_faults()
    with live.connection.database.begin() as tx:
        tx.exec_driver_sql(
            "update attempts set lease_until = '2020-01-01 00:00:00.000000' where state != 'closed'"
        )
        tx.exec_driver_sql("update followers set run_id = null")
    live.follow(Side.orders)
    assert len(invoices(live.connection)) == 1
    [row] = live.connection.orders.find("co-1")
    assert row.state == OrderState.exported.value


def test_a_contact_that_was_made_in_xero_a_moment_ago_gets_the_invoice(
    sandbox: Sandbox, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_orders, "SWEEP_LASTS", 0.0)
    sandbox.load_orders([order(1)])
    live.orders("co-1")
    sandbox.edit("create", kind="contact", fields={"Name": "Customer 5"})
    sandbox.load_orders([order(5)])
    live.orders("co-5")
    named = [row for row in live.connection.xero.listing("Contacts") if row["Name"].startswith("Customer 5")]
    assert len(named) == 1
    [invoice] = [row for row in invoices(live.connection) if row["InvoiceNumber"].endswith("5")]
    assert invoice["Contact"]["ContactID"] == named[0]["ContactID"]


def test_an_invoice_that_a_person_made_a_moment_ago_is_not_made_again(
    sandbox: Sandbox, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_orders, "SWEEP_LASTS", 0.0)
    sandbox.load_orders([order(1)])
    live.orders("co-1")
    invoiced_by_hand(sandbox)
    sandbox.load_orders([order(2)])
    assert live.orders("co-2")["exported"] == 0
    assert len(invoices(live.connection)) == 2


def test_a_look_for_what_people_made_that_failed_is_taken_again(sandbox: Sandbox, live: Live) -> None:
    """Xero is away at that moment, and the run is tried again."""
    sandbox.load_orders([order(1)])
    live.orders("co-1")
    live.listeners = Listeners()
    invoiced_by_hand(sandbox)
    sandbox.load_orders([order(2)])
    sandbox.fault("offline", method="GET", path="/Invoices$", every=1)
    with pytest.raises(Offline):
        live.orders("co-2")
    sandbox.clear_faults()
    live.again(Side.orders)
    assert live.follow(Side.orders)["exported"] == 0
    assert len(invoices(live.connection)) == 2


def invoiced_by_hand(sandbox: Sandbox) -> None:
    """A person has made the invoice of the second order."""
    sold = {"Description": "x", "Quantity": 3, "UnitAmount": "12.50", "AccountCode": "200"}
    made = {"Type": "ACCREC", "InvoiceNumber": "INV-77", "Reference": "CO-2026-00002", "Date": "2026-10-01"}
    made |= {
        "Contact": {"Name": "Customer 2"},
        "LineItems": [sold | {"TaxType": "OUTPUT2"}],
        "Status": "DRAFT",
    }
    sandbox.edit("create", kind="invoice", fields=made)


FAULTS = [
    ServerFault("GET answered 500", status=500),
    Refused("GET answered 410", status=410),
    NotAuthorised("GET answered 403", status=403),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault.status))
def test_an_order_that_cannot_be_read_stops_no_other(
    sandbox: Sandbox, live: Live, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    sandbox.load_orders([order(n) for n in (1, 2, 3)])
    broken(live, monkeypatch, fault, "co-1")
    done = live.orders("co-1", "co-2", "co-3")
    assert (done["exported"], done["left to the next poll"]) == (2, 1)
    assert outcomes(live) == {
        "co-1": f"left to the next poll: {fault}",
        "co-2": "followed",
        "co-3": "followed",
    }


def test_one_that_cannot_be_read_is_not_exported_as_it_stood_before(
    sandbox: Sandbox, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.load_orders([order(1), order(2)])
    read(live.connection)
    broken(live, monkeypatch, FAULTS[0], "co-1")
    assert live.orders("co-1", "co-2")["exported"] == 1


@pytest.mark.parametrize(("fault", "ids"), [(FAULTS[0], (1, 2, 3, 4)), (FAULTS[0], (1,))], ids=["row", "all"])
def test_where_monstock_is_away_nothing_is_left(
    sandbox: Sandbox, live: Live, monkeypatch: pytest.MonkeyPatch, fault: Exception, ids: tuple[int, ...]
) -> None:
    """So many in a row, or all there are."""
    broken(live, monkeypatch, fault, *(f"co-{n}" for n in ids if n < 4))
    live.told(Side.orders, *(f"co-{n}" for n in ids))
    with pytest.raises(ServerFault):
        live.follow(Side.orders)
    assert set(outcomes(live).values()) == {None}


def test_where_nobody_is_let_in_nothing_is_left(
    sandbox: Sandbox, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(live, monkeypatch, NotAuthorised("GET answered 401", status=401), "co-1")
    live.told(Side.orders, "co-1", "co-2")
    with pytest.raises(NotAuthorised):
        live.follow(Side.orders)
    assert set(outcomes(live).values()) == {None}


def test_an_order_that_cannot_be_shown_stops_no_other(sandbox: Sandbox, live: Live) -> None:
    sandbox.load_orders([order(1), order(2)])
    sandbox.fault("error_before", on="monstock", method="PUT", path="/co-1/accounting", every=1)
    done = live.orders("co-1", "co-2")
    assert (done["exported"], done["orders shown"], done["not shown"]) == (2, 1, 1)
    assert link(sandbox, "co-2")["documentNumber"] == "MS-CO-2026-00002"
    said = outcomes(live)
    assert str(said["co-1"]).startswith("left to the next poll: PUT")
    assert said["co-2"] == "followed"
    sandbox.clear_faults()
    show_all(live.connection, Read())
    assert link(sandbox, "co-1")["documentNumber"] == "MS-CO-2026-00001"


def broken(live: Live, monkeypatch: pytest.MonkeyPatch, fault: Exception, *ids: str) -> None:
    """Monstock answers so where it is asked for these."""
    order_of = live.connection.monstock.order

    def answer(kind: Kind, order_id: str) -> object:
        if order_id in ids:
            raise fault
        return order_of(kind, order_id)

    monkeypatch.setattr(live.connection.monstock, "order", answer)
