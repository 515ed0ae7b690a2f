"""Gives the chunks of a backfill to the workers, a run each; where it is no deployment's run, does them one by one.

A chunk's run is named by a key: whoever starts a backfill's run again gets the runs of the chunks that are done or
under way, and new ones only for those that failed. A run whose worker died is given out again.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from prefect import get_client, runtime
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.states import Cancelled, Scheduled

from flows.backfill_chunk import backfill_chunk
from flows.parameters import BackfillForm
from tasks.domain.periods import Period

# So many chunks are given out at a time: workers are never idle, and a used-up day parks few.
AT_ONCE = 6
POLL = 1.0
# How often a chunk is given out again whose worker died.
TRIES = 2
# Seconds in which no chunk ran, after which one is done in the run of the backfill itself.
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
    """Chunks that workers do. Where none takes any for a while, since all wait for chunks, one is done here."""

    def __init__(
        self, client: SyncPrefectClient, form: BackfillForm, backfill_id: str, periods: Sequence[Period]
    ) -> None:
        self._client, self._form, self._id = client, form, backfill_id
        self._waiting, self._given = deque(periods), dict[Period, UUID]()
        self._tries, self._moved = dict.fromkeys(periods, 0), time.monotonic()

    def done(self, tell: Callable[[], None]) -> Iterator[tuple[Period, State[Any]]]:
        """Each chunk as it ends."""
        while self._waiting or self._given:
            while self._waiting and len(self._given) < AT_ONCE:
                period = self._waiting.popleft()
                self._given[period] = self._start(period).id
            time.sleep(POLL)
            for period, state in [*self._ended(), *self._alone()]:
                self._moved = time.monotonic()
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
        for period, run_id in list(self._given.items()):
            state = self._client.read_flow_run(run_id).state
            if state and state.is_final():
                del self._given[period]
                yield period, state
            elif state and state.is_running():
                self._moved = time.monotonic()

    def _alone(self) -> Iterator[tuple[Period, State[Any]]]:
        """A chunk that no worker has room for. One that takes it at this moment all the same doubles nothing."""
        if not self._given or time.monotonic() - self._moved < ALONE_AFTER:
            return
        period, run_id = self._given.popitem()
        self._client.set_flow_run_state(run_id, Cancelled(message="No worker had room for it."), force=True)
        yield period, backfill_chunk(**self._form.of(period, self._id), return_state=True)


def _goes_on(state: State[Any]) -> bool:
    """Whether the chunks after this one can be done."""
    return state.name not in {"Parked", "NeedsConsent", "RulesChanged"}
