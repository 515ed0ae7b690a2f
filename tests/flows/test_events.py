"""Background tasks that follow what is told of, as Prefect runs them."""

import logging
import re
from typing import Any

import pytest
from prefect.client.schemas.objects import State

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.budget import Work
from tasks.events import follow_documents, follow_orders
from tasks.ledger.events import store
from tasks.ledger.governor import at_work
from tasks.ledger.told import Event, Side
from tasks.listening.orders import ToldOrders
from tasks.listening.state import state
from tests.exporting.driver import invoices
from tests.support import Connect, order
from tests.xero.desk import impatient


@pytest.fixture
def connection(sandbox: Sandbox, connect: Connect) -> Connection:
    return impatient(connect())


def told(connection: Connection, id_: str = "co-1") -> None:
    store(connection.database, [(connection.name, Event(f"of {id_}", Side.orders, "customer", id_, "9999"))])


def run() -> State[Any]:
    """As a process that serves it would, but without the pauses."""
    state: State[Any] = follow_orders.with_options(retry_delay_seconds=0)(return_state=True)
    return state


def outcomes(connection: Connection) -> list[tuple[str, str]]:
    with connection.database.engine.connect() as tx:
        return [tuple(row) for row in tx.exec_driver_sql("select state, outcome from events")]


def test_what_was_followed_is_said(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order()])
    told(connection)
    assert str(run().message) == "sandbox: 1 exported, 1 orders shown"
    assert outcomes(connection) == [("done", "followed")]


def test_a_call_that_comes_twice_is_answered_once(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order()])
    told(connection)
    run()
    for again in (run(), follow_documents(return_state=True)):
        assert again.name == "NothingToFollow"
    assert len(invoices(connection)) == 1


def test_it_is_tried_again_where_a_system_was_away(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order()])
    told(connection)
    attempts = connection.monstock.http.patience.attempts
    sandbox.fault("offline", on="monstock", method="GET", path="/customer-orders/", next=attempts + 1)
    assert str(run().message) == "sandbox: 1 exported, 1 orders shown"


def test_what_does_not_come_through_is_left_to_the_polls_for_a_while(
    sandbox: Sandbox, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.load_orders([order()])
    told(connection)
    sandbox.fault("offline", on="monstock", every=1)
    with caplog.at_level(logging.WARNING, "tasks.events"):
        assert run().is_failed()
    [said] = [record.message for record in caplog.records if record.name == "tasks.events"]
    assert re.fullmatch(r"Nobody follows the orders of sandbox until \d\d:\d\d UTC: GET /v1/.+", said)
    resting, _ = state(connection)
    assert not resting.holds
    assert re.search(r"1 wait or .* Nobody follows them until \d\d:\d\d UTC: GET /v1/", resting.sentence)
    assert outcomes(connection) == [("waiting", None)]
    told(connection, "co-2")
    assert run().name == "NothingToFollow"


def test_an_order_that_monstock_never_answers_does_not_stop_the_side(
    sandbox: Sandbox, connection: Connection
) -> None:
    """It is tried as often as a run is; then it is the next poll's, and the next event calls somebody."""
    sandbox.load_orders([order(2)])
    told(connection)
    sandbox.fault("error_before", on="monstock", path="/co-1$", every=1)
    assert str(run().message) == "sandbox: 1 left to the next poll"
    [(state, outcome)] = outcomes(connection)
    assert (state, outcome.split(":")[0]) == ("done", "left to the next poll")
    told(connection, "co-2")
    assert str(run().message) == "sandbox: 1 exported, 1 orders shown"


def test_a_day_without_calls_is_no_failure(sandbox: Sandbox, connect: Connect) -> None:
    connection = impatient(connect(free=False))
    sandbox.load_orders([order()])
    told(connection)
    sandbox.fault("throttle", method="GET", problem="day", retry_after=3600, every=1)
    state = run()
    assert (state.is_completed(), state.name) == (True, "Parked")
    assert run().name == "NothingToFollow"


def test_its_calls_go_first(
    sandbox: Sandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Work] = []
    carry = ToldOrders.carry

    def noted(*args: Any) -> Any:
        seen.append(at_work())
        return carry(*args)

    monkeypatch.setattr(ToldOrders, "carry", noted)
    sandbox.load_orders([order()])
    told(connection)
    run()
    assert seen == [Work.live]
