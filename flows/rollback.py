"""Rollback: what one export or backfill run made is taken back, as far as nobody has built on it.

Drafts and purchase orders are deleted, approved documents that are neither paid nor sent are voided, the rest is
listed with its reason. Killed or parked, it is started again with the same parameters, and goes on from there.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.endings import with_named_endings
from flows.forms import with_form
from flows.naming import runs_meant
from flows.parameters import RollbackForm
from tasks.connections.connection import Connection, open_connection
from tasks.documents import finish_attempts
from tasks.domain.errors import Parked
from tasks.exporting.rolled_back import RolledBack
from tasks.exporting.rolling_back import Asked, batches, rest
from tasks.exporting.run import progress
from tasks.exporting.taking_back import Line
from tasks.ledger.runs import Made
from tasks.policies import whole
from tasks.rollbacks import (
    find_what_they_made,
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
        run: The run to take back: the id of its flow run, the beginning of that, or its name. A backfill stands for all
            its chunks.
        connection: Name of the connection in connections.toml.
        dry_run: Only show, for each document, what would happen and why not. Look at that first.
        asked_by: Your name. It stays with every order that is rolled back, and in the audit trail.
    """
    form = RollbackForm(run, connection, dry_run, asked_by).checked()
    opened = open_connection(connection)
    opened.admitted()
    run_ids, run_id = runs_meant(opened, run), str(runtime.flow_run.id or "local")
    made, lines, parked = find_what_they_made(connection, run_ids), [], None
    progress.get().expect("Reading documents" if dry_run else "Rolling back documents", len(made))
    try:
        steps = _foreseen(form, made) if dry_run else _taken_back(opened, form, made, run_ids, run_id)
        for some in steps:
            lines += some
    except Parked as reason:
        parked = reason
    outcome = publish_rollback(connection, run_ids, whole([*lines, *rest(made)]), dry_run=dry_run)
    return _final_state(outcome, parked)


def _foreseen(form: RollbackForm, made: list[Made]) -> Iterator[list[Line]]:
    locked_until = read_lock_date(form.connection)
    for number, batch in enumerate(batches(made), 1):
        yield foresee(form.connection, whole(batch), locked_until, number)


def _taken_back(
    opened: Connection, form: RollbackForm, made: list[Made], run_ids: list[str], run_id: str
) -> Iterator[list[Line]]:
    asked = Asked(form.run, form.asked_by)
    note_rollback(form.connection, asked, run_ids, run_id)
    finish_attempts(form.connection, run_id, wait=True)
    locked_until = read_lock_date(form.connection)
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


def _final_state(outcome: RolledBack, parked: Parked | None) -> State[Any]:
    message = outcome.sentence()
    if parked:
        message = f"{parked} The same rollback, started after that, goes on from here. {message}"
        return Completed(name="Parked", message=message, data=outcome)
    if outcome.dry_run:
        return Completed(name="DryRun", message=message, data=outcome)
    if outcome.stays:
        return Completed(name="PartlyRolledBack", message=message, data=outcome)
    name = "RolledBack" if outcome.gone else "NothingToRollBack"
    return Completed(name=name, message=message, data=outcome)
