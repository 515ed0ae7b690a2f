"""Steps towards documents in Xero: what must be known first, the plan for a window, and the writes by batch."""

from collections.abc import Sequence
from dataclasses import dataclass

from prefect import task

from tasks.connections.connection import open_connection
from tasks.domain.books import Books
from tasks.domain.orders import Contact
from tasks.exporting import books as reading
from tasks.exporting.following import Ending
from tasks.exporting.plan import Plan, Ready
from tasks.exporting.planning import WINDOW, Planner
from tasks.exporting.recording import record
from tasks.exporting.remaking import require_rules
from tasks.exporting.run import Tally, progress
from tasks.exporting.sending import create_contacts, end_documents, finish_open, send_documents
from tasks.ledger.standing import Scope
from tasks.policies import READ, REFERENCE, WRITE


@dataclass(frozen=True)
class Window:
    """A window's plan, and the key after which the next one begins (None: it was the last)."""

    plan: Plan
    last: tuple[str, str] | None


@task(name="finish-open-attempts", **WRITE)
def finish_attempts(connection: str, run_id: str, *, wait: bool) -> Tally:
    """See through what an earlier run left open: resend it while its key lives, else read Xero back."""
    tally = Tally()
    tally.settle(finish_open(open_connection(connection), run_id, wait=wait))
    return tally


@task(name="read-reference-data", **REFERENCE)
def read_reference_data(connection: str, tenant_id: str, rules: str) -> reading.Lists:
    """Accounts, tax rates, currencies, tracking, items; remembered by tenant and rules for a while."""
    return reading.read_lists(open_connection(connection))


@task(name="open-books", **READ)
def open_books(connection: str, lists: reading.Lists) -> Books:
    """Check that the live organisation is the pinned one; its lock dates are always read anew."""
    return reading.open_books(open_connection(connection), lists)


@task(name="sweep-xero", **READ)
def sweep_xero(connection: str) -> int:
    """See what stands in Xero already: by hand before the first export, by a forgotten run later."""
    return reading.sweep(open_connection(connection))


@task(name="refresh-contacts", **READ)
def refresh_contacts(connection: str) -> int:
    """Bring the directory of Xero's contacts up to date."""
    return reading.refresh_contacts(open_connection(connection))


@task(name="plan-window", task_run_name="plan-window-{number}", **READ)
def plan_window(
    connection: str, scope: Scope, books: Books, after: tuple[str, str] | None, number: int
) -> Window:
    """Map the next orders and check them before anything is written."""
    opened = open_connection(connection)
    require_rules(opened, scope)
    window = opened.orders.unsettled(scope, after, WINDOW)
    plan = Planner(opened, books, drafts_only=scope.drafts_only).plan(window)
    progress.get().advance("Checking orders", len(window))
    progress.get().expect("Writing documents", len(plan.ready) + len(plan.endings))
    last = (window[-1].kind.value, window[-1].order_id) if len(window) == WINDOW else None
    return Window(plan, last)


@task(name="record-plan", task_run_name="record-plan-{number}", **WRITE)
def record_plan(connection: str, plan: Plan, run_id: str, number: int) -> Tally:
    """Note what is held, what needs nothing, whose contact is found, and whose document stands in Xero already."""
    return record(open_connection(connection), plan, run_id)


@task(name="create-contacts", **WRITE)
def write_contacts(connection: str, contacts: Sequence[Contact], run_id: str) -> Tally:
    """Create at most 50 contacts."""
    tally = Tally()
    tally.settle(create_contacts(open_connection(connection), contacts, run_id))
    progress.get().advance("Creating contacts", len(contacts))
    return tally


@task(name="write-documents", task_run_name="write-documents-{number}", **WRITE)
def write_documents(
    connection: str, batch: Sequence[Ready], run_id: str, number: int, *, drafts_only: bool
) -> Tally:
    """Write at most 50 documents; each is settled for itself."""
    tally = Tally()
    tally.settle(send_documents(open_connection(connection), batch, run_id, drafts_only=drafts_only))
    progress.get().advance("Writing documents", len(batch))
    return tally


@task(name="end-documents", task_run_name="end-documents-{number}", **WRITE)
def end_cancelled(connection: str, batch: Sequence[Ending], run_id: str, number: int) -> Tally:
    """Delete, void or credit the documents of at most 50 cancelled orders."""
    tally = Tally()
    tally.settle(end_documents(open_connection(connection), batch, run_id))
    progress.get().advance("Writing documents", len(batch))
    return tally
