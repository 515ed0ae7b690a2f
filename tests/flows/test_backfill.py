"""A backfill on Prefect's harness, where it does its chunks itself: what it costs, tells, repeats and leaves."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from prefect.client.schemas.objects import State
from prefect.states import Completed

from deployments.sandbox.server import Sandbox
from flows import backfill_chunk as module
from flows.backfill import backfill
from flows.backfill_chunk import backfill_chunk
from flows.order_export import order_export
from flows.parameters import ChangedRules, Orders, Subject
from flows.reconciliation import reconciliation
from tasks.backfilling.progress import Progress
from tasks.domain.periods import Chunk, Period, cut
from tasks.exporting.outcome import Calls
from tasks.ledger.backfills import Stage
from tests.exporting.conftest import no_waiting
from tests.exporting.driver import change, read
from tests.exporting.test_remaking import OTHER_ACCOUNT, accounts
from tests.flows.test_order_export import artifact, artifact_table
from tests.importing.driver import import_
from tests.support import Connect, line, order

__all__ = ["no_waiting"]
AUTUMN = {"date_from": "2026-09-01", "date_to": "2026-10-31"}


def run(**parameters: Any) -> State[Any]:
    state: State[Any] = backfill(return_state=True, **{**AUTUMN, "dry_run": False, **parameters})  # type: ignore[call-overload]
    return state


def progress(state: State[Any]) -> Progress:
    found = state.result(raise_on_failure=False)
    assert isinstance(found, Progress), state.message
    return found


def orders(*days: str) -> list[dict[str, Any]]:
    """An order a day, each of a customer of its own; every third a supplier's."""
    return [
        order(
            number,
            orderDate=day,
            kind="supplier" if number % 3 == 0 else "customer",
            contact={"id": f"c-{number}", "name": f"Customer {number}", "countryCode": "GB"},
        )
        for number, day in enumerate(days, 1)
    ]


def calls(sandbox: Sandbox) -> int:
    return int(sandbox.state("xero")["calls"]["total"])


@pytest.mark.parametrize(("chunk", "chunks"), [(Chunk.week, 3), (Chunk.month, 2)])
def test_it_uses_the_calls_of_its_forecast_and_a_second_time_writes_nothing(
    sandbox: Sandbox, connect: Connect, chunk: Chunk, chunks: int
) -> None:
    connect()
    sandbox.load_orders(
        orders(*["2026-09-21"] * 60, *["2026-09-22"] * 45, *["2026-10-05"] * 70, "2026-10-12")
    )
    dates = {"date_from": "2026-09-21", "date_to": "2026-10-11"}
    told = run(**dates, dry_run=True)
    assert told.name == "DryRun", told.message
    before = calls(sandbox)
    run(**dates, dry_run=True)
    making, before = calls(sandbox) - before, calls(sandbox)
    state = run(**dates, chunk=chunk)
    done = progress(state)
    assert (state.name, done.documents) == ("Completed", 175)
    assert calls(sandbox) - before - making == done.forecast == done.calls
    assert len(done.chunks) == chunks
    made = sandbox.state("xero")["documents"]
    assert (made["invoice"], made["purchase_order"]) == (117, 58)
    shown = artifact("backfill-sandbox")
    assert shown.data == 100
    assert f"{chunks} of {chunks} chunks, 175 documents" in str(shown.description)

    before = calls(sandbox)
    again = run(**dates, chunk=chunk)
    assert again.name == "NothingToExport"
    assert "Every order of 2026-09-21 to 2026-10-11 that can go has its document" in str(again.message)
    assert progress(again).calls == 0
    assert calls(sandbox) == before
    late = order(500, orderDate="2026-09-30")
    sandbox.load_orders([late])
    assert progress(run(**dates, chunk=chunk)).documents == 1


def test_a_chunk_that_fails_stops_no_other_and_the_next_run_does_what_is_left(
    sandbox: Sandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect()
    sandbox.load_orders(orders("2026-09-03", "2026-10-05"))
    broken = connection.monstock.orders

    def refuse(kind: Any, **asked: Any) -> Any:
        if str(asked["date_from"]) == "2026-09-01" and str(asked["date_to"]) == "2026-09-30":
            raise RuntimeError("a mistake of ours")
        return broken(kind, **asked)

    with monkeypatch.context() as patch:
        patch.setattr(connection.monstock, "orders", refuse)
        state = run()
    done = progress(state)
    assert (state.name, state.is_failed()) == ("Incomplete", True)
    assert [chunk.stage for chunk in done.chunks] == [Stage.failed, Stage.done]
    assert "2026-09-01 to 2026-09-30: Flow run encountered an exception" in str(state.message)
    assert "a mistake of ours" in str(state.message)
    assert "what is done is not done again" in str(state.message)
    assert progress(run()).documents == 1


def test_invoices_of_a_range_show_on_their_orders(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = connect()
    sandbox.load_orders(orders("2026-09-03", "2026-10-05"))
    run()
    sandbox.advance(2)
    import_(connection)
    sandbox.edit("edit", kind="invoice", number="MS-CO-2026-00002", fields={"Status": "AUTHORISED"})
    sandbox.edit("edit", kind="invoice", number="MS-CO-2026-00001", fields={"Status": "AUTHORISED"})
    sandbox.advance(2)
    state = run(what=Subject.invoices, date_from="2026-10-01")
    assert state.is_completed(), state.message
    assert progress(state).documents == 1


def test_a_reconciliation_of_a_range_is_a_run_a_chunk(
    sandbox: Sandbox, connect: Connect, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONSTOCK_XERO_REPORTS", str(tmp_path / "reports"))
    connect()
    sandbox.load_orders(orders("2026-09-03", "2026-10-05"))
    run()
    sandbox.advance(2)
    reconciliation(return_state=True)
    sandbox.edit("edit", kind="invoice", number="MS-CO-2026-00002", fields={"Status": "DELETED"})
    sandbox.advance(2)
    state = run(what=Subject.reconciliation)
    done = progress(state)
    assert [chunk.stage for chunk in done.chunks] == [Stage.done, Stage.done]
    assert "discrep" in done.chunks[1].sentence
    assert len(list((tmp_path / "reports" / "sandbox").iterdir())) == 3


def test_a_reconciliation_lists_monstock_once_however_many_chunks_and_says_what_that_costs(
    sandbox: Sandbox, connect: Connect, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONSTOCK_XERO_REPORTS", str(tmp_path / "reports"))
    connection = connect()
    long_before = {"orderDate": "2026-05-20", "billingDate": "2026-09-04"}
    sandbox.load_orders([*orders("2026-09-03", "2026-09-05"), order(9, **long_before)])
    order_export(return_state=True)
    sandbox.advance(2)
    asked = {
        "what": Subject.reconciliation,
        "chunk": Chunk.day,
        "date_from": "2026-09-02",
        "date_to": "2026-09-06",
    }
    told = run(**asked, dry_run=True).result(raise_on_failure=False)
    assert told.forecast.monstock == {
        "GET customer-orders": 1,
        "GET supplier-orders": 1,
        "GET orders by id": 1,
    }
    assert "3 calls to Monstock. What the ledger does not know yet comes on top." in told.sentence()
    before = Calls.so_far(connection)
    done = progress(run(**asked))
    assert [chunk.stage for chunk in done.chunks] == [Stage.done] * 5
    assert [chunk.documents for chunk in done.chunks] == [0, 1, 1, 1, 0]
    used = Calls.so_far(connection).since(before)
    assert used.monstock.total() == told.forecast.monstock.total()
    assert used.xero.total() == told.forecast.calls


def test_changed_rules_show_what_they_would_make_otherwise_and_change_what_they_may(
    sandbox: Sandbox, connect: Connect
) -> None:
    connect()
    sandbox.load_orders(orders("2026-09-03", "2026-10-05"))
    run()
    connection = connect(OTHER_ACCOUNT)
    told = run(dry_run=True)
    assert "2 documents would be made otherwise by the present rules, by 0.00 in all" in str(told.message)
    assert [row["differs in"] for row in artifact_table("changed-rules-sandbox")] == [
        "LineItems[0].AccountCode"
    ] * 2
    assert run().name == "NothingToExport"
    assert accounts(connection) == ["200", "200"]
    assert "2 documents to write: 15 calls to Xero" in str(
        run(dry_run=True, changed_rules=ChangedRules.all).message
    )
    sandbox.edit("edit", kind="invoice", number="MS-CO-2026-00001", fields={"Status": "AUTHORISED"})
    assert progress(run(changed_rules=ChangedRules.drafts)).documents == 1
    assert accounts(connection) == ["200", "201"]
    assert progress(run(changed_rules=ChangedRules.all)).documents == 1
    assert accounts(connection) == ["201", "201"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"date_from": "2026-11-01"}, "swap the two dates"),
        (
            {"what": Subject.invoices, "changed_rules": ChangedRules.all},
            "Changed rules can be applied by a backfill of orders only.",
        ),
        (
            {"what": Subject.reconciliation, "orders": Orders.supplier},
            "has no choice of orders: leave it at",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(
    sandbox: Sandbox, connect: Connect, changes: dict[str, Any], sentence: str
) -> None:
    connect()
    assert sentence in str(run(**changes).message)


def test_chunks_side_by_side_that_share_new_customers_make_them_once(
    sandbox: Sandbox, connect: Connect
) -> None:
    """One is making the customers, and that takes a while."""
    connection = connect()
    sandbox.load_orders(
        [order(n, orderDate=day) for n, day in enumerate(["2026-09-03"] * 7 + ["2026-10-05"] * 7, 1)]
    )
    sandbox.fault("slow", method="PUT", path="/Contacts$", seconds=1)
    months = list(cut(Period(date(2026, 9, 1), date(2026, 10, 31)), Chunk.month))
    connection.backfills.begin("both", months)

    def chunk(period: Period) -> State[Any]:
        state: State[Any] = backfill_chunk("both", period.first, period.last, return_state=True)
        return state

    with ThreadPoolExecutor(2) as pool:
        states = list(pool.map(chunk, months))
    assert [state.name for state in states] == ["Completed"] * 2, [state.message for state in states]
    assert [done.documents for done in connection.backfills.of("both")] == [7, 7]
    made = sandbox.state("xero")["documents"]
    assert (made["invoice"], made["contact"]) == (14, 7)


@pytest.mark.parametrize("rules", [ChangedRules.leave, ChangedRules.drafts])
@pytest.mark.parametrize(
    ("looks", "stage"), [(1, Stage.done), (9, Stage.failed)], ids=["a while", "for good"]
)
def test_a_chunk_whose_orders_wait_for_another_run_looks_again_and_is_not_done_before(
    sandbox: Sandbox,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    looks: int,
    stage: Stage,
    rules: ChangedRules,
) -> None:
    connection = connect()
    sandbox.load_orders(orders("2026-10-05", "2026-10-06"))
    read(connection)
    monkeypatch.setattr(module, "LOOK_AGAIN", 0.0)
    export, seen = module.export, []

    def waits_at_first(*asked: Any, **more: Any) -> State[Any]:
        seen.append(asked)
        return (
            export(*asked, **more)
            if len(seen) > looks
            else Completed(message="Another run has them.", data=0)
        )

    monkeypatch.setattr(module, "export", waits_at_first)
    backfill_chunk("one", date(2026, 10, 1), date(2026, 10, 31), changed_rules=rules, return_state=True)
    [done] = connection.backfills.of("one")
    assert (done.stage, done.documents) == (stage, 2 if stage is Stage.done else 0)
    assert len(seen) == min(looks + 1, module.TRIES)
    assert ("2 orders still wait" in done.sentence) == (stage is Stage.failed)


def test_drafts_alone_do_not_wait_for_an_approved_document_whose_order_changed(
    sandbox: Sandbox, connect: Connect
) -> None:
    connect()
    sandbox.load_orders(orders("2026-10-05"))
    run(chunk=Chunk.month)
    sandbox.edit("edit", kind="invoice", number="MS-CO-2026-00001", fields={"Status": "AUTHORISED"})
    change(sandbox, "co-1", lines=[line(quantity="5")])
    state = run(changed_rules=ChangedRules.drafts)
    assert state.is_completed(), state.message
