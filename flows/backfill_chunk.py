"""One chunk of a backfill, as the flow backfill gives it to the workers.

It is as safe to run again as the flows that it is made of: orders that have their documents are not written again. What
became of it stands in the ledger, where the backfill reads it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Failed

from flows.endings import with_named_endings
from flows.forms import with_form
from flows.invoice_import import bring_back
from flows.order_export import export
from flows.parameters import (
    BadParameters,
    ChangedRules,
    ExportForm,
    Orders,
    ReconciliationForm,
    Repairs,
    Subject,
)
from flows.reconciliation import reconcile
from tasks.backfills import apply_changed_rules, leave_the_rest
from tasks.connections.connection import Connection, open_connection
from tasks.documents import open_books, read_reference_data
from tasks.domain.budget import Work
from tasks.domain.errors import Parked
from tasks.domain.outcomes import OrderState
from tasks.domain.periods import Period
from tasks.exporting.outcome import Calls, Outcome
from tasks.exporting.remaking import require_rules
from tasks.importing.listing import LISTED
from tasks.importing.outcome import ImportOutcome
from tasks.importing.steps import Span
from tasks.ledger.backfills import Done, Stage
from tasks.ledger.governor import working
from tasks.policies import whole
from tasks.reconciling.night import Night

_KILLED = "It was cancelled, or its process was ended."
# So often, and after so many seconds, a chunk looks again at orders that wait for another run.
TRIES, LOOK_AGAIN = 5, 3.0


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
    changed_rules: ChangedRules = ChangedRules.leave,
) -> State[Any]:
    """Do one chunk of a backfill. People start the flow backfill, which starts these.

    Args:
        backfill_id: The run of the backfill that it belongs to.
        date_from: First date, included.
        date_to: Last date, included.
        connection: Name of the connection in connections.toml.
        what: What is done.
        orders: Customer orders (invoices), supplier orders (purchase orders or bills), or both.
        changed_rules: What becomes of documents that the present rules would make otherwise.
    """
    opened, period = open_connection(connection), Period(date_from, date_to)
    run_id, before = str(runtime.flow_run.id or "local"), Calls.so_far(opened)
    if opened.backfills.is_rolled_back(backfill_id):
        raise BadParameters("The backfill of this chunk was rolled back since: start a new one.")
    known = {done.period for done in opened.backfills.of(backfill_id)}
    listed = opened.backfills.listed(backfill_id)
    rules = opened.settings.digest
    if what is Subject.orders:
        rules = opened.backfills.go_by(backfill_id, rules)
    asked = _Asked(
        opened, period, orders, changed_rules, rules, run_id, prepared=period in known, listed=listed
    )
    opened.backfills.note(backfill_id, Done(period, run_id))
    with working(Work.backfill):
        try:
            _require_calls(opened)
            state, documents = _WORK[what](asked)
        except BaseException as error:
            stage = Stage.parked if isinstance(error, Parked) else Stage.failed
            sentence = str(error) if isinstance(error, Exception) else _KILLED
            _note(opened, backfill_id, Done(period, run_id, stage, sentence=sentence), before)
            raise
    done = Done(period, run_id, _stage(state), documents=documents, sentence=f"{state.message}")
    _note(opened, backfill_id, done, before)
    return state


@dataclass(frozen=True)
class _Asked:
    """What a chunk is about. `prepared`: its backfill has read Xero's lists and swept it, by the same ledger.

    It began by these `rules` (a digest). `listed` is when it listed Monstock's orders for a reconciliation.
    """

    opened: Connection
    period: Period
    orders: Orders
    changed_rules: ChangedRules
    rules: str
    run_id: str
    prepared: bool
    listed: datetime | None

    @property
    def form(self) -> ExportForm:
        """Of its export."""
        return ExportForm(
            self.opened.name,
            self.orders,
            self.period.first,
            self.period.last,
            references=None,
            dry_run=False,
            retry_rejected=False,
            drafts_only=self.changed_rules is ChangedRules.drafts,
            remaking="" if self.changed_rules is ChangedRules.leave else self.rules,
        )


def _orders(asked: _Asked) -> tuple[State[Any], int]:
    """The export; around it, on a person's word, what changed rules would make otherwise."""
    opened, scope = asked.opened, asked.form.scope(asked.opened.settings.digest)
    require_rules(opened, scope)
    if scope.remaking and opened.remaking.count(scope):
        lists = read_reference_data(opened.name, opened.organisation.tenant_id, scope.rules)
        books = open_books(opened.name, whole(lists))
        apply_changed_rules(opened.name, whole(scope), whole(books), asked.run_id)
    state, documents = _until_none_waits(asked)
    if scope.remaking and state.name != "Parked":
        leave_the_rest(opened.name, whole(scope), asked.run_id)
    return state, documents


def _until_none_waits(asked: _Asked) -> tuple[State[Any], int]:
    """Orders wait for their customers where another chunk is making these at the moment."""
    documents = 0
    for left in reversed(range(TRIES)):
        state = export(asked.form, by_hand=True, prepared=asked.prepared)
        outcome = state.result(raise_on_failure=False)
        documents += outcome.written if isinstance(outcome, Outcome) else 0
        waiting = _waiting(asked)
        if not waiting or state.name == "Parked":
            return state, documents
        if left:
            time.sleep(LOOK_AGAIN)
    message = (
        f"{waiting:,} orders still wait for another run that has them or their customers. {state.message}"
    )
    return Failed(name="Incomplete", message=message), documents


def _waiting(asked: _Asked) -> int:
    """Orders that wait for another run; with drafts alone, approved documents that are left as they are do not."""
    scope = asked.form.scope(asked.opened.settings.digest)
    waiting = asked.opened.orders.counts(scope, OrderState.pending).total()
    if scope.drafts_only:
        scope = replace(scope, but=(asked.period,))
        waiting -= asked.opened.orders.counts(scope, OrderState.pending).total()
    return waiting


def _invoices(asked: _Asked) -> tuple[State[Any], int]:
    span = Span(asked.period.first, asked.period.last + timedelta(days=1))
    state = bring_back(asked.opened.name, dict.fromkeys(LISTED, span), only_listed=asked.prepared)
    outcome = state.result(raise_on_failure=False)
    return state, outcome.read.written if isinstance(outcome, ImportOutcome) else 0


def _reconciled(asked: _Asked) -> tuple[State[Any], int]:
    """A day that is used up in the middle of it parks it: what was not read whole is compared again."""
    period = asked.period
    form = ReconciliationForm(asked.opened.name, period.first, period.last, Repairs.none, dry_run=False)
    state = reconcile(form, asked.run_id, asked.listed)
    night = state.result(raise_on_failure=False)
    if state.name == "Incomplete":
        _require_calls(asked.opened)
    return state, night.compared if isinstance(night, Night) else 0


_WORK: dict[Subject, Callable[[_Asked], tuple[State[Any], int]]] = {
    Subject.orders: _orders,
    Subject.invoices: _invoices,
    Subject.reconciliation: _reconciled,
}


def _require_calls(opened: Connection) -> None:
    """Raises `Parked` where the day has none left for a backfill."""
    if stop := opened.today().stop:
        raise Parked(stop.sentence, datetime.fromtimestamp(stop.until, UTC))


def _note(opened: Connection, backfill_id: str, done: Done, before: Calls) -> None:
    """What the chunk came to, with its calls."""
    calls = Calls.so_far(opened).since(before).xero.total()
    counted = Done(done.period, done.run_id, done.stage, calls, done.documents, done.sentence)
    opened.backfills.note(backfill_id, counted)


def _stage(state: State[Any]) -> Stage:
    if state.name == "Parked":
        return Stage.parked
    return Stage.done if state.is_completed() else Stage.failed
