"""A backfill by its deployment, its chunks runs of their own: killed, started again, retried; everything once."""

import os
import re
import signal
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterName,
    FlowRunFilterState,
    FlowRunFilterStateName,
)
from prefect.client.schemas.objects import FlowRun, State
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import AwaitingRetry, Crashed, Scheduled

from deployments.sandbox.server import Sandbox
from deployments.stack import Stack
from tasks.connections.connection import close_all, open_connection
from tasks.connections.settings import CONFIG_VARIABLE, LEDGER_VARIABLE
from tasks.domain.periods import Chunk, Period, cut
from tasks.ledger.keyring import FILE_VARIABLE
from tests.deployments.composed import family, until
from tests.deployments.conftest import NewStack
from tests.support import order

TODAY = datetime.now(UTC).date()
HEAD, SHORT = "[connections.sandbox]\n", "request_timeout = 10\nlease_seconds = 11\n"
FIRST = TODAY - timedelta(days=32)


class Deployed:
    """The stack with a process that serves the flows, and the Prefect server as a client sees it."""

    def __init__(self, stack: Stack, client: SyncPrefectClient) -> None:
        self.stack, self.client = stack, client
        self.systems = Sandbox(stack.ports["monstock"], stack.ports["xero"])

    def begin(self, **parameters: Any) -> UUID:
        deployment = self.client.read_deployment_by_name("backfill/sandbox")
        asked = {"date_from": FIRST, "date_to": TODAY, "chunk": "a month", "dry_run": False, **parameters}
        asked = {name: str(value) if isinstance(value, date) else value for name, value in asked.items()}
        return self.client.create_flow_run_from_deployment(deployment.id, parameters=asked).id

    def run(self, of: UUID) -> FlowRun:
        return self.client.read_flow_run(of)

    def ended(self, of: UUID) -> State[Any]:
        def final() -> FlowRun | None:
            run = self.run(of)
            return run if run.state and run.state.is_final() else None

        state: State[Any] = until(final).state
        return state

    def chunks(self) -> list[FlowRun]:
        named = FlowRunFilter(name=FlowRunFilterName(like_="chunk of a backfill"))
        return self.client.read_flow_runs(flow_run_filter=named)

    def documents(self) -> int:
        made = self.systems.state("xero")["documents"]
        return sum(made.get(kind, 0) for kind in ("invoice", "purchase_order"))

    def scheduled(self) -> FlowRun:
        """The backfill's run that waits for its time."""
        deployment = self.client.read_deployment_by_name("backfill/sandbox")
        waiting = FlowRunFilter(state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Scheduled"])))
        [one] = [
            run
            for run in self.client.read_flow_runs(flow_run_filter=waiting)
            if run.deployment_id == deployment.id
        ]
        return one


@pytest.fixture(scope="module")
def deployed(new_stack: NewStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    stack = new_stack(tmp_path_factory.mktemp("backfilling"))
    try:
        stack.start(lambda _: None)
        # What a killed run has claimed is free again when its lease ends.
        stack.config.write_text(stack.config.read_text().replace(HEAD, f"{HEAD}{SHORT}"))
        stack.serve(lambda _: None)
        with (
            temporary_settings({PREFECT_API_URL: f"{stack.prefect_url}/api"}),
            get_client(sync_client=True) as client,
        ):
            one = Deployed(stack, client)
            yield one
            one.systems.close()
    finally:
        stack.stop()


def test_chunks_are_runs_of_their_own_and_a_backfill_that_was_killed_is_finished_by_the_next(
    deployed: Deployed,
) -> None:
    made_by_hand = deployed.documents()
    forecast = deployed.ended(deployed.begin(dry_run=True))
    assert forecast.name == "DryRun", forecast.message
    expected = made_by_hand + int(str(forecast.message).split()[0])
    assert expected > made_by_hand + 20

    deployed.systems.fault("slow_answer", method="PUT", path="/Invoices$", seconds=3)
    killed = deployed.begin()
    until(lambda: deployed.documents() > made_by_hand)
    serving = deployed.stack._processes.pop("serve")
    for pid in family(serving.pid):
        os.kill(pid, signal.SIGKILL)
    serving.wait()
    deployed.systems.clear_faults()
    assert made_by_hand < deployed.documents() < expected
    # As the automation for runs without a heartbeat does after a while.
    for run in [deployed.run(killed), *deployed.chunks()]:
        if not (run.state and run.state.is_final()):
            deployed.client.set_flow_run_state(run.id, Crashed(message="No heartbeat"), force=True)
    deployed.stack.serve(lambda _: None)

    again = deployed.begin()
    state = deployed.ended(again)
    assert state.name in {"Completed", "CompletedWithWarnings"}, state.message
    assert deployed.documents() == expected
    names = {run.name for run in deployed.chunks()}
    assert len(names) == len(list(cut(Period(FIRST, TODAY), Chunk.month)))

    # Retried as from the UI: the chunks that are done are not given out again.
    ran = len(deployed.chunks())
    deployed.client.set_flow_run_state(again, AwaitingRetry(scheduled_time=datetime.now(UTC)), force=True)
    until(lambda: deployed.run(again).run_count == 2)
    assert deployed.ended(again).name == "Completed"  # it has nothing left that could warn
    assert len(deployed.chunks()) == ran
    assert deployed.documents() == expected


def test_where_the_days_calls_end_it_is_parked_and_its_next_run_goes_on_by_itself(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run that finds no calls left schedules the next one; that of the next day does the rest."""
    before = deployed.documents()
    # Fewer calls than the orders need: so it parks even where midnight passes while this runs.
    a_day(deployed, 10)
    deployed.systems.load_orders([order(n, orderDate=str(TODAY)) for n in range(7000, 7120)])
    first = deployed.begin(date_from=TODAY, spread_over_days=True)
    parked = deployed.ended(first)
    assert parked.name == "Parked", parked.message
    assert "it goes on by itself" in str(parked.message)
    assert before <= deployed.documents() < before + 120

    following = deployed.scheduled()
    assert following.parameters == deployed.run(first).parameters
    due = following.expected_start_time
    assert due
    # Nobody has said when the day ends: within the hour it looks again.
    assert timedelta(minutes=30) < due - datetime.now(UTC) < timedelta(hours=25)
    a_day(deployed, 60)
    the_day_ends(deployed, monkeypatch)
    deployed.client.set_flow_run_state(following.id, Scheduled(scheduled_time=datetime.now(UTC)), force=True)
    state = deployed.ended(following.id)
    assert state.name in {"Completed", "CompletedWithWarnings"}, state.message
    assert deployed.documents() == before + 120


def a_day(deployed: Deployed, calls: int) -> None:
    """So many calls a day, for the sandbox and as the connection's own limit."""
    config = deployed.stack.config
    said, times = re.subn(
        r"limits = \{.*?\}", f"limits = {{ minute = 600, day = {calls} }}", config.read_text()
    )
    assert times
    config.write_text(said)
    deployed.systems.settings(day_limit=calls)


def the_day_ends(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the sandbox by its clock, for us by the ledger's word on when it does."""
    deployed.systems.advance(86_400)
    for name in (CONFIG_VARIABLE, LEDGER_VARIABLE, FILE_VARIABLE):
        monkeypatch.setenv(name, deployed.stack.environment[name])
    gate = open_connection("sandbox")._xero_gate
    assert gate
    with gate._changing() as (budget, now):
        budget.day_ends = now
    close_all()
