"""Order export: orders confirmed in Monstock become invoices, bills or purchase orders in Xero, once each.

Needs a connection in connections.toml (the sandbox's is built in). Reference data is remembered for 15 minutes
by tenant; nothing that writes ever is. A run that was killed is continued by the next one.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import count
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.endings import with_named_endings
from flows.forms import with_form
from flows.parameters import ExportForm, Orders
from tasks.connections.connection import open_connection
from tasks.documents import (
    end_cancelled,
    finish_attempts,
    open_books,
    plan_window,
    read_reference_data,
    record_plan,
    refresh_contacts,
    sweep_xero,
    write_contacts,
    write_documents,
)
from tasks.domain.books import Books
from tasks.domain.errors import Parked
from tasks.domain.orders import Kind
from tasks.exporting.intake import in_hand, worth_a_look
from tasks.exporting.outcome import Calls, Outcome
from tasks.exporting.plan import Plan
from tasks.exporting.run import Tally
from tasks.exporting.sending import Batcher, chunks, ending_batches
from tasks.ledger.standing import Scope
from tasks.orders import read_orders
from tasks.policies import whole
from tasks.reports import publish_dry_run, publish_outcome
from tasks.xero.client import DOCUMENTS_A_CALL


def _run_name() -> str:
    return ExportForm(**runtime.flow_run.parameters).run_name()


@with_form
@flow(name="order-export", flow_run_name=_run_name, persist_result=False, validate_parameters=True)
@with_named_endings
def order_export(
    connection: str = "sandbox",
    orders: Orders = Orders.both,
    order_date_from: date | None = None,
    order_date_to: date | None = None,
    references: list[str] | None = None,
    dry_run: bool = False,
    retry_rejected: bool = False,
    drafts_only: bool = False,
) -> State[Any]:
    """Export orders from Monstock to Xero.

    Without dates, reads the orders that changed since the last run; with dates, those of a window. Either way
    it then exports every order in scope that is still waiting or was held and can go now. A scheduled run looks
    at held orders once an hour; a run started by hand always does, with Xero's settings read anew.

    Args:
        connection: Name of the connection in connections.toml.
        orders: Customer orders (invoices), supplier orders (purchase orders or bills), or both.
        order_date_from: First order date of a window, included. Leave empty for what changed since the last run.
        order_date_to: Last order date of a window, included.
        references: Only these orders, by the reference people use (CO-2026-00042).
        dry_run: Show the exact requests and predicted totals, and write nothing.
        retry_rejected: Also send what Xero was asked for in vain before, though nothing about it changed.
        drafts_only: Change drafts alone, and delete none; new documents are made as the rules say.
    """
    form = ExportForm(
        connection=connection,
        orders=orders,
        order_date_from=order_date_from,
        order_date_to=order_date_to,
        references=references,
        dry_run=dry_run,
        retry_rejected=retry_rejected,
        drafts_only=drafts_only,
    )
    return export(form, by_hand="auto-scheduled" not in (runtime.flow_run.tags or []))


def export(form: ExportForm, *, by_hand: bool, prepared: bool = False) -> State[Any]:
    """The export itself. One that is `prepared` is part of work that has just read Xero's lists and swept it."""
    form, connection, dry_run = form.checked(), form.connection, form.dry_run
    opened = open_connection(connection)
    organisation, settings, before = opened.admitted(), opened.settings, Calls.so_far(opened)
    scope = form.scope(settings.digest)
    run_id = str(runtime.flow_run.id or "local")
    if not form.narrowed:
        scope = replace(scope, but=in_hand(opened))
        if not (scope.but or dry_run):
            opened.remaking.take_back(run_id)
    tally, parked = Tally(), None

    try:
        if not dry_run:
            tally.merge(finish_attempts(connection, run_id, wait=True))
        for kind in scope.kinds:
            tally.add(kind.value, "read", _read_all(form, kind, run_id))
        if worth_a_look(opened, scope, by_hand=by_hand):
            lists = read_reference_data.with_options(refresh_cache=by_hand and not prepared)(
                connection, organisation.tenant_id, settings.digest
            )
            books = open_books(connection, whole(lists))
            if not prepared:
                sweep_xero(connection)
            refresh_contacts(connection)
            if dry_run:
                return _preview(form, scope, books)
            _export(connection, scope, books, run_id, tally)
    except Parked as reason:
        parked = reason
    outcome = publish_outcome(connection, scope, whole(tally), whole(before), run_id)
    return _final_state(outcome, parked)


def _read_all(form: ExportForm, kind: Kind, run_id: str) -> int:
    """Read every page of one kind."""
    read, cursor, since = 0, None, None
    for page in count(1):
        found = read_orders(
            form.connection, kind, run_id, page, cursor, since, form.order_date_from, form.order_date_to
        )
        read, cursor, since = read + found.orders, found.cursor, found.since
        if cursor is None:
            break
    return read


def _export(connection: str, scope: Scope, books: Books, run_id: str, tally: Tally) -> None:
    """Plan window by window; write contacts and documents in full batches, the rest at the end."""
    numbers, batcher, only = count(1), Batcher(), scope.drafts_only
    for plan in _plans(connection, scope, books):
        tally.merge(record_plan(connection, whole(plan), run_id, next(numbers)))
        for contacts in chunks(list(plan.new_contacts.values()), DOCUMENTS_A_CALL):
            tally.merge(write_contacts(connection, whole(contacts), run_id))
        for batch in batcher.add(plan.ready):
            tally.merge(write_documents(connection, whole(batch), run_id, next(numbers), drafts_only=only))
        for ended in ending_batches(plan.endings):
            tally.merge(end_cancelled(connection, whole(ended), run_id, next(numbers)))
    for batch in batcher.rest():
        tally.merge(write_documents(connection, whole(batch), run_id, next(numbers), drafts_only=only))


def _plans(connection: str, scope: Scope, books: Books) -> Iterator[Plan]:
    after = None
    for number in count(1):
        window = plan_window(connection, whole(scope), whole(books), after, number)
        yield window.plan
        after = window.last
        if after is None:
            return


def _preview(form: ExportForm, scope: Scope, books: Books) -> State[Any]:
    plans: list[Plan] = list(_plans(form.connection, scope, books))
    shown = publish_dry_run(form.connection, whole(plans), drafts_only=scope.drafts_only)
    return Completed(
        name="DryRun",
        message=f"{len(shown.requests)} requests would be sent for {len(shown.totals)} orders; nothing was written.",
        data=shown,
    )


def _final_state(outcome: Outcome, parked: Parked | None) -> State[Any]:
    message = outcome.sentence()
    if parked:
        message = f"{parked} A run after that goes on from here. {message}"
        return Completed(name="Parked", message=message, data=outcome)
    if outcome.new_problems or outcome.warnings or outcome.total("waiting"):
        name = "CompletedWithWarnings"
    elif not outcome.written:
        name = "NothingToExport"
    else:
        name = "Completed"
    return Completed(name=name, message=message, data=outcome)
