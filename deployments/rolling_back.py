"""The part of the `monstock-xero` command that takes back what a run made."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deployments.display import Bars
from deployments.person import who
from flows.rollback import rollback
from tasks.exporting.rolled_back import RolledBack
from tasks.exporting.run import showing

SHOWN = 50


def run(console: Console, wanted: str, connection: str, *, go: bool) -> Any:
    """Run the flow rollback here, and show what it came to."""
    with Bars(console) as bars, showing(bars):
        state: Any = rollback(wanted, connection, not go, who() if go else "", return_state=True)
    result = state.result(raise_on_failure=False)
    if isinstance(result, RolledBack):
        show(console, result)
        console.print(str(state.message), markup=False, highlight=False)
    return state


def show(console: Console, outcome: RolledBack) -> None:
    """A row for each thing that the run did, what stays first."""
    rows = outcome.table()
    everything = outcome.file or "the artifact in Prefect"
    title = "What would happen" if outcome.dry_run else "What happened"
    table = Table(*rows[0], title=title, title_justify="left")
    for row in rows[:SHOWN]:
        table.add_row(*(escape(str(value)) for value in row.values()))
    if len(outcome.lines) > SHOWN:
        table.caption = f"and {len(outcome.lines) - SHOWN:,} more; {escape(str(everything))} has them"
    console.print(table)
