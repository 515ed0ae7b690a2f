"""A whole run without Prefect: the flow's steps in its order, on any number of connections."""

from collections.abc import Iterator
from typing import Any

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.orders import Kind
from tasks.domain.outcomes import OrderState
from tasks.exporting.books import open_books, read_lists, refresh_contacts, sweep
from tasks.exporting.intake import begin, stream_of, take_in
from tasks.exporting.planning import Planner
from tasks.exporting.sending import (
    Batcher,
    adopt,
    chunks,
    create_contacts,
    end_documents,
    ending_batches,
    finish_open,
    join,
    send_documents,
)
from tasks.ledger.claims import Settlement
from tasks.ledger.settlement import read_findings
from tasks.ledger.standing import Scope
from tasks.xero.client import DOCUMENTS_A_CALL

KINDS = (Kind.customer, Kind.supplier)


def read(connection: Connection, run_id: str = "run") -> None:
    """Every page of both kinds that changed since the last run."""
    for kind in KINDS:
        stream, cursor, first = stream_of(kind, connection.settings), None, True
        start = begin(connection.orders.cursor(stream))
        while first or cursor:
            page = connection.monstock.orders(kind, updated_since=start, cursor=cursor)
            take_in(connection, kind, page, run_id, stream)
            first, cursor = False, page.cursor


def export(
    connection: Connection, *, wait: bool = True, run_id: str = "run", **scope: Any
) -> list[Settlement]:
    """What became of each claim; like a run of the flow."""
    settled = finish_open(connection, run_id, wait=wait)
    read(connection, run_id)
    return settled + list(write(connection, run_id, **scope))


def write(connection: Connection, run_id: str = "run", **scope: Any) -> Iterator[Settlement]:
    """Plan and write what waits."""
    wanted = Scope(rules=connection.settings.digest, **scope)
    if not connection.orders.unsettled(wanted, None, 1):
        return
    books = open_books(connection, read_lists(connection))
    sweep(connection)
    refresh_contacts(connection)
    window = connection.orders.unsettled(wanted, None, 1000)
    plan = Planner(connection, books, drafts_only=wanted.drafts_only).plan(window)
    connection.orders.hold(plan.held, run_id)
    for state, seen in plan.moves.items():
        connection.orders.move(seen, state, run_id)
    connection.orders.tell_taxes(plan.taxes)
    connection.contacts.link(plan.matches.items())
    yield from join(connection, plan.joined, run_id) if plan.joined else []
    yield from adopt(connection, plan.found, run_id) if plan.found else []
    for contacts in chunks(list(plan.new_contacts.values()), DOCUMENTS_A_CALL):
        yield from create_contacts(connection, contacts, run_id)
    for ended in ending_batches(plan.endings):
        yield from end_documents(connection, ended, run_id)
    batcher = Batcher()
    for batch in [*batcher.add(plan.ready), *batcher.rest()]:
        yield from send_documents(connection, batch, run_id, drafts_only=wanted.drafts_only)


def standing(connection: Connection) -> dict[str, str]:
    """Each order's state by its id."""
    rows = connection.orders.standing(Scope(), list(OrderState), 1000)
    return {row.order_id: row.state for row in rows}


def found(connection: Connection, order_id: str) -> str:
    """What is said of an order: causes and details."""
    rows = connection.orders.standing(Scope(), list(OrderState), 1000)
    (row,) = [row for row in rows if row.order_id == order_id]
    return " | ".join(f"{f.cause}: {f.detail}" for f in read_findings(row.findings))


def invoices(connection: Connection) -> list[dict[str, Any]]:
    """Invoices and bills with their lines, by number."""
    rows = connection.xero.page("Invoices", {"unitdp": "4"}).rows
    return sorted(rows, key=lambda row: str(row["InvoiceNumber"]))


def purchase_orders(connection: Connection) -> list[dict[str, Any]]:
    """Purchase orders with their lines."""
    return connection.xero.page("PurchaseOrders").rows


def alive(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neither voided nor deleted."""
    return [row for row in rows if row["Status"] not in {"VOIDED", "DELETED"}]


def change(sandbox: Sandbox, order_id: str, **fields: Any) -> None:
    """A person changes an order in Monstock, a moment later."""
    sandbox.advance(2)
    sandbox.edit("edit", on="monstock", id=order_id, fields=fields)
