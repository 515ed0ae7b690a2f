"""The flow rollback: which run is meant, what it shows first, and how it ends."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import tags
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Running, Scheduled
from rich.console import Console
from typer.testing import CliRunner

from deployments import cli
from deployments.person import who
from deployments.sandbox.server import Sandbox
from flows import naming
from flows import rollback as module
from flows.backfill import backfill
from flows.backfill_chunk import backfill_chunk
from flows.fanout import GOES_ON
from flows.order_export import order_export
from flows.rollback import rollback
from tasks import rollbacks
from tasks.connections.connection import Connection
from tasks.exporting import rolled_back
from tests.exporting.after import pay, writes
from tests.exporting.driver import invoices, standing
from tests.flows.test_order_export import artifact, artifact_table
from tests.flows.test_parked_and_backfill import day_left, the_day_ends
from tests.support import FREE, Connect, order

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


def test_of_several_runs_of_a_name_one_must_be_chosen(
    sandbox: Sandbox, shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = []
    for number in (1, 2):
        sandbox.load_orders([order(number, reference=f"UNIQUE-{number}")])
        ids.append(run_id(run(order_export, order_date_from="2026-10-01")))
    name = "sandbox · customer and supplier orders · 2026-10-01 to … · export"
    refused = run(rollback, run=name)
    assert refused.name == "BadParameters"
    assert str(refused.message).startswith(f'2 runs named "{name}" wrote to Xero: ')
    assert all(one in str(refused.message) for one in ids)
    monkeypatch.setattr(naming, "MOST", 2)  # of which there may be older ones
    refused = run(rollback, run=name)
    assert str(refused.message) == f'2 runs or more are named "{name}". Give the id of the one.'


def test_what_a_killed_run_left_under_way_is_seen_through_first(
    sandbox: Sandbox, shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was killed between Xero's commit and ours."""
    sandbox.load_orders([order(1), order(2), order(3)])
    settle = shop.attempts.settle

    def killed(attempt: Any, *given: Any, **more: Any) -> None:
        if attempt.endpoint == "Invoices":
            raise RuntimeError("killed")
        settle(attempt, *given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(shop.attempts, "settle", killed)
        exported = run_id(run(order_export))
    assert statuses(shop) == dict.fromkeys("123", "AUTHORISED")
    shown = run(rollback, run=exported)
    assert "0 would be voided" in str(shown.message)
    assert "3 more were under way: whether they stand in Xero is known once it is done." in str(shown.message)
    with shop.database.begin() as tx:  # so that nobody waits for the lease of a process that is gone
        tx.exec_driver_sql("update attempts set lease_until = '2026-01-01 00:00:00'")
    done = run(rollback, run=exported, dry_run=False, asked_by="Ada")
    assert (done.name, statuses(shop)) == ("RolledBack", dict.fromkeys("123", "VOIDED"))
    assert "3 voided" in str(done.message)
    assert "under way" not in str(done.message)


def test_a_long_one_leaves_the_reserve_and_goes_on_where_it_was(
    sandbox: Sandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect({f"{FREE}\napi_url": f"{FREE.replace('day = 0', 'day = 30')}\napi_url"})
    sandbox.settings(day_limit=30)
    sandbox.load_orders([order(n, kind="supplier") for n in range(1, 41)])
    exported = run_id(run(order_export))
    the_day_ends(sandbox, connection)
    shown = run(rollback, run=exported)
    assert shown.name == "Parked"
    assert "To roll back takes 43 calls to Xero, 0 minutes, over 2 days." in str(shown.message)
    assert "20 would be deleted" in str(shown.message)
    assert "20 wait for the next day's calls" in str(shown.message)
    assert day_left(connection) == 6

    the_day_ends(sandbox, connection)
    scheduled = []
    monkeypatch.setattr(module, "go_on_at", lambda *given: scheduled.append(given) or "a run")
    asked = {"run": exported, "dry_run": False, "asked_by": "Ada"}
    first = run(rollback, **asked)
    assert first.name == "Parked"
    assert "Backfill leaves 20% of the day's 30 calls to daily work" in str(first.message)
    assert "it goes on by itself. Documents: 20 deleted" in str(first.message)
    [(of, when)] = scheduled
    assert (of, f"{when:%Y-%m-%d %H:%M} UTC it goes on" in str(first.message)) == (run_id(first), True)
    assert day_left(connection) == 6
    assert run(order_export).name == "NothingToExport"

    the_day_ends(sandbox, connection)
    sandbox.control("DELETE", "/calls", on="xero")
    second = run(rollback, **asked)
    assert second.name == "RolledBack", second.message
    assert "20 deleted, 0 voided, 0 stay, 20 were gone before" in str(second.message)
    calls = sandbox.state()["calls"]
    assert (calls["GET /PurchaseOrders/{id}"], calls["POST /PurchaseOrders"]) == (20, 1)


def test_any_day_of_a_backfill_stands_for_all_of_it(sandbox: Sandbox, shop: Connection) -> None:
    october = {"date_from": "2026-10-01", "date_to": "2026-10-31", "dry_run": False}
    sandbox.load_orders([order(1)])
    first = run_id(run(backfill, **october))
    sandbox.load_orders([order(2)])
    with tags(GOES_ON + first):
        state = run(backfill, **october)
    last = run_id(state)
    assert statuses(shop) == dict.fromkeys("12", "AUTHORISED")
    with get_client(sync_client=True) as client:
        name = client.read_flow_run(UUID(last)).name
    for meant in (first, last, last[:10], name):
        assert "2 would be voided" in str(run(rollback, run=meant).message), meant
    assert run(rollback, run=last, dry_run=False, asked_by="Ada").name == "RolledBack"

    # Nobody goes on with it then: not the terminal that waits for the next day, nor a retry.
    sandbox.load_orders([order(3)])
    with tags(GOES_ON + first):
        refused = run(backfill, **october)
    assert (refused.name, refused.message) == (
        "BadParameters", "This backfill was rolled back since: start a new one.",
    )  # fmt: skip
    chunk = run(backfill_chunk, backfill_id=first, date_from="2026-10-01", date_to="2026-10-31")
    assert chunk.name == "BadParameters"
    assert statuses(shop) == dict.fromkeys("12", "VOIDED")


def test_one_that_may_still_write_is_ended_first(sandbox: Sandbox, shop: Connection) -> None:
    sandbox.load_orders([order(1)])
    parked = run_id(run(backfill, date_from="2026-10-01", date_to="2026-10-31", dry_run=False))
    chunk = shop.backfills.of(parked)[0].run_id
    with get_client(sync_client=True) as client:
        later = client.create_flow_run(
            backfill, parameters={"date_from": "2026-10-01", "date_to": "2026-10-31"}, tags=[GOES_ON + parked],
            state=Scheduled(scheduled_time=datetime.now(UTC) + timedelta(days=1)),
        )  # fmt: skip
        still = f'1 of its runs may still write: "{later.name}" ({later.id}, Scheduled).'
        for meant in (parked, chunk):
            refused = run(rollback, run=meant, dry_run=False, asked_by="Ada")
            assert (refused.type.value, refused.name) == ("FAILED", "StillRunning")
            assert f"Nothing was rolled back: {still}" in str(refused.message)
            shown = run(rollback, run=meant)
            assert shown.name == "DryRun"
            assert f"Not yet: {still}" in str(shown.message)
        assert statuses(shop) == {"1": "AUTHORISED"}
        client.set_flow_run_state(later.id, Cancelled(), force=True)
        client.set_flow_run_state(UUID(chunk), Running(), force=True)
        assert run(rollback, run=parked, dry_run=False, asked_by="Ada").name == "StillRunning"
        client.delete_flow_run(UUID(chunk))
    assert run(rollback, run=parked, dry_run=False, asked_by="Ada").name == "RolledBack"


def test_what_no_artifact_holds_lies_in_a_file(
    sandbox: Sandbox, shop: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MONSTOCK_XERO_REPORTS", str(tmp_path))
    for place in (rolled_back, rollbacks):
        monkeypatch.setattr(place, "SHOWN", 4)
    sandbox.load_orders([order(1), order(2), order(3)])
    shown = run(rollback, run=run_id(run(order_export)))
    file = tmp_path / "sandbox" / f"rollback-{run_id(shown)}.csv"
    rows = list(csv.DictReader(file.read_text("utf-8-sig").splitlines()))
    assert [row["what"] for row in rows] == ["voided"] * 3 + ["not touched"] * 3
    assert rows[0]["number"] == "MS-CO-2026-00001"
    assert len(artifact_table("rollback-sandbox")) == 4
    assert f"The first 4 are listed; all are in {file}." in str(artifact("rollback-sandbox").description)


def test_where_prefect_does_not_say_what_still_runs_nothing_is_rolled_back(
    sandbox: Sandbox, shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.load_orders([order(1)])
    exported = run_id(run(order_export))

    def silent(**_: Any) -> Any:
        raise ConnectionError

    monkeypatch.setattr(naming, "get_client", silent)
    refused = run(rollback, run=exported, dry_run=False, asked_by="Ada")
    assert (refused.type.value, refused.name) == ("FAILED", "StillRunning")
    assert "Prefect does not say whether its runs are over." in str(refused.message)
    assert statuses(shop) == {"1": "AUTHORISED"}
    shown = run(rollback, run=exported)
    assert shown.name == "DryRun"
    assert "Not yet: Prefect does not say whether its runs are over." in str(shown.message)
