"""What a run made is taken back, over HTTP: what goes, what stays, and what can be sent again."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.errors import NoAnswer, Parked, Transient
from tasks.domain.outcomes import Cause, OrderState
from tasks.exporting import rolling_back, sending
from tasks.exporting.rolling_back import Asked, batches, read_locked_until, recall_page, rest
from tasks.exporting.taking_back import GONE_BEFORE, Line
from tasks.ledger import retrying
from tasks.ledger.inbox import Inbox
from tasks.ledger.items import Subject, Wanted
from tasks.ledger.settlement import read_findings
from tasks.ledger.standing import Scope
from tasks.ledger.verifying import Verification
from tests.exporting.after import APPROVED, BILLS, NUMBER, cancel, pay, quiet, send_out, writes
from tests.exporting.driver import change, export, found, invoices, purchase_orders, standing
from tests.exporting.test_trail import rows
from tests.importing.driver import import_, link
from tests.reconciling.driver import night
from tests.support import Connect, line, order
from tests.xero.desk import another, impatient

ASKED = Asked("first", "Ada")


@pytest.fixture(autouse=True)
def _no_waiting(no_waiting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling_back, "writer", sending.writer)


def back(connection: Connection, run: str = "first", rollback: str = "rollback") -> dict[str, str]:
    """Roll a run back, as the flow does; what became of each order's document."""
    made = connection.runs.did([run])
    until = read_locked_until(connection)
    lines = [
        one
        for batch in batches(made)
        for one in rolling_back.roll_back(connection, batch, until, ASKED, rollback)
    ]
    for kind, span in connection.recalling.spans().items():
        cursor = recall_page(connection, kind, span, None, rollback)
        while cursor:
            cursor = recall_page(connection, kind, span, cursor, rollback)
    return told([*lines, *(one for one in rest(made) if one.becomes == GONE_BEFORE)])


def told(lines: list[Line]) -> dict[str, str]:
    return {one.made.subject_id: f"{one.becomes}: {one.why}" if one.why else one.becomes for one in lines}


def foreseen(connection: Connection, run: str = "first") -> dict[str, str]:
    until = read_locked_until(connection)
    return told(
        [
            one
            for batch in batches(connection.runs.did([run]))
            for one in rolling_back.foresee(connection, batch, until)
        ]
    )


def statuses(connection: Connection) -> dict[str, str]:
    rows = [*invoices(connection), *purchase_orders(connection)]
    return {row.get("InvoiceNumber") or row["PurchaseOrderNumber"]: row["Status"] for row in rows}


def supply(number: int) -> dict[str, Any]:
    return order(number, kind="supplier", externalReference=f"R-{number}", dueDate="2026-11-30")


def retry(connection: Connection, *order_ids: str) -> None:
    keys = [(Subject.order, "customer" if one.startswith("c") else "supplier", one) for one in order_ids]
    digest = connection.settings.digest
    assert len(list(retrying.retry(connection.database, connection.name, digest, keys, "Ada"))) == len(keys)


def send_again(connection: Connection, scope: Scope, by: str) -> int:
    """Let the rolled back orders of a scope go to Xero with the next export, as a person's `inbox retry` does.

    Returns how many there are.
    """
    rows = connection.orders.standing(scope, [OrderState.skipped], 1_000)
    these = [
        (Subject.order, row.kind, row.order_id)
        for row in rows
        if any(found.cause is Cause.rolled_back for found in read_findings(row.findings))
    ]
    return len(
        list(retrying.retry(connection.database, connection.name, connection.settings.digest, these, by))
    )


def test_drafts_and_purchase_orders_are_deleted_and_their_orders_wait(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order(1), order(2), supply(1)])
    export(connection, run_id="first")
    sandbox.load_orders([order(3)])
    export(connection, run_id="second")
    before = writes(sandbox)
    assert foreseen(connection) == {"co-1": "deleted", "co-2": "deleted", "so-1": "deleted"}
    assert writes(sandbox) == before
    assert back(connection) == {"co-1": "deleted", "co-2": "deleted", "so-1": "deleted"}
    assert statuses(connection) == {
        "MS-CO-2026-00001": "DELETED",
        "MS-CO-2026-00002": "DELETED",
        "MS-CO-2026-00003": "DRAFT",
        "MS-SO-2026-00001": "DELETED",
    }
    assert standing(connection) == {
        "co-1": "skipped",
        "co-2": "skipped",
        "so-1": "skipped",
        "co-3": "exported",
    }
    assert found(connection, "co-1") == (f"rolled back: {NUMBER} of run first was deleted, as Ada asked.")
    assert quiet(sandbox, connection)
    [row] = [row for row in rows(connection) if row["run_id"] == "rollback" and row["subject_id"] == "co-1"]
    assert (row["event"], row["content"]["operation"]) == ("written", "rollback")
    assert "as Ada asked" in str(row["content"]["findings"])


def test_approved_ones_are_voided_unless_somebody_has_them(sandbox: Sandbox, connect: Connect) -> None:
    connection = impatient(connect(APPROVED | BILLS))
    sandbox.load_orders([order(n) for n in range(1, 7)] + [supply(1)])
    export(connection, run_id="first")
    number = "MS-CO-2026-0000{}".format
    pay(sandbox, "45.00", number(1))
    pay(sandbox, "5.00", number(2))
    send_out(sandbox, number(3))
    sandbox.edit("edit", kind="invoice", number=number(4), fields={"DueDate": "2027-01-01"})
    sandbox.edit("credit", number=number(5), amount=5, by="credit_note")
    expected = {
        "co-1": "stays: paid",
        "co-2": "stays: part-paid or credited",
        "co-3": "stays: sent to the contact",
        "co-4": "stays: edited in Xero since: DueDate",
        "co-5": "stays: part-paid or credited",
        "co-6": "voided",
        "so-1": "voided",
    }
    assert foreseen(connection) == expected
    assert back(connection) == expected
    ended = {n for n, status in statuses(connection).items() if status == "VOIDED"}
    assert ended == {number(6), "R-1"}
    states = standing(connection)
    assert {one for one, state in states.items() if state == "skipped"} == {"co-6", "so-1"}
    assert {state for one, state in states.items() if one not in {"co-6", "so-1"}} == {"exported"}


def test_a_locked_period_stays(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(1), order(2, orderDate="2026-10-20")])
    export(connection, run_id="first")
    sandbox.edit("lock", period="2026-10-15")
    assert back(connection) == {"co-1": "stays: in a period locked until 2026-10-15", "co-2": "deleted"}


def test_what_the_run_only_changed_and_its_contacts_are_left(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order(1), order(2)])
    export(connection, run_id="first")
    change(sandbox, "co-1", lines=[line(quantity="5")])
    cancel(sandbox, "co-2")
    sandbox.load_orders([order(3)])
    export(connection, run_id="second")
    assert back(connection, "second") == {"co-3": "deleted"}
    assert sorted(told(rest(connection.runs.did(["second"]))).items()) == [
        ("co-1", "not touched: updated by this run, made by another"),
        ("co-2", "not touched: ended by this run: what is voided or deleted stays so"),
        ("co-3", "gone before: rolled back, or sent anew, before"),
        ("customer-3", "not touched: a contact: other documents may be its own"),
    ]
    assert statuses(connection)["MS-CO-2026-00001"] == "DRAFT"
    assert back(connection, "first") == {
        "co-1": "deleted",
        "co-2": "gone before: DELETED in Xero already",
    }


def test_done_again_it_does_nothing_more(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(1), supply(1)])
    export(connection, run_id="first")
    back(connection)
    before, head = sandbox.state()["calls"], connection.trail.head()
    again = {"co-1": "gone before: rolled back, or sent anew, before"}
    assert back(connection) == again | {"so-1": again["co-1"]}
    assert connection.trail.head() == head
    after = sandbox.state()["calls"]
    assert {name for name in after if after[name] != before.get(name)} == {"GET /Organisation", "total"}


def test_rolled_back_orders_are_sent_again_and_rolled_back_again(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order(1), supply(1)])
    export(connection, run_id="first")
    back(connection)
    retry(connection, "co-1", "so-1")
    export(connection, run_id="second")
    assert statuses(connection) == {
        NUMBER: "DELETED",
        f"{NUMBER}-2": "DRAFT",
        "MS-SO-2026-00001": "DELETED",
        "MS-SO-2026-00001-2": "DRAFT",
    }
    assert set(standing(connection).values()) == {"exported"}
    assert back(connection, "first", "again") == dict.fromkeys(
        ["co-1", "so-1"], "gone before: rolled back, or sent anew, before"
    )
    assert back(connection, "second", "again") == {"co-1": "deleted", "so-1": "deleted"}
    assert send_again(connection, Scope(), "Ada") == 2
    export(connection, run_id="third")
    alive = {n for n, status in statuses(connection).items() if status == "DRAFT"}
    assert alive == {f"{NUMBER}-3", "MS-SO-2026-00001-3"}
    assert list(Verification(connection.trail).breaks()) == []


@pytest.fixture
def freeing(sandbox: Sandbox) -> Iterator[None]:
    """Xero frees the numbers of what is voided or deleted."""
    sandbox.settings(switches={"voided_number_is_freed": True})
    yield
    sandbox.settings(switches={"voided_number_is_freed": False})


def test_where_xero_frees_the_number_it_is_used_again(
    sandbox: Sandbox, connection: Connection, freeing: None
) -> None:
    sandbox.load_orders([order(1), order(2)])
    export(connection, run_id="first")
    back(connection)
    send_again(connection, Scope(), "Ada")
    export(connection, run_id="second")
    found = [(row["InvoiceNumber"], row["Status"]) for row in invoices(connection)]
    assert sorted(found) == [
        (NUMBER, "DELETED"),
        (NUMBER, "DRAFT"),
        ("MS-CO-2026-00002", "DELETED"),
        ("MS-CO-2026-00002", "DRAFT"),
    ]


def test_where_it_does_not_that_is_asked_once(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(n) for n in range(1, 4)])
    export(connection, run_id="first")
    back(connection)
    send_again(connection, Scope(references=("CO-2026-00001",)), "Ada")
    export(connection, run_id="second")
    before = sandbox.state()["calls"]["PUT /Invoices"]
    send_again(connection, Scope(), "Ada")
    export(connection, run_id="third")
    assert sandbox.state()["calls"]["PUT /Invoices"] == before + 1
    assert {n for n, s in statuses(connection).items() if s == "DRAFT"} == {
        f"MS-CO-2026-0000{n}-2" for n in (1, 2, 3)
    }


def test_bills_keep_the_suppliers_number(sandbox: Sandbox, connect: Connect) -> None:
    connection = impatient(connect(BILLS))
    sandbox.load_orders([supply(1)])
    export(connection, run_id="first")
    back(connection)
    send_again(connection, Scope(), "Ada")
    export(connection, run_id="second")
    found = [(row["InvoiceNumber"], row["Status"]) for row in invoices(connection)]
    assert found == [("R-1", "DELETED"), ("R-1", "DRAFT")]


def test_an_order_that_changes_meanwhile_waits_all_the_same_and_goes_as_it_is_then(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order(1)])
    export(connection, run_id="first")
    back(connection)
    change(sandbox, "co-1", lines=[line(quantity="5")])
    export(connection)
    assert standing(connection) == {"co-1": "skipped"}
    retry(connection, "co-1")
    export(connection)
    assert [row["Total"] for row in invoices(connection) if row["Status"] == "DRAFT"] == [75]


@pytest.mark.parametrize("fault", ["lose_answer", "offline", "error_before", "error_after"])
def test_cut_in_the_middle_it_is_finished_by_the_next(
    sandbox: Sandbox, connection: Connection, fault: str
) -> None:
    sandbox.load_orders([order(n) for n in range(1, 4)])
    export(connection, run_id="first")
    sandbox.fault(fault, next=2, method="POST", path="/Invoices$")
    with suppress(Transient):
        back(connection)
    sandbox.advance(7 * 60)
    back(another(connection), rollback="later")
    assert set(statuses(connection).values()) == {"DELETED"}
    assert set(standing(connection).values()) == {"skipped"}
    assert quiet(sandbox, connection)


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("commit", ["store", "note_sent", "settle"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_around_any_commit_it_is_finished_by_the_next(
    sandbox: Sandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch, commit: str, when: str
) -> None:
    sandbox.load_orders([order(n) for n in range(1, 4)])
    export(connection, run_id="first")
    real = getattr(connection.attempts, commit)

    def killed(*given: Any, **more: Any) -> Any:
        if when == "after":
            real(*given, **more)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(connection.attempts, commit, killed)
        patch.setattr(connection.attempts, "leave", lambda _: None)
        with pytest.raises(Killed):
            back(connection)
    with connection.database.begin() as tx:  # so that nobody waits for the lease of a process that is gone
        tx.exec_driver_sql("update attempts set lease_until = '2026-01-01 00:00:00'")
    sandbox.advance(7 * 60)
    back(another(connection), rollback="later")
    assert set(statuses(connection).values()) == {"DELETED"}
    assert set(standing(connection).values()) == {"skipped"}
    assert [row.generation for row in connection.orders.find("co-1")] == [2]
    assert quiet(sandbox, connection)
    assert send_again(connection, Scope(), "Ada") == 3


def test_an_export_that_finishes_a_cut_rollback_sends_nothing_again(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order(1)])
    export(connection, run_id="first")
    sandbox.fault("lose_answer", next=2, method="POST", path="/Invoices$")
    with pytest.raises(NoAnswer):
        back(connection)
    sandbox.advance(7 * 60)
    export(another(connection), run_id="second")
    assert standing(connection) == {"co-1": "skipped"}
    assert statuses(connection) == {NUMBER: "DELETED"}
    assert back(connection) == {"co-1": "gone before: rolled back, or sent anew, before"}
    retry(connection, "co-1")
    export(connection)
    assert standing(connection) == {"co-1": "exported"}


def test_the_days_limit_parks_it_and_the_next_one_goes_on(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(n) for n in range(1, 61)])
    export(connection, run_id="first")
    sandbox.fault("throttle", method="POST", path="/Invoices$", at=[2], problem="day", retry_after=7200)
    with pytest.raises(Parked):
        back(connection)
    sandbox.advance(86_400)
    later = another(connection)
    assert sorted(back(later).values())[0] == "deleted"
    assert set(statuses(connection).values()) == {"DELETED"}


def test_what_xero_refuses_is_told_and_its_order_stays_as_it_is(
    sandbox: Sandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.load_orders([order(1)])
    export(connection, run_id="first")
    monkeypatch.setitem(rolling_back.STATUSES, "deleted", "VOIDED")
    [said] = back(connection).values()
    assert said.startswith("stays: ")
    assert len(said) > len("stays: ")
    assert standing(connection) == {"co-1": "exported"}


def test_the_night_after_it_raises_no_alarm(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(1), order(2), supply(1)])
    export(connection, run_id="first")
    sandbox.advance(3)
    import_(connection)
    back(connection)
    sandbox.advance(3)
    import_(connection)
    assert link(sandbox, "co-1")["status"] == "deleted"
    seen = night(connection).rows
    assert set(seen["kind"]) == {"held"}
    assert set(seen["state"]) == {"accepted"}
    assert seen["reason"].str.contains("as Ada asked").all()
    send_again(connection, Scope(), "Ada")
    export(connection)
    sandbox.advance(3)
    import_(connection)
    assert link(sandbox, "co-1")["status"] == "draft"
    later = night(connection).rows
    assert list(later.loc[~later["state"].isin(["gone", "repaired"]), "kind"]) == []


def test_the_inbox_names_them_by_their_cause(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(1), order(2)])
    export(connection, run_id="first")
    back(connection)
    inbox = Inbox(connection.database, [connection.name])
    assert list(inbox.items(Wanted(subjects=(Subject.order,)))) == []
    listed = list(inbox.items(Wanted(subjects=(Subject.order,), skipped=True, cause=Cause.rolled_back)))
    assert [one.id for one in listed] == ["co-1", "co-2"]
