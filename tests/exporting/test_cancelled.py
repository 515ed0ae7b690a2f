"""An order cancelled after its export: its document ends, or a person is told why it does not."""

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.errors import NoAnswer
from tasks.exporting.deciding import link, send
from tasks.ledger.claims import Outcome
from tests.exporting.after import (
    APPROVED,
    CREDITING,
    NUMBER,
    cancel,
    confirm,
    exported,
    notes,
    pay,
    quiet,
    send_out,
    writes,
)
from tests.exporting.driver import change, export, found, invoices, purchase_orders, read, standing
from tests.exporting.test_deciding import by_hand
from tests.exporting.test_trail import rows
from tests.support import Connect, dec, line, order
from tests.xero.desk import another, impatient, outcomes

DEAD = 7 * 60


@pytest.mark.parametrize(
    ("exported_as", "then"), [("DRAFT", "DELETED"), ("SUBMITTED", "DELETED"), ("AUTHORISED", "VOIDED")]
)
def test_an_unpaid_invoice_goes_with_its_order(
    sandbox: Sandbox, connect: Connect, no_waiting: None, exported_as: str, then: str
) -> None:
    connection = connect({'status = "DRAFT"': f'status = "{exported_as}"'})
    exported(sandbox, connection)
    cancel(sandbox)
    assert outcomes(export(connection)) == [Outcome.written]
    assert [row["Status"] for row in invoices(connection)] == [then]
    assert standing(connection) == {"co-1": "not_due"}
    assert rows(connection)[-1]["content"]["request"] == {
        "InvoiceID": invoices(connection)[0]["InvoiceID"],
        "Status": then,
    }
    assert quiet(sandbox, connection)


def test_one_that_was_approved_by_a_person_is_voided(sandbox: Sandbox, connection: Connection) -> None:
    exported(sandbox, connection)
    sandbox.edit("edit", kind="invoice", number=NUMBER, fields={"Status": "AUTHORISED"})
    cancel(sandbox)
    export(connection)
    assert [row["Status"] for row in invoices(connection)] == ["VOIDED"]


@pytest.mark.parametrize("status", ["DRAFT", "AUTHORISED"])
def test_a_purchase_order_is_deleted(
    sandbox: Sandbox, connect: Connect, no_waiting: None, status: str
) -> None:
    connection = connect(
        {'status = "DRAFT"\ndefault_account = "310"': f'status = "{status}"\ndefault_account = "310"'}
    )
    exported(sandbox, connection, kind="supplier")
    cancel(sandbox, "so-1")
    assert outcomes(export(connection)) == [Outcome.written]
    assert [row["Status"] for row in purchase_orders(connection)] == ["DELETED"]
    assert standing(connection) == {"so-1": "not_due"}
    assert quiet(sandbox, connection)


def test_a_billed_purchase_order_is_a_persons_matter(sandbox: Sandbox, connection: Connection) -> None:
    exported(sandbox, connection, kind="supplier")
    for status in ("AUTHORISED", "BILLED"):
        fields = {"Status": status}
        sandbox.edit("edit", kind="purchase_order", number="MS-SO-2026-00001", fields=fields)
    cancel(sandbox, "so-1")
    assert outcomes(export(connection)) == [Outcome.held]
    assert found(connection, "so-1") == (
        "cancelled after export: The order is cancelled. The document is BILLED."
    )
    assert quiet(sandbox, connection)


@pytest.mark.parametrize(
    ("do", "why"), [("send", "AUTHORISED and was sent"), ("pay", "AUTHORISED with 10.00 paid")]
)
def test_one_that_was_sent_or_paid_is_held_with_what_is_not_credited(
    sandbox: Sandbox, connect: Connect, no_waiting: None, do: str, why: str
) -> None:
    connection = connect(APPROVED)
    exported(sandbox, connection)
    send_out(sandbox) if do == "send" else pay(sandbox, "10.00")
    cancel(sandbox)
    assert outcomes(export(connection)) == [Outcome.held]
    assert found(connection, "co-1") == (
        f"cancelled after export: The order is cancelled. The document is {why}; not credited: "
        "10 x Stoneware mug (125.00); 150.00 in all, tax included."
    )
    assert [row["Status"] for row in invoices(connection)] == ["AUTHORISED"]
    assert quiet(sandbox, connection)


def test_one_that_was_sent_is_credited_where_the_rules_say_so(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = connect(APPROVED | CREDITING)
    exported(sandbox, connection)
    send_out(sandbox)
    cancel(sandbox)
    assert outcomes(export(connection)) == [Outcome.written, Outcome.written]
    (note,) = notes(connection)
    (invoice,) = invoices(connection)
    assert (note["CreditNoteNumber"], dec(note["Total"]), note["Status"]) == (f"{NUMBER}-CR1", 150, "PAID")
    assert (dec(invoice["AmountDue"]), dec(invoice["AmountCredited"])) == (0, 150)
    assert standing(connection) == {"co-1": "not_due"}
    assert quiet(sandbox, connection)


def test_a_paid_one_leaves_its_credit_open_and_says_so(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = connect(APPROVED | CREDITING)
    exported(sandbox, connection)
    pay(sandbox, "150.00")
    cancel(sandbox)
    assert outcomes(export(connection)) == [Outcome.written]
    assert dec(notes(connection)[0]["RemainingCredit"]) == 150
    assert found(connection, "co-1") == (
        f"credit left open: Of credit note {NUMBER}-CR1, 150.00 is not set against anything."
    )
    assert [row.order_id for row in connection.orders.warned("run", 10)] == ["co-1"]
    assert quiet(sandbox, connection)


def test_what_came_back_before_is_not_credited_again(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = connect(APPROVED | CREDITING)
    exported(sandbox, connection)
    send_out(sandbox)
    change(sandbox, "co-1", lines=[line(quantity="7")])
    export(connection)
    cancel(sandbox)
    export(connection)
    assert [(dec(note["Total"]), note["LineItems"][0]["Quantity"]) for note in notes(connection)] == [
        (45, 3),
        (105, 7),
    ]
    assert dec(invoices(connection)[0]["AmountDue"]) == 0
    assert quiet(sandbox, connection)


def test_one_that_somebody_changed_is_a_conflict(sandbox: Sandbox, connection: Connection) -> None:
    exported(sandbox, connection)
    sandbox.edit("edit", kind="invoice", number=NUMBER, fields={"DueDate": "2027-01-01"})
    cancel(sandbox)
    assert outcomes(export(connection)) == [Outcome.conflict]
    assert found(connection, "co-1") == (
        "changed in Xero: DueDate: we wrote 2026-10-31, Xero has 2027-01-01, the order is cancelled."
    )
    assert [row["Status"] for row in invoices(connection)] == ["DRAFT"]
    assert quiet(sandbox, connection)


def test_one_in_a_locked_period_is_held(sandbox: Sandbox, connect: Connect, no_waiting: None) -> None:
    connection = connect(APPROVED)
    exported(sandbox, connection)
    sandbox.edit("lock", period="2026-10-15")
    cancel(sandbox)
    assert outcomes(export(connection)) == [Outcome.held]
    assert found(connection, "co-1") == (
        "period locked: The document lies in a period locked until 2026-10-15."
    )
    sandbox.edit("lock", period=None)
    assert outcomes(export(connection)) == [Outcome.written]


def test_what_a_person_linked_is_never_ended(sandbox: Sandbox, connection: Connection) -> None:
    by_hand(sandbox)
    sandbox.load_orders([order()])
    export(connection)
    link(connection, "CO-2026-00001", "INV-77", "Ada")
    cancel(sandbox)
    assert outcomes(export(connection)) == [Outcome.held]
    assert "it was linked by hand, and is not ours to end" in found(connection, "co-1")
    assert writes(sandbox).keys() == set()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_document_that_a_person_ended_needs_nothing(
    sandbox: Sandbox, connect: Connect, no_waiting: None, when: str
) -> None:
    connection = connect(APPROVED)
    exported(sandbox, connection)
    if when == "before":
        sandbox.edit("void", number=NUMBER)
    else:
        send_out(sandbox)
    cancel(sandbox)
    export(connection)
    if when == "after":
        sandbox.edit("void", number=NUMBER)
        export(connection)
    assert standing(connection) == {"co-1": "not_due"}
    assert "POST /Invoices" not in writes(sandbox)


def test_one_that_is_confirmed_again_waits_for_a_person(sandbox: Sandbox, connection: Connection) -> None:
    exported(sandbox, connection)
    cancel(sandbox)
    export(connection)
    confirm(sandbox)
    assert export(connection) == []
    assert standing(connection) == {"co-1": "held"}
    assert found(connection, "co-1") == (
        "removed in Xero: The document was deleted when the order was cancelled; it is confirmed again."
    )
    assert quiet(sandbox, connection)
    send(connection, "CO-2026-00001", "Ada")
    export(connection)
    assert [(row["InvoiceNumber"], row["Status"]) for row in invoices(connection)] == [
        (NUMBER, "DELETED"),
        (f"{NUMBER}-2", "DRAFT"),
    ]
    cancel(sandbox)
    export(connection)
    assert [row["Status"] for row in invoices(connection)] == ["DELETED", "DELETED"]
    assert quiet(sandbox, connection)


def test_one_that_was_credited_and_is_confirmed_again_waits_as_well(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = connect(APPROVED | CREDITING)
    exported(sandbox, connection)
    send_out(sandbox)
    cancel(sandbox)
    export(connection)
    confirm(sandbox)
    export(connection)
    assert standing(connection) == {"co-1": "held"}
    assert f"{NUMBER}-CR1 credits 150.00" in found(connection, "co-1")
    assert quiet(sandbox, connection)
    send(connection, "CO-2026-00001", "Ada")
    export(connection)
    assert [row["InvoiceNumber"] for row in invoices(connection)] == [NUMBER, f"{NUMBER}-2"]
    assert standing(connection) == {"co-1": "exported"}


def test_an_order_that_is_a_draft_again_is_held(sandbox: Sandbox, connection: Connection) -> None:
    exported(sandbox, connection)
    change(sandbox, "co-1", status="draft")
    export(connection)
    assert found(connection, "co-1").startswith("cancelled after export: The order is draft now")
    assert [row["Status"] for row in invoices(connection)] == ["DRAFT"]


def test_one_cancelled_while_its_document_was_made_ends_too(sandbox: Sandbox, connection: Connection) -> None:
    """Another worker reads the cancellation before the first one has its answer."""
    second = another(connection)
    sandbox.load_orders([order()])
    sandbox.fault("lose_answer", next=2, method="PUT", path="/Invoices$")
    with pytest.raises(NoAnswer):
        export(connection)
    cancel(sandbox)
    read(second)
    export(connection)
    assert [row["Status"] for row in invoices(connection)] == ["DELETED"]
    assert standing(connection) == {"co-1": "not_due"}
    second.close()


@pytest.mark.parametrize("fault", ["lose_answer", "error_after", "error_before"])
def test_a_removal_that_nobody_answered_is_done_once(
    sandbox: Sandbox, connect: Connect, no_waiting: None, fault: str
) -> None:
    connection = impatient(connect(APPROVED))
    exported(sandbox, connection)
    cancel(sandbox)
    sandbox.fault(fault, next=1, method="POST", path="/Invoices$")
    export(connection)
    assert [row["Status"] for row in invoices(connection)] == ["VOIDED"]
    assert standing(connection) == {"co-1": "not_due"}
    assert quiet(sandbox, connection)


def test_a_removal_whose_answer_was_lost_for_good_is_seen_by_the_next_run(
    sandbox: Sandbox, connection: Connection
) -> None:
    exported(sandbox, connection)
    cancel(sandbox)
    sandbox.fault("lose_answer", next=2, method="POST", path="/Invoices$")
    with pytest.raises(NoAnswer):
        export(connection)
    sandbox.advance(DEAD)
    assert outcomes(export(connection)) == [Outcome.written]
    assert standing(connection) == {"co-1": "not_due"}
    assert writes(sandbox)["POST /Invoices"] == 2
