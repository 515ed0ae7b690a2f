"""What is no discrepancy, and moves no sum: what is written while a night compares, and contacts that were merged."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.errors import NoAnswer
from tasks.ledger.columns import Part
from tasks.reconciling.comparing import Compared, compare, terms_of
from tests.exporting.after import APPROVED, CREDITING, cancel, exported, notes, send_out
from tests.exporting.conftest import no_waiting
from tests.exporting.driver import change, export, standing
from tests.importing.driver import import_
from tests.reconciling.driver import night
from tests.support import Connect, line, order
from tests.xero.desk import impatient

__all__ = ["no_waiting"]
LATER = timedelta(minutes=1)


def compared(connection: Connection, moment: datetime) -> Compared:
    """Everything, where Xero was read from this moment on."""
    return compare(connection, Part(), terms_of(connection, None, moment), [])


def kinds(found: Compared) -> list[str]:
    return list(found.discrepancies["kind"])


def apart(found: Compared) -> int:
    """By how many cents the gross sums differ, cell by cell."""
    assert found.totals is not None
    return int(found.totals["difference_gross"].abs().sum())


def exported_and_read(sandbox: Sandbox, connection: Connection, *orders: dict[str, Any]) -> None:
    """Orders whose documents we made, and have seen in Xero."""
    sandbox.load_orders(list(orders))
    export(connection)
    sandbox.advance(2)
    import_(connection)


def test_documents_written_after_xero_was_read_are_not_missed(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = impatient(connect())
    sandbox.load_orders([order(1), order(2)])
    export(connection)
    began = datetime.now(UTC) - LATER
    with connection.database.begin() as tx:
        tx.exec_driver_sql("delete from documents")
    found, late = compared(connection, began), compared(connection, datetime.now(UTC) + LATER)
    assert (kinds(found), apart(found)) == ([], 0)
    assert kinds(late) == ["document missing", "document missing"]
    assert apart(late) == 9_000
    # Nor does the chart show as agreed what nobody compared.
    assert found.days is not None
    assert found.days.empty


def test_an_order_that_is_exported_again_meanwhile_is_not_called_edited(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = impatient(connect())
    exported_and_read(sandbox, connection, order(1))
    assert night(connection).rows.empty
    began = datetime.now(UTC)
    sandbox.edit("edit", on="monstock", reference="CO-2026-00001", fields={"externalReference": "PO 7"})
    export(connection)
    assert kinds(compared(connection, began)) == []
    assert kinds(compared(connection, datetime.now(UTC) + LATER)) == ["reference"]


def test_what_an_export_does_to_documents_meanwhile_moves_no_sum(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    """One grows, one is credited in part, one is voided, one is cancelled and credited."""
    connection = impatient(connect(APPROVED | CREDITING))
    sandbox.load_orders([order(number, lines=[line(quantity="10")]) for number in range(1, 5)])
    export(connection)
    for number in (2, 4):
        send_out(sandbox, f"MS-CO-2026-0000{number}")
    sandbox.advance(2)
    import_(connection)
    assert night(connection).rows.empty
    began = datetime.now(UTC)
    change(sandbox, "co-1", lines=[line(quantity="12")])
    change(sandbox, "co-2", lines=[line(quantity="8")])
    cancel(sandbox, "co-3")
    cancel(sandbox, "co-4")
    sandbox.advance(2)
    export(connection)
    found, late = compared(connection, began), compared(connection, datetime.now(UTC) + LATER)
    assert (kinds(found), apart(found)) == ([], 0)
    assert apart(late) == abs(3_000 - 3_000 - 15_000 - 15_000)
    sandbox.advance(2)
    import_(connection, open_documents=True)
    after = night(connection)
    assert (after.rows.empty, int(after.totals["difference_gross"].abs().sum())) == (True, 0)


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


def test_there_are_no_sums_of_what_was_not_read(sandbox: Sandbox, connect: Connect, no_waiting: None) -> None:
    connection = impatient(connect())
    sandbox.load_orders([order(1), order(2)])
    export(connection)
    terms = terms_of(connection, None, datetime.now(UTC), xero_is_known=False)
    found = compare(connection, Part(), terms, [])
    assert (kinds(found), found.totals, found.days) == ([], None, None)


def test_what_is_known_of_an_order_that_is_written_meanwhile_is_left_to_the_next_night(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = impatient(connect())
    exported_and_read(sandbox, connection, order(1))
    sandbox.edit("edit", on="monstock", id="co-1", fields={"externalReference": "PO 7"})
    began = datetime.now(UTC)
    known = set(night(connection).rows["id"])
    export(connection)
    assert known
    looked_at = [
        compare(connection, Part(), terms_of(connection, None, moment), []).looked_at
        for moment in (began, datetime.now(UTC) + LATER)
    ]
    assert looked_at == [frozenset(), known]


def test_what_waits_for_xeros_answer_meanwhile_is_neither_lost_nor_missed_nor_edited(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = impatient(connect())
    told: list[tuple[list[str], int]] = []

    def meanwhile(answer: httpx.Response) -> None:
        """A night, while the answer is on its way."""
        if answer.request.method != "GET" and answer.request.url.path.endswith("/Invoices"):
            sandbox.advance(2)
            import_(connection)
            found = compared(connection, datetime.now(UTC))
            told.append((kinds(found), apart(found)))

    client = connection.xero.http._client
    client.event_hooks = {**client.event_hooks, "response": [meanwhile]}
    sandbox.load_orders([order(1)])
    export(connection)
    sandbox.edit("edit", on="monstock", reference="CO-2026-00001", fields={"externalReference": "PO 7"})
    sandbox.advance(2)
    export(connection)
    assert told == [([], 0), ([], 0)]


def test_an_update_of_ours_whose_answer_was_lost_is_no_edit(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = impatient(connect())
    sandbox.load_orders([order(1)])
    export(connection)
    sandbox.advance(2)
    sandbox.edit("edit", on="monstock", reference="CO-2026-00001", fields={"externalReference": "PO 7"})
    sandbox.advance(2)
    sandbox.fault(
        "lose_answer", method="POST", path="/Invoices$", next=connection.xero.http.patience.attempts
    )
    with pytest.raises(NoAnswer):
        export(connection)
    sandbox.advance(2)
    import_(connection)
    found = night(connection).rows
    assert found[["kind", "repair"]].values.tolist() == [["order changed", "update"]]
    export(connection)
    sandbox.advance(2)
    left = night(connection).rows
    assert left.loc[left["state"].isin(["open", "seen"])].empty


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
