"""Workers of a pool, one run each at a time, and a backfill that they share: how long its chunks took, starts aside."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import heappop, heappush
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName, FlowRunFilterStartTime
from prefect.client.schemas.objects import FlowRun

from deployments.definitions import WORK_POOL
from tests.benchmarks.stage import ROOT, Stage

PATIENCE = 3_600
POLL = 1.0


@dataclass(frozen=True)
class Shared:
    """A backfill by workers. `foreseeing` and `working` are seconds: until its chunks were given out, and those in
    which the worker that had most to do ran chunks; the starting of runs counts in neither."""

    state: str
    message: str
    foreseeing: float
    working: float
    chunks: int
    calls: int


@contextmanager
def workers(stage: Stage, number: int) -> Iterator[None]:
    """So many workers for chunks, and one more for the backfill itself, which only waits for them."""
    _prefect(stage, "work-pool", "create", WORK_POOL, "--type", "process", "--overwrite")
    _prefect(stage, "deploy", "--all")
    started = []
    try:
        for at in range(number + 1):
            with (stage.folder / f"worker-{at}.log").open("wb") as log:
                command = [
                    "worker",
                    "start",
                    "--pool",
                    WORK_POOL,
                    "--limit",
                    "1",
                    "--name",
                    f"{stage.folder.name}-{at}",
                ]
                started.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "prefect", *command],
                        cwd=ROOT,
                        env=stage.environment,
                        stdout=log,
                        stderr=log,
                    )
                )
        yield
    finally:
        for worker in started:
            worker.terminate()
        for worker in started:
            with suppress(subprocess.TimeoutExpired):
                worker.wait(30)
            worker.kill()


def backfill(stage: Stage, number: int, **parameters: Any) -> Shared:
    """Run it by its deployment, to its end, with so many workers for its chunks."""
    with SyncPrefectClient(stage.environment["PREFECT_API_URL"]) as client:
        deployment = client.read_deployment_by_name("backfill/sandbox")
        before = _calls(stage)
        asked = {"dry_run": False, "spread_over_days": True, **parameters}
        run = client.create_flow_run_from_deployment(deployment.id, parameters=asked)
        run = _ended(client, run)
        chunks = _chunks(client, run)
    begun = min((each.created for each in chunks if each.created), default=run.end_time)
    return Shared(
        state=str(run.state_name),
        message=str(run.state.message if run.state else ""),
        foreseeing=_seconds(run.start_time, begun),
        working=_busiest(number, chunks),
        chunks=len(chunks),
        calls=_calls(stage) - before,
    )


def _ended(client: SyncPrefectClient, run: FlowRun) -> FlowRun:
    until = time.monotonic() + PATIENCE
    while not (run.state and run.state.is_final()):
        if time.monotonic() > until:
            raise TimeoutError(f"the backfill is {run.state_name}")
        time.sleep(POLL)
        run = client.read_flow_run(run.id)
    return run


def _chunks(client: SyncPrefectClient, run: FlowRun) -> list[FlowRun]:
    named = FlowRunFilter(
        name=FlowRunFilterName(like_="chunk of a backfill"),
        start_time=FlowRunFilterStartTime(after_=run.start_time),
    )
    return client.read_flow_runs(flow_run_filter=named)


def _busiest(number: int, chunks: list[FlowRun]) -> float:
    """Seconds of the chunks of one worker, of the one with most of them: each takes the next once it is free."""
    workers = [(datetime.min.replace(tzinfo=UTC), 0.0)] * number
    for chunk in sorted(chunks, key=lambda one: one.start_time or one.created):
        assert chunk.start_time
        assert chunk.end_time
        free, worked = heappop(workers)
        assert free <= chunk.start_time, "more chunks at once than there are workers"
        heappush(workers, (chunk.end_time, worked + _seconds(chunk.start_time, chunk.end_time)))
    return max(worked for _, worked in workers)


def _seconds(begun: datetime | None, ended: datetime | None) -> float:
    assert begun
    assert ended
    return (ended - begun).total_seconds()


def _calls(stage: Stage) -> int:
    return int(stage.sandbox.state("xero")["calls"]["total"])


def _prefect(stage: Stage, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
        cwd=ROOT,
        env=stage.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
