"""Finds the run that a person means: by its id, by the beginning of that, or by its name; with the runs it started.

Each of the runs that a backfill took, day after day, means the whole backfill; that of a chunk means the chunk.
"""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterName,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort

from flows.fanout import GOES_ON
from flows.parameters import BadParameters
from tasks.connections.connection import Connection

log = logging.getLogger(__name__)
LISTED = 5
# So many runs Prefect tells at once.
MOST = 200
Ask = Callable[[FlowRunFilter], list[FlowRun]]


class _SilentError(Exception):
    """Prefect does not answer."""


@dataclass(frozen=True)
class Meant:
    """A run that a person means, the `ids` under which its family wrote to Xero, and those that may yet write.

    `living` is None where Prefect does not say which those are.
    """

    run_id: str
    ids: list[str]
    living: list[FlowRun] | None

    def still(self) -> str:
        """Which runs are not over, and how they are ended; empty if all are over."""
        if self.living is None:
            return "Prefect does not say whether its runs are over. Try again once `prefect flow-run ls` answers."
        if not self.living:
            return ""
        named = [f'"{run.name}" ({run.id}, {run.state_name})' for run in self.living]
        return (
            f"{len(named)} of its runs may still write: {_some(named)}. Wait until it is done, or cancel each of them "
            "(`prefect flow-run cancel ID`, or in the Prefect UI; where its process is gone, `prefect flow-run delete "
            "ID`). Then roll back."
        )


def run_meant(connection: Connection, run: str) -> Meant:
    """The run of this id, beginning of an id, or name. Raises `BadParameters`."""
    run_id, ids = _found(connection, run.strip())
    try:
        return Meant(run_id, ids, _living(connection, run_id))
    except _SilentError:
        return Meant(run_id, ids, None)


def _found(connection: Connection, run: str) -> tuple[str, list[str]]:
    known = {*connection.runs.named(run.lower()), *connection.backfills.named(run.lower())}
    if len(known) > 1:
        raise BadParameters(f"{len(known)} runs begin with {run}: {_some(known)}. Give more of the id.")
    if known:
        return (run_id := known.pop()), _writing(connection, run_id)
    perhaps = {one for id_ in _perhaps(run) for one in connection.backfills.named(id_) or [id_]}
    found = {id_: writing for id_ in perhaps if (writing := _writing(connection, id_))}
    if len(found) > 1:
        raise BadParameters(
            f'{len(found)} runs named "{run}" wrote to Xero: {_some(found)}. Give the id of one.'
        )
    if not found:
        raise BadParameters(
            f"Connection {connection.name} knows no run {run} that wrote to Xero. Give a flow run's id, the beginning "
            "of it, or its name."
        )
    return found.popitem()


def _writing(connection: Connection, run_id: str) -> list[str]:
    """Those of a run's family that wrote."""
    return [
        one for one in sorted(_family(connection, run_id, _ask_if_it_answers)) if connection.runs.named(one)
    ]


def _family(connection: Connection, run_id: str, ask: Ask) -> set[str]:
    """The run, those that it started, and the runs of a backfill's days and chunks."""
    days = connection.backfills.days_of(run_id)
    return {*days, *connection.backfills.runs_of(run_id), *_started_by(days, ask)}


def _living(connection: Connection, run_id: str) -> list[FlowRun]:
    """The runs of its family, or of the backfill that it was a part of, that are not over or are yet to go on."""
    whole = connection.backfills.whole(run_id)
    ids = _uuids(_family(connection, whole, _ask))
    unfinished = FlowRunFilterState(type=FlowRunFilterStateType(any_=[*set(StateType) - TERMINAL_STATES]))
    them = FlowRunFilter(id=FlowRunFilterId(any_=ids), state=unfinished)
    theirs = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=ids), state=unfinished)
    later = FlowRunFilter(tags=FlowRunFilterTags(all_=[GOES_ON + whole]), state=unfinished)
    return list({run.id: run for wanted in (them, theirs, later) for run in _ask(wanted)}.values())


def _perhaps(run: str) -> list[str]:
    """A run that only started others, or the runs of that name, the newest first."""
    try:
        return [str(UUID(run))]
    except ValueError:
        named = _ask_if_it_answers(FlowRunFilter(name=FlowRunFilterName(any_=[run])))
        if len(named) == MOST:
            raise BadParameters(f'{MOST} runs or more are named "{run}". Give the id of the one.') from None
        return [str(one.id) for one in named]


def _started_by(run_ids: Iterable[str], ask: Ask) -> list[str]:
    """What Prefect still knows to have been started by these runs, and by those in turn."""
    parents, found = _uuids(run_ids), list[str]()
    while parents:
        started = ask(FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=parents)))
        parents = [one.id for one in started if str(one.id) not in found]
        found += map(str, parents)
    return found


def _uuids(ids: Iterable[str]) -> list[UUID]:
    """Those that Prefect may know."""
    found = []
    for one in ids:
        with suppress(ValueError):
            found.append(UUID(one))
    return found


def _ask(wanted: FlowRunFilter) -> list[FlowRun]:
    """Prefect's own history, as far as it keeps one. Raises `_SilentError`."""
    try:
        with get_client(sync_client=True) as client:
            return client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.START_TIME_DESC, limit=MOST)
    except Exception as error:
        log.warning("Prefect did not say which runs there were (%s).", type(error).__name__)
        raise _SilentError from error


def _ask_if_it_answers(wanted: FlowRunFilter) -> list[FlowRun]:
    """For what a run wrote, which the ledger knows most of without Prefect."""
    with suppress(_SilentError):
        return _ask(wanted)
    return []


def _some(ids: Iterable[str]) -> str:
    names = list(ids)
    return ", ".join(names[:LISTED]) + (" and more" if len(names) > LISTED else "")
