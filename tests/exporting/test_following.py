"""A document follows its order, unless somebody else has been at it."""

from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.errors import NoAnswer
from tasks.exporting import sending
from tasks.exporting.reading import Steps
from tasks.ledger.claims import Outcome
from tests.exporting.driver import change, export, found, invoices, purchase_orders, read, standing
from tests.support import Connect, dec, line, order
from tests.xero.desk import outcomes

DEAD = 7 * 60


def test_an_edited_order_changes_its_draft_and_lines_keep_their_ids(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order(lines=[line(), line(id="2", name="Bowl")])])
    export(connection)
    (before,) = invoices(connection)
    change(sandbox, "co-1", lines=[line(quantity="5"), line(id="2", name="Bowl"), line(id="3", name="Plate")])
    assert outcomes(export(connection)) == [Outcome.written]
    (after,) = invoices(connection)
    assert dec(after["Total"]) == 165
    ids = [[row["LineItemID"] for row in document["LineItems"]] for document in (before, after)]
    assert ids[1][:2] == ids[0]
    assert after["InvoiceID"] == before["InvoiceID"]
    assert export(connection) == []


def test_a_line_that_loses_its_discount_loses_it_in_xero(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(lines=[line(discountPercent="10")])])
    export(connection)
    change(sandbox, "co-1", lines=[line()])
    export(connection)
    assert dec(invoices(connection)[0]["Total"]) == 45
    assert found(connection, "co-1") == ""


def test_a_reference_that_goes_from_the_order_goes_from_the_invoice(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order(externalReference="their 77")])
    export(connection)
    assert invoices(connection)[0]["Reference"] == "their 77"
    change(sandbox, "co-1", externalReference=None)
    export(connection)
    assert invoices(connection)[0]["Reference"] == ""


def test_a_purchase_order_follows_as_well(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(kind="supplier")])
    export(connection)
    change(sandbox, "so-1", lines=[line(quantity="4")])
    assert outcomes(export(connection)) == [Outcome.written]
    (only,) = purchase_orders(connection)
    assert dec(only["Total"]) == 60


def test_what_somebody_changed_in_xero_is_never_overwritten(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order()])
    export(connection)
    sandbox.edit("edit", kind="invoice", number="MS-CO-2026-00001", fields={"DueDate": "2027-01-01"})
    for quantity in ("5", "6"):
        change(sandbox, "co-1", lines=[line(quantity=quantity)])
        assert outcomes(export(connection)) == [Outcome.conflict]
        assert found(connection, "co-1") == (
            "changed in Xero: DueDate: we wrote 2026-10-31, Xero has 2027-01-01, the order says 2026-10-31."
        )
    assert dec(invoices(connection)[0]["Total"]) == 45


def test_a_conflict_ends_when_the_document_says_what_the_order_says(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order()])
    export(connection)
    change(sandbox, "co-1", dueDate="2027-01-01", lines=[line(quantity="5")])
    (row,) = invoices(connection)
    lines = [{**row["LineItems"][0], "Quantity": 5, "LineAmount": None, "TaxAmount": None}]
    sandbox.edit(
        "edit",
        kind="invoice",
        number=row["InvoiceNumber"],
        fields={"DueDate": "2027-01-01", "LineItems": lines},
    )
    assert outcomes(export(connection)) == [Outcome.adopted]
    assert standing(connection) == {"co-1": "exported"}


@pytest.mark.parametrize("amount", ["10.00", "45.00"])
def test_a_document_with_money_on_it_is_closed(
    sandbox: Sandbox, with_due_invoice: Connection, amount: str
) -> None:
    sandbox.edit("pay", number="MS-CO-2026-00001", amount=amount)
    change(sandbox, "co-1", lines=[line(quantity="5")])
    assert outcomes(export(with_due_invoice)) == [Outcome.conflict]
    assert f"with {amount} paid; the order changed after that" in found(with_due_invoice, "co-1")


@pytest.fixture
def with_due_invoice(sandbox: Sandbox, connect: Connect, no_waiting: None) -> Connection:
    connection: Connection = connect({'status = "DRAFT"': 'status = "AUTHORISED"'})
    sandbox.load_orders([order()])
    export(connection)
    return connection


def test_a_removed_document_is_not_made_again(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order()])
    export(connection)
    sandbox.edit("delete", number="MS-CO-2026-00001")
    change(sandbox, "co-1", lines=[line(quantity="5")])
    assert outcomes(export(connection)) == [Outcome.removed]
    assert found(connection, "co-1") == "removed in Xero: The document is DELETED in Xero."
    assert outcomes(export(connection, retry_rejected=True)) == [Outcome.removed]
    assert len(invoices(connection)) == 1


def test_an_order_that_went_back_to_what_was_written_needs_nothing(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order()])
    export(connection)
    change(sandbox, "co-1", lines=[line(quantity="5")])
    read(connection)
    change(sandbox, "co-1", lines=[{**line(), "id": "1"}])
    assert export(connection) == []
    assert standing(connection) == {"co-1": "exported"}


def test_an_update_whose_answer_was_lost_for_good_is_no_conflict(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order()])
    export(connection)
    change(sandbox, "co-1", lines=[line(quantity="5")])
    sandbox.fault("lose_answer", next=2, method="POST", path="/Invoices$")
    with pytest.raises(NoAnswer):
        export(connection)
    sandbox.advance(DEAD)
    change(sandbox, "co-1", lines=[line(quantity="6")])
    assert outcomes(export(connection)) == [Outcome.written] * 2
    assert dec(invoices(connection)[0]["Total"]) == 90
    assert standing(connection) == {"co-1": "exported"}


def test_a_document_that_exists_keeps_its_type_when_the_setting_changes(
    sandbox: Sandbox, connect: Connect, connection: Connection
) -> None:
    sandbox.load_orders([order(kind="supplier")])
    export(connection)
    with_bills: Connection = connect({'document = "purchase_order"': 'document = "bill"'})
    change(sandbox, "so-1", lines=[line(quantity="4")])
    sandbox.load_orders([order(2, kind="supplier", externalReference="R-2")])
    export(with_bills)
    assert [dec(row["Total"]) for row in purchase_orders(connection)] == [60]
    assert [row["InvoiceNumber"] for row in invoices(connection)] == ["R-2"]


def test_an_exported_order_is_followed_whatever_the_rules_say_of_the_beginning(
    sandbox: Sandbox, connect: Connect, connection: Connection
) -> None:
    sandbox.load_orders([order()])
    export(connection)
    later: Connection = connect({'trigger = "confirmed"': 'trigger = "fulfilled"'})
    change(sandbox, "co-1", orderDate="2025-12-31", lines=[line(quantity="5")])
    assert outcomes(export(later)) == [Outcome.written]


def test_a_document_that_went_between_reading_and_writing_is_read_again(
    sandbox: Sandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.load_orders([order()])
    export(connection)
    change(sandbox, "co-1", lines=[line(quantity="5")])
    made = sending.changes

    def changes(*given: Any, **more: Any) -> Steps:
        steps = made(*given, **more)
        if steps.items:
            sandbox.edit("delete", number="MS-CO-2026-00001")
        return steps

    monkeypatch.setattr(sending, "changes", changes)
    assert outcomes(export(connection)) == [Outcome.removed]
    assert found(connection, "co-1") == "removed in Xero: The document is DELETED in Xero."
