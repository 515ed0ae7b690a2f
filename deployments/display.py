"""What people see in the terminal: progress bars and tables."""

import time
from types import TracebackType
from typing import Self

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from tasks.exporting.forecast import Forecast
from tasks.exporting.outcome import COLUMNS, Outcome
from tasks.exporting.preview import Preview
from tasks.importing.outcome import ImportOutcome
from tasks.ledger.trail import told

PATIENCE = 2.0
SHOWN = 25


class Bars:
    """A bar for each step, shown once the work has taken two seconds."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._ids: dict[str, TaskID] = {}
        self._begun = time.monotonic()
        self._shown = False

    def expect(self, step: str, more: int) -> None:
        """So much more is to be done in a step."""
        bar = self._bar(step)
        self._bars.update(bar, total=(self._bars.tasks[bar].total or 0) + more)

    def advance(self, step: str, by: int) -> None:
        """So much of a step is done; where nobody knows how much there is, the bar only moves."""
        self._bars.update(self._bar(step), advance=by)

    def _bar(self, step: str) -> TaskID:
        if step not in self._ids:
            self._ids[step] = self._bars.add_task(step, total=None)
        if not self._shown and time.monotonic() - self._begun > PATIENCE:
            self._bars.start()
            self._shown = True
        return self._ids[step]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._bars.stop()


def show_outcome(console: Console, outcome: Outcome, state: str, seconds: float) -> None:
    """The run as a table, then what a person has to look at."""
    table = Table(title="Order export", title_justify="left")
    names = [*COLUMNS, "before cut-over"]
    table.add_column("orders")
    for name in names:
        table.add_column(name, justify="right")
    for row in outcome.rows:
        table.add_row(row["kind"], *(f"{row[name]:,}" for name in names))
    console.print(table)
    console.print(
        f"{outcome.calls} calls to Xero (least possible {outcome.least_calls}), "
        f"{outcome.monstock_calls} to Monstock, {seconds:.1f} seconds."
    )
    console.print(outcome.trail(), highlight=False, soft_wrap=True)
    if outcome.left:
        console.print(outcome.told_of_left(), highlight=False)
    elif state != "Parked" and not any(map(outcome.total, ("exported", "updated", "waiting"))):
        console.print("Nothing new was exported: every order that can go has its document already.")
    if outcome.problems:
        console.print(_problems(outcome.problems))
    if outcome.warnings:
        console.print(f"{len(outcome.warnings)} exported with a warning; the report names them.")


def show_forecast(console: Console, told: Forecast) -> None:
    """What a piece of work will cost."""
    table = Table(title="Forecast", title_justify="left")
    table.add_column("what")
    table.add_column("how much", justify="right")
    for what, much in told.rows():
        table.add_row(what, much)
    console.print(table)
    console.print(told.sentence())


def show_preview(console: Console, preview: Preview) -> None:
    """A dry run: each request as it would be sent, and the predicted totals."""
    for request in preview.requests:
        console.print(f"[bold]{request['method']} {request['path']}[/bold]")
        console.print(msgspec.json.format(request["body"], indent=1), markup=False)
    table = Table(title="Predicted totals", title_justify="left")
    for name in ("order", "number", "net", "tax", "total", "currency"):
        table.add_column(name, justify="right" if name in {"net", "tax", "total"} else "left")
    for row in preview.totals:
        table.add_row(*row.values())
    console.print(table)
    for row in preview.held:
        console.print(escape(f"held: {row['kind']} order {row['order']}: {row['what']} {row['advice']}"))
    console.print(f"{len(preview.requests)} requests would be sent; nothing was written.")


def _problems(problems: list[dict[str, str]]) -> Table:
    table = Table(title="Held or rejected: what to do", title_justify="left", show_lines=True)
    for name in ("order", "cause", "what", "advice"):
        table.add_column(name, overflow="fold")
    for row in problems[:SHOWN]:
        table.add_row(*(escape(row[name]) for name in ("order", "cause", "what", "advice")))
    if len(problems) > SHOWN:
        table.caption = f"and {len(problems) - SHOWN} more, in the report"
    return table


def show_import(console: Console, outcome: ImportOutcome) -> None:
    """What was read, and what it came to."""
    table = Table("stream", "rows read", "changed")
    for row in outcome.table():
        table.add_row(*row.values())
    console.print(table)
    console.print(outcome.sentence(), markup=False, highlight=False)
    console.print(told(outcome.connection, outcome.trail_head), markup=False, highlight=False)
