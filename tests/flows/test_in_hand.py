"""What a backfill has in hand: each its own, told by those that leave it, and let go when nobody goes on with it."""

from typing import Any

import pytest
from prefect import tags
from prefect.client.schemas.objects import State
from rich.console import Console
from typer.testing import CliRunner

from deployments import cli
from deployments.sandbox.server import Sandbox
from flows.backfill import Waits, backfill
from flows.fanout import GOES_ON
from flows.order_export import order_export
from flows.rollback import rollback
from tasks.connections.connection import open_connection
from tests.exporting.driver import standing
from tests.flows.test_parked_and_backfill import (
    FAR_MORE,
    OCTOBER,
    day_left,
    run,
    small_day,
    the_day_ends,
    written,
)
from tests.flows.test_rollback import run_id
from tests.support import Connect, order

BOTH = {"date_from": "2026-09-01", "date_to": "2026-10-31", "dry_run": False}
SEPTEMBER = {**BOTH, "date_to": "2026-09-30"}
LEFT = "Orders of 2026-10-01 to 2026-10-31 that have no document yet are left to the backfill that has them in hand."


def test_a_second_backfill_takes_nothing_from_one_that_is_parked(
    sandbox: Sandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = small_day(sandbox, connect)
    sandbox.load_orders(FAR_MORE)
    state = run(backfill, **OCTOBER, dry_run=False, spread_over_days=True)
    first = state.result(raise_on_failure=False)
    assert isinstance(first, Waits), state.message
    before, reserve = written(sandbox), day_left(connection)
    second = run(backfill, **SEPTEMBER, spread_over_days=True)
    assert second.name == "Parked"
    daily = run(order_export)
    both = (
        "Orders of 2026-09-01 to 2026-09-30, 2026-10-01 to 2026-10-31 that have no document yet are left to"
    )
    assert f"{both} the backfills that have them in hand." in str(daily.message)
    assert written(sandbox) == before
    assert day_left(connection) > reserve / 2

    the_day_ends(sandbox, connection)
    with tags(GOES_ON + run_id(second)):
        assert run(backfill, **SEPTEMBER).name == "NothingToExport"
    monkeypatch.setattr(cli, "console", Console(width=300))
    told = CliRunner().invoke(cli.app, ["export"], catch_exceptions=False).output
    assert LEFT in told
    assert "every order that can go" not in told
    assert written(sandbox) == before

    with tags(GOES_ON + first.backfill_id):
        assert run(backfill, **OCTOBER, dry_run=False).name == "Completed"
    assert written(sandbox) == 1000
    assert connection.backfills.in_hand() == {}


@pytest.fixture
def failed(sandbox: Sandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> State:
    """How a backfill ended that exported October's order, and failed in September."""
    connection = connect()
    sandbox.load_orders([order(1, orderDate="2026-10-05"), order(2, orderDate="2026-09-05")])
    listed = connection.monstock.orders

    def refuse(kind: Any, **asked: Any) -> Any:
        if str(asked["date_to"]) == "2026-09-30":
            raise RuntimeError("a mistake of ours")
        return listed(kind, **asked)

    with monkeypatch.context() as patch:
        patch.setattr(connection.monstock, "orders", refuse)
        state = run(backfill, **BOTH)
    assert state.name == "Incomplete"
    assert "For two days its orders that have no document yet are left to it" in str(state.message)
    connection = open_connection("sandbox")
    assert list(connection.backfills.in_hand()) == [run_id(state)]
    assert run(order_export).name == "NothingToExport"
    assert standing(connection) == {"co-1": "exported", "co-2": "pending"}
    return state


def test_what_one_that_failed_has_in_hand_it_lets_go_when_it_is_rolled_back(failed: State) -> None:
    connection = open_connection("sandbox")
    assert run(rollback, run=run_id(failed), dry_run=False, asked_by="Ada").name == "RolledBack"
    assert connection.backfills.in_hand() == {}
    assert run(order_export).name == "Completed"
    assert standing(connection) == {"co-1": "skipped", "co-2": "exported"}


def test_one_started_anew_lets_go_of_it_once_all_its_dates_are_done(failed: State) -> None:
    connection = open_connection("sandbox")
    assert run(backfill, **SEPTEMBER).name == "Completed"
    assert list(connection.backfills.in_hand()) == [run_id(failed)]
    assert run(backfill, **BOTH).name == "NothingToExport"
    assert connection.backfills.in_hand() == {}
