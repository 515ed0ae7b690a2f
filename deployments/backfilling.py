"""A backfill in the terminal: its forecast, a bar for chunks and calls, and the days that it waits for."""

import time
from datetime import UTC, datetime
from typing import Any

from prefect import tags
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deployments.display import Bars, show_forecast
from flows.backfill import Foreseen, Waits, backfill
from flows.fanout import GOES_ON
from tasks.backfilling.progress import Progress
from tasks.exporting.run import showing

LOOKS_EVERY = 60.0
SHOWN = 25


def run(console: Console, **parameters: Any) -> Any:
    """Run the flow here; where it is parked and may be spread over days, stay and go on when the day's calls return."""
    goes_on: list[str] = []
    while True:
        with Bars(console) as bars, showing(bars), tags(*goes_on):
            state = backfill(**parameters, return_state=True)
        result = state.result(raise_on_failure=False)
        match result:
            case Foreseen():
                show_foreseen(console, result)
            case Waits():
                if result.progress:
                    show_progress(console, result.progress)
                if parameters["spread_over_days"]:
                    goes_on = [GOES_ON + result.backfill_id]
                    _wait(console, result.until)
                    continue
            case Progress():
                show_progress(console, result)
        return state


def show_foreseen(console: Console, found: Foreseen) -> None:
    """What it will cost, and what changed rules would make otherwise."""
    show_forecast(console, found.forecast)
    if not found.differing:
        return
    names = ("order", "document", "status", "differs in", "total by", "stays")
    table = Table(title="Made otherwise by the present rules", title_justify="left")
    for name in names:
        table.add_column(name, overflow="fold", justify="right" if name == "total by" else "left")
    for one in found.differing[:SHOWN]:
        row = one.row()
        table.add_row(*(escape(row[name]) for name in names))
    if len(found.differing) > SHOWN:
        table.caption = f"and {len(found.differing) - SHOWN:,} more"
    console.print(table)
    console.print("`--changed-rules drafts` (or `all`) changes them.")


def show_progress(console: Console, progress: Progress) -> None:
    """The chunks, each with what happened."""
    table = Table(title="Backfill", title_justify="left")
    for name, side in (("dates", "left"), ("state", "left"), ("documents", "right"), ("calls", "right")):
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    for chunk in progress.chunks:
        table.add_row(str(chunk.period), chunk.stage.value, f"{chunk.documents:,}", f"{chunk.calls:,}")
    console.print(table)
    console.print(progress.sentence(), markup=False, highlight=False)


def _wait(console: Console, until: datetime) -> None:
    """Stay until the day's calls return; whoever ends the command here can start it again at any time."""
    console.print(
        f"The day's calls are used up; it goes on at {until:%Y-%m-%d %H:%M} UTC. Ctrl-C ends it here."
    )
    while (left := (until - datetime.now(UTC)).total_seconds()) > 0:
        time.sleep(min(left, LOOKS_EVERY))
