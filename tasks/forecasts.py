"""The step that says what a piece of work will cost before it begins."""

from prefect import task
from prefect.artifacts import create_table_artifact

from tasks.connections.connection import open_connection
from tasks.exporting.forecast import Forecast, foresee
from tasks.ledger.standing import Scope
from tasks.ledger.trail import told
from tasks.policies import READ


@task(name="forecast-export", **READ)
def forecast_export(connection: str, scope: Scope, run_id: str) -> Forecast:
    """Calls by kind, minutes, share of the day, bytes; as a table in the UI. Writes nothing to Xero."""
    opened = open_connection(connection)
    foreseen = foresee(opened, scope, run_id)
    create_table_artifact(
        key=f"forecast-{connection}",
        table=[{"what": what, "how much": much} for what, much in foreseen.rows()],
        description=f"{foreseen.sentence()}\n\n{told(connection, opened.trail.head())}",
    )
    return foreseen
