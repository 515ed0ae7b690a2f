"""A day's calls that are used up park the connection; a backfill says first what it costs, and steps back."""

from collections import Counter
from pathlib import Path

import pytest
from prefect import tags
from prefect.client.schemas.objects import State

from deployments.sandbox.server import Sandbox
from flows.backfill import Waits, backfill
from flows.fanout import GOES_ON
from flows.order_export import order_export
from flows.parameters import Subject
from tasks.backfilling.progress import Progress
from tasks.connections.connection import Connection
from tasks.domain.periods import Chunk
from tasks.exporting.run import showing
from tasks.ledger.backfills import Stage
from tests.flows.test_order_export import artifact, artifact_table
from tests.support import FREE, Connect, order

OCTOBER = {"date_from": "2026-10-01", "date_to": "2026-10-31"}
FAR_MORE = [order(n) for n in range(1, 1001)]


def run(flow: object, **parameters: object) -> State:
    return flow(return_state=True, **parameters)  # type: ignore[operator, no-any-return]


def written(sandbox: Sandbox) -> int:
    return int(sandbox.state()["documents"].get("invoice", 0))


def small_day(sandbox: Sandbox, connect: Connect) -> Connection:
    sandbox.settings(day_limit=40)
    return connect({f"{FREE}\napi_url": f"{FREE.replace('day = 0', 'day = 40')}\napi_url"})


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
    connection = small_day(sandbox, connect)
    sandbox.load_orders(FAR_MORE)
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


@pytest.mark.parametrize(
    ("what", "chunk", "first"), [(Subject.invoices, Chunk.week, 6), (Subject.reconciliation, Chunk.month, 2)]
)
def test_a_parked_backfill_goes_on_with_the_chunks_that_are_left(
    sandbox: Sandbox,
    connect: Connect,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: Subject,
    chunk: Chunk,
    first: int,
) -> None:
    monkeypatch.setenv("MONSTOCK_XERO_REPORTS", str(tmp_path / "reports"))
    connection = small_day(sandbox, connect)
    dates = {
        "date_from": "2026-07-01" if what is Subject.reconciliation else "2026-09-01",
        "date_to": "2026-10-31",
    }
    asked = {**dates, "what": what, "chunk": chunk, "dry_run": False, "spread_over_days": True}
    state = run(backfill, **asked)
    waits = state.result(raise_on_failure=False)
    assert isinstance(waits, Waits), state.message
    assert waits.progress
    assert 0 < waits.progress.done <= first
    reports, days = waits.progress.done, 1
    while state.name == "Parked":
        days += 1
        the_day_ends(sandbox, connection)
        with tags(GOES_ON + waits.backfill_id):
            state = run(backfill, **asked)
        told = state.result(raise_on_failure=False)
        told = told.progress if isinstance(told, Waits) else told
        if isinstance(told, Progress):
            assert told.calls <= told.forecast + len(told.chunks), state.message
            assert (told.share == 100) == (state.name != "Parked")
    assert state.is_completed(), state.message
    assert 1 < days <= 4
    done = connection.backfills.of(waits.backfill_id)
    assert {chunk.stage for chunk in done} == {Stage.done}
    assert len(done) == {Chunk.week: 9, Chunk.month: 4}[chunk]
    if what is Subject.reconciliation:
        assert len(list((tmp_path / "reports" / "sandbox").iterdir())) <= len(done) + days, reports


class Bars:
    """What the terminal's bars are told."""

    def __init__(self) -> None:
        self.expected, self.advanced = Counter[str](), Counter[str]()

    def expect(self, step: str, more: int) -> None:
        self.expected[step] += more

    def advance(self, step: str, by: int) -> None:
        self.advanced[step] += by


def test_one_that_goes_on_needs_no_word_again_and_counts_on_from_the_days_before(
    sandbox: Sandbox, connect: Connect
) -> None:
    connection = connect({f"{FREE}\napi_url": f"{FREE.replace('day = 0', 'day = 30')}\napi_url"})
    sandbox.settings(day_limit=30)
    sandbox.load_orders([order(n, orderDate=f"2026-10-{n % 31 + 1:02d}") for n in range(1, 501)])
    asked = {**OCTOBER, "chunk": Chunk.week, "dry_run": False}
    state = run(backfill, **asked, spread_over_days=True)
    for _ in range(4):
        waits = state.result(raise_on_failure=False)
        assert isinstance(waits, Waits), state.message
        assert waits.progress
        assert waits.progress.ends_at is None or waits.progress.ends_at >= waits.until
        the_day_ends(sandbox, connection)
        bars = Bars()
        with tags(GOES_ON + waits.backfill_id), showing(bars):
            state = run(backfill, **asked)
        if state.name != "Parked":
            break
    progress = state.result(raise_on_failure=False)
    assert isinstance(progress, Progress), state.message
    assert written(sandbox) == 500
    assert progress.calls <= progress.forecast
    assert progress.before < progress.done
    assert bars.advanced["Chunks"] == bars.expected["Chunks"] == progress.done - progress.before
    assert bars.advanced["Calls to Xero"] <= bars.expected["Calls to Xero"]


def test_one_that_was_parked_before_it_had_begun_is_still_to_be_let_spread(
    sandbox: Sandbox, connect: Connect
) -> None:
    connection = small_day(sandbox, connect)
    sandbox.load_orders(FAR_MORE)
    for _ in range(32):
        connection.xero.organisation()
    assert day_left(connection) == 8
    state = run(backfill, **OCTOBER, dry_run=False)
    waits = state.result(raise_on_failure=False)
    assert isinstance(waits, Waits), state.message
    assert waits.progress is None

    the_day_ends(sandbox, connection)
    with tags(GOES_ON + waits.backfill_id):
        state = run(backfill, **OCTOBER, dry_run=False)
    assert (state.name, written(sandbox)) == ("OverBudget", 0)
