"""A document that nobody touched since our last write is seen as it was left, field by field."""

from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.exporting.deciding import link, take
from tasks.ledger.claims import Outcome
from tests.exporting.after import APPROVED, CREDITING, NUMBER, cancel, exported, send_out
from tests.exporting.driver import change, export, found, read
from tests.importing.books import FIELDS, invoice
from tests.importing.driver import import_
from tests.importing.written import agreed, differing
from tests.support import Connect, line, order
from tests.xero.desk import another, impatient, outcomes

SALE = ("co-1", "sale")
# Prices and quantities with as many decimals as Xero takes.
FINE: list[dict[str, Any]] = [
    line(quantity="7", unitPrice="1.2345", discountPercent="12.5"),
    line(id="2", sku="TEA-05", name="Tea", quantity="0.3333", unitPrice="9.9999", taxRate="0"),
]
BY_HAND = FIELDS | {"LineItems": [{**FIELDS["LineItems"][0], "UnitAmount": "12.3456"}]}


@pytest.fixture
def crediting(sandbox: Sandbox, connect: Connect, no_waiting: None) -> Connection:
    return impatient(connect(APPROVED | CREDITING))


@pytest.mark.parametrize("included", [False, True])
def test_after_an_update(sandbox: Sandbox, connection: Connection, included: bool) -> None:
    traits = {"warehouse": "London", "channel": "Web", "pricesIncludeTax": included}
    sandbox.load_orders([order(lines=FINE, **traits), order(kind="supplier", lines=FINE, **traits)])
    export(connection)
    both = {SALE, ("so-1", "purchase")}
    assert agreed(connection) == both
    before = differing(connection)
    for id_ in ("co-1", "so-1"):
        change(sandbox, id_, lines=[FINE[0], line(id="3", quantity="2")], warehouse="Paris")
    assert outcomes(export(connection)) == [Outcome.written, Outcome.written]
    for fields in differing(connection).values():
        assert {"lines", "net", "tax", "total"} <= set(fields), before
    assert agreed(connection) == both


def test_after_a_credit_note(sandbox: Sandbox, crediting: Connection) -> None:
    exported(sandbox, crediting, pricesIncludeTax=True)
    send_out(sandbox)
    change(sandbox, "co-1", lines=[line(quantity="7")])
    export(crediting)
    assert agreed(crediting) == {SALE, ("co-1", "return-1")}


def test_after_a_document_has_ended(sandbox: Sandbox, crediting: Connection) -> None:
    exported(sandbox, crediting, lines=FINE)
    cancel(sandbox)
    export(crediting)
    assert agreed(crediting) == {SALE}


def test_what_a_person_changes_differs_until_a_person_takes_theirs(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order(lines=FINE)])
    export(connection)
    fields = {"DueDate": "2027-01-01", "Reference": "theirs"}
    sandbox.edit("edit", kind="invoice", number=NUMBER, fields=fields)
    import_(connection)
    assert set(differing(connection)[SALE]) == {"due_date", "reference"}
    change(sandbox, "co-1", lines=[line()])
    assert outcomes(export(connection)) == [Outcome.conflict]
    assert set(differing(connection)[SALE]) == {"due_date", "reference"}
    take(connection, "CO-2026-00001", "theirs", "Ada")
    assert agreed(connection) == {SALE}


def test_a_change_of_lines_that_leaves_the_sums_shows_in_the_lines_alone(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order()])
    export(connection)
    (row,) = connection.xero.page("Invoices", {"unitdp": "4"}).rows
    (told,) = row["LineItems"]
    sandbox.edit(
        "edit", kind="invoice", number=NUMBER, fields={"LineItems": [{**told, "AccountCode": "260"}]}
    )
    import_(connection)
    assert set(differing(connection)[SALE]) == {"lines"}


def test_after_the_ledger_was_lost(sandbox: Sandbox, crediting: Connection, tmp_path: Path) -> None:
    sandbox.load_orders([order(kind="supplier", lines=FINE)])
    exported(sandbox, crediting, lines=FINE)
    begun = another(crediting, f"sqlite:///{tmp_path / 'new.db'}")
    assert outcomes(export(begun)) == [Outcome.adopted, Outcome.adopted]
    assert agreed(begun) == {SALE, ("so-1", "purchase")}


def test_a_document_that_a_person_joined(sandbox: Sandbox, connection: Connection) -> None:
    made = invoice(sandbox, "INV-1", **BY_HAND, Reference="CO-2026-00001")
    sandbox.load_orders([order()])
    export(connection)
    assert made["InvoiceID"] in found(connection, "co-1")
    link(connection, "CO-2026-00001", "INV-1", "Ada")
    assert differing(connection) == {SALE: {}}
    assert agreed(connection) == {SALE}


def test_a_document_that_was_found_to_be_the_orders(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(6)])
    export(connection)
    sandbox.advance(600)
    invoice(sandbox, "INV-1", **FIELDS | {"Contact": {"Name": "Customer 1"}}, Reference="CO-2026-00001")
    sandbox.load_orders([order()])
    read(connection)
    import_(connection)
    assert outcomes(export(connection)) == [Outcome.found]
    assert agreed(connection) == {SALE, ("co-6", "sale")}
