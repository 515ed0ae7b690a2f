"""The flow rollback: which run is meant, what it shows first, and how it ends."""

from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from rich.console import Console
from typer.testing import CliRunner

from deployments import cli
from deployments.person import who
from deployments.sandbox.server import Sandbox
from flows.backfill import backfill
from flows.order_export import order_export
from flows.rollback import rollback
from tasks.connections.connection import Connection
from tests.exporting.after import pay, writes
from tests.exporting.driver import invoices, standing
from tests.flows.test_order_export import artifact, artifact_table
from tests.support import Connect, order

APPROVED = {'status = "DRAFT"': 'status = "AUTHORISED"'}


@pytest.fixture
def shop(connect: Connect) -> Connection:
    return connect(APPROVED)


def run(flow: Any, **parameters: Any) -> State:
    return flow(return_state=True, **parameters)  # type: ignore[no-any-return]


def run_id(state: State) -> str:
    return str(state.state_details.flow_run_id)


def statuses(connection: Connection) -> dict[str, str]:
    return {row["InvoiceNumber"][-1]: row["Status"] for row in invoices(connection)}


def test_it_shows_first_and_then_does_what_it_showed(sandbox: Sandbox, shop: Connection) -> None:
    sandbox.load_orders([order(1), order(2), order(3)])
    exported = run_id(run(order_export))
    pay(sandbox, "45.00", "MS-CO-2026-00002")
    before = writes(sandbox)
    shown = run(rollback, run=exported)
    assert (shown.name, writes(sandbox)) == ("DryRun", before)
    assert str(shown.message).startswith(
        "Documents: 0 would be deleted, 2 would be voided, 1 stay, 0 were gone before"
    )
    table = artifact_table("rollback-sandbox")
    assert table[0] == {
        "kind": "customer", "order": "CO-2026-00002", "document": "invoice", "number": "MS-CO-2026-00002",
        "status": "PAID", "amount": "45.00 GBP", "what": "stays", "why": "paid",
    }  # fmt: skip
    assert [row["what"] for row in table] == ["stays", "voided", "voided", *["not touched"] * 3]

    done = run(rollback, run=exported[:10], dry_run=False, asked_by="Ada")
    assert done.name == "PartlyRolledBack"
    assert statuses(shop) == {"1": "VOIDED", "2": "PAID", "3": "VOIDED"}
    assert "Audit trail of sandbox: " in str(artifact("rollback-sandbox").description)
    [asked] = shop.trail.of([("connection", "sandbox")])
    assert (asked.event, asked.run_id) == ("rollback", "person: Ada")

    again = run(rollback, run=exported, dry_run=False, asked_by="Ada")
    assert "1 stay, 2 were gone before" in str(again.message)
    assert run(order_export).name == "NothingToExport"
    assert standing(shop) == {"co-1": "skipped", "co-2": "exported", "co-3": "skipped"}


def test_the_command_shows_and_with_go_does_it_in_the_name_of_who_sits_there(
    sandbox: Sandbox, shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.load_orders([order(1)])
    exported = run_id(run(order_export))
    monkeypatch.setattr(cli, "console", Console(width=200))
    shown = CliRunner().invoke(cli.app, ["rollback", exported[:12]], catch_exceptions=False)
    assert (shown.exit_code, statuses(shop)) == (0, {"1": "AUTHORISED"})
    assert "MS-CO-2026-00001" in shown.output
    assert "State: DryRun" in shown.output
    done = CliRunner().invoke(cli.app, ["rollback", exported[:12], "--go"], catch_exceptions=False)
    assert (done.exit_code, statuses(shop)) == (0, {"1": "VOIDED"})
    assert "State: RolledBack" in done.output
    assert [row.run_id for row in shop.trail.of([("connection", "sandbox")])] == [f"person: {who()}"]


def test_a_run_of_which_all_goes_ends_as_rolled_back_and_then_as_nothing(
    sandbox: Sandbox, shop: Connection
) -> None:
    sandbox.load_orders([order(1)])
    exported = run_id(run(order_export))
    assert run(rollback, run=exported, dry_run=False, asked_by="Ada").name == "RolledBack"
    assert run(rollback, run=exported, dry_run=False, asked_by="Ada").name == "NothingToRollBack"


def test_a_run_is_known_by_its_name_and_a_backfill_stands_for_its_chunks(
    sandbox: Sandbox, shop: Connection
) -> None:
    sandbox.load_orders([order(1), order(2, orderDate="2026-11-05")])
    done = run(backfill, date_from="2026-10-01", date_to="2026-11-30", dry_run=False)
    assert (done.name, set(statuses(shop).values())) == ("Completed", {"AUTHORISED"})
    with get_client(sync_client=True) as client:
        name = client.read_flow_run(UUID(run_id(done))).name
    shown = run(rollback, run=name)
    assert "2 would be voided" in str(shown.message)
    assert run(rollback, run=run_id(done), dry_run=False, asked_by="Ada").name == "RolledBack"
    assert set(statuses(shop).values()) == {"VOIDED"}


def test_a_chunk_alone_can_be_rolled_back(sandbox: Sandbox, shop: Connection) -> None:
    sandbox.load_orders([order(1), order(2, orderDate="2026-11-05")])
    done = run(backfill, date_from="2026-10-01", date_to="2026-11-30", dry_run=False)
    chunk = shop.backfills.of(run_id(done))[0].run_id
    assert run(rollback, run=chunk, dry_run=False, asked_by="Ada").name == "RolledBack"
    assert statuses(shop) == {"1": "VOIDED", "2": "AUTHORISED"}


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"run": "abc"}, "by its id, 4 characters of it or more"),
        ({"run": "deadbeef"}, "knows no run deadbeef that wrote to Xero"),
        ({"run": "no such name"}, "knows no run no such name that wrote to Xero"),
        ({"run": "00000000-0000-4000-8000-000000000000"}, "that wrote to Xero"),
        ({"run": "deadbeef", "dry_run": False}, 'Say in "Asked by" who asks'),
    ],
)
def test_what_cannot_be_meant_is_said(shop: Connection, parameters: dict[str, Any], says: str) -> None:
    refused = run(rollback, **parameters)
    assert (refused.type.value, refused.name) == ("FAILED", "BadParameters")
    assert says in str(refused.message)


def test_of_several_runs_of_a_name_one_must_be_chosen(sandbox: Sandbox, shop: Connection) -> None:
    ids = []
    for number in (1, 2):
        sandbox.load_orders([order(number, reference=f"UNIQUE-{number}")])
        ids.append(run_id(run(order_export, order_date_from="2026-10-01")))
    name = "sandbox · customer and supplier orders · 2026-10-01 to … · export"
    refused = run(rollback, run=name)
    assert refused.name == "BadParameters"
    assert str(refused.message).startswith(f'2 runs named "{name}" wrote to Xero: ')
    assert all(one in str(refused.message) for one in ids)
