"""The flow on Prefect, after the export: what is sent is what Xero's specification takes, and the outcome says it."""

from collections import Counter

from deployments.sandbox.server import Sandbox
from tasks.ledger.verifying import Verification
from tests.exporting.after import APPROVED, CREDITING, cancel, notes, pay, send_out
from tests.exporting.driver import change
from tests.flows.test_order_export import artifact_table, documents, judged, run
from tests.support import Connect, line, order


def test_cancelled_orders_and_returned_goods(sandbox: Sandbox, connect: Connect) -> None:
    connection = connect(APPROVED | CREDITING)
    judges = judged(connection)
    sandbox.load_orders([order(n) for n in range(1, 6)] + [order(6, kind="supplier")])
    assert run().name == "Completed"
    send_out(sandbox, "MS-CO-2026-00002")
    pay(sandbox, "45.00", "MS-CO-2026-00003")
    for order_id in ("co-1", "so-6", "co-3"):
        cancel(sandbox, order_id)
    change(sandbox, "co-2", lines=[line(quantity="2")])
    pay(sandbox, "1.00", "MS-CO-2026-00004")
    change(sandbox, "co-4", lines=[line(quantity="4")])

    dry = run(dry_run=True)
    assert str(dry.message).startswith("5 requests would be sent")
    state = run()
    assert state.name == "CompletedWithWarnings", state.message
    assert "0 exported, 0 updated, 2 credited, 2 voided, 0 adopted, 1 held, 0 rejected" in str(state.message)
    assert Counter(row["Status"] for row in documents(connection, "Invoices")) == {
        "VOIDED": 1,
        "AUTHORISED": 3,
        "PAID": 1,
    }
    assert [(row["CreditNoteNumber"], float(row["RemainingCredit"])) for row in notes(connection)] == [
        ("MS-CO-2026-00002-CR1", 0),
        ("MS-CO-2026-00003-CR1", 45),
    ]
    table = {row["order"]: (row["state"], row["cause"]) for row in artifact_table("order-export-sandbox")}
    assert table == {
        "CO-2026-00003": ("cancelled, warning", "credit left open"),
        "CO-2026-00004": ("held", "document closed for changes"),
    }
    head = connection.trail.head()
    assert list(Verification(connection.trail, [head]).breaks()) == []

    again = run()
    assert "0 exported, 0 updated, 0 credited, 0 voided, 0 adopted, 1 held, 0 rejected" in str(again.message)
    assert connection.trail.head() == head
    for judge in judges:
        judge.verdict()
