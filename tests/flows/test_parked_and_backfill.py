"""A day's calls that are used up park the connection; a backfill says first what it costs, and steps back."""

from prefect.client.schemas.objects import State

from deployments.sandbox.server import Sandbox
from flows.backfill import backfill
from flows.order_export import order_export
from tasks.connections.connection import Connection
from tests.flows.test_order_export import artifact, artifact_table
from tests.support import FREE, Connect, order

OCTOBER = {"date_from": "2026-10-01", "date_to": "2026-10-31"}
SMALL_DAY = {f"{FREE}\napi_url": f"{FREE.replace('day = 0', 'day = 40')}\napi_url"}


def run(flow: object, **parameters: object) -> State:
    return flow(return_state=True, **parameters)  # type: ignore[operator, no-any-return]


def written(sandbox: Sandbox) -> int:
    return int(sandbox.state()["documents"].get("invoice", 0))


def the_day_ends(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.advance(86_400)
    gate = connection._xero_gate
    assert gate
    with gate._changing() as (budget, now):
        budget.day_ends = now


def day_left(connection: Connection) -> int:
    left = connection.today().left
    assert left is not None
    return left


def test_a_used_up_day_ends_the_run_by_name_and_the_next_one_after_it_goes_on(
    sandbox: Sandbox, connect: Connect
) -> None:
    connection = connect({f"{FREE}\napi_url": f"{FREE.replace('day = 0', 'day = 5000')}\napi_url"})
    sandbox.load_orders([order(n) for n in range(1, 121)])
    sandbox.fault("throttle", method="PUT", path="/Invoices$", at=[2], problem="day", retry_after=7200)
    state = run(order_export)
    assert (state.name, state.is_completed()) == ("Parked", True)
    assert "A run after that goes on from here" in str(state.message)
    assert "50 exported" in str(state.message)
    assert written(sandbox) == 50

    before = sandbox.state()["calls"]["total"]
    assert run(order_export).name == "Parked"
    assert sandbox.state()["calls"]["total"] == before
    the_day_ends(sandbox, connection)
    state = run(order_export)
    assert state.name in {"Completed", "NothingToExport"}, state.message
    assert written(sandbox) == 120


def test_a_backfill_says_first_what_it_costs(sandbox: Sandbox, connect: Connect) -> None:
    connect()
    sandbox.load_orders([order(n) for n in range(1, 11)] + [order(11, orderDate="2026-11-02")])
    state = run(backfill, **OCTOBER)
    assert state.name == "DryRun"
    assert "10 documents" in str(state.message)
    assert written(sandbox) == 0
    assert {"what": "documents to write", "how much": "10"} in artifact_table("forecast-sandbox")
    assert "Audit trail of sandbox: no rows yet." in str(artifact("forecast-sandbox").description)

    assert run(backfill, **OCTOBER, dry_run=False).name == "Completed"
    assert written(sandbox) == 10
    assert run(backfill, **OCTOBER, dry_run=False).name == "NothingToExport"


def test_a_backfill_beyond_the_budget_waits_for_a_word_and_is_parked_at_the_reserve(
    sandbox: Sandbox, connect: Connect
) -> None:
    connection = connect(SMALL_DAY)
    sandbox.settings(day_limit=40)
    sandbox.load_orders([order(n) for n in range(1, 1001)])
    state = run(backfill, **OCTOBER, dry_run=False)
    assert state.name == "OverBudget"
    assert "let it spread over days" in str(state.message)
    assert written(sandbox) == 0

    state = run(backfill, **OCTOBER, dry_run=False, spread_over_days=True)
    assert state.name == "Parked", state.message
    assert "Backfill leaves 20% of the day's 40 calls" in str(state.message)
    assert day_left(connection) == 8
    assert 0 < (done := written(sandbox)) < 1000

    sandbox.load_orders([order(2001, orderDate="2026-11-02")])
    daily = run(order_export)
    assert "left to the backfill that has them in hand" in str(daily.message)
    assert written(sandbox) <= done + 1

    the_day_ends(sandbox, connection)
    for _ in range(3):
        state = run(backfill, **OCTOBER, dry_run=False, spread_over_days=True)
        the_day_ends(sandbox, connection)
    assert state.name in {"Completed", "NothingToExport"}, state.message
    assert "left to the backfill" not in str(run(order_export).message)
    assert written(sandbox) == 1001
