"""What a run leaves in the trail: a row for each write and each new hold, true ones, and no secret."""

import zlib
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.errors import NoAnswer
from tasks.exporting import sending
from tasks.exporting.deciding import link, send
from tasks.ledger.schema import metadata, trail
from tasks.ledger.trail import inflated
from tasks.ledger.verifying import Verification
from tests.exporting.driver import change, export, invoices
from tests.exporting.test_deciding import by_hand
from tests.support import line, order

DEAD = 7 * 60


def rows(connection: Connection) -> list[dict[str, Any]]:
    """The whole trail with its contents read, checked on the way."""
    assert list(Verification(connection.trail).breaks()) == []
    with connection.database.engine.connect() as tx:
        found = tx.execute(select(trail).order_by(trail.c.number)).mappings().all()
    return [{**row, "content": inflated(row["content"])} for row in found]


def events(connection: Connection, order_id: str | None = None) -> list[str]:
    return [row["event"] for row in rows(connection) if order_id in {None, row["subject_id"]}]


def test_each_write_leaves_one_row_that_explains_it(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(n) for n in range(1, 4)])
    export(connection)
    found = rows(connection)
    assert Counter(row["subject"] for row in found) == {"contact": 3, "customer": 3}
    assert {row["event"] for row in found} == {"written"}
    (row,) = [row for row in found if row["subject_id"] == "co-2"]
    (invoice,) = [i for i in invoices(connection) if i["InvoiceNumber"] == "MS-CO-2026-00002"]
    assert row["run_id"] == "run"
    assert (row["connection"], row["rules"]) == ("sandbox", connection.settings.digest)
    assert row["revision"] == connection.orders.find("co-2")[0].revision
    assert row["document_id"] == invoice["InvoiceID"] == row["content"]["answer"]["InvoiceID"]
    assert row["content"]["request"]["InvoiceNumber"] == "MS-CO-2026-00002"
    assert (row["content"]["method"], row["content"]["path"]) == ("PUT", "Invoices")
    assert (row["content"]["sends"], row["content"]["ended"]) == (1, "answered")
    assert "MS-CO-2026-00001" not in str(row["content"])


def test_each_new_hold_leaves_one_row_and_a_run_without_news_none(
    sandbox: Sandbox, connection: Connection
) -> None:
    unknown, unmapped = order(1, status="on_hold"), order(2, lines=[line(taxRate="17.5")])
    sandbox.load_orders([unknown, unmapped, order(3)])
    export(connection)
    held = [row for row in rows(connection) if row["event"] == "held"]
    assert {row["subject_id"]: row["content"]["findings"][0]["cause"] for row in held} == {
        "co-1": "unknown status",
        "co-2": "tax rate not mapped",
    }
    assert {row["rules"] for row in held} == {connection.settings.digest}
    before = len(rows(connection))
    export(connection)
    assert len(rows(connection)) == before
    change(sandbox, "co-2", lines=[line(taxRate="12.5")])
    export(connection)
    assert events(connection, "co-2") == ["held", "held"]


def test_a_conflict_that_stays_is_told_once(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(1)])
    export(connection)
    sandbox.edit("edit", kind="invoice", number="MS-CO-2026-00001", fields={"DueDate": "2027-01-01"})
    change(sandbox, "co-1", lines=[line(quantity="5")])
    for _ in range(3):
        export(connection)
    assert events(connection, "co-1") == ["written", "conflict"]


def test_a_document_that_follows_its_order_leaves_the_change(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order(1)])
    export(connection)
    change(sandbox, "co-1", lines=[line(quantity="5")])
    export(connection)
    last = rows(connection)[-1]
    assert (last["content"]["method"], last["content"]["operation"]) == ("POST", "update")
    assert last["content"]["request"]["LineItems"][0]["Quantity"] == 5


def test_a_lost_answer_leaves_the_one_row_that_is_true(sandbox: Sandbox, with_bills: Connection) -> None:
    sandbox.load_orders([order(1, kind="supplier", externalReference="R-1")])
    sandbox.fault("lose_answer", next=1, method="PUT", path="/Invoices$")
    export(with_bills)
    assert events(with_bills, "so-1") == ["written"]
    assert rows(with_bills)[-1]["content"]["sends"] == 2


def test_what_a_killed_run_left_is_told_by_the_run_that_sees_it_through(
    sandbox: Sandbox, with_bills: Connection
) -> None:
    sandbox.load_orders([order(1, kind="supplier", externalReference="R-1")])
    sandbox.fault("lose_answer", next=2, method="PUT", path="/Invoices$")
    with pytest.raises(NoAnswer):
        export(with_bills)
    assert events(with_bills, "so-1") == []
    sandbox.advance(DEAD)
    export(with_bills)
    last = rows(with_bills)[-1]
    assert (last["event"], last["content"]["ended"]) == ("adopted", "read back")
    assert last["content"]["request"]["InvoiceNumber"] == "R-1"
    assert last["document_id"] == invoices(with_bills)[0]["InvoiceID"]


def test_every_request_that_xero_failed_at_leaves_its_row(sandbox: Sandbox, with_bills: Connection) -> None:
    sandbox.load_orders([order(1, kind="supplier", externalReference="R-1")])
    sandbox.fault("error_before", next=sending.TRIES, method="PUT", path="/Invoices$")
    export(with_bills)
    assert events(with_bills, "so-1") == ["released"] * sending.TRIES + ["held"]
    keys = [row["content"].get("key") for row in rows(with_bills) if row["event"] == "released"]
    assert len(set(keys)) == sending.TRIES


def test_a_refusal_keeps_xeros_own_answer(
    sandbox: Sandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.load_orders([order(1)])
    element = sending.document_element
    with monkeypatch.context() as patch:
        patch.setattr(sending, "document_element", lambda *given: {**element(*given), "Type": "?"})
        export(connection)
    last = rows(connection)[-1]
    assert (last["event"], last["document_id"]) == ("rejected", None)
    assert last["content"]["request"]["Type"] == "?"
    assert "Type must be ACCREC" in str(last["content"]["answer"])


def test_what_people_decide_bears_their_name(sandbox: Sandbox, connection: Connection) -> None:
    by_hand(sandbox)
    by_hand(sandbox, "INV-78", Reference="CO-2026-00002")
    sandbox.load_orders([order(1), order(2)])
    export(connection)
    link(connection, "CO-2026-00001", "INV-77", "Ada")
    send(connection, "CO-2026-00002", "Bob")
    *_, linked, sent = rows(connection)
    assert (linked["event"], linked["run_id"], linked["subject_id"]) == ("linked", "person: Ada", "co-1")
    assert (sent["event"], sent["run_id"], sent["subject_id"]) == ("send", "person: Bob", "co-2")
    export(connection)
    assert events(connection, "co-2") == ["held", "send", "written"]


def test_no_secret_and_no_token_is_anywhere_in_the_ledger(sandbox: Sandbox, with_bills: Connection) -> None:
    sandbox.load_orders([order(n) for n in range(1, 4)] + [order(4, kind="supplier"), order(5, status="?")])
    sandbox.fault("error_after", next=1, method="PUT", path="/Invoices$")
    sandbox.fault("expire_tokens", next=1, method="PUT", path="/Invoices$")
    sandbox.fault("lose_answer", next=1, method="PUT", path="/Contacts$")
    export(with_bills)
    token = with_bills.xero.http._auth.header().removeprefix("Bearer ")  # type: ignore[union-attr]
    assert len(token) > 20
    held = b"\n".join(_values(with_bills))
    assert b"MS-CO-2026-00001" in held
    for secret in (token, "sandbox-secret", "sandbox-key", "Bearer"):
        assert secret.encode() not in held


def _values(connection: Connection) -> list[bytes]:
    """Every value of every table, inflated where it was deflated."""
    with connection.database.engine.connect() as tx:
        values = [v for t in metadata.sorted_tables for row in tx.execute(select(t)) for v in row]
    return [_plain(value) for value in values]


def _plain(value: object) -> bytes:
    if not isinstance(value, bytes):
        return str(value).encode()
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value
