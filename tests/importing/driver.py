"""A whole import without Prefect: the flow's steps in its order."""

from collections.abc import Iterator
from typing import Any

import httpx

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.orders import Kind
from tasks.importing.listing import LISTED, Listing, read_again
from tasks.importing.outcome import Read
from tasks.importing.owning import Owning
from tasks.importing.reading import STREAMS, Reading
from tasks.importing.showing import show


def read(connection: Connection, *, open_documents: bool = False) -> Read:
    """Everything that changed in Xero, into the ledger."""
    done = Read()
    for steps in _steps(connection, open_documents):
        while not steps.done:
            done.add(steps.endpoint.name, steps.step())
    while step := read_again(connection):
        done.add("read again", step)
    return done


def import_(connection: Connection, *, open_documents: bool = False) -> Read:
    """And onto the orders in Monstock."""
    done = read(connection, open_documents=open_documents)
    match(connection, done)
    show_all(connection, done)
    return done


def match(connection: Connection, done: Read) -> None:
    """Whose every new document is."""
    owning = Owning(connection)
    while not owning.done:
        done.matched += owning.step("run")


def show_all(connection: Connection, done: Read) -> None:
    """Every order that is due."""
    after, first = None, True
    while first or after:
        written = show(connection, after, "run")
        done.show(written)
        after, first = written.last, False


def link(sandbox: Sandbox, order_id: str) -> Any:
    """What Monstock shows on an order."""
    kind = Kind.customer if order_id.startswith("c") else Kind.supplier
    headers = {"Authorization": "Bearer sandbox-key"}
    answer = httpx.get(f"{sandbox.monstock_url}/{kind}-orders/{order_id}", headers=headers, verify=False)
    return answer.raise_for_status().json()["accounting"]


def writes(sandbox: Sandbox) -> dict[str, int]:
    """Calls that write, on both sides, by kind."""
    found = {}
    for side in ("xero", "monstock"):
        calls = sandbox.state(side)["calls"]
        found |= {f"{side} {kind}": n for kind, n in calls.items() if not kind.startswith(("GET", "total"))}
    return found


def _steps(connection: Connection, open_documents: bool) -> Iterator[Reading | Listing]:
    for endpoint in STREAMS:
        yield Reading(connection, endpoint)
    for endpoint in LISTED if open_documents else ():
        yield Listing(connection, endpoint)
