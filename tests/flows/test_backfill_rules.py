"""Changed rules in a backfill: what following them costs, and that nobody's word is carried over to other rules."""

from collections import Counter
from typing import Any

import pytest
from prefect import tags
from prefect.client.schemas.objects import State

from deployments.sandbox.server import Sandbox
from flows import backfill_chunk as module
from flows.backfill import Waits
from flows.fanout import GOES_ON
from flows.order_export import order_export
from flows.parameters import ChangedRules
from tasks.connections.connection import Connection
from tasks.domain.periods import Chunk
from tasks.exporting.intake import in_hand
from tests.exporting.conftest import no_waiting
from tests.exporting.test_remaking import OTHER_ACCOUNT, accounts
from tests.flows.test_backfill import progress, run
from tests.flows.test_order_export import artifact_table
from tests.flows.test_parked_and_backfill import small_day, the_day_ends
from tests.support import FREE, Connect, order

__all__ = ["no_waiting"]
DAYS = {"date_from": "2026-10-03", "date_to": "2026-10-07"}
SMALL = {f"{FREE}\napi_url": f"{FREE.replace('day = 0', 'day = 40')}\napi_url"}
THIRD_ACCOUNT = {'default_account = "200"': 'default_account = "260"'}


def exported(sandbox: Sandbox, invoices: int, purchase_orders: int = 0) -> None:
    """Over the end of a week, under the first rules."""
    days = [f"2026-10-{day:02d}" for day in range(3, 8)]
    sandbox.load_orders([order(n, orderDate=days[n % 5]) for n in range(invoices)])
    sandbox.load_orders([order(n, kind="supplier", orderDate=days[n % 2]) for n in range(purchase_orders)])
    order_export(return_state=True)


def parked_with_other_rules(
    sandbox: Sandbox, connect: Connect
) -> tuple[Connection, dict[str, Any], State[Any]]:
    """A backfill of 60 documents that are to follow changed rules: what it was asked, and its first day."""
    connect()
    exported(sandbox, 60)
    sandbox.settings(day_limit=40)
    sandbox.advance(86_400)
    connection = connect({**SMALL, **OTHER_ACCOUNT})
    asked = {**DAYS, "chunk": Chunk.day, "changed_rules": ChangedRules.all}
    return connection, asked, run(**asked, spread_over_days=True)


def going_on(sandbox: Sandbox, connection: Connection, parked: State[Any], **asked: Any) -> State[Any]:
    """On the next day."""
    waits = parked.result(raise_on_failure=False)
    assert isinstance(waits, Waits), parked.message
    the_day_ends(sandbox, connection)
    with tags(GOES_ON + waits.backfill_id):
        return run(**asked)


@pytest.mark.parametrize(
    ("chunk", "rules"),
    [(Chunk.month, ChangedRules.all), (Chunk.week, ChangedRules.drafts), (Chunk.day, ChangedRules.all)],
)
def test_to_follow_changed_rules_takes_the_calls_that_were_forecast(
    sandbox: Sandbox, connect: Connect, chunk: Chunk, rules: ChangedRules
) -> None:
    connect()
    exported(sandbox, 120, 12)
    connection = connect({**OTHER_ACCOUNT, 'default_account = "310"': 'default_account = "429"'})
    asked = {**DAYS, "chunk": chunk, "changed_rules": rules}
    told = run(**asked, dry_run=True).result(raise_on_failure=False)
    assert told.forecast.documents == 132
    table = {row["what"]: row["how much"] for row in artifact_table("forecast-sandbox")}
    assert (table["documents to write"], table["calls to Xero"]) == ("132", str(told.forecast.calls))
    done = progress(run(**asked))
    assert done.documents == 132
    assert done.calls == done.forecast == told.forecast.calls
    assert set(accounts(connection)) == {"201"}


def test_one_that_was_parked_goes_on_under_the_same_rules_and_within_its_forecast(
    sandbox: Sandbox, connect: Connect
) -> None:
    connection, asked, state = parked_with_other_rules(sandbox, connect)
    days = 1
    while state.name == "Parked":
        state, days = going_on(sandbox, connection, state, **asked), days + 1
    done = progress(state)
    assert (state.name, done.documents, days > 1) == ("Completed", 60, True)
    assert done.calls <= done.forecast
    assert set(accounts(connection)) == {"201"}


def test_no_word_is_carried_over_to_rules_that_nobody_was_shown(sandbox: Sandbox, connect: Connect) -> None:
    connection, asked, parked = parked_with_other_rules(sandbox, connect)
    before = Counter(accounts(connection))
    assert 0 < before["201"] < 60

    connection = connect({**SMALL, **THIRD_ACCOUNT})
    state = going_on(sandbox, connection, parked, **asked)
    assert (state.name, state.is_failed()) == ("RulesChanged", True)
    assert "Do a dry run of the range, and start a new backfill." in str(state.message)
    assert in_hand(connection) == ()
    assert {row.state for n in range(60) for row in connection.orders.find(f"co-{n}")} == {"exported"}
    assert Counter(accounts(connection)) == before
    assert order_export(return_state=True).name == "NothingToExport"
    told = run(**asked, dry_run=True)
    assert "60 documents would be made otherwise by the present rules" in str(told.message)


@pytest.mark.parametrize(("after", "changed"), [("export", 1), ("apply_changed_rules", 0)])
def test_rules_that_change_while_it_is_at_it_end_it(
    sandbox: Sandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch, after: str, changed: int
) -> None:
    connect()
    sandbox.load_orders([order(1, orderDate="2026-10-01"), order(2, orderDate="2026-10-02")])
    order_export(return_state=True)
    connect(OTHER_ACCOUNT)
    step = getattr(module, after)

    def then_they_change(*given: Any, **more: Any) -> Any:
        done = step(*given, **more)
        connect(THIRD_ACCOUNT)
        return done

    monkeypatch.setattr(module, after, then_they_change)
    asked = {"date_from": "2026-10-01", "date_to": "2026-10-03", "chunk": Chunk.day}
    state = run(**asked, changed_rules=ChangedRules.all)
    assert state.name == "RulesChanged", state.message
    assert f"{changed} of 3 chunks" in str(state.message)
    connection = connect(THIRD_ACCOUNT)
    assert Counter(accounts(connection)) == Counter({"201": changed, "200": 2 - changed}) + Counter()
    assert {row.state for id_ in ("co-1", "co-2") for row in connection.orders.find(id_)} == {"exported"}


def test_one_that_leaves_documents_as_they_are_says_that_the_rules_changed(
    sandbox: Sandbox, connect: Connect
) -> None:
    connection = small_day(sandbox, connect)
    sandbox.load_orders([order(n, orderDate=f"2026-10-{n % 10 + 1:02d}") for n in range(60)])
    asked = {"date_from": "2026-10-01", "date_to": "2026-10-10", "chunk": Chunk.day}
    parked = run(**asked, spread_over_days=True)
    assert "The rules changed" not in str(parked.message)
    state = going_on(sandbox, connect({**SMALL, **OTHER_ACCOUNT}), parked, **asked)
    assert state.is_completed(), state.message
    assert "The rules changed on the way: each document follows those it was made under." in str(
        state.message
    )
    assert set(accounts(connection)) == {"200", "201"}
