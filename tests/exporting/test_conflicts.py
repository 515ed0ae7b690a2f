"""Changed on both sides: a person sees the three versions of each field, and takes one."""

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.exporting.deciding import CannotDecide, take
from tasks.ledger.claims import Outcome
from tests.exporting.after import APPROVED, NUMBER, cancel, exported, notes, pay, quiet, send_out
from tests.exporting.driver import change, export, found, invoices, purchase_orders, standing
from tests.exporting.test_trail import rows
from tests.support import Connect, dec, line
from tests.xero.desk import outcomes

ORDER = "CO-2026-00001"


def edit(sandbox: Sandbox, **fields: object) -> None:
    """A person changes the invoice in Xero."""
    sandbox.edit("edit", kind="invoice", number=NUMBER, fields=fields)


def edit_line(sandbox: Sandbox, connection: Connection, **fields: object) -> None:
    (row,) = [row for row in invoices(connection) if row["InvoiceNumber"] == NUMBER]
    present = {**row["LineItems"][0], "LineAmount": None, "TaxAmount": None}
    edit(sandbox, LineItems=[{**present, **fields}])


@pytest.fixture
def conflicting(sandbox: Sandbox, connection: Connection) -> Connection:
    """The person set another due date, the order another quantity."""
    exported(sandbox, connection)
    edit(sandbox, DueDate="2027-01-01")
    change(sandbox, "co-1", lines=[line(quantity="5")])
    assert outcomes(export(connection)) == [Outcome.conflict]
    return connection


def decision(connection: Connection) -> list[tuple[str, str]]:
    with connection.database.engine.connect() as tx:
        return [tuple(row) for row in tx.exec_driver_sql("select decision, decided_by from decisions")]


def test_each_field_is_told_in_its_three_versions(sandbox: Sandbox, connection: Connection) -> None:
    exported(sandbox, connection)
    edit_line(sandbox, connection, Quantity=12, UnitAmount=11, Description="Cup")
    change(sandbox, "co-1", lines=[line(quantity="5")])
    export(connection)
    assert found(connection, "co-1").replace("changed in Xero: ", "").split(" | ") == [
        "LineItems[0].Description: we wrote Stoneware mug, Xero has Cup, the order says Stoneware mug.",
        "LineItems[0].Quantity: we wrote 10, Xero has 12, the order says 5.",
        "LineItems[0].UnitAmount: we wrote 12.50, Xero has 11.00, the order says 12.50.",
        "Total: we wrote 150.00, Xero has 158.40, the order says 75.00.",
    ]
    (row,) = connection.orders.find(ORDER)
    assert '"field":"LineItems[0].Quantity"' in row.findings


def test_lines_that_came_or_went_are_told_as_they_read(sandbox: Sandbox, connection: Connection) -> None:
    exported(sandbox, connection)
    (row,) = invoices(connection)
    present = {**row["LineItems"][0], "LineAmount": None, "TaxAmount": None}
    more = {"Description": "Fee", "Quantity": 1, "UnitAmount": 2, "AccountCode": "200", "TaxType": "OUTPUT2"}
    edit(sandbox, LineItems=[present, more])
    change(sandbox, "co-1", lines=[line(quantity="5")])
    export(connection)
    assert (
        "LineItems: we wrote 10 x Stoneware mug at 12.50, "
        "Xero has 10 x Stoneware mug at 12.50; 1 x Fee at 2.00, the order says 5 x Stoneware mug at 12.50."
    ) in found(connection, "co-1")


def test_what_a_person_changed_is_nothing_to_us_while_the_order_stays(
    sandbox: Sandbox, connection: Connection
) -> None:
    exported(sandbox, connection)
    edit(sandbox, DueDate="2027-01-01")
    assert export(connection) == []
    assert standing(connection) == {"co-1": "exported"}
    assert quiet(sandbox, connection)


def test_that_it_was_approved_is_no_change(sandbox: Sandbox, connection: Connection) -> None:
    exported(sandbox, connection)
    edit(sandbox, Status="AUTHORISED")
    change(sandbox, "co-1", lines=[line(quantity="5")])
    assert outcomes(export(connection)) == [Outcome.written]
    assert [(row["Status"], dec(row["Total"])) for row in invoices(connection)] == [("AUTHORISED", 75)]


def test_theirs_lets_the_document_stand(sandbox: Sandbox, conflicting: Connection) -> None:
    take(conflicting, ORDER, "theirs", "Ada")
    assert standing(conflicting) == {"co-1": "exported"}
    assert quiet(sandbox, conflicting)
    assert dec(invoices(conflicting)[0]["Total"]) == 150
    last = rows(conflicting)[-1]
    assert (last["event"], last["run_id"], last["subject_id"]) == ("accepted", "person: Ada", "co-1")
    assert last["revision"] == conflicting.orders.find(ORDER)[0].revision


def test_after_theirs_the_next_change_is_compared_with_what_they_made(
    sandbox: Sandbox, conflicting: Connection
) -> None:
    take(conflicting, ORDER, "theirs", "Ada")
    change(sandbox, "co-1", lines=[line(quantity="6")])
    assert outcomes(export(conflicting)) == [Outcome.written]
    assert dec(invoices(conflicting)[0]["Total"]) == 90


def test_ours_overwrites_by_the_lines_ids_and_then_the_decision_is_gone(
    sandbox: Sandbox, conflicting: Connection
) -> None:
    (before,) = invoices(conflicting)
    take(conflicting, ORDER, "ours", "Ada")
    assert (standing(conflicting), decision(conflicting)) == ({"co-1": "pending"}, [("ours", "Ada")])
    assert outcomes(export(conflicting)) == [Outcome.written]
    (after,) = invoices(conflicting)
    assert (dec(after["Total"]), after["DueDateString"][:10]) == (75, "2026-10-31")
    assert after["LineItems"][0]["LineItemID"] == before["LineItems"][0]["LineItemID"]
    assert decision(conflicting) == []
    assert [(row["event"], row["run_id"]) for row in rows(conflicting)[-2:]] == [
        ("ours", "person: Ada"),
        ("written", "run"),
    ]
    edit(sandbox, DueDate="2027-01-01")
    change(sandbox, "co-1", lines=[line(quantity="6")])
    assert outcomes(export(conflicting)) == [Outcome.conflict]


def test_ours_ends_with_an_order_that_went_back(sandbox: Sandbox, conflicting: Connection) -> None:
    take(conflicting, ORDER, "ours", "Ada")
    change(sandbox, "co-1", lines=[line(quantity="10")])
    export(conflicting)
    assert (standing(conflicting), decision(conflicting)) == ({"co-1": "exported"}, [])
    change(sandbox, "co-1", lines=[line(quantity="6")])
    assert outcomes(export(conflicting)) == [Outcome.conflict]


def test_ours_survives_a_failure_of_xeros(sandbox: Sandbox, conflicting: Connection) -> None:
    take(conflicting, ORDER, "ours", "Ada")
    sandbox.fault("error_before", next=1, method="POST", path="/Invoices$")
    export(conflicting)
    assert dec(invoices(conflicting)[0]["Total"]) == 75
    assert decision(conflicting) == []


def test_ours_cannot_be_had_where_xero_allows_no_change(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = connect(APPROVED)
    exported(sandbox, connection)
    pay(sandbox, "10.00")
    change(sandbox, "co-1", lines=[line(quantity="12")])
    export(connection)
    assert found(connection, "co-1") == (
        "document closed for changes: The document is AUTHORISED with 10.00 paid; the order changed after that: "
        "Total 150.00 in Xero, 180.00 on the order; LineItems[0].Quantity 10 -> 12."
    )
    with pytest.raises(CannotDecide, match=r"with 10\.00 paid: Xero allows no change"):
        take(connection, ORDER, "ours", "Ada")
    assert "stands as it is" in take(connection, ORDER, "theirs", "Ada")
    assert standing(connection) == {"co-1": "exported"}
    assert quiet(sandbox, connection)


def test_money_that_comes_after_the_decision_stops_it(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = connect(APPROVED)
    exported(sandbox, connection)
    edit(sandbox, DueDate="2027-01-01")
    change(sandbox, "co-1", lines=[line(quantity="12")])
    export(connection)
    take(connection, ORDER, "ours", "Ada")
    pay(sandbox, "10.00")
    assert outcomes(export(connection)) == [Outcome.conflict]
    assert (dec(invoices(connection)[0]["Total"]), decision(connection)) == (150, [])


@pytest.mark.parametrize(("whose", "then"), [("ours", "DELETED"), ("theirs", "DRAFT")])
def test_a_cancelled_order_is_decided_as_well(
    sandbox: Sandbox, connection: Connection, whose: str, then: str
) -> None:
    exported(sandbox, connection)
    edit(sandbox, DueDate="2027-01-01")
    cancel(sandbox)
    export(connection)
    take(connection, ORDER, whose, "Ada")
    export(connection)
    assert [row["Status"] for row in invoices(connection)] == [then]
    assert standing(connection) == {"co-1": "not_due"}
    assert quiet(sandbox, connection)


def test_theirs_ends_that_returned_goods_are_held(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = connect(APPROVED)
    exported(sandbox, connection)
    send_out(sandbox)
    change(sandbox, "co-1", lines=[line(quantity="8")])
    export(connection)
    sandbox.edit("credit", number=NUMBER, amount=30)
    take(connection, ORDER, "theirs", "Ada")
    assert standing(connection) == {"co-1": "exported"}
    assert quiet(sandbox, connection)
    assert len(notes(connection)) == 1


def test_a_purchase_order_is_decided_as_well(sandbox: Sandbox, connection: Connection) -> None:
    exported(sandbox, connection, kind="supplier")
    fields = {"DeliveryDate": "2027-01-01"}
    sandbox.edit("edit", kind="purchase_order", number="MS-SO-2026-00001", fields=fields)
    change(sandbox, "so-1", lines=[line(quantity="4")])
    export(connection)
    assert "DeliveryDate: we wrote nothing, Xero has 2027-01-01, the order says nothing." in found(
        connection, "so-1"
    )
    take(connection, "SO-2026-00001", "ours", "Ada")
    assert outcomes(export(connection)) == [Outcome.written]
    assert dec(purchase_orders(connection)[0]["Total"]) == 60


@pytest.mark.parametrize("whose", ["theirs", "ours"])
def test_where_nothing_is_to_be_decided_it_is_said(
    sandbox: Sandbox, connection: Connection, whose: str
) -> None:
    exported(sandbox, connection)
    with pytest.raises(CannotDecide, match="is exported: there are no two versions"):
        take(connection, ORDER, whose, "Ada")
    sandbox.edit("delete", number=NUMBER)
    change(sandbox, "co-1", lines=[line(quantity="5")])
    export(connection)
    with pytest.raises(CannotDecide, match="is gone: `monstock-xero send`"):
        take(connection, ORDER, whose, "Ada")


def test_a_word_that_is_neither_is_refused(conflicting: Connection) -> None:
    with pytest.raises(CannotDecide, match='Say "theirs" or "ours"'):
        take(conflicting, ORDER, "mine", "Ada")
