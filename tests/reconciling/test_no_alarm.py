"""What is no discrepancy: what is written while a night compares, and contacts that were merged."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from deployments.sandbox.server import Sandbox
from tasks.domain.errors import NoAnswer
from tasks.ledger.columns import Part
from tasks.reconciling.comparing import compare, terms_of
from tests.exporting.conftest import no_waiting
from tests.exporting.driver import export
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


def test_what_waits_for_xeros_answer_meanwhile_is_neither_lost_nor_missed_nor_edited(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = impatient(connect())
    kinds: list[list[str]] = []

    def compared(answer: httpx.Response) -> None:
        """A night, while the answer is on its way."""
        if answer.request.method != "GET" and answer.request.url.path.endswith("/Invoices"):
            sandbox.advance(2)
            import_(connection)
            found = compare(connection, Part(), terms_of(connection, None, datetime.now(UTC)), [])
            kinds.append(found.discrepancies["kind"].tolist())

    client = connection.xero.http._client
    client.event_hooks = {**client.event_hooks, "response": [compared]}
    sandbox.load_orders([order(1)])
    export(connection)
    sandbox.edit("edit", on="monstock", reference="CO-2026-00001", fields={"externalReference": "PO 7"})
    sandbox.advance(2)
    export(connection)
    assert kinds == [[], []]


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
