"""What a person decides: link a document, send an order; neither doubles anything."""

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.exporting.deciding import CannotDecide, link, send, unlink
from tasks.xero.endpoints import INVOICES
from tasks.xero.reading import read_documents
from tests.exporting.driver import change, export, found, invoices, standing
from tests.support import line, order


def by_hand(sandbox: Sandbox, number: str = "INV-77", **fields: object) -> None:
    made = {
        "Type": "ACCREC",
        "InvoiceNumber": number,
        "Reference": "CO-2026-00001",
        "Contact": {"Name": "Customer 1"},
        "LineItems": [{"Description": "x", "Quantity": 1, "UnitAmount": 1, "AccountCode": "200"}],
        **fields,
    }
    sandbox.edit("create", kind="invoice", fields=made)


def test_an_order_that_was_invoiced_by_hand_is_linked_and_never_sent(
    sandbox: Sandbox, connection: Connection
) -> None:
    by_hand(sandbox)
    sandbox.load_orders([order()])
    export(connection)
    assert "INV-77" in found(connection, "co-1")
    assert "joined to INV-77" in link(connection, "CO-2026-00001", "INV-77", "Ada")
    export(connection)
    assert standing(connection) == {"co-1": "exported"}
    assert [row["InvoiceNumber"] for row in invoices(connection)] == ["INV-77"]


def test_an_order_that_was_not_is_sent(sandbox: Sandbox, connection: Connection) -> None:
    by_hand(sandbox)
    sandbox.load_orders([order()])
    export(connection)
    send(connection, "CO-2026-00001", "Ada")
    export(connection)
    assert [row["InvoiceNumber"] for row in invoices(connection)] == ["INV-77", "MS-CO-2026-00001"]


def test_an_order_whose_document_lives_is_not_sent_again(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order()])
    export(connection)
    change(sandbox, "co-1", lines=[line(taxRate="17.5")])
    export(connection)
    assert standing(connection) == {"co-1": "held"}
    with pytest.raises(CannotDecide, match=r"has MS-CO-2026-00001 \(DRAFT\) in Xero"):
        send(connection, "CO-2026-00001", "Ada")
    export(connection)
    assert len(invoices(connection)) == 1


def test_an_order_whose_document_was_deleted_is_made_anew_under_a_number_that_shows_it(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order()])
    export(connection)
    sandbox.edit("delete", number="MS-CO-2026-00001")
    change(sandbox, "co-1", lines=[line(quantity="5")])
    export(connection)
    assert "as generation 2" in send(connection, "CO-2026-00001", "Ada")
    export(connection)
    alive = [row for row in invoices(connection) if row["Status"] == "DRAFT"]
    assert [row["InvoiceNumber"] for row in alive] == ["MS-CO-2026-00001-2"]


def test_a_document_of_the_other_side_is_not_linked(sandbox: Sandbox, connection: Connection) -> None:
    by_hand(sandbox, "BILL-1", Type="ACCPAY", Reference="")
    sandbox.load_orders([order(lines=[line(taxRate="17.5")])])
    export(connection)
    with pytest.raises(CannotDecide, match="BILL-1 is no document for a customer order"):
        link(connection, "CO-2026-00001", "BILL-1", "Ada")


def test_an_order_with_a_document_is_not_linked_to_another(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order()])
    export(connection)
    by_hand(sandbox, Reference="else")
    with pytest.raises(CannotDecide, match="delete or void it first"):
        link(connection, "CO-2026-00001", "INV-77", "Ada")


def test_an_orders_own_document_is_not_unlinked(sandbox: Sandbox, connection: Connection) -> None:
    by_hand(sandbox)
    sandbox.load_orders([order()])
    export(connection)
    link(connection, "CO-2026-00001", "INV-77", "Ada")
    id_ = invoices(connection)[0]["InvoiceID"]
    with pytest.raises(CannotDecide, match="knows no document INV-9"):
        unlink(connection, "CO-2026-00001", "INV-9", "Ada")
    connection.mirror.take_in(read_documents(INVOICES, invoices(connection)), "")
    for name in ("INV-77", id_):
        with pytest.raises(CannotDecide, match=f"{name} is order CO-2026-00001's own document"):
            unlink(connection, "CO-2026-00001", name, "Ada")


def test_what_nobody_knows_is_said(connection: Connection) -> None:
    with pytest.raises(CannotDecide, match='knows 0 orders "CO-9"'):
        send(connection, "CO-9", "Ada")
