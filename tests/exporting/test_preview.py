"""A dry run shows the very requests, also those for what happens after an export, and writes nothing."""

from collections.abc import Callable

import msgspec
import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.exporting import crediting
from tasks.exporting.books import open_books, read_lists, refresh_contacts, sweep
from tasks.exporting.planning import Planner
from tasks.exporting.preview import Preview, preview
from tasks.ledger.standing import Scope
from tests.exporting.after import APPROVED, CREDITING, NUMBER, cancel, exported, notes, pay, send_out, writes
from tests.exporting.driver import change, export, invoices, read
from tests.exporting.test_trail import rows
from tests.support import Connect, line
from tests.xero.desk import impatient


@pytest.fixture
def shop(connect: Connect, no_waiting: None) -> Connection:
    return impatient(connect(APPROVED | CREDITING))


def shown(connection: Connection, *, drafts_only: bool = False) -> Preview:
    read(connection)
    books = open_books(connection, read_lists(connection))
    sweep(connection)
    refresh_contacts(connection)
    scope = Scope(rules=connection.settings.digest)
    window = connection.orders.unsettled(scope, None, 100)
    plan = Planner(connection, books, drafts_only=drafts_only).plan(window)
    return preview(connection, [plan], drafts_only=drafts_only)


def test_a_cancelled_orders_invoice_is_shown_as_it_goes(sandbox: Sandbox, shop: Connection) -> None:
    exported(sandbox, shop)
    cancel(sandbox)
    before = writes(sandbox)
    (request,) = shown(shop).requests
    assert (request["method"], request["path"]) == ("POST", "Invoices")
    invoice = {"InvoiceID": invoices(shop)[0]["InvoiceID"], "Status": "VOIDED"}
    assert msgspec.json.decode(request["body"]) == {"Invoices": [invoice]}
    assert writes(sandbox) == before


@pytest.mark.parametrize(
    "step", [cancel, lambda sandbox: change(sandbox, "co-1", lines=[line(quantity="8")])]
)
def test_a_credit_note_and_its_allocation_are_shown_as_they_are_sent(
    sandbox: Sandbox, shop: Connection, step: Callable[[Sandbox], None]
) -> None:
    exported(sandbox, shop)
    send_out(sandbox)
    step(sandbox)
    told = shown(shop)
    assert told.totals == []
    assert [(r["method"], r["path"]) for r in told.requests] == [
        ("PUT", "CreditNotes"),
        ("PUT", f"CreditNotes/(CreditNoteID of {NUMBER}-CR1)/Allocations"),
    ]
    note, allocation = (msgspec.json.decode(r["body"]) for r in told.requests)
    export(shop)
    sent = {row["content"].get("operation"): row["content"]["request"] for row in rows(shop)[2:4]}
    assert note["CreditNotes"] == [sent["create"]]
    day = notes(shop)[0]["DateString"][:10]
    assert allocation["Allocations"] == [sent["allocate"] | {"Date": f"(date of {NUMBER}-CR1)"}]
    assert sent["allocate"]["Date"] == day


def test_an_allocation_that_is_missing_is_shown_alone(
    sandbox: Sandbox, shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(sandbox, shop)
    send_out(sandbox)
    change(sandbox, "co-1", lines=[line(quantity="8")])
    with monkeypatch.context() as patch:
        patch.setattr(crediting, "_finish", lambda *_: [])
        export(shop)
    (request,) = shown(shop).requests
    assert request["path"] == f"CreditNotes/{notes(shop)[0]['CreditNoteID']}/Allocations"


def test_what_would_be_held_is_shown_with_its_cause(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = connect(APPROVED)
    exported(sandbox, connection)
    pay(sandbox, "150.00")
    change(sandbox, "co-1", lines=[line(quantity="8")])
    told = shown(connection)
    assert (told.requests, told.totals) == ([], [])
    ((order, cause),) = [(held["order"], held["cause"]) for held in told.held]
    assert (order, cause) == ("CO-2026-00001", "goods returned")
