"""The whole way: orders in Monstock's sandbox, the flow on Prefect, documents in Xero's sandbox."""

import json
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact, State

from deployments.sandbox.server import Sandbox
from flows.order_export import order_export
from flows.parameters import Orders
from tasks.connections.connection import Connection
from tasks.domain.orders import Kind
from tasks.exporting.intake import stream_of
from tasks.ledger.verifying import Verification
from tests.sandbox.judge import Judge
from tests.support import Connect, line, order


def run(**parameters: object) -> State:
    return order_export(return_state=True, **parameters)  # type: ignore[call-overload]


def documents(connection: Connection, endpoint: str) -> list[dict[str, Any]]:
    return connection.xero.page(endpoint, {"unitdp": "4"} if endpoint == "Invoices" else None).rows


def artifact(key: str) -> Artifact:
    """The newest artifact under a key."""
    chosen = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
    with get_client(sync_client=True) as client:
        return max(client.read_artifacts(artifact_filter=chosen), key=lambda found: found.created)


def artifact_table(key: str) -> list[dict[str, str]]:
    """The rows of the newest table under a key."""
    return list(json.loads(str(artifact(key).data)))


def judged(connection: Connection) -> list[Judge]:
    """Let what others wrote look at every request and answer of a connection."""
    judges = {connection.xero.http: Judge.xero(), connection.monstock.http: Judge.monstock()}
    for http, judge in judges.items():
        http._client.event_hooks = judge.hooks()
    return list(judges.values())


def test_every_confirmed_order_stands_in_xero_once(sandbox: Sandbox, connect: Connect) -> None:
    connection = connect()
    judges = judged(connection)
    sandbox.load_orders([order(n) for n in range(1, 61)] + [order(n, kind="supplier") for n in range(1, 11)])
    first = run()
    assert first.name == "Completed", first.message
    assert "70 exported" in str(first.message)
    assert sandbox.state()["documents"]["invoice"] == 60
    assert sandbox.state()["documents"]["purchase_order"] == 10

    head = connection.trail.head()
    assert head.number == 70 + 7 + 7
    assert f"Audit trail of sandbox: 84 rows, head {head}." in str(
        artifact("order-export-sandbox").description
    )
    assert list(Verification(connection.trail, [head]).breaks()) == []

    second = run()
    assert second.name == "NothingToExport"
    assert connection.trail.head() == head
    assert sandbox.state()["documents"]["invoice"] == 60
    for judge in judges:
        judge.verdict()


def test_a_document_says_what_its_order_says(sandbox: Sandbox, connect: Connect) -> None:
    connection = connect()
    sandbox.load_orders(
        [
            order(
                1,
                externalReference="PO 4711",
                dueDate="2026-11-15",
                warehouse="London",
                shipping={"amount": "4.95", "taxRate": "20"},
                lines=[
                    line(sku="MUG-01", discountPercent="10"),
                    line(id="2", name="Oats", taxRate="0", unitPrice="1.2345"),
                ],
            )
        ]
    )
    assert run().name == "Completed"
    (invoice,) = documents(connection, "Invoices")
    assert (invoice["InvoiceNumber"], invoice["Reference"], invoice["Status"]) == (
        "MS-CO-2026-00001",
        "PO 4711",
        "DRAFT",
    )
    assert invoice["Url"] == "https://monstock.example/customer-orders/co-1"
    assert invoice["DueDateString"].startswith("2026-11-15")
    mug, oats, shipping = invoice["LineItems"]
    assert (mug["Quantity"], mug["UnitAmount"], mug["DiscountRate"]) == (3, 12.5, 10)
    assert {t["Option"] for t in mug["Tracking"]} == {"London"}
    assert str(oats["UnitAmount"]) == "1.2345"
    assert (shipping["Description"], shipping["AccountCode"]) == ("Shipping", "260")
    # 3 x 12.50 less 10 % = 33.75, 3 x 1.2345 = 3.70, 4.95 shipping; tax 6.75 + 0 + 0.99
    assert (str(invoice["SubTotal"]), str(invoice["TotalTax"]), str(invoice["Total"])) == (
        "42.40",
        "7.74",
        "50.14",
    )


def test_supplier_orders_become_bills_under_the_suppliers_number(sandbox: Sandbox, connect: Connect) -> None:
    connection = connect({'document = "purchase_order"': 'document = "bill"'})
    sandbox.load_orders([order(1, kind="supplier", externalReference="R-77"), order(2, kind="supplier")])
    state = run(orders=Orders.supplier)
    assert state.name == "CompletedWithWarnings"
    bills = documents(connection, "Invoices")
    assert {(bill["Type"], bill["InvoiceNumber"]) for bill in bills} == {
        ("ACCPAY", "R-77"),
        ("ACCPAY", "MS-SO-2026-00002"),
    }


def test_what_cannot_go_is_held_with_its_reason_and_goes_once_it_can(
    sandbox: Sandbox, connect: Connect
) -> None:
    connect()
    sandbox.load_orders([order(1), order(2, lines=[line(taxRate="17.5")]), order(3, status="on_hold")])
    state = run()
    assert state.name == "CompletedWithWarnings"
    assert {row["cause"] for row in artifact_table("order-export-sandbox")} == {
        "tax rate not mapped",
        "unknown status",
    }
    assert run().name == "NothingToExport"

    sandbox.load_orders([order(2)])
    assert run().name == "Completed"
    assert sandbox.state()["documents"]["invoice"] == 2


def test_more_changes_than_a_page_holds_arrive_in_a_later_run(sandbox: Sandbox, connect: Connect) -> None:
    connect()
    sandbox.load_orders([order(1)])
    assert run().name == "Completed"
    sandbox.load_orders([order(n) for n in range(2, 302)])
    assert "300 exported" in str(run().message)


def test_a_dry_run_shows_everything_and_writes_nothing(sandbox: Sandbox, connect: Connect) -> None:
    connection = connect()
    sandbox.load_orders([order(n) for n in range(1, 4)])
    state = run(dry_run=True)
    assert "Audit trail of sandbox: no rows yet." in str(artifact("order-export-dry-run-sandbox").data)
    assert state.name == "DryRun"
    shown = state.result()
    assert [r["path"] for r in shown.requests] == ["Contacts", "Invoices"]
    assert [t["total"] for t in shown.totals] == ["45.00"] * 3
    assert {name.split()[0] for name in sandbox.state()["calls"] if name != "total"} == {"GET"}
    assert connection.attempts.unfinished() == []
    assert run().name == "Completed"


def test_a_window_exports_only_its_orders_and_leaves_the_cursor(sandbox: Sandbox, connect: Connect) -> None:
    connection = connect()
    sandbox.load_orders([order(n, orderDate=f"2026-10-{n:02d}") for n in range(1, 11)])
    state = run(order_date_from="2026-10-03", order_date_to="2026-10-05")
    assert "3 exported" in str(state.message)
    assert connection.orders.cursor(stream_of(Kind.customer, connection.settings)) is None
    assert "1 exported" in str(run(references=["CO-2026-00007"]).message)
    assert "6 exported" in str(run().message)


def test_orders_before_the_cutover_are_listed_and_never_sent(sandbox: Sandbox, connect: Connect) -> None:
    connect({"export_from = 2026-01-01": "export_from = 2026-10-01"})
    sandbox.load_orders([order(1), order(2, orderDate="2026-09-30")])
    outcome = run().result()
    assert outcome.rows[0]["exported"] == 1
    assert outcome.rows[0]["before cut-over"] == 1
    assert sandbox.state()["documents"]["invoice"] == 1


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"connection": "nobody"}, 'has no connection "nobody"'),
        ({"order_date_from": "2026-10-02", "order_date_to": "2026-10-01"}, "swap the two dates"),
    ],
    ids=["unknown connection", "window the wrong way round"],
)
def test_a_bad_parameter_fails_with_a_sentence(
    connect: Connect, parameters: dict[str, str], says: str
) -> None:
    connect()
    state = run(**parameters)
    assert state.is_failed()
    assert says in str(state.message)


def test_another_organisation_is_never_written_to(sandbox: Sandbox, connect: Connect) -> None:
    connect({"Sandbox Trading Ltd": "Acme Ltd"})
    sandbox.load_orders([order(1)])
    state = run()
    assert state.is_failed()
    assert 'pinned to "Acme Ltd"' in str(state.message)
    assert sandbox.state()["documents"].get("invoice", 0) == 0


def test_a_runs_name_says_connection_scope_and_mode(sandbox: Sandbox, connect: Connect) -> None:
    connect()
    state = run(orders=Orders.customer, references=["CO-2026-00001"], dry_run=True)
    with get_client(sync_client=True) as client:
        name = client.read_flow_run(state.state_details.flow_run_id).name
    assert name == "sandbox · customer orders · CO-2026-00001 · dry run"
