"""Steps of a night: a page of orders, a part of the comparison, and what it leaves behind."""

from collections.abc import Sequence
from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from tasks.comparing.terms import Terms
from tasks.connections.connection import open_connection
from tasks.domain.books import Books
from tasks.domain.orders import Kind
from tasks.exporting.intake import PageRead
from tasks.exporting.run import progress
from tasks.ledger.columns import Part
from tasks.policies import READ, WRITE
from tasks.reconciling import reading, words
from tasks.reconciling.comparing import Compared, compare, live_books
from tasks.reconciling.night import Night
from tasks.reconciling.report import Report, write
from tasks.reconciling.settling import Settled, settle
from tasks.reconciling.window import Window


@task(name="read-organisation", **READ)
def read_organisation(connection: str) -> Books:
    """Check that the live organisation is the pinned one, and read its lock dates."""
    return live_books(open_connection(connection))


@task(name="read-window", task_run_name="read-window-{kind}-{page}", **READ)
def read_window(
    connection: str, kind: Kind, window: Window, run_id: str, page: int, cursor: str | None
) -> PageRead:
    """Read one page of the window's orders, whether they changed or not."""
    found = reading.read_orders(open_connection(connection), kind, window, run_id, cursor)
    progress.get().advance(f"Reading {kind} orders", found.orders)
    return found


@task(name="find-unlisted-orders", **READ)
def find_unlisted(connection: str, window: Window, run_id: str) -> list[tuple[str, str]]:
    """Ask by id for known orders that Monstock did not list."""
    return reading.find_unlisted(open_connection(connection), window, run_id)


@task(name="compare", task_run_name="compare-{number}", **READ)
def compare_part(
    connection: str, part: Part, terms: Terms, unlisted: Sequence[tuple[str, str]], number: int
) -> Compared:
    """Lay a month of both sides beside each other."""
    found = compare(open_connection(connection), part, terms, unlisted)
    progress.get().advance("Comparing orders", found.orders)
    return found


@task(name="note-discrepancies", **WRITE)
def note_discrepancies(
    connection: str,
    parts: Sequence[Compared],
    window: Window,
    run_id: str,
    repaired: Sequence[str],
    short_code: str | None,
    *,
    complete: bool,
) -> Settled:
    """Know again what was known, and end what is not there any more."""
    opened = open_connection(connection)
    return settle(opened, parts, window, run_id, repaired, short_code, complete=complete)


@task(name="publish-night", cache_policy=NO_CACHE)
def publish_night(night: Night, folder: Path) -> Report:
    """The report as files, and the summary with its table as artifacts under keys that stay."""
    report = write(night, folder)
    create_markdown_artifact(key=f"reconciliation-{night.connection}", markdown=words.markdown(night))
    create_table_artifact(
        key=f"discrepancies-{night.connection}",
        table=words.table(night) or [{"state": "nothing differs"}],
        description=f"{words.sentence(night)}\n\nThe whole report: {report.page}",
    )
    return report
