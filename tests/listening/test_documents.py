"""A document that Xero tells of shows on its order at once; an echo of our own writing costs nothing."""

from collections import Counter
from threading import Thread
from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.ledger.told import Side
from tasks.xero.endpoints import INVOICES
from tasks.xero.reading import modified
from tests.exporting.driver import export, invoices
from tests.exporting.driver import read as read_orders
from tests.importing.driver import import_, link
from tests.listening.driver import Live
from tests.support import order

NUMBER = "MS-CO-2026-00001"


@pytest.fixture
def invoice(sandbox: Sandbox, live: Live) -> dict[str, Any]:
    """An approved invoice that an export made, and nobody has read since."""
    sandbox.load_orders([order()])
    export(live.connection)
    [made] = invoices(live.connection)
    live.calls(sandbox)
    return dict(made)


def test_a_payment_of_an_invoice_shows_with_one_call_to_each(
    sandbox: Sandbox, live: Live, invoice: dict[str, Any]
) -> None:
    sandbox.edit("pay", number=NUMBER, amount="10.00")
    done = live.documents(invoice["InvoiceID"])
    assert done == Counter({"documents read": 1, "orders shown": 1})
    calls = live.calls(sandbox)
    calls.pop("xero GET /Organisation", None)
    assert calls == {"xero GET /Invoices": 1, "monstock PUT /customer-orders/{id}/accounting": 1}
    assert link(sandbox, "co-1")["amountPaid"] == "10.00"


def test_an_echo_of_our_own_write_ends_without_a_call(
    sandbox: Sandbox, live: Live, invoice: dict[str, Any]
) -> None:
    assert live.documents(invoice["InvoiceID"], changed=modified(invoice)) == Counter()
    assert live.calls(sandbox) == {}


def test_what_the_import_has_read_by_then_ends_without_a_call(
    sandbox: Sandbox, live: Live, invoice: dict[str, Any]
) -> None:
    sandbox.edit("pay", number=NUMBER, amount="10.00")
    [paid] = live.connection.xero.one(INVOICES, invoice["InvoiceID"])
    import_(live.connection)
    live.calls(sandbox)
    assert live.documents(invoice["InvoiceID"], changed=modified(paid)) == Counter()
    assert live.calls(sandbox) == {}


def test_the_echo_that_comes_before_the_answer_waits_for_it(sandbox: Sandbox, live: Live) -> None:
    """Xero tells of what it carried out before we hear of it."""
    sandbox.load_orders([order()])
    sandbox.fault("slow_answer", method="PUT", path="/Invoices$", seconds=0.6)
    writing = Thread(target=export, args=[live.connection])
    writing.start()
    while not sandbox.state()["documents"].get("invoice"):
        pass
    [made] = invoices(live.connection)
    live.told(Side.documents, made["InvoiceID"], changed=modified(made))
    before = sandbox.state()["calls"]["total"]
    assert live.follow(Side.documents) == Counter()
    writing.join()
    assert sandbox.state()["calls"]["total"] == before


def test_a_credit_shows_on_the_order_of_the_invoice_that_it_changed(
    sandbox: Sandbox, live: Live, invoice: dict[str, Any]
) -> None:
    sandbox.edit("credit", number=NUMBER, amount="15.00")
    [note] = live.connection.xero.listing("CreditNotes")
    live.documents(note["CreditNoteID"], subject="CREDITNOTE")
    assert link(sandbox, "co-1")["amountCredited"] == "15.00"


def test_an_invoice_that_a_person_made_for_an_order_shows_on_it(sandbox: Sandbox, live: Live) -> None:
    """One that bears the order's reference; an order that is no more than read gets no second one."""
    sandbox.load_orders([order()])
    read_orders(live.connection, "run")
    sold = {
        "Description": "x",
        "Quantity": 3,
        "UnitAmount": "12.50",
        "AccountCode": "200",
        "TaxType": "OUTPUT2",
    }
    made = {"Type": "ACCREC", "InvoiceNumber": "INV-77", "Reference": "CO-2026-00001", "Date": "2026-10-01"}
    made |= {"DueDate": "2026-10-31"}
    made |= {"Contact": {"Name": "Customer 1"}, "LineItems": [sold], "Status": "AUTHORISED"}
    sandbox.edit("create", kind="invoice", fields=made)
    [stranger] = invoices(live.connection)
    assert live.documents(stranger["InvoiceID"])["orders shown"] == 1
    assert link(sandbox, "co-1")["documentNumber"] == "INV-77"


def test_what_xero_no_longer_knows_is_no_trouble(sandbox: Sandbox, live: Live) -> None:
    done = live.documents("00000000-0000-4000-8000-000000000000")
    assert done == Counter({"documents read": 1})


def test_a_category_that_nobody_knows_is_read_by_nobody(sandbox: Sandbox, live: Live) -> None:
    assert live.documents("00000000-0000-4000-8000-000000000000", subject="QUOTE")["orders shown"] == 0
