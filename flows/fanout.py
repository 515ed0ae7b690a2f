"""Gives the chunks of a backfill to the workers, a run each; where it is no deployment's run, does them one by one.

A chunk's run is named by a key: whoever starts a backfill's run again gets the runs of the chunks that are done or
under way, and new ones only for those that failed. A run whose worker died, or that somebody deleted, is given out
again. Whoever cancels the backfill cancels what it gave out.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from prefect import Flow, get_client, get_run_logger, runtime
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun, State, StateType
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Cancelling, Crashed, Scheduled

from flows.backfill_chunk import backfill_chunk
from flows.parameters import BackfillForm
from tasks.domain.periods import Period

# So many chunks are given out at a time: workers are never idle, and a used-up day parks few.
AT_ONCE = 6
POLL = 1.0
# How often a chunk is given out again whose worker died.
TRIES = 2
# Seconds in which no worker was at a chunk, after which they are done in the run of the backfill itself.
ALONE_AFTER = 120.0
# Begins the tag of a run that goes on with a backfill, or a rollback.
GOES_ON = "goes on with "
# After the moment at which the day's calls are said to return.
A_LITTLE = timedelta(minutes=2)


def carry_out(
    form: BackfillForm, backfill_id: str, periods: Sequence[Period], tell: Callable[[], None]
) -> Iterator[tuple[Period, State[Any]]]:
    """How each chunk ended; what has not begun when the day's calls are used up is left. `tell` is called often."""
    if runtime.deployment.id is None:
        yield from _here(form, backfill_id, periods, tell)
    else:
        with get_client(sync_client=True) as client:
            yield from _Shared(client, form, backfill_id, periods).done(tell)


def cancel_chunks(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Cancel what a backfill gave out, once it is cancelled itself; Prefect calls this where the backfill ran."""
    given = FlowRunFilter(
        parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flow_run.id]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[*set(StateType) - TERMINAL_STATES])),
    )
    with get_client(sync_client=True) as client:
        for chunk in client.read_flow_runs(flow_run_filter=given):
            if chunk.deployment_id:  # what the backfill did itself ended with it
                with suppress(ObjectNotFound):
                    client.set_flow_run_state(chunk.id, Cancelling())


def goes_on_with() -> str | None:
    """The run that this one goes on with, where that was parked."""
    tags = runtime.flow_run.tags or []
    return next((tag.removeprefix(GOES_ON) for tag in tags if tag.startswith(GOES_ON)), None)


def go_on_at(run_id: str, when: datetime) -> FlowRun | None:
    """Schedule the deployment's next run, with the same parameters; None where this is no deployment's run."""
    if runtime.deployment.id is None:
        return None
    with get_client(sync_client=True) as client:
        this = client.read_flow_run(UUID(str(runtime.flow_run.id)))
        return client.create_flow_run_from_deployment(
            UUID(str(runtime.deployment.id)),
            parameters=this.parameters,
            state=Scheduled(scheduled_time=when),
            idempotency_key=f"{this.id} goes on",
            tags=[GOES_ON + run_id],
        )


def _here(
    form: BackfillForm, backfill_id: str, periods: Sequence[Period], tell: Callable[[], None]
) -> Iterator[tuple[Period, State[Any]]]:
    for period in periods:
        state: State[Any] = backfill_chunk(**form.of(period, backfill_id), return_state=True)
        yield period, state
        tell()
        if not _goes_on(state):
            return


class _Shared:
    """Chunks that workers do. Where none takes any for a while, since all wait for chunks, they are done here."""

    def __init__(
        self, client: SyncPrefectClient, form: BackfillForm, backfill_id: str, periods: Sequence[Period]
    ) -> None:
        self._client, self._form, self._id = client, form, backfill_id
        self._waiting, self._given = deque(periods), dict[Period, UUID]()
        self._tries, self._moved = dict.fromkeys(periods, 0), time.monotonic()
        self._queued, self._stopped = dict[Period, FlowRun](), ""

    def done(self, tell: Callable[[], None]) -> Iterator[tuple[Period, State[Any]]]:
        """Each chunk as it ends."""
        while self._waiting or self._given:
            while self._waiting and len(self._given) < AT_ONCE:
                period = self._waiting.popleft()
                self._given[period] = self._start(period).id
            time.sleep(POLL)
            for period, state in [*self._ended(), *self._alone()]:
                if state.is_crashed() and self._tries[period] < TRIES:
                    self._tries[period] += 1
                    self._waiting.append(period)
                    continue
                if not _goes_on(state):
                    self._waiting.clear()
                yield period, state
            tell()

    def _start(self, period: Period) -> FlowRun:
        """The run of a chunk: one that waits or is under way, else a new one."""
        for attempt in count():
            run = run_deployment(
                f"backfill-chunk/{self._form.connection}",
                parameters=self._form.of(period, self._id),
                timeout=0,
                idempotency_key=f"{self._id} {period.first} {attempt}",
            )
            assert isinstance(run, FlowRun)  # noqa: S101 - for the type checker: it is awaited in async code alone
            if not (run.state and run.state.is_final()):
                return run
        raise AssertionError

    def _ended(self) -> Iterator[tuple[Period, State[Any]]]:
        """Those that are over."""
        given = FlowRunFilter(id=FlowRunFilterId(any_=[*self._given.values()]))
        runs = {run.id: run for run in self._client.read_flow_runs(flow_run_filter=given)}
        self._queued.clear()
        for period, run_id in list(self._given.items()):
            run = runs.get(run_id)
            state = run.state if run else Crashed(message="Its run was deleted.")
            if state and state.is_final():
                del self._given[period]
                self._moved = time.monotonic()
                yield period, state
            elif state and (state.is_pending() or state.is_running()):
                self._moved = time.monotonic()
            elif run and state and state.is_scheduled():
                self._queued[period] = run

    def _alone(self) -> Iterator[tuple[Period, State[Any]]]:
        """A chunk that no worker has taken; the next one at once, until a worker is at one.

        One that takes it at this moment all the same doubles nothing.
        """
        if not self._queued or time.monotonic() - self._moved < ALONE_AFTER:
            return
        period, run = self._queued.popitem()
        if self._is_stopped(run):
            return
        del self._given[period]
        here: State[Any] = Cancelled(message="No worker took it: the run of the backfill does it itself.")
        with suppress(ObjectNotFound):
            self._client.set_flow_run_state(run.id, here, force=True)
        yield period, backfill_chunk(**self._form.of(period, self._id), return_state=True)

    def _is_stopped(self, run: FlowRun) -> bool:
        """Whether somebody paused what it waits in: then nobody is to do it. The run's log tells once."""
        stopped = self._paused(run)
        if stopped and stopped != self._stopped:
            get_run_logger().warning(f"{stopped} is paused: this backfill goes on once somebody resumes it.")
        self._stopped = stopped
        return bool(stopped)

    def _paused(self, run: FlowRun) -> str:
        """The work pool or the queue of it that is; empty if none is, as where flows are served without one."""
        pool, queue = run.work_pool_name, run.work_queue_name
        if not (pool and queue):
            return ""
        if self._client.read_work_pool(pool).is_paused:
            return f"Work pool {pool}"
        is_paused = self._client.read_work_queue_by_name(queue, pool).is_paused
        return f"Queue {queue} of work pool {pool}" if is_paused else ""


def _goes_on(state: State[Any]) -> bool:
    """Whether the chunks after this one can be done."""
    return state.name not in {"Parked", "NeedsConsent", "RulesChanged"}
