"""Backfill: the orders of a date range, through order-export, as work that steps back for the daily runs.

It begins with a forecast, and ends there unless it is told to go on. It uses the day's calls only down to the reserve;
then it is parked, and goes on from where it was when it is started again. Meanwhile, for two days, the daily runs leave
its orders to it.
"""

from datetime import date
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.endings import with_named_endings
from flows.order_export import order_export
from flows.parameters import ExportForm, Orders
from tasks.connections.connection import open_connection
from tasks.domain.budget import Work
from tasks.exporting.forecast import Forecast
from tasks.exporting.intake import let_go, take_in_hand
from tasks.forecasts import forecast_export
from tasks.ledger.governor import working
from tasks.policies import whole


def _form(parameters: dict[str, Any]) -> ExportForm:
    asked = {name: parameters[name] for name in ("connection", "orders", "order_date_from", "order_date_to")}
    return ExportForm(
        **asked, references=None, dry_run=parameters["dry_run"], retry_rejected=False, drafts_only=False
    )


def _run_name() -> str:
    return _form(runtime.flow_run.parameters).run_name("backfill")


@flow(name="backfill", flow_run_name=_run_name, persist_result=False, validate_parameters=True)
@with_named_endings
def backfill(
    order_date_from: date,
    order_date_to: date,
    connection: str = "sandbox",
    orders: Orders = Orders.both,
    dry_run: bool = True,
    spread_over_days: bool = False,
) -> State[Any]:
    """Export the orders of a date range. Orders that have their document already are not written again.

    Args:
        order_date_from: First order date, included.
        order_date_to: Last order date, included.
        connection: Name of the connection in connections.toml.
        orders: Customer orders (invoices), supplier orders (purchase orders or bills), or both.
        dry_run: Only say what it would cost in calls, minutes and days, and write nothing.
        spread_over_days: Go on although the day's calls will not do: the run is parked each day where the reserve
            begins, and goes on from there when it is started again.
    """
    parameters = {
        "connection": connection,
        "orders": orders,
        "order_date_from": order_date_from,
        "order_date_to": order_date_to,
    }
    form = _form(parameters | {"dry_run": dry_run}).checked()
    opened = open_connection(connection)
    opened.admitted()
    scope = form.scope(opened.settings.digest)
    with working(Work.backfill):
        told = forecast_export(connection, whole(scope), str(runtime.flow_run.id or "local"))
        if dry_run:
            return Completed(name="DryRun", message=f"{told.sentence()} Nothing was written.", data=told)
        if not told.fits_today and not spread_over_days:
            return _over_budget(told)
        take_in_hand(opened, order_date_from, order_date_to)
        state = order_export(**parameters, return_state=True)
        if state.is_completed() and state.name != "Parked":
            let_go(opened)
        return _same(state)


def _same(state: State[Any]) -> State[Any]:
    """The export's end as our own: Prefect would make one "Completed" or "Failed" of another run's state."""
    result = state.result(raise_on_failure=False)
    return State(type=state.type, name=state.name, message=state.message, data=result)


def _over_budget(told: Forecast) -> State[Any]:
    message = f"{told.sentence()} Nothing was written: choose a shorter range, or let it spread over days."
    return Completed(name="OverBudget", message=message, data=told)
