"""Steps of a rollback: what the runs made and what it costs, a batch of documents, orders read again, the report."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pyarrow as pa
from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from tasks.backfills import publish_forecast
from tasks.connections.connection import open_connection
from tasks.connections.settings import reports_folder
from tasks.domain.orders import Kind
from tasks.exporting import rolling_back
from tasks.exporting.forecast import Forecast
from tasks.exporting.rolled_back import SHOWN, RolledBack
from tasks.exporting.rolling_back import Asked
from tasks.exporting.run import progress
from tasks.exporting.taking_back import Line
from tasks.ledger.runs import Made
from tasks.ledger.trail import Entry
from tasks.policies import READ, WRITE
from tasks.reconciling.files import write_csv

READING, WRITING = "Reading documents", "Rolling back documents"


@task(name="find-what-they-made", **READ)
def find_what_they_made(connection: str, run_ids: Sequence[str]) -> list[Made]:
    """Everything that these runs wrote."""
    return open_connection(connection).runs.did(run_ids)


@task(name="forecast-rollback", **READ)
def forecast_rollback(connection: str, made: Sequence[Made]) -> Forecast:
    """Its calls to Xero, minutes and days, as a table in the UI."""
    return publish_forecast(connection, rolling_back.forecast(open_connection(connection), made))


@task(name="read-lock-date", **READ)
def read_lock_date(connection: str) -> date | None:
    """Check that the live organisation is the pinned one, and read until when its periods are locked."""
    return rolling_back.read_locked_until(open_connection(connection))


@task(name="note-rollback", **WRITE)
def note_rollback(connection: str, asked: Asked, meant: str, run_ids: Sequence[str], run_id: str) -> None:
    """Who asked for it goes into the audit trail before anything is written; nobody goes on with what is meant."""
    opened, content = open_connection(connection), {"runs": list(run_ids), "rollback": run_id}
    entry = Entry("rollback", "connection", connection, content=content)
    opened.trail.note(entry, f"person: {asked.by}")
    opened.backfills.roll_back(meant)


@task(name="foresee-rollback", task_run_name="foresee-rollback-{number}", **READ)
def foresee(connection: str, batch: Sequence[Made], locked_until: date | None, number: int) -> list[Line]:
    """What would become of a batch of documents."""
    progress.get().advance(READING, len(batch))
    return rolling_back.foresee(open_connection(connection), batch, locked_until)


@task(name="roll-back", task_run_name="roll-back-{number}", **WRITE)
def roll_back(
    connection: str, batch: Sequence[Made], locked_until: date | None, asked: Asked, run_id: str, number: int
) -> list[Line]:
    """Delete or void a batch of documents, as far as they may go."""
    progress.get().advance(WRITING, len(batch))
    return rolling_back.roll_back(open_connection(connection), batch, locked_until, asked, run_id)


@task(name="read-again", task_run_name="read-again-{kind}-{page}", **READ)
def recall_page(
    connection: str, kind: Kind, span: tuple[date, date], cursor: str | None, run_id: str, page: int
) -> str | None:
    """A page of orders, so that those that were rolled back can be sent again."""
    return rolling_back.recall_page(open_connection(connection), kind, span, cursor, run_id)


@task(name="publish-rollback", cache_policy=NO_CACHE)
def publish_rollback(
    connection: str, run_ids: Sequence[str], lines: Sequence[Line], run_id: str, *, dry_run: bool
) -> RolledBack:
    """A table with a row for each thing that the runs did, what stays first; a file where these are very many."""
    opened = open_connection(connection)
    under_way = opened.runs.under_way(run_ids)
    outcome = RolledBack(connection, tuple(run_ids), lines, dry_run, opened.trail.head(), under_way)
    if len(lines) > SHOWN:
        file = reports_folder() / connection / f"rollback-{run_id}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_csv(pa.Table.from_pylist(outcome.rows()), file)
        outcome = replace(outcome, file=file)
    create_table_artifact(key=f"rollback-{connection}", table=outcome.table(), description=outcome.markdown())
    return outcome
