"""Backfill: a range of dates, chunk by chunk, through the other flows, as work that steps back for the daily runs.

It begins with a forecast, and ends there unless it is told to go on. It uses the day's calls only down to the reserve;
then it is parked, and goes on the next day by itself. Meanwhile, for two days, the daily runs leave its orders to it.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.endings import with_named_endings
from flows.fanout import A_LITTLE, cancel_chunks, carry_out, go_on_at, goes_on_with
from flows.forms import with_form
from flows.parameters import BackfillForm, BadParameters, ChangedRules, Orders, Subject
from tasks.backfilling.progress import Progress
from tasks.backfills import (
    Start,
    begin_progress,
    find_changed_rules,
    forecast_invoices,
    forecast_orders,
    forecast_reconciliation,
    leave_the_rest,
    measure,
    show_progress,
)
from tasks.connections.connection import Connection, open_connection
from tasks.documents import read_reference_data
from tasks.domain.budget import Work
from tasks.domain.errors import Parked, RulesChanged
from tasks.domain.outcomes import OrderState
from tasks.domain.periods import Chunk, Period
from tasks.exporting.forecast import Forecast
from tasks.exporting.intake import let_go
from tasks.exporting.outcome import Calls
from tasks.exporting.remaking import Differing, by_chunk, in_money
from tasks.exporting.run import progress as bars
from tasks.ledger.backfills import Stage
from tasks.ledger.governor import working
from tasks.policies import whole

SHOWN = 3
LEFT = "For two days its orders that have no document yet are left to it; a rollback of it ends that."
# When to look again where nobody says when a day ends.
UNKNOWN = timedelta(hours=1)


@dataclass(frozen=True)
class Foreseen:
    """What a backfill was found to need, and the documents that the present rules would make otherwise."""

    forecast: Forecast
    differing: list[Differing]

    def sentence(self) -> str:
        """In a line or two."""
        if not self.differing:
            return self.forecast.sentence()
        return (
            f"{self.forecast.sentence()} {len(self.differing):,} documents would be made otherwise by the present "
            f"rules, by {in_money(self.differing)} in all; they are changed only if you say so."
        )


@dataclass(frozen=True)
class Waits:
    """How far a backfill has come that is parked until the day's calls return; None if it had not begun."""

    progress: Progress | None
    until: datetime
    backfill_id: str


def _run_name() -> str:
    asked = runtime.flow_run.parameters
    return BackfillForm(**asked).run_name()


@with_form
@flow(
    name="backfill",
    flow_run_name=_run_name,
    persist_result=False,
    validate_parameters=True,
    on_cancellation=[cancel_chunks],
)
@with_named_endings
def backfill(
    date_from: date,
    date_to: date,
    connection: str = "sandbox",
    what: Subject = Subject.orders,
    chunk: Chunk = Chunk.month,
    orders: Orders = Orders.both,
    dry_run: bool = True,
    spread_over_days: bool = False,
    changed_rules: ChangedRules = ChangedRules.leave,
) -> State[Any]:
    """Do a range of dates: export its orders, show its invoices, or reconcile it. What is done is not done again.

    Args:
        date_from: First date, included: of orders by their order date, of invoices and for a reconciliation by theirs.
        date_to: Last date, included.
        connection: Name of the connection in connections.toml.
        what: What is done for the range.
        chunk: How much of it one run does; the runs are shared out among the workers.
        orders: Customer orders (invoices), supplier orders (purchase orders or bills), or both.
        dry_run: Only say what it would cost in calls, minutes and days, and write nothing.
        spread_over_days: Go on although the day's calls will not do: it is parked each day where the reserve begins,
            and goes on the next day by itself.
        changed_rules: Documents that were made under other rules are listed where the present ones would make them
            otherwise. Choose what is to become of them.
    """
    form = BackfillForm(
        connection, date_from, date_to, what, chunk, orders, dry_run, spread_over_days, changed_rules
    ).checked()
    opened = open_connection(connection)
    opened.admitted()
    run_id = str(runtime.flow_run.id or "local")
    backfill_id = goes_on_with() or run_id
    if opened.backfills.is_rolled_back(backfill_id):
        raise BadParameters("This backfill was rolled back since: start a new one.")
    if backfill_id != run_id:
        opened.backfills.go_on(backfill_id, run_id)
    with working(Work.backfill):
        try:
            left = _left(form, opened, backfill_id)
            found = _foresee(form, opened, run_id, left, backfill_id)
            if dry_run:
                return Completed(
                    name="DryRun", message=f"{found.sentence()} Nothing was written.", data=found
                )
            begun = bool(opened.backfills.of(backfill_id))
            if not (found.forecast.fits_today or spread_over_days or begun):
                return _over_budget(found)
            return _Work(form, opened, found.forecast, backfill_id).done()
        except Parked as reason:
            if dry_run:
                raise
            return _parked(backfill_id, str(reason), reason.resumes_at)
        except RulesChanged:
            if not dry_run:
                leave_the_rest(connection, whole(form.scope(opened.settings.digest)), run_id)
                let_go(opened, backfill_id)
            raise


def _left(form: BackfillForm, opened: Connection, backfill_id: str) -> list[Period]:
    """The chunks that are not done."""
    done = {chunk.period for chunk in opened.backfills.of(backfill_id) if chunk.stage is Stage.done}
    return [period for period in form.periods if period not in done]


def _foresee(
    form: BackfillForm, opened: Connection, run_id: str, left: list[Period], backfill_id: str
) -> Foreseen:
    """What is left of it will cost; of orders also what changed rules would make otherwise."""
    match form.what:
        case Subject.invoices:
            return Foreseen(forecast_invoices(form.connection, left), [])
        case Subject.reconciliation:
            listed = datetime.now(UTC)
            forecast = forecast_reconciliation(form.connection, whole(left), listed, run_id)
            opened.backfills.note_listed(backfill_id, listed)
            return Foreseen(forecast, [])
    rules = opened.settings.digest
    scope = form.scope(rules if form.dry_run else opened.backfills.go_by(backfill_id, rules))
    differing = find_changed_rules(form.connection, whole(scope))
    changing = by_chunk(differing, left, drafts_only=scope.drafts_only) if scope.remaking else {}
    forecast = forecast_orders(form.connection, whole(scope), whole(form.periods), whole(changing), run_id)
    return Foreseen(forecast, differing)


def _over_budget(found: Foreseen) -> State[Any]:
    message = f"{found.sentence()} Nothing was written: choose a shorter range, or let it spread over days."
    return Completed(name="OverBudget", message=message, data=found)


class _Work:
    """The chunks, and what is told of them while they are done."""

    def __init__(self, form: BackfillForm, opened: Connection, forecast: Forecast, backfill_id: str) -> None:
        self._form, self._opened, self._id = form, opened, backfill_id
        stood = opened.backfills.of(backfill_id)
        done, calls = sum(c.stage is Stage.done for c in stood), sum(c.calls for c in stood)
        began = datetime.now(UTC)
        opened.backfills.begin(backfill_id, form.periods)
        if form.what is Subject.orders:
            opened.backfills.take_in_hand(backfill_id, Period(form.date_from, form.date_to))
        before = Calls.so_far(opened)
        if forecast.documents:  # the chunks go by the lists as they are now
            fresh = read_reference_data.with_options(refresh_cache=True)
            fresh(opened.name, opened.organisation.tenant_id, opened.settings.digest)
        own = Calls.so_far(opened).since(before).xero.total()
        self._start = Start(forecast, began, done, calls, own)
        bars.get().expect("Chunks", len(form.periods) - done)
        bars.get().expect("Calls to Xero", forecast.calls)
        begun, self._told = self._now(), (done, calls)
        self._shown = begun.chunks
        self._artifact = begin_progress(form.connection, whole(begun))

    def done(self) -> State[Any]:
        """Do all chunks, and say how that ended."""
        ended: dict[Period, State[Any]] = {}
        for period, state in carry_out(self._form, self._id, self._left(), self._tell):
            ended[period] = state
            if not state.is_completed():
                self._opened.backfills.note_cut_off(self._id, period, _said(state))
        self._tell()
        progress = self._now()
        states = list(ended.values())
        if changed := next((state for state in states if state.name == RulesChanged.__name__), None):
            raise RulesChanged(f"{changed.message} {progress.sentence()}")
        if any(state.name == "Parked" for state in states):
            stop = self._opened.today().stop
            until = datetime.fromtimestamp(stop.until, UTC) if stop else datetime.now(UTC) + UNKNOWN
            progress = replace(progress, resumes_at=until + A_LITTLE)
            show_progress(self._artifact, progress)
            return _parked(
                self._id, stop.sentence if stop else "A day's calls were used up.", until, progress
            )
        if progress.done < len(progress.chunks):
            return _incomplete(self._form, progress, ended)
        if self._form.what is Subject.orders:
            let_go(self._opened, self._id)
        return _completed(self._form, progress, states)

    def _left(self) -> list[Period]:
        """The chunks that are not done, and of orders those in which some came late."""
        scope = self._form.scope(self._opened.settings.digest)
        late = [
            chunk.period
            for chunk in self._opened.backfills.of(self._id)
            if chunk.stage is Stage.done
            and self._form.what is Subject.orders
            and self._opened.orders.counts(
                replace(scope, date_from=chunk.period.first, date_to=chunk.period.last), OrderState.pending
            )
        ]
        return sorted([*_left(self._form, self._opened, self._id), *late])

    def _now(self) -> Progress:
        return measure(self._opened, self._id, self._start)

    def _tell(self) -> None:
        progress = self._now()
        if progress.chunks == self._shown:
            return
        self._shown = progress.chunks
        show_progress(self._artifact, progress)
        chunks, calls = self._told
        bars.get().advance("Chunks", progress.done - chunks)
        bars.get().advance("Calls to Xero", progress.calls - calls)
        self._told = progress.done, progress.calls


def _parked(backfill_id: str, why: str, until: datetime, progress: Progress | None = None) -> State[Any]:
    """Where a deployment started it, its next run is scheduled."""
    when = until + A_LITTLE
    then = "it goes on by itself" if go_on_at(backfill_id, when) else "a run goes on from here"
    told = f" {progress.sentence()}" if progress else ""
    message = f"{why} At {when:%Y-%m-%d %H:%M} UTC {then}.{told}"
    return Completed(name="Parked", message=message, data=Waits(progress, when, backfill_id))


def _incomplete(form: BackfillForm, progress: Progress, ended: dict[Period, State[Any]]) -> State[Any]:
    """Some chunks failed: the next run does those, and only those."""
    named = next((state.name for state in ended.values() if state.name == "NeedsConsent"), "Incomplete")
    bad = [f"{at}: {_said(state)}" for at, state in sorted(ended.items()) if not state.is_completed()]
    more = f"; and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
    troubled = "; ".join(bad[:SHOWN]) + more
    message = (
        f"Not all is done. {troubled} Retry this run: what is done is not done again. {progress.sentence()}"
    )
    if form.what is Subject.orders:
        message += f" {LEFT}"
    return Failed(name=named, message=message, data=progress)


def _said(state: State[Any]) -> str:
    return state.message or f"{state.name}."


def _completed(form: BackfillForm, progress: Progress, states: list[State[Any]]) -> State[Any]:
    if form.what is Subject.orders and not progress.documents:
        whole_range = f"Every order of {form.date_from} to {form.date_to} that can go has its document"
        message = f"{whole_range}; nothing was written. {progress.sentence()}"
        return Completed(name="NothingToExport", message=message, data=progress)
    troubled = any(state.name in {"CompletedWithWarnings", "Differences"} for state in states)
    name = "CompletedWithWarnings" if troubled else "Completed"
    return Completed(name=name, message=progress.sentence(), data=progress)
