"""What becomes of documents in Xero, through the flow on Prefect, onto orders in Monstock."""

import pytest

from deployments.sandbox.server import Sandbox
from flows.invoice_import import invoice_import
from flows.order_export import order_export
from tests.flows.test_order_export import artifact, artifact_table, judged
from tests.importing.driver import link, writes
from tests.support import Connect, order


def test_there_and_back_and_then_nothing_moves(sandbox: Sandbox, connect: Connect) -> None:
    connection = connect(
        {'status = "DRAFT"                      #': 'status = "AUTHORISED"                 #'}
    )
    judges = judged(connection)
    sandbox.load_orders([order(n) for n in range(1, 41)] + [order(n, kind="supplier") for n in range(1, 11)])
    order_export(return_state=True)
    sandbox.edit("pay", number="MS-CO-2026-00001")
    sandbox.advance(2)
    state = invoice_import(return_state=True)
    assert state.name == "Completed", state.message
    assert "50 orders shown anew" in str(state.message)
    assert (link(sandbox, "co-1")["status"], link(sandbox, "co-2")["status"]) == ("paid", "approved")
    assert link(sandbox, "so-1")["documentType"] == "purchase_order"
    rows = {row["stream"]: row["changed"] for row in artifact_table("invoice-import-sandbox")}
    assert (rows["Invoices"], rows["PurchaseOrders"]) == ("40", "10")
    assert str(connection.trail.head()) in str(artifact("invoice-import-sandbox").description)

    sandbox.advance(2)
    for on in ("xero", "monstock"):
        sandbox.control("DELETE", "/calls", on=on)
    assert order_export(return_state=True).name == "NothingToExport"
    assert invoice_import(return_state=True).name == "NothingChanged"
    assert writes(sandbox) == {}
    assert sandbox.state()["calls"]["total"] == 6
    assert invoice_import(return_state=True, open_documents=True).name == "NothingChanged"
    for judge in judges:
        judge.verdict()


def test_a_page_that_xero_owes_is_asked_for_again(
    sandbox: Sandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.policies import READ
    from tests.xero.desk import impatient

    impatient(connect())
    monkeypatch.setattr("flows.invoice_import.read_changes", _at_once(READ["retries"]))
    sandbox.load_orders([order(n) for n in range(1, 4)])
    order_export(return_state=True)
    sandbox.fault("lose_answer", at=[1, 2], method="GET", path="/Invoices$")
    sandbox.advance(2)
    assert invoice_import(return_state=True).name == "Completed"
    assert link(sandbox, "co-3")["status"] == "draft"


def _at_once(retries: int) -> object:
    from tasks.readings import read_changes

    return read_changes.with_options(retries=retries, retry_delay_seconds=0)


def test_where_xero_stays_away_the_run_fails_and_the_next_goes_on(
    sandbox: Sandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.xero.desk import impatient

    impatient(connect())
    monkeypatch.setattr("flows.invoice_import.read_changes", _at_once(0))
    sandbox.load_orders([order(1)])
    order_export(return_state=True)
    sandbox.fault("lose_answer", next=2, method="GET", path="/Invoices$")
    state = invoice_import(return_state=True)
    assert (state.name, state.is_failed()) == ("NoAnswer", True)
    sandbox.advance(2)
    assert invoice_import(return_state=True).name == "Completed"
    assert link(sandbox, "co-1")["status"] == "draft"


def test_a_used_up_day_parks_the_import_and_the_next_one_goes_on(sandbox: Sandbox, connect: Connect) -> None:
    connect(free=False)
    sandbox.settings(minute_limit=6000, day_limit=5000)
    sandbox.load_orders([order(n) for n in range(1, 4)])
    order_export(return_state=True)
    sandbox.advance(2)
    sandbox.fault("throttle", next=1, method="GET", path="/PurchaseOrders$", problem="day", retry_after=3600)
    state = invoice_import(return_state=True)
    assert (state.name, state.is_completed()) == ("Parked", True)
    assert "A run after that goes on from here." in str(state.message)
