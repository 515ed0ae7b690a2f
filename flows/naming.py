"""Finds the run that a person means: by its id, by the beginning of that, or by its name; with the runs it started."""

import logging
from collections.abc import Iterable
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterName,
    FlowRunFilterParentFlowRunId,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort

from flows.parameters import BadParameters
from tasks.connections.connection import Connection

log = logging.getLogger(__name__)
LISTED = 5


def runs_meant(connection: Connection, run: str) -> list[str]:
    """The ids under which a run, and those that it started, wrote to Xero. Raises `BadParameters`."""
    run = run.strip()
    known = {*connection.runs.named(run.lower()), *connection.backfills.named(run.lower())}
    if len(known) > 1:
        raise BadParameters(f"{len(known)} runs begin with {run}: {_some(known)}. Give more of the id.")
    if known:
        return _family(connection, known.pop())
    found = {id_: family for id_ in _perhaps(run) if (family := _family(connection, id_))}
    if len(found) > 1:
        raise BadParameters(
            f'{len(found)} runs named "{run}" wrote to Xero: {_some(found)}. Give the id of one.'
        )
    if not found:
        raise BadParameters(
            f"Connection {connection.name} knows no run {run} that wrote to Xero. Give a flow run's id, the beginning "
            "of it, or its name."
        )
    return next(iter(found.values()))


def _family(connection: Connection, run_id: str) -> list[str]:
    """The run, those that it started, and the runs of a backfill's chunks; as far as they wrote."""
    family = {run_id, *connection.backfills.runs_of(run_id), *_started_by(run_id)}
    return [one for one in sorted(family) if connection.runs.named(one)]


def _perhaps(run: str) -> list[str]:
    """A run that only started others, or the runs of that name, the newest first."""
    try:
        return [str(UUID(run))]
    except ValueError:
        return [str(one.id) for one in _ask(FlowRunFilter(name=FlowRunFilterName(any_=[run])))]


def _started_by(run_id: str) -> list[str]:
    """What Prefect still knows to have been started by a run, and by those in turn."""
    try:
        parents = [UUID(run_id)]
    except ValueError:
        return []
    found: list[str] = []
    while parents:
        started = _ask(FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=parents)))
        parents = [one.id for one in started if str(one.id) not in found]
        found += map(str, parents)
    return found


def _ask(wanted: FlowRunFilter) -> list[FlowRun]:
    """Prefect's own history, as far as it keeps one; the ledger knows most without it."""
    try:
        with get_client(sync_client=True) as client:
            return client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.START_TIME_DESC, limit=200)
    except Exception as error:
        log.warning("Prefect did not say which runs there were (%s).", type(error).__name__)
        return []


def _some(ids: Iterable[str]) -> str:
    names = list(ids)
    return ", ".join(names[:LISTED]) + (" and more" if len(names) > LISTED else "")
