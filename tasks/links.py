"""Steps that join documents to orders, and show them in Monstock: a chunk each."""

from collections import Counter

from prefect import task

from tasks.connections.connection import open_connection
from tasks.exporting.run import progress
from tasks.importing.owning import Owning
from tasks.importing.showing import Written
from tasks.importing.showing import show as show_next
from tasks.ledger.shown import Key
from tasks.policies import READ, WRITE


@task(name="match-documents", task_run_name="match-documents-{number}", **READ)
def match_documents(owning: Owning, run_id: str, number: int) -> Counter[str]:
    """Find out whose the next thousand documents are: certain ones are linked, likely ones proposed."""
    decided = owning.step(run_id)
    progress.get().advance("Matching documents", decided.total())
    return decided


@task(name="show-in-monstock", task_run_name="show-in-monstock-{number}", **WRITE)
def show(connection: str, after: Key | None, run_id: str, number: int) -> Written:
    """Write the accounting links of at most 250 orders to Monstock, where they differ from what stands there."""
    done = show_next(open_connection(connection), after, run_id)
    progress.get().advance("Writing to Monstock", done.written)
    return done
