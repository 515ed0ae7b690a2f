"""Steps of a backfill: what it will cost, what changed rules would make otherwise, and how far it has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from prefect import task
from prefect.artifacts import (
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE

from tasks.backfilling.foreseeing import foresee_invoices, foresee_reconciliation
from tasks.backfilling.progress import Progress
from tasks.connections.connection import Connection, open_connection
from tasks.domain.books import Books
from tasks.domain.periods import Period
from tasks.exporting.books import open_books, read_lists
from tasks.exporting.forecast import Forecast, foresee
from tasks.exporting.remaking import (
    Differing,
    differing_under_rules,
    in_money,
    require_rules,
    without_payload,
)
from tasks.ledger.standing import Scope
from tasks.ledger.trail import told
from tasks.policies import READ, WRITE

ROWS = 1_000


@task(name="forecast-orders", **READ)
def forecast_orders(
    connection: str,
    scope: Scope,
    periods: Sequence[Period],
    changing: Mapping[Period, Sequence[Differing]],
    run_id: str,
) -> Forecast:
    """Read and plan the range; calls by kind, minutes, share of the day, bytes, as a table in the UI."""
    return publish_forecast(
        connection, foresee(open_connection(connection), scope, run_id, periods, changing)
    )


@task(name="forecast-invoices", **READ)
def forecast_invoices(connection: str, periods: Sequence[Period]) -> Forecast:
    """The pages of documents that are to be read."""
    return publish_forecast(connection, foresee_invoices(open_connection(connection), periods))


@task(name="forecast-reconciliation", **READ)
def forecast_reconciliation(
    connection: str, periods: Sequence[Period], listed: datetime, run_id: str
) -> Forecast:
    """List Monstock's orders of the whole range; count what comparing each chunk reads besides."""
    return publish_forecast(
        connection, foresee_reconciliation(open_connection(connection), periods, listed, run_id)
    )


@task(name="find-changed-rules", **READ)
def find_changed_rules(connection: str, scope: Scope) -> list[Differing]:
    """Documents that the present rules would make otherwise, as a table in the UI. Changes nothing."""
    opened, found = open_connection(connection), list[Differing]()
    require_rules(opened, scope)
    if opened.remaking.count(scope):
        books = open_books(opened, read_lists(opened))
        for page in differing_under_rules(opened, books, scope):
            found += map(without_payload, page)
    more = f" The first {ROWS:,} are listed." if len(found) > ROWS else ""
    create_table_artifact(
        key=f"changed-rules-{connection}",
        table=[one.row() for one in found[:ROWS]] or [{"state": "no document would be made otherwise"}],
        description=f"{len(found):,} documents would be made otherwise by the present rules, by {in_money(found)} "
        f"in all.{more}",
    )
    return found


@task(name="apply-changed-rules", **WRITE)
def apply_changed_rules(connection: str, scope: Scope, books: Books, run_id: str) -> int:
    """Let the documents of a chunk follow the present rules that a person lets be changed; its export does it."""
    opened, count = open_connection(connection), 0
    require_rules(opened, scope)
    for page in differing_under_rules(opened, books, scope):
        those = [one.remade for one in page if one.may_change(drafts_only=scope.drafts_only)]
        opened.remaking.remake(those, run_id)
        count += len(those)
    return count


@task(name="leave-the-rest", **WRITE)
def leave_the_rest(connection: str, scope: Scope, run_id: str) -> int:
    """Those that could not follow, for somebody approved them first: they stay as they are."""
    return open_connection(connection).remaking.take_back(run_id, scope)


@task(name="begin-progress", cache_policy=NO_CACHE)
def begin_progress(connection: str, progress: Progress) -> UUID:
    """The artifact that shows how far a backfill has come."""
    made = create_progress_artifact(
        progress=progress.share, key=f"backfill-{connection}", description=progress.markdown()
    )
    assert isinstance(made, UUID)  # noqa: S101 - for the type checker
    return made


def show_progress(artifact: UUID, progress: Progress) -> None:
    """Bring it up to date."""
    update_progress_artifact(artifact, progress=progress.share, description=progress.markdown())


@dataclass(frozen=True)
class Start:
    """How a backfill stood when a run of it began: forecast of what was left, chunks that were done, calls used.

    `own` are calls that the run itself made for all chunks.
    """

    forecast: Forecast
    began: datetime
    done: int
    calls: int
    own: int = 0


def measure(connection: Connection, backfill_id: str, start: Start) -> Progress:
    """How far it has come, by the ledger and by the day's budget."""
    forecast = start.forecast
    left, kept = connection.today().left, forecast.limits.day - forecast.a_day
    return Progress(
        chunks=connection.backfills.of(backfill_id),
        forecast=start.calls + forecast.calls,
        began=start.began,
        now=datetime.now(UTC),
        a_minute=forecast.limits.minute,
        a_day=forecast.a_day,
        left=None if left is None else max(left - kept, 0),
        own=start.own,
        before=start.done,
        rules=len(connection.backfills.rules(backfill_id)),
    )


def publish_forecast(connection: str, forecast: Forecast) -> Forecast:
    """What a piece of work will cost, as a table in the UI."""
    head = open_connection(connection).trail.head()
    create_table_artifact(
        key=f"forecast-{connection}",
        table=[{"what": what, "how much": much} for what, much in forecast.rows()],
        description=f"{forecast.sentence()}\n\n{told(connection, head)}",
    )
    return forecast
