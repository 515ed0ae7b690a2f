"""The audit trail: every write, and every decision about an order."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console

from deployments.person import who
from deployments.trail_rows import readable, show_rows, text_of
from tasks.connections.connection import bodies_kept_since
from tasks.connections.settings import ConnectionSettings, connection_settings, ledger_url, load
from tasks.domain.errors import LedgerError
from tasks.ledger import forgetting
from tasks.ledger.database import Database
from tasks.ledger.orders import Orders
from tasks.ledger.trail import Trail
from tasks.ledger.verifying import Verification, known

app = typer.Typer(no_args_is_help=True, help=__doc__)
console = Console()

SHOWN = 100
# For what left the settings file, which said its own.
DEFAULT_YEARS: int = ConnectionSettings.model_fields["keep_bodies_years"].default
Name = Annotated[str, typer.Option("--connection", "-c", help="Name of the connection in connections.toml.")]
AnyName = Annotated[str | None, typer.Option("--connection", "-c", help="One connection; default: all.")]
Heads = Annotated[
    list[str] | None,
    typer.Option("--head", metavar="NUMBER:CODE", help="A head that a run has published; may be repeated."),
]


@app.command()
def verify(connection: AnyName = None, head: Heads = None) -> None:
    """Find every row that was changed, removed, cut off or put in. Ends with 1 if there is one."""
    published = list(map(_head, head or ()))
    with _audited(connection) as trails:
        if published and len(trails) > 1:
            raise typer.BadParameter("a head belongs to one connection: name it", param_hint="--connection")
        broken = sum(_verify(one, published) for one in trails)
    if broken:
        raise typer.Exit(1)


@app.command()
def show(
    order: str,
    connection: Name = "sandbox",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with everything.")] = False,
) -> None:
    """The rows of one order, by its reference or id, the newest last, with request and answer."""
    with _audited(connection) as [audited]:
        rows = _rows(audited, order)
    if as_json:
        typer.echo(text_of(rows))
        return
    if not rows:
        said = f"Nothing was written or decided about an order {order} on connection {connection}."
        console.print(said, markup=False, highlight=False)
    show_rows(console, rows)


@app.command()
def erase(
    contact: Annotated[str, typer.Argument(help="The contact's id in Monstock.")],
    reason: Annotated[
        str, typer.Option(help="Why; kept for ever, so name no person in it.", prompt="Why (kept for ever)")
    ],
    connection: Name = "sandbox",
) -> None:
    """Empty what the trail holds about one contact and its orders. The chain stays whole."""
    with _audited(connection) as [audited]:
        done = forgetting.erase(audited.trail, contact, reason, who())
    console.print(
        f"{done.contents:,} contents about contact {contact} and its {done.orders:,} orders are empty."
    )
    if done.waiting:
        console.print(
            f"Not settled yet, and kept until they are: {', '.join(done.waiting)}. "
            "Settle or cancel them, then erase once more.",
            markup=False,
        )


@app.command()
def expire(connection: AnyName = None) -> None:
    """Empty contents that are older than keep_bodies_years; every export does so too."""
    with _audited(connection) as trails:
        for one in trails:
            since = bodies_kept_since(datetime.now(UTC), one.years)
            count = forgetting.expire(one.trail, since, f"person: {who()}")
            console.print(f"{one.name}: {count:,} contents from before {since:%Y-%m-%d} are empty.")


class Audited(NamedTuple):
    """The trail of one connection, and for how many years its contents are kept."""

    trail: Trail
    years: int

    @property
    def name(self) -> str:
        """The connection's."""
        return self.trail.connection


@contextmanager
def _audited(wanted: str | None) -> Iterator[list[Audited]]:
    """The trail of one connection, or all: those in the settings file, and those that left it but not the ledger.

    Raises `SettingsError` where neither knows the wanted one.
    """
    given, database = load().connections, Database(ledger_url())
    try:
        left = known(database) - set(given)
        names = [wanted] if wanted else sorted({*given, *left})
        yield [
            Audited(
                Trail(database, name),
                DEFAULT_YEARS if name in left else connection_settings(name).keep_bodies_years,
            )
            for name in names
        ]
    finally:
        database.close()


def _verify(audited: Audited, published: Sequence[tuple[int, str]]) -> int:
    """Print what is wrong with a connection's trail; returns how much that is."""
    walk, broken = Verification(audited.trail, published), 0
    for found in walk.breaks():
        broken += 1
        if broken <= SHOWN:
            console.print(f"[red]{found.what}[/red]: {found.sentence}", soft_wrap=True, highlight=False)
    if broken > SHOWN:
        console.print(f"and {broken - SHOWN:,} more.")
    said = f"found broken: {broken:,}" if broken else "the chain is whole"
    head = f"head {walk.head}" if walk.head and walk.head.number else "no head"
    console.print(
        f"{audited.name}: {walk.rows:,} rows checked, {said}; {head}.", soft_wrap=True, highlight=False
    )
    return broken


def _head(text: str) -> tuple[int, str]:
    number, colon, mac = text.partition(":")
    if not (number.isdigit() and colon and len(mac) == 64):
        raise typer.BadParameter(
            f"{text}: a head is NUMBER:CODE, as a run's artifact shows it", param_hint="--head"
        )
    return int(number), mac.lower()


def _rows(audited: Audited, order: str) -> list[dict[str, Any]]:
    """An order's rows as they are shown. Raises `LedgerError` where the ledger knows no such order."""
    found = Orders(audited.trail.database, audited.name).find(order)
    if not found:
        raise LedgerError(f'Connection {audited.name} knows no order "{order}".')
    return readable(audited.trail.of([(row.kind, row.order_id) for row in found]))
