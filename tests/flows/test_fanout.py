"""Chunks as runs that workers take: what becomes of them where no worker comes, and where people step in."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect import flow, get_client, runtime
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Cancelling, Completed, Running

from deployments.sandbox.server import Sandbox
from flows import backfill_chunk as chunks
from flows import fanout
from flows.backfill import backfill
from flows.backfill_chunk import backfill_chunk
from flows.fanout import ALONE_AFTER, TRIES, cancel_chunks, carry_out
from flows.parameters import BackfillForm, ChangedRules, Orders, Subject
from tasks.domain.periods import Chunk, Period
from tasks.ledger.backfills import Stage
from tests.flows.test_order_export import artifact
from tests.support import Connect, order

FORM = BackfillForm(
    connection="sandbox",
    date_from=date(2026, 10, 1),
    date_to=date(2026, 10, 3),
    what=Subject.orders,
    chunk=Chunk.day,
    orders=Orders.both,
    dry_run=False,
    spread_over_days=True,
    changed_rules=ChangedRules.leave,
)
FIRST, *_, LAST = FORM.periods
STEP = ALONE_AFTER / 4


class Given:
    """The chunks' deployment, which nobody serves, and a clock that goes only where a backfill waits for them.

    `at` says what happens after so many looks.
    """

    def __init__(self, client: SyncPrefectClient) -> None:
        self.client = client
        self.at: dict[int, Callable[[], Any]] = {}
        self.looks = 0
        self.here: list[date] = []
        self.deployment = self.deploy()

    def deploy(self, **how: Any) -> UUID:
        known = self.client.create_flow(backfill_chunk)
        return self.client.create_deployment(known, FORM.connection, **how)

    def sleep(self, _: float) -> None:
        self.looks += 1
        self.at.get(self.looks, lambda: None)()

    def monotonic(self) -> float:
        return self.looks * STEP

    def chunk_here(self, **asked: Any) -> State[Any]:
        self.here.append(asked["date_from"])
        return Completed()

    def runs(self, period: Period = FIRST) -> list[FlowRun]:
        """Those that were given out for a chunk."""
        of = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[self.deployment]))
        first = period.first.isoformat()
        return [
            run
            for run in self.client.read_flow_runs(flow_run_filter=of)
            if run.parameters["date_from"] == first
        ]

    def set(self, state: State[Any], period: Period = FIRST) -> None:
        """As a worker or the Prefect UI does it, to the run that is not over."""
        [run] = [run for run in self.runs(period) if run.state and not run.state.is_final()]
        self.client.set_flow_run_state(run.id, state, force=not state.is_cancelling())

    def delete(self) -> None:
        [run] = self.runs()
        self.client.delete_flow_run(run.id)

    def ended(self) -> dict[Period, State[Any]]:
        """Let a run of a deployment give out every chunk, and wait for its end."""
        found: dict[Period, State[Any]] = {}

        @flow(name="gives-out")
        def gives_out() -> None:
            found.update(carry_out(FORM, str(uuid4()), FORM.periods, lambda: None))

        gives_out()
        return found


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Iterator[Given]:
    with get_client(sync_client=True) as client:
        one = Given(client)
        monkeypatch.setattr(fanout, "time", one)
        monkeypatch.setattr(fanout, "backfill_chunk", lambda return_state, **asked: one.chunk_here(**asked))
        monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", str(one.deployment))
        yield one
        client.delete_deployment(one.deployment)


def test_where_no_worker_comes_it_waits_once_and_not_before_every_chunk(given: Given) -> None:
    ended = given.ended()
    assert [state.name for state in ended.values()] == ["Completed"] * len(FORM.periods)
    assert len(given.here) == len(FORM.periods)
    assert given.looks == ALONE_AFTER / STEP + len(FORM.periods) - 1


def test_a_worker_that_comes_is_waited_for_again(given: Given) -> None:
    given.at = {5: lambda: given.set(Running()), 9: lambda: given.set(Completed())}
    ended = given.ended()
    assert len(ended) == len(FORM.periods)
    assert FIRST.first not in given.here
    assert given.looks == 9 + ALONE_AFTER / STEP + len(FORM.periods) - 3


def test_what_a_worker_has_begun_or_a_person_cancels_is_not_done_here(given: Given) -> None:
    def cancelled_midway() -> None:
        given.set(Running(), LAST)
        given.set(Cancelling(), LAST)

    given.at = {1: cancelled_midway, 30: lambda: given.set(Completed(), LAST)}
    assert len(given.ended()) == len(FORM.periods)
    assert LAST.first not in given.here


def test_while_the_pool_is_paused_nothing_is_done(given: Given) -> None:
    given.client.create_work_pool(WorkPoolCreate(name="paused", type="process"))
    given.client.update_work_pool("paused", WorkPoolUpdate(is_paused=True))
    given.deploy(work_pool_name="paused")
    done: list[int] = []

    def resume() -> None:
        done.append(len(given.here))
        given.client.update_work_pool("paused", WorkPoolUpdate(is_paused=False))

    given.at = {10: resume}
    assert len(given.ended()) == len(FORM.periods)
    assert done == [0]
    assert len(given.here) == len(FORM.periods)


def test_while_the_queue_is_paused_nothing_is_done(given: Given) -> None:
    given.client.create_work_pool(WorkPoolCreate(name="queued", type="process"))
    given.deploy(work_pool_name="queued", work_queue_name="years")
    queue = given.client.read_work_queue_by_name("years", "queued")
    given.client.update_work_queue(queue.id, is_paused=True)
    done: list[int] = []

    def resume() -> None:
        done.append(len(given.here))
        given.client.update_work_queue(queue.id, is_paused=False)

    given.at = {10: resume}
    assert len(given.ended()) == len(FORM.periods)
    assert done == [0]


def test_a_chunk_whose_run_is_deleted_is_given_out_again(given: Given) -> None:
    given.at = {1: given.delete, 2: lambda: given.set(Completed())}
    assert given.ended()[FIRST].is_completed()
    assert FIRST.first not in given.here


def test_whose_run_is_deleted_each_time_ends_as_crashed_and_says_so(given: Given) -> None:
    given.at = dict.fromkeys(range(1, TRIES + 2), given.delete)
    state = given.ended()[FIRST]
    assert state.is_crashed()
    assert state.message == "Its run was deleted."


def test_a_chunk_that_a_person_cancels_has_failed_and_is_named(
    given: Given, sandbox: Sandbox, connect: Connect
) -> None:
    connection = connect()
    sandbox.load_orders([order()])
    given.at = {1: lambda: given.set(Cancelling())}
    asked = {"date_from": FORM.date_from, "date_to": FORM.date_to, "chunk": Chunk.day, "dry_run": False}
    state = backfill(**asked, return_state=True)  # type: ignore[call-overload]
    assert state.name == "Incomplete"
    assert f"{FIRST}: Cancelled. Retry" in state.message
    [this] = {run.parameters["backfill_id"] for run in given.runs()}
    [chunk, *_] = connection.backfills.of(this)
    assert (chunk.stage, chunk.sentence) == (Stage.failed, "Cancelled.")
    assert f"| {FIRST} | failed | 0 | 0 | Cancelled. |" in str(artifact("backfill-sandbox").description)


def test_a_chunk_that_is_cancelled_midway_says_so_in_the_ledger(
    sandbox: Sandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Any) -> None:
        raise KeyboardInterrupt

    connection = connect()
    monkeypatch.setitem(chunks._WORK, Subject.orders, interrupted)
    with pytest.raises(KeyboardInterrupt):
        backfill_chunk(**FORM.of(FIRST, "this"))
    [chunk] = connection.backfills.of("this")
    assert (chunk.stage, chunk.sentence) == (Stage.failed, "It was cancelled, or its process was ended.")


def test_cancelling_a_backfill_cancels_the_chunks_that_it_gave_out(given: Given) -> None:
    this: list[str] = []

    def killed() -> None:
        given.set(Running(), FORM.periods[1])
        this.append(str(runtime.flow_run.id))
        raise KeyboardInterrupt

    given.at = {1: killed}
    with pytest.raises(KeyboardInterrupt):
        given.ended()
    run = given.client.read_flow_run(UUID(this[0]))
    assert cancel_chunks in backfill.on_cancellation_hooks
    cancel_chunks(flow=backfill, flow_run=run, state=Cancelling())
    states = [given.runs(period)[0].state_name for period in FORM.periods]
    assert states == ["Cancelled", "Cancelling", "Cancelled"]
