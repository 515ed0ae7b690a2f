"""What is no discrepancy: what is written while a night compares, and contacts that were merged."""

from datetime import UTC, datetime, timedelta

from deployments.sandbox.server import Sandbox
from tasks.ledger.columns import Part
from tasks.reconciling.comparing import compare, terms_of
from tests.exporting.after import APPROVED, CREDITING, cancel, exported, notes, send_out
from tests.exporting.conftest import no_waiting
from tests.exporting.driver import export, standing
from tests.importing.driver import import_
from tests.reconciling.driver import night
from tests.support import Connect, order
from tests.xero.desk import impatient

__all__ = ["no_waiting"]
LATER = timedelta(minutes=1)


def test_documents_written_after_xero_was_read_are_not_missed(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = impatient(connect())
    sandbox.load_orders([order(1), order(2)])
    export(connection)
    began = datetime.now(UTC) - LATER
    with connection.database.begin() as tx:
        tx.exec_driver_sql("delete from documents")
    kinds = [
        list(compare(connection, Part(), terms_of(connection, None, moment), []).discrepancies["kind"])
        for moment in (began, datetime.now(UTC) + LATER)
    ]
    assert kinds == [[], ["document missing", "document missing"]]


def test_an_order_that_is_exported_again_meanwhile_is_not_called_edited(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = impatient(connect())
    sandbox.load_orders([order(1)])
    export(connection)
    sandbox.advance(2)
    import_(connection)
    assert night(connection).rows.empty
    began = datetime.now(UTC)
    sandbox.edit("edit", on="monstock", reference="CO-2026-00001", fields={"externalReference": "PO 7"})
    export(connection)
    found = compare(connection, Part(), terms_of(connection, None, began), [])
    assert list(found.discrepancies["kind"]) == []
    late = compare(connection, Part(), terms_of(connection, None, datetime.now(UTC) + LATER), [])
    assert list(late.discrepancies["kind"]) == ["reference"]


def test_an_order_that_is_billed_in_another_month_and_cancelled_at_once_moves_no_sum(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    """Its invoice stays where it is, and is credited."""
    connection = impatient(connect(APPROVED | CREDITING))
    today = datetime.now(UTC).date()
    before = today.replace(day=1) - timedelta(days=2)
    exported(sandbox, connection, orderDate=before.isoformat())
    send_out(sandbox)
    sandbox.advance(2)
    import_(connection, open_documents=True)
    sandbox.edit("edit", on="monstock", id="co-1", fields={"billingDate": today.isoformat()})
    cancel(sandbox)
    sandbox.advance(2)
    export(connection)
    sandbox.advance(2)
    import_(connection, open_documents=True)
    found = night(connection)
    assert (standing(connection), len(notes(connection))) == ({"co-1": "not_due"}, 1)
    told = found.totals[["month", "difference_gross"]].values.tolist()
    assert (found.rows.empty, told) == (True, [[f"{before:%Y-%m}", 0]])


def test_contacts_that_are_merged_in_xero_are_no_edit_of_their_documents(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = impatient(connect())
    sandbox.load_orders([order(1), order(2)])
    export(connection)
    sandbox.advance(2)
    import_(connection)
    ids = connection.contacts.ids(["customer-1", "customer-2"])
    sandbox.edit("merge_contacts", id=ids["customer-1"], into=ids["customer-2"])
    sandbox.advance(2)
    assert night(connection).rows.empty
