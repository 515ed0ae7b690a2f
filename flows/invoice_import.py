"""Invoice import: what changed in Xero shows on its orders in Monstock.

Reads what changed since the last run: invoices and bills, purchase orders, credit notes, over- and prepayments,
payments, each page together with how far it was read. Finds out whose they are, and writes to Monstock what differs.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any, Protocol

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.endings import with_named_endings
from flows.forms import with_form
from tasks.connections.connection import Connection, open_connection
from tasks.domain.errors import Parked
from tasks.exporting.outcome import Calls
from tasks.importing.listing import LISTED, Listing
from tasks.importing.outcome import ImportOutcome, Read
from tasks.importing.owning import Owning
from tasks.importing.reading import STREAMS, Reading
from tasks.importing.steps import Span, Step
from tasks.links import match_documents, show
from tasks.policies import whole
from tasks.readings import list_open, read_again, read_changes
from tasks.reports import publish_import
from tasks.xero.endpoints import Endpoint


def _run_name() -> str:
    asked = runtime.flow_run.parameters
    what = "every open document" if asked["open_documents"] else "what changed"
    return f"{asked['connection']} · {what} · import"


@with_form
@flow(name="invoice-import", flow_run_name=_run_name, persist_result=False, validate_parameters=True)
@with_named_endings
def invoice_import(connection: str = "sandbox", open_documents: bool = False) -> State[Any]:
    """Show on the orders in Monstock what became of their documents in Xero.

    Args:
        connection: Name of the connection in connections.toml.
        open_documents: Also look at every open document again. Some changes in Xero leave no trace in what changed;
            the nightly reconciliation finds them so, too.
    """
    return bring_back(connection, dict.fromkeys(LISTED) if open_documents else {})


def bring_back(
    connection: str, listed: Mapping[Endpoint, Span | None], *, only_listed: bool = False
) -> State[Any]:
    """The import itself: what changed, unless only what is listed is wanted, and what is listed."""
    opened = open_connection(connection)
    opened.admitted()
    before, read, parked = Calls.so_far(opened), Read(), None
    run_id = str(runtime.flow_run.id or "local")
    try:
        read_xero(opened, read, listed, () if only_listed else STREAMS)
    except Parked as reason:
        parked = reason
    try:
        match(read, Owning(opened), run_id)
        _show(connection, read, run_id)
    except Parked as reason:
        parked = parked or reason
    outcome = publish_import(connection, whole(read), whole(before), run_id)
    return _final_state(outcome, parked)


def read_xero(
    opened: Connection,
    read: Read,
    listed: Mapping[Endpoint, Span | None],
    streams: Iterable[Endpoint] = STREAMS,
) -> None:
    """Everything that changed; then what is listed: open documents, or a span of dates; then what that left open."""
    for endpoint in streams:
        _page_by_page(read, endpoint.name, Reading(opened, endpoint), read_changes)
    for endpoint, span in listed.items():
        name = f"{'dated' if span else 'open'} {endpoint.name}"
        _page_by_page(read, name, Listing(opened, endpoint, span), list_open)
    _again(opened.name, read)


class _Steps(Protocol):
    """What is read a page a step."""

    done: bool


def _page_by_page(read: Read, stream: str, steps: _Steps, task: Callable[..., Step]) -> None:
    for page in count(1):
        read.add(stream, task(whole(steps), stream, page))
        if steps.done:
            return


def _again(connection: str, read: Read) -> None:
    for page in count(1):
        step = read_again(connection, page)
        if step is None:
            return
        read.add("read again", step)


def match(read: Read, owning: Owning, run_id: str) -> None:
    """Find out whose every new document is."""
    for number in count(1):
        read.matched += match_documents(whole(owning), run_id, number)
        if owning.done:
            return


def _show(connection: str, read: Read, run_id: str) -> None:
    after = None
    for number in count(1):
        written = show(connection, after, run_id, number)
        read.show(written)
        after = written.last
        if after is None:
            return


def _final_state(outcome: ImportOutcome, parked: Parked | None) -> State[Any]:
    message = outcome.sentence()
    if parked:
        message = f"{parked} A run after that goes on from here. {message}"
        return Completed(name="Parked", message=message, data=outcome)
    fine = "NothingChanged" if outcome.idle else "Completed"
    name = "CompletedWithWarnings" if outcome.troubled else fine
    return Completed(name=name, message=message, data=outcome)
