"""One chunk of a backfill, as the flow backfill gives it to the workers.

It is as safe to run again as the flows that it is made of: orders that have their documents are not written again. What
became of it stands in the ledger, where the backfill reads it.
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State

from flows.endings import same, with_named_endings
from flows.forms import with_form
from flows.invoice_import import bring_back
from flows.order_export import export
from flows.parameters import ExportForm, Orders, Subject
from flows.reconciliation import reconciliation
from tasks.connections.connection import Connection, open_connection
from tasks.domain.budget import Work
from tasks.domain.periods import Period
from tasks.exporting.outcome import Calls, Outcome
from tasks.importing.listing import LISTED
from tasks.importing.outcome import ImportOutcome
from tasks.importing.steps import Span
from tasks.ledger.backfills import Done, Stage
from tasks.ledger.governor import working
from tasks.reconciling.night import Night


def _run_name() -> str:
    asked = runtime.flow_run.parameters
    period = Period(asked["date_from"], asked["date_to"])
    return f"{asked['connection']} · {Subject(asked['what']).value} · {period} · chunk of a backfill"


@with_form
@flow(name="backfill-chunk", flow_run_name=_run_name, persist_result=False, validate_parameters=True)
@with_named_endings
def backfill_chunk(
    backfill_id: str,
    date_from: date,
    date_to: date,
    connection: str = "sandbox",
    what: Subject = Subject.orders,
    orders: Orders = Orders.both,
    drafts_only: bool = False,
) -> State[Any]:
    """Do one chunk of a backfill. People start the flow backfill, which starts these.

    Args:
        backfill_id: The run of the backfill that it belongs to.
        date_from: First date, included.
        date_to: Last date, included.
        connection: Name of the connection in connections.toml.
        what: What is done.
        orders: Customer orders (invoices), supplier orders (purchase orders or bills), or both.
        drafts_only: Change no document that is approved in Xero.
    """
    opened, period = open_connection(connection), Period(date_from, date_to)
    run_id, before = str(runtime.flow_run.id or "local"), Calls.so_far(opened)
    known = {done.period: done for done in opened.backfills.of(backfill_id)}
    opened.backfills.note(backfill_id, Done(period, run_id))
    with working(Work.backfill):
        try:
            form = ExportForm(connection, orders, date_from, date_to, None, False, False, drafts_only)
            state = _WORK[what](form, period, prepared=period in known)
        except BaseException as error:
            _note(opened, backfill_id, Done(period, run_id, Stage.failed, sentence=str(error)), before)
            raise
    done = Done(period, run_id, _stage(state), documents=_documents(state), sentence=f"{state.message}")
    _note(opened, backfill_id, done, before)
    return state


def _orders(form: ExportForm, _: Period, *, prepared: bool) -> State[Any]:
    return export(form, by_hand=True, prepared=prepared)


def _invoices(form: ExportForm, period: Period, *, prepared: bool) -> State[Any]:
    span = Span(period.first, period.last + timedelta(days=1))
    return bring_back(form.connection, dict.fromkeys(LISTED, span), only_listed=prepared)


def _reconciled(form: ExportForm, period: Period, **_: bool) -> State[Any]:
    return same(reconciliation(form.connection, period.first, period.last, return_state=True))


_WORK: dict[Subject, Callable[..., State[Any]]] = {
    Subject.orders: _orders,
    Subject.invoices: _invoices,
    Subject.reconciliation: _reconciled,
}


def _note(opened: Connection, backfill_id: str, done: Done, before: Calls) -> None:
    """What the chunk came to, with its calls."""
    calls = Calls.so_far(opened).since(before).xero.total()
    counted = Done(done.period, done.run_id, done.stage, calls, done.documents, done.sentence)
    opened.backfills.note(backfill_id, counted)


def _stage(state: State[Any]) -> Stage:
    if state.name == "Parked":
        return Stage.parked
    return Stage.done if state.is_completed() else Stage.failed


def _documents(state: State[Any]) -> int:
    """Written to Xero, shown in Monstock, or compared."""
    match state.result(raise_on_failure=False):
        case Outcome() as outcome:
            return outcome.written
        case ImportOutcome() as outcome:
            return outcome.read.written
        case Night() as night:
            return night.compared
    return 0
