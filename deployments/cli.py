"""The `monstock-xero` command."""

import json
import re
import sys
import time
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from deployments import auditing, discrepancies, inbox, keeping, listening
from deployments.loopback import PORT
from deployments.person import who
from tasks.connections.connection import Connection, close_all, open_connection
from tasks.connections.places import line_of
from tasks.connections.settings import ledger_url, load, settings_file
from tasks.domain.errors import MonstockXeroError
from tasks.ledger.database import Database

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(auditing.app, name="audit")
app.add_typer(inbox.app, name="inbox")
app.add_typer(discrepancies.app, name="discrepancies")
for command in (keeping.upgrade, keeping.backup, keeping.restore, listening.receive, listening.follow):
    app.command()(command)
console = Console()

Name = Annotated[str, typer.Option("--connection", "-c", help="Name of the connection in connections.toml.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="An order date, included.")]


@app.command()
def check(
    connection: Annotated[str | None, typer.Option("--connection", "-c", help="One; else all.")] = None,
) -> None:
    """Validate settings, accounts and rules, list what is unmapped, and say how the live way stands. Writes nothing."""
    from tasks.exporting.checking import check as look_over
    from tasks.listening.state import state

    wrong = 0
    console.print(f"Settings: {settings_file()}")
    for name in [connection] if connection else sorted(load().connections):
        opened = _opened(name)
        for found in chain(look_over(opened), state(opened)):
            wrong += not found.holds
            sign = "[green]ok[/green]   " if found.holds else "[red]wrong[/red]"
            console.print(f"{sign} {escape(_with_line(found.place))}: ", end="")
            console.print(found.sentence, markup=False)
            if found.suggestion:
                console.print(
                    "\n".join(f"        {line}" for line in found.suggestion.splitlines()), markup=False
                )
    if wrong:
        console.print(f"{wrong} things to look at.")
        raise typer.Exit(1)
    console.print("All is well.")


@app.command()
def export(
    connection: Name = "sandbox",
    orders: Annotated[str, typer.Option(help="both, customer or supplier")] = "both",
    date_from: Day = None,
    date_to: Day = None,
    reference: Annotated[list[str] | None, typer.Option(help="Only this order; may be repeated.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show requests and totals; write nothing.")
    ] = False,
    retry_rejected: Annotated[
        bool, typer.Option("--retry-rejected", help="Also what Xero was asked in vain.")
    ] = False,
    drafts_only: Annotated[
        bool,
        typer.Option("--drafts-only", help="Change nothing that is approved in Xero, and delete no draft."),
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write the report here (HTML; JSON of a dry run).")
    ] = None,
) -> None:
    """Export orders to Xero: the flow order-export, with the same parameters."""
    from deployments.display import Bars, show_outcome, show_preview
    from deployments.report import write_report
    from flows.order_export import order_export
    from tasks.exporting.outcome import Outcome
    from tasks.exporting.preview import Preview
    from tasks.exporting.run import showing

    begun = time.monotonic()
    with Bars(console) as bars, showing(bars):
        state: Any = order_export(
            connection=connection,
            orders=_orders(orders),
            order_date_from=date_from.date() if date_from else None,
            order_date_to=date_to.date() if date_to else None,
            references=reference or None,
            dry_run=dry_run,
            retry_rejected=retry_rejected,
            drafts_only=drafts_only,
            return_state=True,
        )
    seconds = time.monotonic() - begun
    result = state.result(raise_on_failure=False)
    if isinstance(result, Outcome):
        show_outcome(console, result, seconds)
        if report:
            organisation = open_connection(connection).organisation.tenant_name
            write_report(report, result, connection, organisation, seconds)
    elif isinstance(result, Preview):
        show_preview(console, result)
        if report:
            shown = {"requests": result.requests, "totals": result.totals, "held": result.held}
            report.write_text(json.dumps(shown, indent=1), "utf-8")
    _end(state)


@app.command("import")
def import_(
    connection: Name = "sandbox",
    open_documents: Annotated[
        bool, typer.Option("--open-documents", help="Also look at every open document again.")
    ] = False,
) -> None:
    """Show on orders what became of their documents in Xero: the flow invoice-import."""
    from deployments.display import Bars, show_import
    from flows.invoice_import import invoice_import
    from tasks.exporting.run import showing
    from tasks.importing.outcome import ImportOutcome

    with Bars(console) as bars, showing(bars):
        state: Any = invoice_import(connection=connection, open_documents=open_documents, return_state=True)
    result = state.result(raise_on_failure=False)
    if isinstance(result, ImportOutcome):
        show_import(console, result)
    _end(state)


@app.command()
def reconcile(
    connection: Name = "sandbox",
    date_from: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First date of a period, included."),
    ] = None,
    date_to: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last date, included.")
    ] = None,
    repair: Annotated[str, typer.Option(help="none, safe or all")] = "none",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be repaired.")] = False,
) -> None:
    """Compare both systems to the cent, and repair what differs where that is wished: the flow reconciliation."""
    from deployments.discrepancies import show_night
    from deployments.display import Bars
    from flows.parameters import Repairs
    from flows.reconciliation import reconciliation
    from tasks.exporting.run import showing
    from tasks.reconciling.night import Night

    if repair not in Repairs.__members__:
        raise typer.BadParameter(f"{repair}: choose {', '.join(Repairs.__members__)}", param_hint="--repair")
    with Bars(console) as bars, showing(bars):
        state: Any = reconciliation(
            connection=connection,
            date_from=date_from.date() if date_from else None,
            date_to=date_to.date() if date_to else None,
            repair=Repairs[repair],
            dry_run=dry_run,
            return_state=True,
        )
    result = state.result(raise_on_failure=False)
    if isinstance(result, Night):
        show_night(console, result)
        console.print(str(state.message), markup=False, highlight=False)
    _end(state)


@app.command()
def forecast(
    connection: Name = "sandbox",
    orders: Annotated[str, typer.Option(help="both, customer or supplier")] = "both",
    date_from: Day = None,
    date_to: Day = None,
) -> None:
    """Say what an export would cost before it begins: calls, minutes, share of the day, days. Xero stays as it is."""
    from deployments.display import show_forecast
    from flows.parameters import ExportForm
    from tasks.exporting.forecast import foresee

    first, last = date_from and date_from.date(), date_to and date_to.date()
    form = ExportForm(
        connection, _orders(orders), first, last, None, dry_run=True, retry_rejected=False, drafts_only=False
    )
    opened = _opened(connection)
    show_forecast(console, foresee(opened, form.checked().scope(opened.settings.digest), "forecast"))


@app.command()
def backfill(
    date_from: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First date, included.")],
    date_to: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last date, included.")],
    connection: Name = "sandbox",
    what: Annotated[str, typer.Option(help="orders, invoices or reconciliation")] = "orders",
    chunk: Annotated[str, typer.Option(help="How much a run does: day, week or month.")] = "month",
    orders: Annotated[str, typer.Option(help="both, customer or supplier")] = "both",
    go: Annotated[bool, typer.Option("--go", help="Do it; else only the forecast.")] = False,
    spread_over_days: Annotated[
        bool, typer.Option("--spread-over-days", help="Though the day's calls will not do: goes on each day.")
    ] = False,
    changed_rules: Annotated[
        str, typer.Option(help="Documents made under other rules: leave, drafts or all.")
    ] = "leave",
) -> None:
    """Do a range of dates as work that steps back for the daily runs: the flow backfill."""
    from deployments.backfilling import run
    from flows.parameters import ChangedRules, Subject
    from tasks.domain.periods import Chunk

    state = run(
        console,
        date_from=date_from.date(),
        date_to=date_to.date(),
        connection=connection,
        what=_choice(Subject, what, "--what"),
        chunk=_choice(Chunk, chunk, "--chunk"),
        orders=_orders(orders),
        dry_run=not go,
        spread_over_days=spread_over_days,
        changed_rules=_choice(ChangedRules, changed_rules, "--changed-rules"),
    )
    _end(state)


@app.command()
def rollback(
    run: Annotated[str, typer.Argument(help="The run: its id, the beginning of that, or its name.")],
    connection: Name = "sandbox",
    go: Annotated[bool, typer.Option("--go", help="Do it; else only show what would happen.")] = False,
) -> None:
    """Take back what one export or backfill run made in Xero: the flow rollback."""
    from deployments import rolling_back

    _end(rolling_back.run(console, run, connection, go=go))


@app.command()
def connect(
    name: Annotated[str, typer.Argument(help="Name of the connection in connections.toml.")],
    organisation: Annotated[
        str | None, typer.Option(help="Its name or tenant id in Xero; else you are asked.")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where the browser's answer is awaited.")
    ] = PORT,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Join a connection to an organisation in Xero, which is named before anything is kept."""
    from deployments import connecting

    connecting.connect(_opened(name), organisation, console, port=port, browser=not no_browser)


@app.command()
def disconnect(
    name: Annotated[str, typer.Argument(help="Name of the connection in connections.toml.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """End a connection at Xero; the consent with the last connection that uses it."""
    from deployments import connecting

    connecting.disconnect(_opened(name), console, sure=yes)


@app.command("rotate-key")
def rotate_key() -> None:
    """Seal the ledger's secrets under a new key."""
    from tasks.ledger.keyring import KEY_VARIABLE, Keyring, from_environment, key_file

    database = Database(ledger_url())
    count = Keyring(database).rotate()
    database.close()
    rest = f"Now take the old one out of {KEY_VARIABLE}, everywhere."
    if not from_environment():
        rest = f"It lies in {key_file()}: copy it to every other machine that uses this ledger."
    console.print(f"{count} secrets are sealed under the new key. {rest}", soft_wrap=True, highlight=False)


@app.command()
def link(reference: str, document: str, connection: Name = "sandbox") -> None:
    """Join a held order to a document in Xero, by the document's number or id."""
    from tasks.exporting import deciding

    console.print(deciding.link(_opened(connection), reference, document, who()))


@app.command()
def unlink(reference: str, document: str, connection: Name = "sandbox") -> None:
    """Part an order from a document that was joined to it, by the document's number or id."""
    from tasks.exporting import deciding

    console.print(deciding.unlink(_opened(connection), reference, document, who()))


@app.command()
def send(reference: str, connection: Name = "sandbox") -> None:
    """Export an order that is held as perhaps invoiced by hand, or whose document was removed."""
    from tasks.exporting import deciding

    console.print(deciding.send(_opened(connection), reference, who()))


@app.command()
def take(reference: str, whose: str, connection: Name = "sandbox") -> None:
    """Order and document differ: let the document stand (theirs), or overwrite it with the order (ours)."""
    from tasks.exporting import deciding

    console.print(deciding.take(_opened(connection), reference, whose, who()))


@app.command()
def sandbox(
    state: Annotated[
        Path | None, typer.Option(help="Folder to keep the state in; else it is gone at the end.")
    ] = None,
    monstock_port: int = 8401,
    xero_port: int = 8402,
    seed: Annotated[bool, typer.Option(help="Begin with the demo's orders.")] = True,
    limits: Annotated[bool, typer.Option(help="Hold the call limits of both systems.")] = True,
) -> None:
    """Start both systems as sandboxes on loopback, until Ctrl-C."""
    from deployments.sandbox.server import run

    console.print(
        f"Monstock: http://127.0.0.1:{monstock_port}/v1   Xero: http://127.0.0.1:{xero_port}/api.xro/2.0"
    )
    console.print("What can be done to them: GET /sandbox on either.")
    run(state, monstock_port, xero_port, seed=seed, limits=limits)


@app.command()
def demo(
    folder: Path = Path(".demo"), clean: Annotated[bool, typer.Option(help="Only start over.")] = False
) -> None:
    """Export the sandbox's orders and show what happened; leaves nothing running."""
    from deployments import demo as show

    show.clean(folder) if clean else show.run(folder, console)


@app.command()
def up(folder: Path = Path(".up")) -> None:
    """Start sandboxes, Prefect server and the process that runs flows, and leave them running."""
    from deployments import demo as show

    show.up(folder, console)


@app.command()
def down(folder: Path = Path(".up")) -> None:
    """End what `up` started."""
    from deployments.stack import Stack

    stopped = Stack(folder.resolve()).stop_left()
    console.print("Everything is stopped." if stopped else "Nothing was running.")


@app.command()
def deployments() -> None:
    """Print prefect.yaml for the connections in connections.toml: every flow for each of them."""
    from deployments.definitions import rendered

    typer.echo(rendered(load()), nl=False)


def _orders(name: str) -> Any:
    from flows.parameters import Orders

    return _choice(Orders, name, "--orders")


def _choice(choices: Any, name: str, option: str) -> Any:
    """One of an enumeration, by its short name."""
    if name not in choices.__members__:
        raise typer.BadParameter(f"{name}: choose {', '.join(choices.__members__)}", param_hint=option)
    return choices[name]


def _end(state: Any) -> None:
    """Say how a run ended. A failed one ends the command with 1, one that left something with 3."""
    if state.is_failed() or state.is_crashed():
        console.print(f"[red]The run failed.[/red] {escape(str(state.message))}", highlight=False)
        raise typer.Exit(1)
    console.print(f"State: {state.name}")
    if state.name in {"Parked", "OverBudget"}:
        console.print(str(state.message), markup=False, highlight=False)
    if state.name in {"Parked", "OverBudget", "PartlyRolledBack"}:
        raise typer.Exit(3)


def _with_line(place: str) -> str:
    """A dotted place of the settings with its line in the file, as far as it stands there."""
    path = [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", place)]
    line = line_of(settings_file().read_text("utf-8-sig"), path) if path[0] == "connections" else None
    return f"{place} (line {line})" if line else place


def _opened(name: str) -> Connection:
    """A connection, with its secrets wherever they lie."""
    import tasks.secrets  # noqa: F401 - says how Prefect Secret blocks are read

    return open_connection(name)


def main() -> None:
    """Run a command; an error of ours is a sentence, not a traceback."""
    try:
        app()
    except MonstockXeroError as error:
        Console(stderr=True).print(str(error), style="red", markup=False, highlight=False)
        sys.exit(1)
    finally:
        close_all()


if __name__ == "__main__":
    main()
