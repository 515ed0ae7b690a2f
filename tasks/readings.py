"""Steps that read documents from Xero: a page each."""

from prefect import task

from tasks.connections.connection import open_connection
from tasks.exporting.run import progress
from tasks.importing.listing import Listing
from tasks.importing.listing import read_again as read_more
from tasks.importing.reading import Reading
from tasks.importing.steps import Step
from tasks.policies import READ


@task(name="read-changes", task_run_name="read-{stream}-{page}", **READ)
def read_changes(reading: Reading, stream: str, page: int) -> Step:
    """Read one page of what changed in Xero into the ledger, together with how far it was read."""
    step = reading.step()
    progress.get().advance(f"Reading {stream}", step.rows)
    return step


@task(name="list-open-documents", task_run_name="list-open-{stream}-{page}", **READ)
def list_open(listing: Listing, stream: str, page: int) -> Step:
    """Read one page of the documents that are open, whatever their time stamps say."""
    step = listing.step()
    progress.get().advance(f"Listing open {stream}", step.rows)
    return step


@task(name="read-again", task_run_name="read-again-{page}", **READ)
def read_again(connection: str, page: int) -> Step | None:
    """Read by id what payments and credits changed, and what a listing of open documents did not show."""
    return read_more(open_connection(connection))
