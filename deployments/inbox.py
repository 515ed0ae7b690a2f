"""What waits for a person: everything held, rejected, unmatched or in conflict, the oldest trouble first."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import msgspec
import typer
from rich.console import Console

from deployments.inbox_display import show_items, show_story
from deployments.person import who
from deployments.trail_rows import readable, text_of
from tasks.connections.settings import connection_settings, ledger_url, load
from tasks.domain.errors import MonstockXeroError
from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause
from tasks.ledger.database import Database
from tasks.ledger.inbox import Inbox
from tasks.ledger.items import Item, Subject, Wanted
from tasks.ledger.lookup import Named, the_one
from tasks.ledger.retrying import Retried
from tasks.ledger.retrying import retry as put_back
from tasks.ledger.skipping import skip as take_out
from tasks.ledger.story import story

app = typer.Typer(help=__doc__)
console = Console()

SHOWN = 50
KINDS = {
    **{kind.value: Wanted(kinds=(kind,)) for kind in Kind},
    **{subject.value: Wanted(subjects=(subject,)) for subject in Subject},
}
Connections = Annotated[
    str | None, typer.Option("--connection", "-c", help="One connection; default: all of the settings file.")
]
CauseName = Annotated[
    str | None, typer.Option("--cause", help='As the inbox names it: "tax rate not mapped".')
]
First = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], help="In trouble since this day or later (UTC)."),
]
Last = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], help="In trouble since this day or earlier (UTC)."),
]
KindName = Annotated[str | None, typer.Option("--kind", help=f"Only one of: {', '.join(KINDS)}.")]
Skipped = Annotated[bool, typer.Option("--skipped", help="What was taken out of the inbox.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Reference = Annotated[str, typer.Argument(help="An order's reference or id, a document's number or id.")]


class NothingToRetry(MonstockXeroError):
    """What a person names is in no trouble."""


@app.callback(invoke_without_command=True)
def inbox(
    context: typer.Context,
    connection: Connections = None,
    cause: CauseName = None,
    first: First = None,
    last: Last = None,
    kind: KindName = None,
    skipped: Skipped = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help=f"At most so many; default: {SHOWN}, and all with --json.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List everything held, rejected, unmatched or in conflict: cause, advice, since when, how often tried."""
    if context.invoked_subcommand:
        _refuse_lost_options(context)
        return
    wanted = _wanted(cause, first, last, kind, skipped=skipped)
    with _opened(connection) as ledger:
        found = Inbox(ledger.database, ledger.names)
        if as_json:
            _write_array(found.items(wanted, limit))
            return
        total, causes = found.counts(wanted)
        items = list(found.items(wanted, limit or SHOWN))
    show_items(console, items, total, causes, skipped=skipped)


@app.command()
def retry(
    reference: Annotated[
        str | None, typer.Argument(help="An order's reference or id, a document's number or id.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that the filters leave.")] = False,
    connection: Connections = None,
    cause: CauseName = None,
    first: First = None,
    last: Last = None,
    kind: KindName = None,
    skipped: Skipped = False,
    as_json: AsJson = False,
) -> None:
    """Look at it anew with the next run; what was skipped comes back. What succeeds leaves the inbox by itself."""
    wanted = _wanted(cause, first, last, kind, skipped=skipped)
    if everything is (reference is not None):
        raise typer.BadParameter("name one, or give --all", param_hint="REFERENCE")
    if reference and (cause or first or last or skipped):
        raise typer.BadParameter("--cause, --from, --to and --skipped go with --all", param_hint="REFERENCE")
    with _opened(connection) as ledger:
        if reference:
            done = _retry_one(ledger, the_one(ledger.database, ledger.names, reference, wanted), wanted)
        else:
            done = _retry_all(ledger, wanted)
    if as_json:
        _write_array(done)
        return
    if everything:
        typer.echo(f"{len(done):,} put back; what succeeds with the next run leaves the inbox by itself.")
    for one in done[:SHOWN]:
        typer.echo(str(one))
    if len(done) > SHOWN:
        typer.echo(f"and {len(done) - SHOWN:,} more.")


@app.command()
def skip(
    reference: Reference,
    reason: Annotated[
        str, typer.Option("--reason", help="Why; it stays in the inbox and in the audit trail.")
    ],
    connection: Connections = None,
    kind: KindName = None,
    as_json: AsJson = False,
) -> None:
    """Take it out of the inbox, over reruns, edits and backfills, until `retry`."""
    with _opened(connection) as ledger:
        wanted = _wanted(kind=kind)
        named = the_one(ledger.database, ledger.names, reference, wanted)
        rules = ledger.rules(named.connection)
        done = take_out(ledger.database, rules, named, reason, who(), wanted.subjects)
    if as_json:
        typer.echo(text_of(done))
        return
    typer.echo(f"Skipped: {named}. `monstock-xero inbox retry {reference}` brings it back.")


@app.command()
def show(
    reference: Reference, connection: Connections = None, kind: KindName = None, as_json: AsJson = False
) -> None:
    """The whole story of one order or document: each event, run, request and answer."""
    with _opened(connection) as ledger:
        named = the_one(ledger.database, ledger.names, reference, _wanted(kind=kind))
        told = story(ledger.database, named)
    told["trail"] = readable(told["trail"])
    if as_json:
        typer.echo(text_of(told))
        return
    show_story(console, named, told)


class Ledger(NamedTuple):
    """The ledger, and the connections that somebody asks about."""

    database: Database
    names: list[str]

    def rules(self, connection: str) -> str:
        """The digest of a connection's rules."""
        return connection_settings(connection).digest


@contextmanager
def _opened(connection: str | None) -> Iterator[Ledger]:
    """The ledger for one connection, or all of the settings file. Raises `SettingsError` for an unknown one."""
    if connection:
        connection_settings(connection)
    names = [connection] if connection else sorted(load().connections)
    database = Database(ledger_url())
    try:
        yield Ledger(database, names)
    finally:
        database.close()


def _wanted(
    cause: str | None = None,
    first: datetime | None = None,
    last: datetime | None = None,
    kind: str | None = None,
    *,
    skipped: bool = False,
) -> Wanted:
    if kind is not None and kind not in KINDS:
        raise typer.BadParameter(f"{kind}: choose {', '.join(KINDS)}", param_hint="--kind")
    chosen = KINDS[kind] if kind else Wanted()
    return replace(
        chosen,
        cause=_cause(cause) if cause else None,
        first=first.date() if first else None,
        last=last.date() if last else None,
        skipped=skipped,
    )


def _cause(text: str) -> Cause:
    """A cause by its words, or by its name in code."""
    key = text.strip().casefold().replace("_", " ")
    for cause in Cause:
        if key in {cause.value.casefold(), cause.name.replace("_", " ")}:
            return cause
    known = ", ".join(cause.value for cause in Cause)
    raise typer.BadParameter(f"{text} is no cause; choose one of: {known}", param_hint="--cause")


def _refuse_lost_options(context: typer.Context) -> None:
    """Options before a command's name would be lost, and `retry --all` would take more than was meant."""
    if any(value for value in context.params.values()):
        raise typer.BadParameter(f"put options behind `{context.invoked_subcommand}`", param_hint="inbox")


def _retry_one(ledger: Ledger, named: Named, wanted: Wanted) -> list[Retried]:
    """An order, with what shows of it in Monstock; or a document."""
    of_order = named.subject is Subject.order
    about = (Subject.order, Subject.link) if of_order else (Subject.document,)
    keys = [(subject, named.kind, named.id) for subject in about if subject in wanted.subjects]
    rules = ledger.rules(named.connection)
    done = list(put_back(ledger.database, named.connection, rules, keys, who()))
    if not done:
        raise NothingToRetry(f"There is nothing to retry: {named} is {named.state}.")
    return done


def _retry_all(ledger: Ledger, wanted: Wanted) -> list[Retried]:
    """Everything is listed before anything is changed."""
    keys: dict[str, list[tuple[Subject, str, str]]] = {}
    for item in Inbox(ledger.database, ledger.names).items(wanted):
        keys.setdefault(item.connection, []).append((item.subject, item.kind, item.id))
    return [
        one
        for name, theirs in keys.items()
        for one in put_back(ledger.database, name, ledger.rules(name), theirs, who())
    ]


def _write_array(values: Any) -> None:
    """One array, written value by value, so that a long inbox needs no memory."""
    sign = "["
    for value in values:
        facts = value.facts() if isinstance(value, Item) else value
        sys.stdout.write(f"{sign}\n{msgspec.json.encode(facts).decode()}")
        sign = ","
    sys.stdout.write("[]\n" if sign == "[" else "\n]\n")
