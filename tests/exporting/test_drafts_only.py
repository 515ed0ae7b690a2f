"""An export that may change drafts alone: what is approved meanwhile, and what would be lost, is left as it is."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.orders import Kind
from tasks.exporting import sending
from tasks.exporting.forecast import foresee
from tasks.exporting.plan import Ready
from tasks.exporting.reading import Steps
from tasks.exporting.updating import AT_ONCE
from tasks.ledger.claims import Outcome
from tasks.ledger.standing import Scope
from tests.exporting.driver import change, export, found, invoices, purchase_orders, standing
from tests.exporting.test_preview import shown
from tests.support import Connect, dec, line, order
from tests.xero.desk import outcomes

MORE = [line(quantity="5")]
KINDS = pytest.mark.parametrize(
    ("kind", "order_id", "what"),
    [("customer", "co-1", "invoice"), ("supplier", "so-1", "purchase_order")],
)
Between = Callable[[str], object]


def around(monkeypatch: pytest.MonkeyPatch, between: Between, before: Between = lambda _: None) -> list[int]:
    """Somebody is at each document right before it is read, and right after. Returns how many were read at once."""
    made, read = sending.changes, list[int]()

    def changes(connection: Connection, batch: Sequence[Ready], *given: Any, **more: Any) -> Steps:
        ids = [ready.link.document_id for ready in batch if ready.link]
        for id_ in ids:
            before(id_)
        steps = made(connection, batch, *given, **more)
        for id_ in ids:
            between(id_)
        read.append(len(batch))
        return steps

    monkeypatch.setattr(sending, "changes", changes)
    return read


def approved(sandbox: Sandbox, what: str) -> Between:
    return lambda id_: sandbox.edit("edit", kind=what, id=id_, fields={"Status": "AUTHORISED"})


def all_documents(connection: Connection) -> list[tuple[str, str]]:
    rows = invoices(connection) + purchase_orders(connection)
    return [(row["Status"], f"{dec(row['Total']):.2f}") for row in rows]


@KINDS
def test_what_was_approved_before_the_reading_is_left_and_its_order_waits(
    sandbox: Sandbox, connection: Connection, kind: str, order_id: str, what: str
) -> None:
    sandbox.load_orders([order(1, kind=kind), order(2, kind=kind)])
    export(connection)
    approved(sandbox, what)(connection.documents.links(Kind(kind), [order_id])[order_id].document_id)
    for n in (1, 2):
        change(sandbox, f"{order_id[:3]}{n}", lines=MORE)
    assert outcomes(export(connection, drafts_only=True)) == [Outcome.written]
    assert Counter(standing(connection).values()) == {"pending": 1, "exported": 1}
    assert standing(connection)[order_id] == "pending"
    assert outcomes(export(connection)) == [Outcome.written]


@pytest.mark.parametrize("status", ["DRAFT", "SUBMITTED"])
@KINDS
def test_what_is_approved_between_reading_and_writing_xero_refuses_and_its_order_waits(
    sandbox: Sandbox,
    connect: Connect,
    no_waiting: None,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    order_id: str,
    what: str,
    status: str,
) -> None:
    sandbox.settings(switches={"po_transitions": "strict"})
    connection = connect({'status = "DRAFT"': f'status = "{status}"'})
    sandbox.load_orders([order(kind=kind)])
    export(connection)
    change(sandbox, order_id, lines=MORE)
    around(monkeypatch, approved(sandbox, what))
    assert export(connection, drafts_only=True) == []
    assert all_documents(connection) == [("AUTHORISED", "45.00")]
    assert (standing(connection), found(connection, order_id)) == ({order_id: "pending"}, "")
    assert outcomes(export(connection)) == [Outcome.written]
    assert all_documents(connection) == [("AUTHORISED", "75.00")]


@KINDS
def test_what_stays_as_it_was_read_follows_and_keeps_its_status(
    sandbox: Sandbox, connect: Connect, no_waiting: None, kind: str, order_id: str, what: str
) -> None:
    connection = connect({'status = "DRAFT"': 'status = "SUBMITTED"'})
    sandbox.load_orders([order(kind=kind)])
    export(connection)
    change(sandbox, order_id, lines=MORE)
    assert outcomes(export(connection, drafts_only=True)) == [Outcome.written]
    assert all_documents(connection) == [("SUBMITTED", "75.00")]


def test_what_xero_refuses_each_time_is_rejected_in_its_own_words(
    sandbox: Sandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.load_orders([order()])
    export(connection)
    change(sandbox, "co-1", lines=MORE)

    def turned(status: str) -> Between:
        return lambda id_: sandbox.edit("rewrite", kind="invoice", id=id_, fields={"Status": status})

    read = around(monkeypatch, turned("AUTHORISED"), before=turned("DRAFT"))
    assert outcomes(export(connection, drafts_only=True)) == [Outcome.rejected]
    assert read == [1] * sending.TRIES
    assert standing(connection) == {"co-1": "rejected"}
    assert found(connection, "co-1") == "rejected by Xero: Invoice not of valid status for modification"
    assert export(connection) == []
    assert read == [1] * sending.TRIES


def test_purchase_orders_are_read_a_few_at_once_before_they_are_written_and_that_is_foreseen(
    sandbox: Sandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.load_orders([order(n, kind="supplier") for n in range(12)])
    export(connection)
    for n in range(12):
        change(sandbox, f"so-{n}", lines=MORE)
    told = foresee(connection, Scope(rules=connection.settings.digest, drafts_only=True), "forecast")
    requests = shown(connection, drafts_only=True).requests
    read = around(monkeypatch, lambda _: None)
    sandbox.control("DELETE", "/calls")
    export(connection, drafts_only=True)
    assert (max(read), sum(read)) == (AT_ONCE, 12)
    written = sandbox.state()["calls"]["POST /PurchaseOrders"]
    assert written == len(read) == len(requests) == told.xero["POST PurchaseOrders"]


@KINDS
def test_a_cancelled_orders_draft_is_not_deleted_and_its_order_waits(
    sandbox: Sandbox, connection: Connection, kind: str, order_id: str, what: str
) -> None:
    sandbox.load_orders([order(kind=kind)])
    export(connection)
    sandbox.advance(2)
    sandbox.edit("cancel", on="monstock", id=order_id)
    assert shown(connection, drafts_only=True).requests == []
    assert export(connection, drafts_only=True) == []
    assert all_documents(connection) == [("DRAFT", "45.00")]
    assert standing(connection) == {order_id: "pending"}
    assert outcomes(export(connection)) == [Outcome.written]
    assert [status for status, _ in all_documents(connection)] == ["DELETED"]
