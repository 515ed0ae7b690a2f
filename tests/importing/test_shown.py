"""What becomes of a document in Xero shows on its order in Monstock."""

from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.errors import NotFound, Offline
from tasks.ledger.trail import inflated
from tasks.transport.http import Patience
from tests.exporting.driver import export, invoices, purchase_orders
from tests.importing.driver import import_, link, read, writes
from tests.support import dec, order

NUMBER = "MS-CO-2026-00001"


def shown(sandbox: Sandbox, connection: Connection, order_id: str = "co-1") -> dict[str, Any]:
    """Import, and look."""
    sandbox.advance(2)
    import_(connection)
    return dict(link(sandbox, order_id))


def money(standing: dict[str, Any]) -> list[object]:
    names = ("total", "amountPaid", "amountCredited", "amountDue")
    return [standing["status"], *(dec(standing[name]) for name in names)]


@pytest.fixture
def exported(sandbox: Sandbox, approved: Connection) -> Connection:
    """One order, with its approved invoice over 45.00."""
    sandbox.load_orders([order()])
    export(approved)
    return approved


def test_a_new_invoice_shows_whole(sandbox: Sandbox, exported: Connection) -> None:
    (invoice,) = invoices(exported)
    standing = shown(sandbox, exported)
    assert money(standing) == ["approved", 45, 0, 0, 45]
    assert standing["provider"] == "xero"
    assert standing["documentType"] == "invoice"
    assert (standing["documentId"], standing["documentNumber"]) == (invoice["InvoiceID"], NUMBER)
    assert (standing["currency"], standing["issuedOn"], standing["dueOn"]) == (
        "GBP",
        "2026-10-01",
        "2026-10-31",
    )
    code = exported.xero.organisation()["ShortCode"]
    page = f"/AccountsReceivable/View.aspx?InvoiceID={invoice['InvoiceID']}"
    assert (
        standing["url"]
        == f"https://go.xero.com/organisationlogin/default.aspx?shortcode={code}&redirecturl={page}"
    )


def test_a_draft_is_a_draft_and_a_submitted_one_is_submitted(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order()])
    export(connection)
    assert shown(sandbox, connection)["status"] == "draft"
    sandbox.edit("edit", kind="invoice", number=NUMBER, fields={"Status": "SUBMITTED"})
    assert shown(sandbox, connection)["status"] == "submitted"
    sandbox.edit("delete", number=NUMBER)
    assert money(shown(sandbox, connection))[0] == "deleted"


def test_payments_in_part_and_whole_and_taken_back(sandbox: Sandbox, exported: Connection) -> None:
    sandbox.edit("pay", number=NUMBER, amount="10.00")
    assert money(shown(sandbox, exported)) == ["partially_paid", 45, 10, 0, 35]
    sandbox.edit("pay", number=NUMBER, date="2026-10-20")
    standing = shown(sandbox, exported)
    assert money(standing) == ["paid", 45, 45, 0, 0]
    assert standing["fullyPaidOn"] == "2026-10-20"
    sandbox.edit("remove_payment", number=NUMBER)
    assert money(shown(sandbox, exported)) == ["partially_paid", 45, 10, 0, 35]


@pytest.mark.parametrize("by", ["credit_note", "prepayment", "overpayment"])
def test_what_is_credited_shows_as_credited(sandbox: Sandbox, exported: Connection, by: str) -> None:
    sandbox.edit("credit", number=NUMBER, amount="15.00", by=by)
    assert money(shown(sandbox, exported)) == ["partially_paid", 45, 0, 15, 30]
    sandbox.edit("credit", number=NUMBER, by=by)
    assert money(shown(sandbox, exported)) == ["credited", 45, 0, 45, 0]


def test_a_voided_invoice_owes_nothing(sandbox: Sandbox, exported: Connection) -> None:
    sandbox.edit("void", number=NUMBER)
    assert money(shown(sandbox, exported)) == ["voided", 45, 0, 0, 0]


def test_a_purchase_order_is_billed(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(kind="supplier")])
    export(connection)
    assert money(shown(sandbox, connection, "so-1")) == ["draft", 45, 0, 0, 0]
    (only,) = purchase_orders(connection)
    number = only["PurchaseOrderNumber"]
    for status, said in (("AUTHORISED", "approved"), ("BILLED", "billed"), ("DELETED", "deleted")):
        sandbox.edit("edit", kind="purchase_order", number=number, fields={"Status": status})
        assert shown(sandbox, connection, "so-1")["status"] == said


@pytest.mark.parametrize("moves", [True, False])
def test_a_payment_shows_whether_or_not_it_moves_the_invoices_stamp(
    sandbox: Sandbox, exported: Connection, moves: bool
) -> None:
    sandbox.settings(switches={"payment_moves_invoice": moves})
    shown(sandbox, exported)
    sandbox.edit("pay", number=NUMBER, amount="10.00")
    assert money(shown(sandbox, exported)) == ["partially_paid", 45, 10, 0, 35]
    sandbox.edit("credit", number=NUMBER, amount="5.00")
    assert money(shown(sandbox, exported)) == ["partially_paid", 45, 10, 5, 30]
    sandbox.advance(2)
    sandbox.control("DELETE", "/calls")
    import_(exported)
    assert sandbox.state()["calls"]["total"] == 6


def test_export_and_import_twice_write_nothing_the_second_time(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order(n) for n in range(1, 31)] + [order(n, kind="supplier") for n in range(1, 11)])
    export(connection)
    sandbox.advance(2)
    import_(connection)
    assert writes(sandbox)["monstock PUT /customer-orders/{id}/accounting"] == 30
    assert writes(sandbox)["monstock PUT /supplier-orders/{id}/accounting"] == 10
    sandbox.advance(2)
    for on in ("xero", "monstock"):
        sandbox.control("DELETE", "/calls", on=on)
    export(connection)
    import_(connection)
    assert writes(sandbox) == {}
    assert sandbox.state()["calls"]["total"] == 6


def test_a_link_that_somebody_changed_in_monstock_is_put_right(
    sandbox: Sandbox, exported: Connection
) -> None:
    before = shown(sandbox, exported)
    sandbox.edit("edit", on="monstock", id="co-1", fields={"accounting": {**before, "status": "paid"}})
    export(exported)
    assert shown(sandbox, exported)["status"] == "approved"


def test_one_order_that_monstock_refuses_stops_no_other_and_is_tried_again(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order(n) for n in range(1, 4)])
    export(connection)
    sandbox.advance(2)
    sandbox.fault("error_before", on="monstock", next=1, method="PUT", path="co-2/accounting$")
    done = import_(connection)
    assert (done.written, done.failed) == (2, 1)
    assert link(sandbox, "co-2") is None
    assert connection.shown.waiting() == 1
    assert import_(connection).written == 1
    assert link(sandbox, "co-2")["status"] == "draft"
    assert connection.shown.waiting() == 0


def test_a_payment_that_is_read_while_the_order_is_shown_shows_with_the_next_run(
    sandbox: Sandbox, exported: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.advance(2)
    write, paid = type(exported.monstock).show, iter([True])

    def meanwhile(self: Any, *args: Any) -> Any:
        if next(paid, False):
            sandbox.edit("pay", number=NUMBER)
            read(exported)
        return write(self, *args)

    monkeypatch.setattr(type(exported.monstock), "show", meanwhile)
    import_(exported)
    assert link(sandbox, "co-1")["status"] == "approved"
    import_(exported)
    assert link(sandbox, "co-1")["status"] == "paid"


def test_an_order_that_is_gone_from_monstock_is_not_tried_for_ever(
    sandbox: Sandbox, exported: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> str:
        raise NotFound("404: there is no such order")

    monkeypatch.setattr(type(exported.monstock), "show", gone)
    sandbox.advance(2)
    assert import_(exported).failed == 1
    assert import_(exported).failed == 0


def test_where_monstock_is_away_what_was_written_is_noted_and_the_rest_waits(
    sandbox: Sandbox, connection: Connection
) -> None:
    connection.monstock.http.patience = Patience(attempts=1)
    sandbox.load_orders([order(n) for n in range(1, 10)])
    export(connection)
    sandbox.advance(2)
    sandbox.fault("offline", on="monstock", at=[3, 4, 5, 6, 7], method="PUT", path="accounting$")
    with pytest.raises(Offline):
        import_(connection)
    assert connection.shown.waiting() == 7
    assert import_(connection).written == 5
    assert import_(connection).written == 2


def test_every_writing_to_monstock_leaves_its_request_and_answer(
    sandbox: Sandbox, exported: Connection
) -> None:
    shown(sandbox, exported)
    (row,) = [row for row in exported.trail.of([("customer", "co-1")]) if row["event"] == "shown"]
    content = inflated(row["content"])
    assert content["path"] == "customer-orders/co-1/accounting"
    assert (content["request"]["status"], content["answer"]["status"]) == ("approved", "approved")
