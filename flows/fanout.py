"""Gives the chunks of a backfill to the workers, a run each; where it is no deployment's run, does them one by one.

A chunk's run is named by a key: whoever starts a backfill's run again gets the runs of the chunks that are done or
under way, and new ones only for those that failed. A run whose worker died is given out again.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from prefect import get_client, runtime
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.states import Scheduled

from flows.backfill_chunk import backfill_chunk
from flows.parameters import BackfillForm
from tasks.domain.periods import Period

# So many chunks are given out at a time: workers are never idle, and a used-up day parks few.
AT_ONCE = 8
POLL = 1.0
# How often a chunk is given out whose worker died.
TRIES = 3


def carry_out(
    form: BackfillForm, backfill_id: str, periods: Sequence[Period], tell: Callable[[], None]
) -> Iterator[State[Any]]:
    """How each chunk ended; what has not begun when the day's calls are used up is left. `tell` is called often."""
    if runtime.deployment.id is None:
        yield from _here(form, backfill_id, periods, tell)
    else:
        yield from _by_workers(form, backfill_id, periods, tell)


def go_on_at(when: datetime) -> FlowRun | None:
    """Schedule the deployment's next run with the same parameters; None where this is no deployment's run."""
    if runtime.deployment.id is None:
        return None
    with get_client(sync_client=True) as client:
        this = client.read_flow_run(UUID(str(runtime.flow_run.id)))
        return client.create_flow_run_from_deployment(
            UUID(str(runtime.deployment.id)),
            parameters=this.parameters,
            state=Scheduled(scheduled_time=when),
            idempotency_key=f"{this.id} goes on",
        )


def _here(
    form: BackfillForm, backfill_id: str, periods: Sequence[Period], tell: Callable[[], None]
) -> Iterator[State[Any]]:
    for period in periods:
        state: State[Any] = backfill_chunk(**form.of(period, backfill_id), return_state=True)
        yield state
        tell()
        if not _goes_on(state):
            return


def _by_workers(
    form: BackfillForm, backfill_id: str, periods: Sequence[Period], tell: Callable[[], None]
) -> Iterator[State[Any]]:
    waiting, running = deque(periods), dict[Period, UUID]()
    tries = dict.fromkeys(periods, 0)
    with get_client(sync_client=True) as client:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                period = waiting.popleft()
                running[period] = _start(form, backfill_id, period).id
            time.sleep(POLL)
            for period, state in _ended(client, running):
                tries[period] += 1
                if state.is_crashed() and tries[period] < TRIES:
                    waiting.append(period)
                    continue
                if not _goes_on(state):
                    waiting.clear()
                yield state
            tell()


def _start(form: BackfillForm, backfill_id: str, period: Period) -> FlowRun:
    """The run of a chunk: the one that is done or under way, else a new one."""
    for attempt in count():
        run = run_deployment(
            f"backfill-chunk/{form.connection}",
            parameters=form.of(period, backfill_id),
            timeout=0,
            idempotency_key=f"{backfill_id} {period.first} {attempt}",
        )
        assert isinstance(run, FlowRun)  # noqa: S101 - for the type checker: it is awaited in async code alone
        if not (run.state and run.state.is_final()) or (run.state.is_completed() and _goes_on(run.state)):
            return run
    raise AssertionError


def _ended(client: SyncPrefectClient, running: dict[Period, UUID]) -> Iterator[tuple[Period, State[Any]]]:
    for period, run_id in list(running.items()):
        state = client.read_flow_run(run_id).state
        if state and state.is_final():
            del running[period]
            yield period, state


def _goes_on(state: State[Any]) -> bool:
    """Whether the chunks after this one can be done."""
    return state.name not in {"Parked", "NeedsConsent"}
