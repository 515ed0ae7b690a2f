"""What people make in Xero after the first export is not made a second time."""

from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection, open_connection
from tasks.connections.settings import settings_file
from tasks.exporting.deciding import link as join
from tasks.exporting.deciding import send
from tasks.ledger.items import Wanted
from tasks.ledger.lookup import the_one
from tasks.ledger.skipping import skip
from tests.exporting.driver import export, found, purchase_orders
from tests.exporting.driver import read as read_orders
from tests.exporting.driver import standing as orders
from tests.importing.books import FIELDS
from tests.importing.driver import import_
from tests.importing.driver import read as read_documents
from tests.importing.test_owning import bill, make, numbers, told
from tests.support import Connect, order
from tests.xero.desk import impatient

OURS = "MS-CO-2026-00001"
CHEAPER = {"LineItems": [{**FIELDS["LineItems"][0], "Quantity": 2}]}
# What speaks for order 1 to the export, each by itself.
FITTING = [
    pytest.param({"number": OURS}, id="our number"),
    pytest.param({"number": "INV-1", "Reference": "CO-2026-00001"}, id="reference, contact and total"),
    pytest.param({"number": "INV-1"}, id="contact, total and date"),
]


@pytest.fixture
def begun(sandbox: Sandbox, connection: Connection) -> Connection:
    """A connection that has exported before: what comes now was not there before us."""
    sandbox.load_orders([order(6, lines=[{**order()["lines"][0], "quantity": "8"}])])
    export(connection)
    sandbox.advance(600)
    return connection


def by_person(connection: Connection) -> list[str]:
    """Numbers of all invoices and bills but the first export's."""
    return [number for number in numbers(connection) if number != "MS-CO-2026-00006"]


def refuse(connection: Connection, number: str) -> None:
    """A person says that it does not belong to the order it is proposed for."""
    named = the_one(connection.database, [connection.name], number, Wanted())
    skip(connection.database, None, named, "another sale", "ada")


def propose(sandbox: Sandbox, connection: Connection) -> dict[str, Any]:
    """An invoice that names order 1 but not its total."""
    sandbox.load_orders([order()])
    read_orders(connection)
    made = make(sandbox, "INV-1", "Customer 1", Reference="CO-2026-00001", **CHEAPER)
    import_(connection)
    assert told(connection, "INV-1")[0] == "proposed"
    return made


def test_what_is_proposed_for_an_order_holds_it_until_a_person_links(
    sandbox: Sandbox, begun: Connection
) -> None:
    made = propose(sandbox, begun)
    export(begun)
    assert by_person(begun) == ["INV-1"]
    assert orders(begun)["co-1"] == "held"
    said = found(begun, "co-1")
    assert said.startswith("perhaps invoiced by hand: Xero already has INV-1")
    assert made["InvoiceID"] in said
    join(begun, "CO-2026-00001", "INV-1", "ada")
    export(begun)
    assert by_person(begun) == ["INV-1"]
    assert orders(begun)["co-1"] == "exported"


def test_a_proposal_that_shares_no_number_holds_the_order_too(sandbox: Sandbox, begun: Connection) -> None:
    sandbox.load_orders([order()])
    read_orders(begun)
    make(sandbox, "INV-1", "Customer 1", Date="2026-10-03")
    import_(begun)
    assert told(begun, "INV-1")[0] == "proposed"
    export(begun)
    assert by_person(begun) == ["INV-1"]
    assert orders(begun)["co-1"] == "held"


def test_what_is_proposed_does_not_hinder_a_person_who_says_send(sandbox: Sandbox, begun: Connection) -> None:
    propose(sandbox, begun)
    export(begun)
    send(begun, "CO-2026-00001", "ada")
    export(begun)
    assert by_person(begun) == ["INV-1", OURS]
    assert orders(begun)["co-1"] == "exported"


@pytest.mark.parametrize("matched_again", [False, True])
def test_what_a_person_refused_holds_the_order_no_more(
    sandbox: Sandbox, begun: Connection, matched_again: bool
) -> None:
    propose(sandbox, begun)
    export(begun)
    refuse(begun, "INV-1")
    if matched_again:
        sandbox.edit("edit", kind="invoice", number="INV-1", fields={"DueDate": "2026-12-01"})
        import_(begun)
    export(begun)
    assert by_person(begun) == ["INV-1", OURS]
    assert orders(begun)["co-1"] == "exported"


def test_what_was_refused_for_one_order_still_holds_another(sandbox: Sandbox, begun: Connection) -> None:
    propose(sandbox, begun)
    refuse(begun, "INV-1")
    sandbox.load_orders([order(), order(2, externalReference="CO-2026-00001")])
    export(begun)
    assert by_person(begun) == ["INV-1", OURS]
    assert (orders(begun)["co-1"], orders(begun)["co-2"]) == ("exported", "held")


@pytest.mark.parametrize("fields", FITTING)
def test_an_invoice_that_was_there_before_its_order(
    sandbox: Sandbox, begun: Connection, fields: dict[str, Any]
) -> None:
    make(sandbox, contact="Customer 1", **fields)
    import_(begun)
    assert told(begun, fields["number"]) == ("unmatched", "")
    sandbox.load_orders([order()])
    export(begun)
    assert by_person(begun) == [fields["number"]]
    assert orders(begun)["co-1"] == "held"


@pytest.mark.parametrize("imported", [False, True], ids=["swept", "read, not matched"])
@pytest.mark.parametrize("fields", FITTING)
def test_an_invoice_that_is_made_between_the_order_and_its_export(
    sandbox: Sandbox, begun: Connection, fields: dict[str, Any], imported: bool
) -> None:
    sandbox.load_orders([order()])
    read_orders(begun)
    made = make(sandbox, contact="Customer 1", **fields)
    if imported:
        read_documents(begun)
    export(begun)
    assert by_person(begun) == [fields["number"]]
    assert orders(begun)["co-1"] == "held"
    assert made["InvoiceID"] in found(begun, "co-1")


def test_what_the_import_links_by_itself_ends_the_hold(sandbox: Sandbox, begun: Connection) -> None:
    make(sandbox, "INV-1", "Customer 1", Reference="CO-2026-00001")
    sandbox.load_orders([order()])
    export(begun)
    assert orders(begun)["co-1"] == "held"
    import_(begun)
    export(begun)
    assert by_person(begun) == ["INV-1"]
    assert orders(begun)["co-1"] == "exported"


def test_an_invoice_of_another_order_holds_none(sandbox: Sandbox, begun: Connection) -> None:
    twin = order(2, contact=order()["contact"])
    sandbox.load_orders([order()])
    read_orders(begun)
    make(sandbox, OURS, "Customer 1")
    import_(begun)
    sandbox.load_orders([twin])
    export(begun)
    assert by_person(begun) == [OURS, "MS-CO-2026-00002"]


def test_our_own_documents_hold_no_order_that_looks_alike(sandbox: Sandbox, begun: Connection) -> None:
    for number in (1, 2, 3):
        sandbox.load_orders([order(number, contact=order()["contact"])])
        export(begun)
        if number == 2:
            import_(begun)
    assert by_person(begun) == [f"MS-CO-2026-0000{number}" for number in (1, 2, 3)]


def test_a_bill_does_not_hold_the_purchase_order_it_stands_beside(
    sandbox: Sandbox, begun: Connection
) -> None:
    sandbox.load_orders([order(kind="supplier")])
    read_orders(begun)
    bill(sandbox, "R-77")
    import_(begun)
    assert told(begun, "R-77")[0] == "proposed"
    export(begun)
    assert len(purchase_orders(begun)) == 1


def test_a_bill_that_is_proposed_holds_the_bill_that_would_be_made(
    sandbox: Sandbox, with_bills: Connection
) -> None:
    sandbox.load_orders([order()])
    export(with_bills)
    sandbox.advance(600)
    sandbox.load_orders([order(kind="supplier")])
    read_orders(with_bills)
    bill(sandbox, "R-77", Date="2026-10-03")
    import_(with_bills)
    assert told(with_bills, "R-77")[0] == "proposed"
    export(with_bills)
    assert numbers(with_bills) == [OURS, "R-77"]
    assert orders(with_bills)["so-1"] == "held"


def test_what_another_connection_made_holds_no_order(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    customer = "[connections.sandbox.customer]"
    connect({customer: f'[connections.sandbox.orders]\nchannels = ["Web"]\n{customer}'})
    file = settings_file()
    text = file.read_text()
    other = text.replace("connections.sandbox", "connections.other").replace('"MS-"', '"B-"')
    file.write_text(text + other.replace('["Web"]', '["Shop"]'))
    web, shop = impatient(open_connection("sandbox")), impatient(open_connection("other"))
    contact = order()["contact"]
    alike = [
        order(number, contact=contact, channel=channel, externalReference="PO-7")
        for number, channel in enumerate(["Web", "Shop", "Web", "Shop"], 1)
    ]
    for number, connection in ((1, web), (2, shop), (3, web), (4, shop)):
        sandbox.load_orders(alike[:number])
        export(connection)
        sandbox.advance(60)
    assert numbers(web) == [
        *("B-CO-2026-00002", "B-CO-2026-00004", "MS-CO-2026-00001", "MS-CO-2026-00003"),
    ]
