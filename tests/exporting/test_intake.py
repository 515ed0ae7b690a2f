"""Pages of orders on their way into the ledger: nothing is lost, nothing is done twice."""

import json
from dataclasses import replace
from datetime import date

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.orders import Kind
from tasks.domain.outcomes import OrderState
from tasks.domain.periods import Period
from tasks.exporting.deciding import CannotDecide, link, send
from tasks.exporting.intake import in_hand, let_go, stream_of, take_in
from tasks.ledger.claims import Outcome
from tasks.ledger.standing import Scope
from tasks.monstock.wire import record
from tests.exporting.driver import change, export, found, invoices, read, standing
from tests.ledger.given import claim
from tests.support import line, order
from tests.xero.desk import outcomes


def by_hand(sandbox: Sandbox, reference: str) -> str:
    """An invoice that somebody made before we came."""
    lines = [
        {"Description": "Mugs", "Quantity": 3, "UnitAmount": 12.5, "AccountCode": "200", "TaxType": "OUTPUT2"}
    ]
    fields = {
        "Type": "ACCREC",
        "Contact": {"Name": "Customer 1"},
        "Date": "2026-10-01",
        "Reference": reference,
        "LineItems": lines,
    }
    return str(sandbox.edit("create", kind="invoice", fields=fields)["InvoiceID"])


def test_an_order_that_cannot_be_read_is_held_and_its_page_goes_on(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order(1), order(2, currency="pounds"), order(3)])
    export(connection)
    assert standing(connection) == {"co-1": "exported", "co-2": "held", "co-3": "exported"}
    assert found(connection, "co-2").startswith("unreadable: currency:")


def test_a_status_that_nobody_knows_holds_that_order_alone(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(1, status="on_hold"), order(2)])
    export(connection)
    assert standing(connection) == {"co-1": "held", "co-2": "exported"}


def test_a_page_that_fails_in_the_middle_moves_nothing(
    sandbox: Sandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.load_orders([order(1), order(2)])
    monkeypatch.setattr(connection.orders, "take_in", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        read(connection)
    monkeypatch.undo()
    assert standing(connection) == {}
    assert connection.orders.cursor(stream_of(Kind.customer, connection.settings)) is None


def test_a_page_read_twice_changes_nothing(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(1), order(2, orderDate="2025-12-31"), order(3, status="draft")])
    page = connection.monstock.orders(Kind.customer)
    take_in(connection, Kind.customer, page, "first", "orders")
    before = [tuple(row) for row in connection.orders.find("CO-2026-00002")]
    take_in(connection, Kind.customer, page, "second", "orders")
    assert [tuple(row) for row in connection.orders.find("CO-2026-00002")] == before
    assert standing(connection) == {"co-1": "pending", "co-2": "before_cutover"}


def test_a_window_of_dates_does_not_move_the_cursor(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order()])
    page = connection.monstock.orders(Kind.customer, date_from=date(2026, 10, 1))
    take_in(connection, Kind.customer, page, "run", None)
    assert connection.orders.cursor(stream_of(Kind.customer, connection.settings)) is None


def test_an_order_is_noted_with_what_a_reconciliation_compares(
    sandbox: Sandbox, connection: Connection
) -> None:
    lines = [line(), line(id="2", quantity="1", unitPrice="8.00", taxRate="17.5")]
    shipping = {"amount": "5.00", "taxRate": "20"}
    sandbox.load_orders([order(lines=lines, shipping=shipping, billingDate="2026-10-05"), order(2)])
    read(connection)
    (row,) = connection.orders.find("co-1")
    assert (row.status, row.document_date, row.order_date) == (
        "confirmed",
        date(2026, 10, 5),
        date(2026, 10, 1),
    )
    assert row.taxes == '{"17.5 %":["8.00","1.40"],"OUTPUT2":["42.50","8.50"]}'
    (other,) = connection.orders.find("co-2")
    assert other.document_date == other.order_date


def test_what_is_compared_of_an_order_follows_it_after_its_export(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order()])
    export(connection)
    change(sandbox, "co-1", lines=[line(quantity="2")], billingDate="2026-10-09")
    export(connection)
    (row,) = connection.orders.find("co-1")
    assert (row.state, row.status, row.document_date) == ("exported", "confirmed", date(2026, 10, 9))
    assert row.taxes == '{"OUTPUT2":["25.00","5.00"]}'
    sandbox.advance(2)
    sandbox.edit("cancel", on="monstock", id="co-1")
    export(connection)
    (row,) = connection.orders.find("co-1")
    assert (row.state, row.status) == ("not_due", "cancelled")


def test_orders_that_are_held_are_noted_alike_but_for_unreadable_ones(
    sandbox: Sandbox, connection: Connection
) -> None:
    odd = "awaiting_the_approval_of_somebody"
    sandbox.load_orders([order(1, status=odd), order(2, currency="pounds"), order(3, orderDate="2025-12-31")])
    read(connection)
    told = {row.order_id: row for row in connection.orders.standing(Scope(), list(OrderState), 9)}
    assert (told["co-1"].state, told["co-1"].status) == ("held", odd[:20])
    assert told["co-1"].taxes == told["co-3"].taxes == '{"OUTPUT2":["37.50","7.50"]}'
    assert (told["co-3"].state, told["co-3"].status) == ("before_cutover", "confirmed")
    assert (told["co-2"].status, told["co-2"].document_date, told["co-2"].taxes) == (None, None, None)


def test_a_rate_that_nobody_has_hides_no_other_order(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(1, pricesIncludeTax=True, lines=[line(fulfilledQuantity="3")]), order(2)])
    page = connection.monstock.orders(Kind.customer)
    one, other = page.records
    odd = record(json.loads(one.payload.replace('"taxRate":"20"', '"taxRate":"-100"')), Kind.customer)
    take_in(connection, Kind.customer, replace(page, records=(odd, other)), "run", None)
    assert standing(connection) == {"co-1": "pending", "co-2": "pending"}
    assert connection.orders.find("co-1")[0].taxes == '{"-100 %":["37.50","0.00"]}'


def test_an_order_cancelled_before_it_was_sent_needs_nothing(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order()])
    read(connection)
    sandbox.advance(2)
    sandbox.edit("cancel", on="monstock", id="co-1")
    assert export(connection) == []
    assert standing(connection) == {"co-1": "not_due"}


def test_an_order_that_looks_invoiced_by_hand_is_held_with_the_candidate(
    sandbox: Sandbox, connection: Connection
) -> None:
    document = by_hand(sandbox, "CO-2026-00001")
    sandbox.load_orders([order(1), order(2)])
    export(connection)
    assert standing(connection) == {"co-1": "held", "co-2": "exported"}
    assert document in found(connection, "co-1")


def test_a_person_who_says_send_has_it_exported(sandbox: Sandbox, connection: Connection) -> None:
    by_hand(sandbox, "CO-2026-00001")
    sandbox.load_orders([order()])
    export(connection)
    send(connection, "CO-2026-00001", "Ann")
    assert outcomes(export(connection)) == [Outcome.written]
    assert len(invoices(connection)) == 2


def test_a_person_who_links_has_no_second_document_made_nor_the_first_one_changed(
    sandbox: Sandbox, connection: Connection
) -> None:
    document = by_hand(sandbox, "CO-2026-00001")
    sandbox.load_orders([order()])
    export(connection)
    link(connection, "CO-2026-00001", document, "Ann")
    assert export(connection) == []
    assert standing(connection) == {"co-1": "exported"}
    change(sandbox, "co-1", lines=[line(quantity="5")])
    assert outcomes(export(connection)) == [Outcome.conflict]
    assert "made by hand and linked" in found(connection, "co-1")
    assert [row["Total"] for row in invoices(connection)] == [45]


def test_linking_ends_a_conflict(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order()])
    export(connection)
    sandbox.edit("edit", kind="invoice", number="MS-CO-2026-00001", fields={"DueDate": "2027-01-01"})
    change(sandbox, "co-1", lines=[line(quantity="5")])
    export(connection)
    link(connection, "CO-2026-00001", "MS-CO-2026-00001", "Ann")
    assert standing(connection) == {"co-1": "exported"}
    change(sandbox, "co-1", lines=[line(quantity="6")])
    assert outcomes(export(connection)) == [Outcome.written]


def test_what_is_being_exported_cannot_be_linked_meanwhile(sandbox: Sandbox, connection: Connection) -> None:
    document = by_hand(sandbox, "else")
    sandbox.load_orders([order()])
    read(connection)
    (waiting,) = connection.orders.unsettled(Scope(), None, 5)
    held = claim("co-1", revision=waiting.revision)
    connection.attempts.store("PUT", "Invoices", [held], lambda _: b'{"Invoices":[{}]}', "run")
    with pytest.raises(CannotDecide, match="being exported at this moment"):
        link(connection, "CO-2026-00001", document, "Ann")


def test_a_removed_document_is_made_anew_when_a_person_says_send(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order()])
    export(connection)
    with pytest.raises(CannotDecide, match="nothing that waits to be sent"):
        send(connection, "CO-2026-00001", "Ann")
    sandbox.edit("delete", number="MS-CO-2026-00001")
    change(sandbox, "co-1", lines=[line(quantity="5")])
    export(connection)
    send(connection, "CO-2026-00001", "Ann")
    assert outcomes(export(connection)) == [Outcome.written]
    assert [row["Status"] for row in invoices(connection)] == ["DELETED", "DRAFT"]


def test_a_backfill_that_is_done_ends_what_others_had_in_hand_of_its_dates_once_nothing_waits(
    sandbox: Sandbox, connection: Connection
) -> None:
    october = Period(date(2026, 10, 1), date(2026, 10, 31))
    autumn = Period(date(2026, 10, 1), date(2026, 11, 30))
    sandbox.load_orders([order(1, orderDate="2026-10-05")])
    read(connection)
    for name, dates in {"suppliers": autumn, "customers": october, "longer": autumn}.items():
        connection.backfills.take_in_hand(name, dates)
    let_go(connection, "suppliers")
    assert connection.backfills.in_hand() == {"customers": october, "longer": autumn}
    assert in_hand(connection) == (october, autumn)

    export(connection)
    connection.backfills.take_in_hand("anew", october)
    assert in_hand(connection) == (october, autumn)
    let_go(connection, "anew")
    assert connection.backfills.in_hand() == {"longer": autumn}
