"""What is exported is exported once: lost ledgers, restored ledgers, failures, and the wrong organisation."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.errors import NoAnswer, Offline, Parked, WrongOrganisation
from tasks.exporting import sending
from tasks.ledger.claims import Outcome, Settlement
from tasks.ledger.database import Database
from tasks.xero.wire import document_element
from tests.exporting import driver
from tests.exporting.driver import (
    alive,
    change,
    export,
    found,
    invoices,
    purchase_orders,
    read,
    standing,
    write,
)
from tests.support import dec, line, order
from tests.xero.desk import NOBODY, another, outcomes

DEAD = 7 * 60


def supplies(count: int) -> list[dict[str, object]]:
    return [order(n, kind="supplier", externalReference=f"R-{n}") for n in range(count)]


def on(connection: Connection, ledger: Path) -> Connection:
    """The same connection on another ledger."""
    return Connection(connection.name, connection.settings, Database(f"sqlite:///{ledger}"))


def test_a_second_run_exports_nothing(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(n) for n in range(3)] + supplies(2))
    settled = export(connection)
    assert set(outcomes(settled)) == {Outcome.written}
    assert Counter(s.claim.subject for s in settled) == {"customer": 3, "supplier": 2, "contact": 5}
    assert export(connection) == []


def test_a_ledger_that_was_lost_learns_from_xero_what_it_exported(
    sandbox: Sandbox, connection: Connection, tmp_path: Path
) -> None:
    sandbox.load_orders([order(n) for n in range(3)] + supplies(3))
    export(connection)
    fresh = on(connection, tmp_path / "fresh.db")
    assert outcomes(export(fresh)) == [Outcome.adopted] * 6
    assert (len(invoices(connection)), len(purchase_orders(connection))) == (3, 3)
    assert set(standing(fresh).values()) == {"exported"}
    fresh.close()


def test_a_lost_ledger_makes_no_bill_twice_that_bears_the_suppliers_number(
    sandbox: Sandbox, with_bills: Connection, tmp_path: Path
) -> None:
    sandbox.load_orders(supplies(3))
    export(with_bills)
    fresh = on(with_bills, tmp_path / "fresh.db")
    assert outcomes(export(fresh)) == [Outcome.adopted] * 3
    assert [row["InvoiceNumber"] for row in invoices(with_bills)] == ["R-0", "R-1", "R-2"]
    fresh.close()


def test_a_ledger_restored_from_an_older_copy_adopts_what_came_after(
    sandbox: Sandbox, with_bills: Connection, tmp_path: Path
) -> None:
    sandbox.load_orders(supplies(2))
    export(with_bills)
    with closing(sqlite3.connect(with_bills.database.engine.url.database or "")) as source:
        source.execute(f"vacuum into '{tmp_path / 'restored.db'}'")
    sandbox.advance(3600)
    sandbox.load_orders(supplies(4)[2:])
    export(with_bills)
    sandbox.advance(3600)
    restored = on(with_bills, tmp_path / "restored.db")
    assert outcomes(export(restored)) == [Outcome.adopted] * 2
    assert len(invoices(with_bills)) == 4
    restored.close()


def test_a_document_that_was_deleted_while_the_ledger_was_lost_is_not_made_again(
    sandbox: Sandbox, connection: Connection, tmp_path: Path
) -> None:
    sandbox.load_orders([order()])
    export(connection)
    sandbox.edit("delete", number="MS-CO-2026-00001")
    fresh = on(connection, tmp_path / "fresh.db")
    assert outcomes(export(fresh)) == [Outcome.removed]
    assert len(invoices(connection)) == 1
    fresh.close()


def test_a_task_that_runs_again_sees_its_own_attempt_through(
    sandbox: Sandbox, with_bills: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(*asked: Any, **more: Any) -> list[Settlement]:
        with pytest.raises(NoAnswer):
            sending.send_documents(*asked, **more)
        return sending.send_documents(*asked, **more)

    sandbox.load_orders(supplies(3))
    monkeypatch.setattr(driver, "send_documents", twice)
    sandbox.fault("lose_answer", next=2, method="PUT", path="/Invoices$")
    settled = [s for s in export(with_bills) if s.claim.subject == "supplier"]
    assert outcomes(settled) == [Outcome.written] * 3
    assert len(invoices(with_bills)) == 3


def test_a_failure_of_xeros_is_tried_again_in_the_same_run(sandbox: Sandbox, with_bills: Connection) -> None:
    sandbox.load_orders(supplies(2))
    sandbox.fault("error_before", next=2, method="PUT", path="/Invoices$")
    settled = [s for s in export(with_bills) if s.claim.subject == "supplier"]
    assert outcomes(settled) == [Outcome.written] * 2
    assert len(invoices(with_bills)) == 2


def test_what_xero_fails_at_every_time_is_held_and_goes_with_the_next_run(
    sandbox: Sandbox, with_bills: Connection
) -> None:
    sandbox.load_orders(supplies(2))
    sandbox.fault("error_before", next=sending.TRIES, method="PUT", path="/Invoices$")
    assert outcomes(export(with_bills))[-2:] == [Outcome.held] * 2
    assert "Xero failed 3 times with an internal error" in found(with_bills, "so-1")
    assert outcomes(export(with_bills)) == [Outcome.written] * 2


def test_an_order_that_changed_while_its_answer_was_lost_is_written_and_then_changed(
    sandbox: Sandbox, with_bills: Connection
) -> None:
    sandbox.load_orders(supplies(1))
    sandbox.fault("lose_answer", next=2, method="PUT", path="/Invoices$")
    with pytest.raises(NoAnswer):
        export(with_bills)
    sandbox.advance(DEAD)
    change(sandbox, "so-0", lines=[line(quantity="5")])
    assert outcomes(export(with_bills)) == [Outcome.adopted, Outcome.written]
    (bill,) = invoices(with_bills)
    assert dec(bill["Total"]) == 75


def test_a_rejected_order_is_not_sent_again_until_it_changes_or_a_person_says_so(
    sandbox: Sandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.load_orders([order(1), order(2)])
    with monkeypatch.context() as patch:
        patch.setattr(sending, "document_element", lambda *given: {**document_element(*given), "Type": "?"})
        export(connection)
    assert found(connection, "co-1") == "rejected by Xero: Type must be ACCREC or ACCPAY"
    assert export(connection) == []
    change(sandbox, "co-1", lines=[line(quantity="5")])
    assert [s.claim.subject_id for s in export(connection)] == ["co-1"]
    assert [s.claim.subject_id for s in export(connection, retry_rejected=True)] == ["co-2"]


def test_another_organisation_than_the_pinned_name_is_refused_before_any_write(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order()])
    sandbox.edit("organisation", fields={"Name": "Someone Else Ltd"})
    with pytest.raises(WrongOrganisation, match='is "Someone Else Ltd" in Xero'):
        export(connection)
    assert "invoice" not in sandbox.state()["documents"]
    assert "contact" not in sandbox.state()["documents"]


def belong_elsewhere(connection: Connection) -> None:
    """As if the ledger had been filled for another organisation."""
    with connection.database.begin() as tx:
        tx.exec_driver_sql(f"update connections set tenant_id = '{NOBODY}', tenant_name = 'Elsewhere Ltd'")


def test_a_ledger_that_belongs_to_another_tenant_refuses_to_write(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order()])
    export(connection)
    belong_elsewhere(connection)
    sandbox.load_orders([order(2)])
    with pytest.raises(WrongOrganisation, match="Give another organisation a connection of its own"):
        export(connection)
    assert len(invoices(connection)) == 1


def test_what_was_left_open_is_not_finished_in_another_organisation(
    sandbox: Sandbox, with_bills: Connection
) -> None:
    sandbox.load_orders(supplies(1))
    sandbox.fault("offline", next=2, method="PUT", path="/Invoices$")
    with pytest.raises(Offline):
        export(with_bills)
    belong_elsewhere(with_bills)
    with pytest.raises(WrongOrganisation):
        export(with_bills)
    assert invoices(with_bills) == []


def test_two_workers_write_each_order_once(sandbox: Sandbox, with_bills: Connection) -> None:
    sandbox.load_orders(supplies(12))
    second = another(with_bills)
    read(with_bills)
    read(second)
    parts = [write(with_bills), write(second)]
    settled = [next(parts[0]), *parts[1], *parts[0]]
    export(with_bills)
    bills = [s for s in settled if s.claim.subject == "supplier"]
    assert len(bills) <= 12
    assert len(alive(invoices(with_bills))) == 12
    assert set(standing(with_bills).values()) == {"exported"}
    second.close()


def test_what_is_open_is_left_at_once_by_a_run_that_is_parked_before_it_can_look(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order(1)])
    used_up = {"problem": "day", "retry_after": 7200}
    sandbox.fault("throttle", method="PUT", path="/Invoices$", **used_up)
    with pytest.raises(Parked):
        export(connection)
    sandbox.fault("throttle", path="/Organisation$", **used_up)
    with pytest.raises(Parked):
        sending.finish_open(another(connection), "run", wait=False)
    [open_] = connection.attempts.unfinished()
    assert connection.attempts.take_over(open_) is not None
