"""A backfill by its deployment, its chunks runs of their own: killed, started again, retried; everything once."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.client.schemas.objects import FlowRun, State
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import AwaitingRetry, Crashed

from deployments.stack import Stack
from tasks.domain.periods import Chunk, Period, cut
from tests.deployments.composed import family, until

pytestmark = pytest.mark.xdist_group("backfilling")

TODAY = datetime.now(UTC).date()
FIRST = TODAY - timedelta(days=60)


class Deployed:
    """The stack with a process that serves the flows, and the Prefect server as a client sees it."""

    def __init__(self, stack: Stack, client: SyncPrefectClient) -> None:
        self.stack, self.client = stack, client

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
        return sum(self._state("xero").get(kind, 0) for kind in ("invoice", "purchase_order"))

    def fault(self, **what: Any) -> None:
        root = f"http://127.0.0.1:{self.stack.ports['xero']}/sandbox/faults"
        httpx.delete(root, trust_env=False).raise_for_status()
        if what:
            httpx.post(root, json=what, trust_env=False).raise_for_status()

    def _state(self, system: str) -> dict[str, int]:
        root = f"http://127.0.0.1:{self.stack.ports[system]}/sandbox/state"
        return dict(httpx.get(root, trust_env=False).json()["documents"])


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    stack = Stack(tmp_path)
    try:
        stack.start(lambda _: None)
        stack.serve(lambda _: None)
        with (
            temporary_settings({PREFECT_API_URL: f"{stack.prefect_url}/api"}),
            get_client(sync_client=True) as client,
        ):
            yield Deployed(stack, client)
    finally:
        stack.stop()


def test_chunks_are_runs_of_their_own_and_a_backfill_that_was_killed_is_finished_by_the_next(
    deployed: Deployed,
) -> None:
    made_by_hand = deployed.documents()
    forecast = deployed.ended(deployed.begin(dry_run=True))
    assert forecast.name == "DryRun", forecast.message
    expected = made_by_hand + int(str(forecast.message).split()[0])
    assert expected > made_by_hand + 50

    deployed.fault(kind="slow_answer", method="PUT", path="/Invoices$", seconds=3)
    killed = deployed.begin()
    until(lambda: deployed.documents() > made_by_hand)
    serving = deployed.stack._processes.pop("serve")
    for pid in family(serving.pid):
        os.kill(pid, signal.SIGKILL)
    serving.wait()
    deployed.fault()
    assert made_by_hand < deployed.documents() < expected
    # As the automation for runs without a heartbeat does after a while.
    for run in [deployed.run(killed), *deployed.chunks()]:
        if not (run.state and run.state.is_final()):
            deployed.client.set_flow_run_state(run.id, Crashed(message="No heartbeat"), force=True)
    deployed.stack.serve(lambda _: None)

    state = deployed.ended(deployed.begin())
    assert state.name in {"Completed", "CompletedWithWarnings"}, state.message
    assert deployed.documents() == expected
    names = {run.name for run in deployed.chunks()}
    assert len(names) == len(list(cut(Period(FIRST, TODAY), Chunk.month)))

    # Retried as from the UI: the chunks that are done are not given out again.
    before = len(deployed.chunks())
    again = deployed.begin()
    assert deployed.ended(again).name == "NothingToExport"
    ran = len(deployed.chunks())
    assert ran == before + len(names)
    deployed.client.set_flow_run_state(again, AwaitingRetry(scheduled_time=datetime.now(UTC)), force=True)
    until(lambda: deployed.run(again).run_count == 2)
    assert deployed.ended(again).name == "NothingToExport"
    assert len(deployed.chunks()) == ran
    assert deployed.documents() == expected
