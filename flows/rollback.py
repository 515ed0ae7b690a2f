"""Rollback: what one export or backfill run made is taken back, as far as nobody has built on it.

Drafts and purchase orders are deleted, approved documents that are neither paid nor sent are voided, the rest is
listed with its reason. It uses the day's calls only down to the reserve; then it is parked, and goes on the next day by
itself. Killed, it is started again with the same parameters, and goes on from there.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.endings import with_named_endings
from flows.fanout import A_LITTLE, go_on_at, goes_on_with
from flows.forms import with_form
from flows.naming import Meant, run_meant
from flows.parameters import RollbackForm
from tasks.connections.connection import Connection, open_connection
from tasks.documents import finish_attempts
from tasks.domain.budget import Work
from tasks.domain.errors import Parked
from tasks.exporting.rolled_back import RolledBack
from tasks.exporting.rolling_back import Asked, batches, rest, unreached
from tasks.exporting.run import progress
from tasks.exporting.taking_back import Line
from tasks.ledger.governor import working
from tasks.ledger.runs import Made
from tasks.policies import whole
from tasks.rollbacks import (
    READING,
    WRITING,
    find_what_they_made,
    forecast_rollback,
    foresee,
    note_rollback,
    publish_rollback,
    read_lock_date,
    recall_page,
    roll_back,
)


def _run_name() -> str:
    return RollbackForm(**runtime.flow_run.parameters).run_name()


@with_form
@flow(name="rollback", flow_run_name=_run_name, persist_result=False, validate_parameters=True)
@with_named_endings
def rollback(run: str, connection: str = "sandbox", dry_run: bool = True, asked_by: str = "") -> State[Any]:
    """Take back what one export or backfill run made in Xero. Its orders wait until somebody sends them again.

    Args:
        run: The run to take back: the id of its flow run, the beginning of that, or its name. Each day's run
            of a backfill stands for all its days and chunks, a chunk's run for that chunk alone.
        connection: Name of the connection in connections.toml.
        dry_run: Only show, for each document, what would happen and why not. Look at that first.
        asked_by: Your name. It stays with every order that is rolled back, and in the audit trail.
    """
    form = RollbackForm(run, connection, dry_run, asked_by).checked()
    opened = open_connection(connection)
    opened.admitted()
    meant, run_id = run_meant(opened, run), str(runtime.flow_run.id or "local")
    if (still := meant.still()) and not dry_run:
        return Failed(name="StillRunning", message=f"Nothing was rolled back: {still}")
    parked, cost, lines = None, "", list[Line]()
    made = find_what_they_made(connection, meant.ids)
    with working(Work.backfill):
        try:
            if not dry_run:
                made = _finished(form, meant, run_id)
            forecast = forecast_rollback(connection, whole(made))
            cost = f"To roll back takes {forecast.cost}."
            progress.get().expect(READING if dry_run else WRITING, forecast.documents)
            for some in _foreseen(form, made) if dry_run else _taken_back(opened, form, made, run_id):
                lines += some
        except Parked as reason:
            parked = reason
    now = find_what_they_made(connection, meant.ids) if parked else made
    lines += [*unreached(made, now, lines), *rest(made)]
    outcome = publish_rollback(connection, meant.ids, whole(lines), run_id, dry_run=dry_run)
    if dry_run:
        return _shown(outcome, parked, cost, still)
    return _parked(outcome, parked, run_id) if parked else _ended(outcome)


def _finished(form: RollbackForm, meant: Meant, run_id: str) -> list[Made]:
    """Everything that the runs made, now that what they left under way is seen through."""
    note_rollback(form.connection, Asked(form.run, form.asked_by), meant.run_id, meant.ids, run_id)
    finish_attempts(form.connection, run_id, wait=True)
    return find_what_they_made(form.connection, meant.ids)


def _foreseen(form: RollbackForm, made: list[Made]) -> Iterator[list[Line]]:
    locked_until = read_lock_date(form.connection)
    for number, batch in enumerate(batches(made), 1):
        yield foresee(form.connection, whole(batch), locked_until, number)


def _taken_back(
    opened: Connection, form: RollbackForm, made: list[Made], run_id: str
) -> Iterator[list[Line]]:
    asked, locked_until = Asked(form.run, form.asked_by), read_lock_date(form.connection)
    for number, batch in enumerate(batches(made), 1):
        yield roll_back(form.connection, whole(batch), locked_until, asked, run_id, number)
    _recall(opened, run_id)


def _recall(opened: Connection, run_id: str) -> None:
    """Read the orders again of which nobody kept the JSON while their documents stood."""
    for kind, span in opened.recalling.spans().items():
        cursor = None
        for page in count(1):
            cursor = recall_page(opened.name, kind, span, cursor, run_id, page)
            if cursor is None:
                break


def _shown(outcome: RolledBack, parked: Parked | None, cost: str, still: str) -> State[Any]:
    told = [f"{parked}" if parked else "", outcome.sentence(), cost]
    told.append(f"Not yet: {still}" if still else "")
    name = "Parked" if parked else "DryRun"
    return Completed(name=name, message=" ".join(filter(None, told)), data=outcome)


def _parked(outcome: RolledBack, parked: Parked, run_id: str) -> State[Any]:
    """Where a deployment started it, its next run is scheduled."""
    when = parked.resumes_at + A_LITTLE
    by_itself = go_on_at(run_id, when)
    then = "it goes on by itself" if by_itself else "the same rollback, started again, goes on from here"
    message = f"{parked} At {when:%Y-%m-%d %H:%M} UTC {then}. {outcome.sentence()}"
    return Completed(name="Parked", message=message, data=outcome)


def _ended(outcome: RolledBack) -> State[Any]:
    """What goes on with a rollback may find all gone: that was its doing."""
    done = "RolledBack" if outcome.gone or goes_on_with() else "NothingToRollBack"
    name = "PartlyRolledBack" if outcome.stays else done
    return Completed(name=name, message=outcome.sentence(), data=outcome)
