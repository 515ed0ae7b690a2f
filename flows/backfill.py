"""Backfill: a range of dates, chunk by chunk, through the other flows, as work that steps back for the daily runs.

It begins with a forecast, and ends there unless it is told to go on. It uses the day's calls only down to the reserve;
then it is parked, and goes on the next day by itself. Meanwhile, for two days, the daily runs leave its orders to it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.endings import with_named_endings
from flows.fanout import carry_out, go_on_at
from flows.forms import with_form
from flows.parameters import BackfillForm, ChangedRules, Orders, Subject
from tasks.backfilling.progress import Progress
from tasks.backfills import (
    apply_changed_rules,
    begin_progress,
    find_changed_rules,
    forecast_invoices,
    forecast_orders,
    forecast_reconciliation,
    leave_approved,
    measure,
    show_progress,
)
from tasks.connections.connection import Connection, open_connection
from tasks.documents import read_reference_data
from tasks.domain.budget import Work
from tasks.domain.errors import Parked
from tasks.domain.periods import Chunk
from tasks.exporting.forecast import Forecast
from tasks.exporting.intake import let_go, take_in_hand
from tasks.exporting.outcome import Calls
from tasks.exporting.remaking import Differing, in_money
from tasks.exporting.run import progress as bars
from tasks.ledger.governor import working
from tasks.policies import whole

# After the moment at which the day's calls are said to return.
A_LITTLE = timedelta(minutes=2)


@dataclass(frozen=True)
class Foreseen:
    """What a backfill was found to need, and the documents that the present rules would make otherwise."""

    forecast: Forecast
    differing: list[Differing]

    def to_change(self, choice: ChangedRules) -> list[Differing]:
        """The documents that a person lets be changed."""
        if choice is ChangedRules.leave:
            return []
        return [
            one for one in self.differing if not one.held and (one.is_drafted or choice is ChangedRules.all)
        ]

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


def _run_name() -> str:
    asked = runtime.flow_run.parameters
    return BackfillForm(**asked).run_name()


@with_form
@flow(name="backfill", flow_run_name=_run_name, persist_result=False, validate_parameters=True)
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
    with working(Work.backfill):
        try:
            found = _foresee(form, opened, run_id)
            if dry_run:
                return Completed(
                    name="DryRun", message=f"{found.sentence()} Nothing was written.", data=found
                )
            if not found.forecast.fits_today and not spread_over_days:
                return _over_budget(found)
            return _carry_out(form, opened, found, run_id)
        except Parked as reason:
            if dry_run:
                raise
            return _parked(str(reason), reason.resumes_at)


def _carry_out(form: BackfillForm, opened: Connection, found: Foreseen, run_id: str) -> State[Any]:
    """The chunks; before them, and only on a person's word, what changed rules would make otherwise."""
    if changed := found.to_change(form.changed_rules):
        apply_changed_rules(form.connection, whole(changed), run_id)
    state = _Work(form, opened, found.forecast, run_id).done()
    if changed and form.changed_rules is ChangedRules.drafts and state.name != "Parked":
        leave_approved(form.connection, whole(changed), run_id)
    return state


def _foresee(form: BackfillForm, opened: Connection, run_id: str) -> Foreseen:
    """What it will cost; of orders also what changed rules would make otherwise."""
    match form.what:
        case Subject.invoices:
            return Foreseen(forecast_invoices(form.connection, form.periods), [])
        case Subject.reconciliation:
            return Foreseen(forecast_reconciliation(form.connection, form.periods), [])
    scope = form.scope(opened.settings.digest)
    forecast = forecast_orders(form.connection, whole(scope), whole(form.periods), run_id)
    return Foreseen(forecast, find_changed_rules(form.connection, whole(scope)))


def _over_budget(found: Foreseen) -> State[Any]:
    message = f"{found.sentence()} Nothing was written: choose a shorter range, or let it spread over days."
    return Completed(name="OverBudget", message=message, data=found)


class _Work:
    """The chunks, and what is told of them while they are done."""

    def __init__(self, form: BackfillForm, opened: Connection, forecast: Forecast, run_id: str) -> None:
        self._form, self._opened, self._forecast, self._run_id = form, opened, forecast, run_id
        self._began, self._told = datetime.now(UTC), (0, 0)
        opened.backfills.begin(run_id, form.periods)
        if form.what is Subject.orders:
            take_in_hand(opened, form.date_from, form.date_to)
        before = Calls.so_far(opened)
        if forecast.documents:  # the chunks go by the lists as they are now
            fresh = read_reference_data.with_options(refresh_cache=True)
            fresh(opened.name, opened.organisation.tenant_id, opened.settings.digest)
        self._own = Calls.so_far(opened).since(before).xero.total()
        bars.get().expect("Chunks", len(form.periods))
        bars.get().expect("Calls to Xero", forecast.calls)
        begun = self._now()
        self._shown = begun.chunks
        self._artifact = begin_progress(form.connection, whole(begun))

    def done(self) -> State[Any]:
        """Do all chunks, and say how that ended."""
        states = list(carry_out(self._form, self._run_id, self._form.periods, self._tell))
        self._tell()
        progress = self._now()
        if any(state.name == "Parked" for state in states):
            stop = self._opened.today().stop
            until = datetime.fromtimestamp(stop.until, UTC) if stop else datetime.now(UTC)
            return _parked(stop.sentence if stop else "The day's calls were used up.", until, progress)
        if progress.done < len(progress.chunks):
            return _incomplete(progress, states)
        if self._form.what is Subject.orders:
            let_go(self._opened)
        return _completed(self._form, progress, states)

    def _now(self) -> Progress:
        return measure(self._opened, self._run_id, self._forecast, self._began, self._own)

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


def _parked(why: str, until: datetime, progress: Progress | None = None) -> State[Any]:
    """Where a deployment started it, its next run is scheduled."""
    when = until + A_LITTLE
    then = "it goes on by itself" if go_on_at(when) else "a run goes on from here"
    told = f" {progress.sentence()}" if progress else ""
    message = f"{why} At {when:%Y-%m-%d %H:%M} UTC {then}.{told}"
    return Completed(name="Parked", message=message, data=Waits(progress, when))


def _incomplete(progress: Progress, states: list[State[Any]]) -> State[Any]:
    """Some chunks failed: the next run does those, and only those."""
    named = next((state.name for state in states if state.name == "NeedsConsent"), "Incomplete")
    troubled = "; ".join(f"{chunk.period}: {chunk.sentence}" for chunk in progress.troubled[:3])
    message = (
        f"Not all is done. {troubled} Retry this run: what is done is not done again. {progress.sentence()}"
    )
    return Failed(name=named, message=message, data=progress)


def _completed(form: BackfillForm, progress: Progress, states: list[State[Any]]) -> State[Any]:
    if form.what is Subject.orders and not progress.documents:
        whole_range = f"Every order of {form.date_from} to {form.date_to} that can go has its document"
        message = f"{whole_range}; nothing was written. {progress.sentence()}"
        return Completed(name="NothingToExport", message=message, data=progress)
    troubled = any(state.name in {"CompletedWithWarnings", "Differences"} for state in states)
    name = "CompletedWithWarnings" if troubled else "Completed"
    return Completed(name=name, message=progress.sentence(), data=progress)
