"""Rules change while orders and documents live on."""

from collections.abc import Callable

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.orders import Kind
from tasks.exporting.books import open_books, read_lists, sweep
from tests.exporting.driver import change, export, found, invoices, purchase_orders, standing
from tests.support import Connect, order

Reconnect = Callable[[dict[str, str]], Connection]


@pytest.fixture
def reconnect(connect: Connect, no_waiting: None) -> Reconnect:
    return connect


def test_new_rules_apply_to_new_documents_only(sandbox: Sandbox, reconnect: Reconnect) -> None:
    sandbox.load_orders([order(1)])
    export(reconnect({}))
    changed = reconnect(
        {'default_account = "200"': 'default_account = "260"', "due_days = 30": "due_days = 7"}
    )
    change(sandbox, "co-1", externalReference="PO 1")
    sandbox.load_orders([order(2)])
    export(changed)
    first, second = invoices(changed)
    assert (first["LineItems"][0]["AccountCode"], first["DueDateString"][:10]) == ("200", "2026-10-31")
    assert (second["LineItems"][0]["AccountCode"], second["DueDateString"][:10]) == ("260", "2026-10-08")
    assert first["Reference"] == "PO 1"


def test_an_order_that_is_due_under_a_new_trigger_arrives(sandbox: Sandbox, reconnect: Reconnect) -> None:
    late = reconnect({'trigger = "confirmed"': 'trigger = "fulfilled"'})
    sandbox.load_orders([order(1)])
    sandbox.advance(3600)
    sandbox.load_orders([order(2, fulfilmentStatus="done")])
    export(late)
    assert standing(late) == {"co-1": "not_due", "co-2": "exported"}
    early = reconnect({})
    export(early)
    assert standing(early) == {"co-1": "exported", "co-2": "exported"}


def test_an_order_before_the_cutover_arrives_once_that_is_earlier(
    sandbox: Sandbox, reconnect: Reconnect
) -> None:
    sandbox.load_orders([order(1, orderDate="2026-09-30")])
    sandbox.advance(3600)
    sandbox.load_orders([order(2)])
    export(later := reconnect({"export_from = 2026-01-01": "export_from = 2026-10-01"}))
    assert standing(later) == {"co-1": "before_cutover", "co-2": "exported"}
    export(earlier := reconnect({}))
    assert standing(earlier) == {"co-1": "exported", "co-2": "exported"}


def test_a_held_order_before_a_later_cutover_is_listed(sandbox: Sandbox, reconnect: Reconnect) -> None:
    sandbox.load_orders([order(1, currency="CHF", orderDate="2026-09-30")])
    export(earlier := reconnect({}))
    assert standing(earlier) == {"co-1": "held"}
    export(later := reconnect({"export_from = 2026-01-01": "export_from = 2026-10-01"}))
    assert standing(later) == {"co-1": "before_cutover"}


@pytest.mark.parametrize("in_use", ["refuse", "update"])
def test_two_orders_of_one_number_make_two_documents_or_one_is_held(
    sandbox: Sandbox, reconnect: Reconnect, in_use: str
) -> None:
    sandbox.settings(switches={"po_put_number_in_use": in_use})
    connection = reconnect(
        {'document = "purchase_order"': 'document = "purchase_order"\nnumber = "{external}"'}
    )
    sandbox.load_orders([order(n, kind="supplier", externalReference="X1") for n in (1, 2)])
    export(connection)
    assert sorted(standing(connection).values()) == ["exported", "held"]
    sandbox.load_orders([order(3, kind="supplier", externalReference="X1")])
    export(connection)
    assert "number taken: Number X1 belongs to" in found(connection, "so-3")
    assert len(purchase_orders(connection)) == 1


def test_a_look_around_neither_pins_the_organisation_nor_ends_the_first_sweep(
    sandbox: Sandbox, connection: Connection
) -> None:
    open_books(connection, read_lists(connection))
    sweep(connection)
    assert connection.pins.read() is None
    made = {
        "Type": "ACCREC",
        "InvoiceNumber": "INV-77",
        "Reference": "CO-2026-00001",
        "Contact": {"Name": "Customer 1"},
        "LineItems": [{"Description": "x", "Quantity": 1, "UnitAmount": 1, "AccountCode": "200"}],
    }
    sandbox.edit("create", kind="invoice", fields=made)
    sandbox.load_orders([order()])
    export(connection)
    assert standing(connection) == {"co-1": "held"}


def test_an_older_reading_changes_nothing(sandbox: Sandbox, connection: Connection) -> None:
    from tasks.exporting.intake import take_in

    sandbox.load_orders([order()])
    old = connection.monstock.orders(Kind.customer)
    change(sandbox, "co-1", externalReference="PO 1")
    export(connection)
    take_in(connection, Kind.customer, old, "another run", None)
    export(connection)
    assert [row.get("Reference") for row in invoices(connection)] == ["PO 1"]
