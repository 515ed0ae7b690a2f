"""What differs between the two systems, as the last reconciliation left it: listed, accepted, opened again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deployments.person import who
from tasks.connections.settings import connection_settings, ledger_url, load
from tasks.domain.discrepancies import MEANINGS, DiscrepancyKind, Life
from tasks.ledger.database import Database
from tasks.ledger.discrepancies import Discrepancies
from tasks.reconciling.night import Night

app = typer.Typer(help=__doc__)
console = Console()

SHOWN = 50
Name = Annotated[str, typer.Option("--connection", "-c", help="Name of the connection in connections.toml.")]
Id = Annotated[str, typer.Argument(help="Its id, as the list and the report show it.")]


@app.callback(invoke_without_command=True)
def discrepancies(
    context: typer.Context,
    connection: Annotated[str | None, typer.Option("--connection", "-c", help="One; default: all.")] = None,
    accepted: Annotated[bool, typer.Option("--accepted", help="Those that were accepted, with why.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = SHOWN,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, all of them.")] = False,
) -> None:
    """List what differs, the oldest first: kind, both sides, cause, and what ends it."""
    if context.invoked_subcommand:
        return
    states = [Life.accepted] if accepted else [Life.open, Life.seen]
    rows: list[Any] = []
    for name in [connection] if connection else sorted(load().connections):
        with _opened(name) as ledger:
            rows += ledger.listed(states)
    if as_json:
        typer.echo(msgspec.json.encode([dict(row._mapping) for row in rows], enc_hook=str).decode())
        return
    if not rows:
        console.print(
            "Nothing was accepted." if accepted else "Nothing differs, as far as the last night looked."
        )
        return
    console.print(_table(rows[:limit], accepted=accepted))
    if len(rows) > limit:
        console.print(f"{len(rows) - limit:,} more; --limit shows them, the report has all.")
    for kind in dict.fromkeys(row.kind for row in rows[:limit]):
        console.print(Text(f"{kind}: {MEANINGS[DiscrepancyKind(kind)].advice}"))


@app.command()
def accept(
    id_: Id, reason: Annotated[str, typer.Argument(help="Why it may stand.")], connection: Name = "sandbox"
) -> None:
    """Let one stand as it is: it stays known and quiet until either side says something else."""
    with _opened(connection) as ledger:
        ledger.accept(id_, reason, who())
    typer.echo(f"{id_} is accepted.")


@app.command("reopen")
def reopen(id_: Id, connection: Name = "sandbox") -> None:
    """Take back that one was accepted."""
    with _opened(connection) as ledger:
        ledger.reopen(id_, who())
    typer.echo(f"{id_} is open again.")


def show_night(console: Console, night: Night) -> None:
    """The kinds that were found, and how often."""
    table = Table(title="Discrepancies", title_justify="left")
    for name in ("kind", "open", "seen", "accepted", "repaired", "gone"):
        table.add_column(name, justify="left" if name == "kind" else "right")
    counts = night.discrepancies.groupby(["kind", "state"]).size().unstack(fill_value=0)
    for kind, row in counts.iterrows():
        table.add_row(str(kind), *(f"{row.get(life.value, 0):,}" for life in Life))
    if len(counts):
        console.print(table)
    for made in night.repairs.itertuples():
        name = str(made.order) or str(made.number)
        console.print(Text(f"{made.repair}: {name} ({made.kind}): {made.outcome}"))


def _table(rows: list[Any], *, accepted: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in (
        "id",
        "kind",
        "order, document",
        "Monstock",
        "Xero",
        "why accepted" if accepted else "cause",
        "since",
    ):
        table.add_column(name, overflow="fold", no_wrap=name in {"id", "since"})
    for row in rows:
        called = " ".join(filter(None, [row.reference, row.number])) or row.document_id or ""
        why = f"{row.reason} ({row.decided_by or 'settled'})" if accepted else row.cause
        facts = (row.id, row.kind, called, row.ours, row.theirs, why, f"{row.since:%Y-%m-%d}")
        table.add_row(*map(Text, facts))
    return table


@contextmanager
def _opened(name: str) -> Iterator[Discrepancies]:
    """The discrepancies of a connection; the ledger is all that is needed."""
    settings, database = connection_settings(name), Database(ledger_url())
    try:
        yield Discrepancies(database, name, settings.digest)
    finally:
        database.close()
